/** Refusals as sentences. */

/** Why a call was refused, and when it is tried again. */
export function reason({ message, retrySeconds }) {
  const again = retrySeconds ? ` Trying again in ${span(retrySeconds)}.` : "";
  return `${message[0].toUpperCase()}${message.slice(1)}.${again}`;
}

function span(seconds) {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`;
}
