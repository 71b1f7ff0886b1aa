/** The service: its traffic, how long answers take, what went wrong, how right the prices were, which model answers. */

import { make } from "./html.js";
import { money } from "./money.js";

/** What the panel shows of `GET /monitoring`. */
export function drawService({ predictions, requests_per_hour, uptime_seconds, latency_ms, errors, feedback, estimated_rmse, versions }) {
  return [
    make("dl", "tiles",
      ...figure("Predictions", count(predictions)),
      ...figure("Requests an hour", count(requests_per_hour)),
      ...figure("Up for", uptime(uptime_seconds)),
      ...figure("Latency, mean", milliseconds(latency_ms.mean)),
      ...figure("Half answered within", milliseconds(latency_ms.p50)),
      ...figure("95 % within", milliseconds(latency_ms.p95)),
      ...figure("99 % within", milliseconds(latency_ms.p99)),
      ...figure("Live error (RMSE)", price(feedback.rmse), `${count(feedback.count)} true prices known`),
      ...figure("Bias", price(feedback.bias)),
      ...figure("Prices in their interval", share(feedback.coverage)),
      ...figure("Estimated error", price(estimated_rmse), "from the houses alone"),
    ),
    make("h3", "", "Errors of the last 24 hours"),
    list(Object.entries(errors).map(([status, times]) => `${status}: ${count(times)}`), "None."),
    make("h3", "", "Models, the newest first"),
    list(versions.toReversed().map(({ version, since }) => `${version} since ${new Date(since).toLocaleString("en-GB")}`), "None yet."),
  ];
}

function figure(name, value, hint = "") {
  return [make("div", "tile", make("dt", "muted", name), make("dd", "", value, make("span", "hint", hint)))];
}

function list(lines, none) {
  return lines.length ? make("ul", "", ...lines.map((line) => make("li", "", line))) : make("p", "muted", none);
}

const known = (write) => (value) => (value === null || value === undefined ? "–" : write(value));
const count = known((number) => Math.round(number).toLocaleString("en"));
const milliseconds = known((number) => `${number.toFixed(number < 10 ? 2 : 0)} ms`);
const price = known(money);
const share = known((number) => `${Math.round(number * 100)} %`);
const uptime = known((seconds) => {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
});
