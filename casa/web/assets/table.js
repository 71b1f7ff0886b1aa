/** A CSV file of houses: priced batch by batch, then to download. Its other columns stay in this page. */

import { ask, Refused } from "./calls.js";
import { parseCsv, writeCsv } from "./csv.js";
import { reason } from "./words.js";

const FEATURES = [...document.querySelectorAll("#house [name]")].map(({ name }) => name);
const GAPS = new Set(["", "NA", "NaN", "null"]);
const ADDED = ["price", "low", "high", "warnings", "error"];
const most = Number(document.getElementById("home").dataset.maxRows);
const [drop, file, said, progress, download] = [
  "drop", "file", "table-said", "progress", "download",
].map((id) => document.getElementById(id));

let turn = 0; // a file chosen later ends the pricing of an earlier one

async function price(chosen) {
  const mine = ++turn;
  download.hidden = true;
  const [head = [], ...rows] = parseCsv(await chosen.text());
  const columns = head.map((name) => name.trim());
  if (!columns.some((name) => FEATURES.includes(name))) {
    said.textContent = `No column of ${chosen.name} is named as a feature: ${FEATURES.join(", ")}.`;
    return;
  }
  const priced = [];
  progress.hidden = false;
  for (let start = 0; start < rows.length; start += most) {
    const batch = rows.slice(start, start + most);
    const found = await persist(batch.map((row) => house(columns, row)), () => mine === turn);
    if (mine !== turn) return;
    priced.push(...batch.map((row, index) => [...pad(row, head), ...found[index]]));
    progress.value = priced.length / rows.length;
    said.textContent = `${priced.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} houses done.`;
  }
  finish([[...head, ...ADDED], ...priced]);
}

const pad = (row, head) => head.map((_, place) => row[place] ?? "");

function house(columns, row) {
  const cells = columns.map((name, place) => [name, (row[place] ?? "").trim()]);
  const filled = cells.filter(([name, cell]) => FEATURES.includes(name) && !GAPS.has(cell));
  return Object.fromEntries(filled.map(([name, cell]) => [name, Number.isFinite(Number(cell)) ? Number(cell) : cell]));
}

/** Price a batch; wait and try again where a refusal says when, for as long as it is `wanted`. */
async function persist(instances, wanted) {
  for (;;) {
    try {
      return outcomes(await (await ask("/predict/batch", { body: { instances } })).json());
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 422) return spoiled(instances, error.errors);
      if (!error.retrySeconds || !wanted()) throw error;
      said.textContent = reason(error);
      await new Promise((resume) => setTimeout(resume, error.retrySeconds * 1000));
    }
  }
}

function outcomes({ predictions, errors }) {
  const flaws = Object.fromEntries(errors.map(({ index, errors: found }) => [index, found]));
  return predictions.map((one, index) => (one ? cells(one) : failure(flaws[index])));
}

function cells({ prediction, interval: { low, high }, warnings }) {
  return [prediction, low, high].map(String).concat(warnings.map(({ feature }) => feature).join(" "), "");
}

/** No house of the batch was good: the first flaws are told by `["instances", place, feature]`. */
function spoiled(instances, errors) {
  return instances.map((_, index) => failure(errors.filter(({ loc }) => loc[1] === index)));
}

function failure(flaws) {
  const told = flaws.map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`).join("; ");
  return ["", "", "", "", told || "cannot be used"];
}

function finish(rows) {
  const good = rows.filter((row) => row.at(-1) === "").length;
  said.textContent = `${good.toLocaleString("en")} of ${(rows.length - 1).toLocaleString("en")} houses are priced.`;
  URL.revokeObjectURL(download.href);
  download.href = URL.createObjectURL(new Blob([writeCsv(rows)], { type: "text/csv" }));
  download.hidden = false;
  progress.hidden = true;
}

async function take(chosen) {
  try {
    await price(chosen);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    progress.hidden = true;
    said.textContent = reason(error);
  }
}

file.addEventListener("change", () => file.files.length && take(file.files[0]));
drop.addEventListener("dragover", (event) => event.preventDefault());
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
});
