/** Drift: how the houses of now lie beside those of the training data, feature by feature. */

import { make } from "./html.js";
import { draw, picture } from "./svg.js";

const WIDTH = 176;
const HEIGHT = 64;
const TOP = 0.05; // the least share that fills the height

/** What the panel shows of `GET /drift`. */
export function drawDrift({ rows, enough, drifted, since, features, prices }) {
  const columns = Object.entries({ ...features, price: prices });
  return [
    make("p", drifted ? "bad" : "", verdict({ rows, enough, drifted, since })),
    make("p", "key hint", make("span", "swatch was"), "training data", make("span", "swatch is"), "houses of now; the last bar: no value"),
    make("div", "tiles", ...columns.map(([name, column]) => tile(name, column))),
  ];
}

function verdict({ rows, enough, drifted, since }) {
  const houses = `${rows.toLocaleString("en")} house${rows === 1 ? "" : "s"}`;
  if (drifted) return `The houses have moved since ${new Date(since).toLocaleString("en-GB")}; the figures are of ${houses}.`;
  return enough ? `No alarm, over ${houses}.` : `${houses} so far: too few for the figures to be trusted.`;
}

function tile(name, column) {
  const { score, psi, ks, alert } = column;
  const figures = [["score", score], ["PSI", psi], ["KS", ks]].map(([word, value]) => `${word} ${value?.toFixed(2) ?? "–"}`);
  return make(
    "figure", alert ? "tile alert" : "tile",
    make("figcaption", "", name, ...(alert ? [make("strong", "", " alarm")] : [])),
    histogram(name, column),
    make("p", "hint", figures.join(" · ")),
  );
}

function histogram(name, { reference, now }) {
  const step = WIDTH / reference.length;
  const unit = (HEIGHT - 2) / Math.max(...reference, ...now, TOP);
  const bars = reference.flatMap((was, place) => [
    bar(place * step + 1, step - 2, was * unit, "was"),
    bar(place * step + 4, step - 8, now[place] * unit, "is"),
  ]);
  return picture(WIDTH, HEIGHT, `${name}: training data ${percents(reference)}; now ${percents(now)}`, ...bars);
}

const bar = (x, width, height, kind) => draw("rect", { x, y: HEIGHT - height, width, height, class: kind });

const percents = (shares) => shares.map((share) => `${Math.round(share * 100)} %`).join(", ");
