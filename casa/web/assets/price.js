/** The price: with its interval, the values it is not sure of, and why. */

import { ask, Refused } from "./calls.js";
import { money } from "./money.js";
import { Pace } from "./pace.js";
import { draw, picture, scale } from "./svg.js";
import { drawWaterfall } from "./waterfall.js";
import { reason } from "./words.js";

const DEAREST = 60;
const [prediction, interval, range, warnings, said, waterfall] = [
  "prediction", "interval", "range", "warnings", "price-said", "waterfall",
].map((id) => document.getElementById(id));

let house = {};
let why = null;
const pace = new Pace(renew, fail);

/** Price this house as soon as its changes rest. */
export function showPrice(changed) {
  house = changed;
  pace.change();
}

async function renew(signal) {
  const asked = house;
  tell(await (await ask("/predict", { body: asked, signal })).json());
  const explanation = await (await ask("/explain", { body: asked, signal })).json();
  why = [explanation, asked];
  drawWaterfall(waterfall, ...why);
}

function tell(price) {
  const { low, high, coverage } = price.interval;
  said.textContent = "";
  prediction.textContent = money(price.prediction);
  prediction.classList.remove("old");
  interval.textContent = `${Math.round(coverage * 100)} % of such prices lie between ${money(low)} and ${money(high)}.`;
  range.replaceChildren(drawRange(price.prediction, low, high));
  warnings.hidden = price.warnings.length === 0;
  warnings.replaceChildren(...price.warnings.map(caution));
}

function caution({ feature, low, high }) {
  const item = document.createElement("li");
  item.textContent = `${feature} lies outside the data (${low} to ${high}): the price is that of the nearest value seen.`;
  return item;
}

function fail(error) {
  if (!(error instanceof Refused)) throw error;
  prediction.classList.add("old"); // it is the price of an earlier house
  said.textContent = error.status === 401 ? "" : told(error);
}

/** What is wrong with each value, or with the call. */
function told(error) {
  return error.errors.map(({ loc, msg }) => `${loc.join(".")}: ${msg}.`).join(" ") || reason(error);
}

function drawRange(price, low, high) {
  const width = Math.max(range.clientWidth, 200);
  const x = scale(0, Math.max(DEAREST, high), 6, width - 6);
  return picture(
    width, 24, `${money(price)}, between ${money(low)} and ${money(high)}`,
    draw("line", { x1: 6, x2: width - 6, y1: 12, y2: 12, class: "track" }),
    draw("line", { x1: x(Math.max(low, 0)), x2: x(high), y1: 12, y2: 12, class: "span" }),
    draw("circle", { cx: x(price), cy: 12, r: 6, class: "point" }),
  );
}

new ResizeObserver(() => why && drawWaterfall(waterfall, ...why)).observe(waterfall);
