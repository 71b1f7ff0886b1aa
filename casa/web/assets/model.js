/** The page about the model: a report that the service writes. */

import "./key.js";
import { ask } from "./calls.js";
import { load } from "./panel.js";

const [report, said] = ["report", "model-said"].map((id) => document.getElementById(id));

load(async (signal) => {
  // Made by the service from what is escaped there, and no script of it would run: the page's policy forbids it.
  report.innerHTML = await (await ask("/model/report", { signal })).text();
  said.textContent = "";
}, said);
