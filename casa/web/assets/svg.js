/** Drawing: SVG without a library. */

const SPACE = "http://www.w3.org/2000/svg";

/** An element with its attributes, and a text or children. */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A picture of so many pixels; `words` say what it shows to those who do not see it. */
export function picture(width, height, words, ...children) {
  return draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words }, ...children);
}

/** A function from `low`..`high` to `from`..`to`. */
export const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
