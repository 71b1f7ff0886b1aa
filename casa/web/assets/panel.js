/** A panel that is loaded once there is a key, and again when the server is back. */

import { Refused } from "./calls.js";
import { Pace } from "./pace.js";
import { reason } from "./words.js";

/** Run `load(signal)`; `said` tells what keeps it. Returns the pace, for a panel that is renewed. */
export function load(task, said) {
  const pace = new Pace(task, (error) => {
    if (!(error instanceof Refused)) throw error;
    said.textContent = reason(error);
  });
  pace.change();
  return pace;
}
