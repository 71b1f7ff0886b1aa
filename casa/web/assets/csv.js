/** CSV (RFC 4180): text to rows of cells and back. */

const CELL = /(,|\r?\n)(?:"([^"]*(?:""[^"]*)*)"|([^,\r\n]*))/g;

/** Rows of cells; quotes may hold commas, lines and doubled quotes. Empty lines are left out. */
export function parseCsv(text) {
  const rows = [];
  for (const [, before, quoted, plain] of `\n${text.replace(/^\uFEFF/, "")}`.matchAll(CELL)) {
    if (before !== ",") rows.push([]);
    rows.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
  }
  return rows.filter((row) => row.some((cell) => cell !== ""));
}

export const writeCsv = (rows) => rows.map((row) => `${row.map(quote).join(",")}\n`).join("");

const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
