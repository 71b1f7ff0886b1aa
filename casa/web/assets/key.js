/** The key: typed once, or brought by a link's `#key=`. It stays in this tab and is never part of an address sent. */

import { forgetKey, hasKey, keepKey } from "./calls.js";

const [panel, token, said, forget] = ["key", "token", "key-said", "forget"].map((id) => document.getElementById(id));

function take() {
  const brought = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!brought) return;
  history.replaceState(null, "", location.pathname);
  keepKey(brought);
}

function show() {
  panel.hidden = hasKey();
  forget.hidden = !hasKey();
}

function askAgain(why) {
  forgetKey();
  show();
  said.textContent = why;
  token.focus();
}

panel.addEventListener("submit", (event) => {
  event.preventDefault();
  said.textContent = "";
  keepKey(token.value.trim());
  token.value = "";
});
forget.addEventListener("click", () => {
  forgetKey();
  location.reload(); // whatever the key showed is gone, too
});
addEventListener("hashchange", take);
document.addEventListener("key", show);
document.addEventListener("refused", ({ detail }) => askAgain(`This key was refused: ${detail}.`));
take();
show();
