/** Calls to the service, with the key of this tab. */

const KEY = "casa-key";
const UNREACHABLE_SECONDS = 2;

/** A call that failed: its status (0 without an answer), why, and when another may succeed (null: never as it is). */
export class Refused extends Error {
  constructor(status, detail, { retrySeconds = null, errors = [] } = {}) {
    super(detail);
    Object.assign(this, { status, retrySeconds, errors });
  }
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** Keep a key; everyone who waits for one is told. */
export function keepKey(token) {
  sessionStorage.setItem(KEY, token);
  document.dispatchEvent(new Event("key"));
}

export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

/** The answer to a GET, or to a POST of `body` as JSON; throws Refused. A refused key is told to the key's panel. */
export async function ask(path, { body, signal } = {}) {
  const response = await send(path, { body, signal });
  if (response.ok) return response;
  const { detail = response.statusText, errors } = await response.json().catch(() => ({}));
  if (response.status === 401) document.dispatchEvent(new CustomEvent("refused", { detail }));
  const retry = response.headers.get("retry-after");
  throw new Refused(response.status, detail, { retrySeconds: retry && Number(retry), errors });
}

async function send(path, { body, signal }) {
  const headers = { "x-api-key": sessionStorage.getItem(KEY) ?? "", accept: "application/json" };
  const asked = body && { method: "POST", body: JSON.stringify(body) };
  if (body) headers["content-type"] = "application/json";
  try {
    return await fetch(path, { ...asked, headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "the server does not answer", { retrySeconds: UNREACHABLE_SECONDS });
  }
}
