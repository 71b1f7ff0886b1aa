/** Panels that are loaded once there is a key, and again when the server is back. */

import { ask, hasKey, Refused } from "./calls.js";
import { Pace } from "./pace.js";
import { reason } from "./words.js";

const RENEWED_SECONDS = 10;
const LOADING = "Loading …";

/** Run `task(signal)`; `said` tells what keeps it. */
export function load(task, said) {
  if (!hasKey()) said.textContent = "It is shown to a key that may ask for prices.";
  new Pace(task, (error) => {
    if (!(error instanceof Refused)) throw error;
    said.textContent = reason(error);
  }).change();
}

/** Keep the panel `id` as the service's `path` has it: `draw(answer)` gives what is shown. It says how old that is. */
export function watch(id, path, draw) {
  const [fresh, said, shown] = [".fresh", ".bad", ".shown"].map((part) => document.querySelector(`#${id} ${part}`));
  if (!hasKey()) fresh.textContent = "It is shown to a key that may monitor.";
  const pace = new Pace(renew, (error) => {
    if (!(error instanceof Refused)) throw error;
    if (fresh.textContent === LOADING) fresh.textContent = "";
    said.textContent = reason(error);
    pace.hold(RENEWED_SECONDS * 1000);
  });

  async function renew(signal) {
    const answer = await (await ask(path, { signal })).json();
    shown.replaceChildren(...draw(answer));
    said.textContent = "";
    fresh.textContent = `As of ${new Date().toLocaleTimeString("en-GB")}.`;
    pace.hold(RENEWED_SECONDS * 1000);
  }

  pace.change();
}
