// Sources of rows for tables: {total, columns, read(offset, limit)}; from memory, or in portions from the server.
import { get } from "./api.js";
import { folded, units } from "./format.js";

const PORTION = 200;

/** Rows of a list of the server as objects; a strip gets its scale and its quartiles. */
export function rowsOf(data) {
  const columns = data.columns.map((item) => item.name ?? item);
  return data.rows.map((row) => {
    const item = Array.isArray(row) ? Object.fromEntries(columns.map((name, at) => [name, row[at]])) : row;
    if (data.strip && Array.isArray(item.strip)) {
      item.strip = { counts: item.strip, range: [data.strip.low, data.strip.high],
        quartiles: item.median_ncs === null || item.q25 === null ? null : [item.q25, item.median_ncs, item.q75] };
    }
    return item;
  });
}

const AMOUNTS = { pm: ["M", 1e-6], nm: ["M", 1e-3], um: ["M", 1], mm: ["M", 1e3], min: ["h", 1 / 60], h: ["h", 1], d: ["h", 24] };

/** A dose or time as a number of one unit; null of other texts. */
function amount(text) {
  const found = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?) ?([a-z\u00b5\u03bc%/]+)$/i.exec(text);
  if (!found) return null;
  const unit = found[2].replace(/[\u00b5\u03bc]/, "u").toLowerCase(), [kind, factor] = AMOUNTS[unit] ?? [unit, 1];
  return { unit: kind, number: Number(found[1]) * factor };
}

/** Order of two values of a column: numbers, doses and times by size, texts by name, what is missing last. */
export const compare = (a, b) => {
  if (a == null || a === "") return b == null || b === "" ? 0 : 1;
  if (b == null || b === "") return -1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [one, two] = [amount(a), amount(b)]; // 0.123 uM before 3.33 uM before 10 uM
  if (one && two && one.unit === two.unit) return one.number - two.number;
  return String(a).localeCompare(String(b), "en", { numeric: true });
};

/** Filters of the address: `cell_id:A375|MCF7`, `tas>=0.2`; several hold together. */
export function parseFilter(text) {
  const found = /^([\w.]+)(:|>=|<=|>|<|!=|=)(.*)$/.exec(text) ?? /^([\w.]+)(~)(.*)$/.exec(text);
  return found ? { field: found[1], op: found[2] === "=" ? ":" : found[2], values: found[3].split("|").filter(Boolean) } : null;
}

export function filterWords(text, title) {
  const item = parseFilter(text);
  if (!item) return text;
  const op = { ":": "is", "!=": "is not", ">=": "at least", "<=": "at most", ">": "above", "<": "below", "~": "holds" }[item.op];
  return `${title(item.field)} ${op} ${item.values.map(units).join(" or ")}`;
}

/** The same as a part of the name of a file: ncs-above-0, cell_id-A375-MCF7. */
export function filterName(text) {
  const item = parseFilter(text);
  if (!item) return text;
  const op = { ":": "", "!=": "not", ">=": "min", "<=": "max", ">": "above", "<": "below", "~": "with" }[item.op];
  return [item.field, op, ...item.values].filter(Boolean).join("-");
}

export function passes(row, filters) {
  return filters.every(({ field, op, values }) => {
    const value = row[field];
    if (op === "~") return folded(value).includes(folded(values.join("|")));
    if (op === ":" || op === "!=") {
      const have = folded(value).split("|");
      return values.some((item) => have.includes(folded(item))) === (op === ":");
    }
    if (value === null || value === undefined) return false;
    const limit = Number(values[0]);
    return op === ">=" ? value >= limit : op === "<=" ? value <= limit : op === ">" ? value > limit : value < limit;
  });
}

/** Rows that are all here. */
export function fromArray(rows, { sort = "", filters = [], text = "" } = {}) {
  let found = rows;
  const parsed = filters.map(parseFilter).filter(Boolean);
  if (parsed.length) found = found.filter((row) => passes(row, parsed));
  const wanted = folded(text).split(/\s+/).filter(Boolean);
  if (wanted.length) {
    found = found.filter((row) => {
      const all = Object.values(row).filter((value) => typeof value === "string").map(folded).join("\u0001");
      return wanted.every((word) => all.includes(word));
    });
  }
  if (sort) {
    const name = sort.replace(/^-/, ""), sign = sort.startsWith("-") ? -1 : 1;
    const missing = (row) => row[name] === null || row[name] === undefined || row[name] === "";
    found = [...found].sort((a, b) => (missing(a) || missing(b) ? compare(a[name], b[name]) : sign * compare(a[name], b[name])));
  }
  return { total: found.length, all: found, read: (offset, limit) => found.slice(offset, offset + limit) };
}

/** Rows in portions from the server, of one address; `changed` is called whenever a portion came. */
export class Remote {
  constructor(parts, query, changed) {
    this.parts = parts; this.query = query; this.changed = changed;
    this.portions = new Map(); this.total = null; this.error = null; this.stop = new AbortController();
  }

  /** Rows that are here already; null for those that are on their way. */
  read(offset, limit) {
    const rows = [];
    for (let at = offset; at < offset + limit; at++) {
      const portion = this.portions.get(Math.floor(at / PORTION));
      if (!portion) this.fetch(Math.floor(at / PORTION));
      rows.push(Array.isArray(portion) ? portion[at % PORTION] ?? null : null);
    }
    return rows;
  }

  /** The first row that is here already and passes a test. */
  find(test) {
    for (const portion of this.portions.values()) if (Array.isArray(portion)) { const found = portion.find(test); if (found) return found; }
    return undefined;
  }

  async fetch(place) {
    if (this.portions.has(place) || this.error) return;
    this.portions.set(place, "coming");
    try {
      const data = await this.page(place * PORTION, PORTION);
      this.total = data.total; this.columns = data.columns; this.state = data.state; this.reason = data.reason;
      this.portions.set(place, data.items);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.portions.delete(place);
      this.error = error;
    }
    this.changed();
  }

  async page(offset, limit) {
    const data = await get(this.parts, { ...this.query, offset, limit }, { signal: this.stop.signal });
    return { ...data, columns: data.columns.map((item) => item.name ?? item), items: rowsOf(data) };
  }

  /** Every row of the view, for a file; refuses what a browser should not hold. */
  async everything(most = 50_000, told = () => {}) {
    const found = [];
    for (let offset = 0; this.total === null || offset < this.total; offset += 500) {
      const data = await this.page(offset, 500);
      this.total = data.total;
      if (data.total > most) throw new Error(`${data.total.toLocaleString("en")} rows; up to ${most.toLocaleString("en")} are written here: filter first, or use \`beadwork query\``);
      found.push(...data.items);
      told(found.length, data.total);
      if (!data.items.length) break;
    }
    return found;
  }

  close() { this.stop.abort(); }
}
