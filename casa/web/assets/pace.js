/** When to ask: after changes have rested, one call at a time, and again when a refusal says so. */

import { hasKey } from "./calls.js";

const REST_MS = 100;

/** Runs `task(signal)` for the latest change; `failed(error)` hears of a refusal. What a newer change overtakes is dropped. */
export class Pace {
  constructor(task, failed) {
    Object.assign(this, { task, failed, timer: 0, running: new AbortController(), notBefore: 0 });
    document.addEventListener("key", () => this.wake());
  }

  /** Something has changed. */
  change() {
    this.plan(Math.max(REST_MS, this.notBefore - Date.now()));
  }

  wake() {
    this.notBefore = 0;
    this.change();
  }

  plan(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), milliseconds);
  }

  async run() {
    if (!hasKey()) return;
    this.running.abort();
    this.running = new AbortController();
    const { signal } = this.running;
    try {
      await this.task(signal);
    } catch (error) {
      if (signal.aborted) return;
      this.failed(error);
      if (error.retrySeconds) this.hold(error.retrySeconds * 1000);
    }
  }

  /** Ask no earlier than in so many milliseconds, and then once more. */
  hold(milliseconds) {
    this.notBefore = Date.now() + milliseconds;
    this.plan(milliseconds);
  }
}
