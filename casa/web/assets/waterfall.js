/** The waterfall: from the price the model starts from, share by share, to the price. */

import { signed } from "./money.js";
import { draw, picture, scale } from "./svg.js";

const ROW = 26;
const LABEL = 118;
const NUMBER = 58;

/** Draw an explanation of the house into `place`, as wide as it is. */
export function drawWaterfall(place, { base_value: base, prediction, contributions }, house) {
  const width = Math.max(place.clientWidth, 240);
  const bars = steps(base, contributions, house);
  const ends = bars.flatMap(({ from, to }) => [from, to]);
  const x = scale(Math.min(...ends), Math.max(...ends), LABEL, width - NUMBER);
  const rows = [
    total("starts from", base, 0, x, width),
    ...bars.map((bar, index) => step(bar, index + 1, x, width)),
    total("price", prediction, bars.length + 1, x, width),
  ];
  place.replaceChildren(picture(width, ROW * rows.length, inWords(base, bars, prediction), ...rows));
}

function steps(base, contributions, house) {
  const largest = Object.entries(contributions).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  let from = base;
  return largest.map(([name, share]) => {
    const bar = { name, share, value: house[name], from, to: from + share };
    from = bar.to;
    return bar;
  });
}

function step({ name, share, value, from, to }, index, x, width) {
  const [left, right] = [Math.min(x(from), x(to)), Math.max(x(from), x(to))];
  const bar = { x: left, y: 5, width: Math.max(right - left, 1), height: ROW - 10, rx: 2 };
  return row(index, width, `${name} ${value ?? "left out"}`, signed(share), [
    draw("rect", { ...bar, class: share < 0 ? "down" : "up" }),
    draw("line", { x1: x(to), x2: x(to), y1: ROW - 5, y2: ROW + 5, class: "thread" }),
  ]);
}

function total(label, value, index, x, width) {
  const mark = { x1: x(value), x2: x(value), y1: 3, y2: ROW - 3, class: "mark" };
  return row(index, width, label, value.toFixed(2), [draw("line", mark)], "total");
}

function row(index, width, label, number, marks, kind = "") {
  return draw(
    "g",
    { transform: `translate(0 ${index * ROW})`, class: kind },
    draw("text", { x: 0, y: ROW / 2, "dominant-baseline": "central" }, label),
    ...marks,
    draw("text", { x: width, y: ROW / 2, "dominant-baseline": "central", "text-anchor": "end" }, number),
  );
}

function inWords(base, bars, prediction) {
  const told = bars.map(({ name, share }) => `${name} ${signed(share)}`).join(", ");
  return `From ${base.toFixed(2)}: ${told}; together ${prediction.toFixed(2)} thousand dollars`;
}
