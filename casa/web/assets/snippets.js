/** The same call from elsewhere, to copy: with curl, from Python, over gRPC. */

const [tabs, panel, code, copy, copied] = [
  document.querySelector("[role=tablist]"),
  ...["snippet", "code", "copy", "copied"].map((id) => document.getElementById(id)),
];
const { grpcPort } = document.getElementById("home").dataset;

const json = (house) => JSON.stringify(house, null, 1).replace(/\n */g, " ");

const SNIPPETS = {
  curl: (house) => `curl -sS ${location.origin}/predict \\
  -H "X-API-Key: $CASA_API_KEY" -H 'Content-Type: application/json' \\
  -d '${json(house)}'`,
  python: (house) => `import casa

house = ${json(house)}
with casa.Client("${location.origin}") as client:
    print(client.predict(house).prediction)`,
  grpc: (house) => `import os

import grpc
from casa.transports.protos import casa_pb2, casa_pb2_grpc

house = casa_pb2.House(${Object.entries(house).map(([name, value]) => `${name.toLowerCase()}=${value}`).join(", ")})
with grpc.insecure_channel("${location.hostname}:${grpcPort}") as channel:
    key = [("x-api-key", os.environ["CASA_API_KEY"])]
    print(casa_pb2_grpc.CasaStub(channel).Predict(house, metadata=key).prediction)`,
};

let house = {};
let chosen = "curl";

/** Show the call for this house. */
export function showSnippets(changed) {
  house = changed;
  code.textContent = SNIPPETS[chosen](house);
}

function choose(tab) {
  for (const one of tabs.children) {
    one.setAttribute("aria-selected", one === tab);
    one.tabIndex = one === tab ? 0 : -1;
  }
  chosen = tab.id.replace("tab-", "");
  panel.setAttribute("aria-labelledby", tab.id);
  showSnippets(house);
}

tabs.addEventListener("click", ({ target }) => target.role === "tab" && choose(target));
tabs.addEventListener("keydown", ({ key, target }) => {
  const all = [...tabs.children];
  const step = { ArrowRight: 1, ArrowLeft: all.length - 1 }[key];
  if (!step) return;
  const next = all[(all.indexOf(target) + step) % all.length];
  choose(next);
  next.focus();
});
copy.addEventListener("click", async () => {
  getSelection().selectAllChildren(code);
  await navigator.clipboard?.writeText(code.textContent); // browsers give it to https and to this machine only
  copied.textContent = navigator.clipboard ? "Copied." : "Selected: copy it with Ctrl+C.";
});
