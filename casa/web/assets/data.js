/** The page about the data: a report with scripts of its own, in a frame that can reach nothing. */

import "./key.js";
import { ask } from "./calls.js";
import { load } from "./panel.js";

const [frame, said] = ["frame", "data-said"].map((id) => document.getElementById(id));

load(async (signal) => {
  const text = await (await ask("/data/report", { signal })).text();
  frame.hidden = false;
  frame.src = new URL("frame.html", import.meta.url);
  await new Promise((loaded) => frame.addEventListener("load", loaded, { once: true }));
  frame.contentWindow.postMessage(text, "*"); // a frame without an origin can be named in no other way
  said.textContent = "";
}, said);
