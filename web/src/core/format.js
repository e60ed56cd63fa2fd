// Numbers and names as they are shown.
import { signal } from "@preact/signals";

export const typeNames = signal({});

export const count = (value) => Number(value).toLocaleString("en");

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** Places of a list in words. */
export const span = (from, to) => (from === to ? count(from) : `${count(from)} to ${count(to)}`);

/** Words of a number of things as they begin a sentence: none is "no gene", not "0 genes". */
export const howMany = (n, one, many) => (n === 0 ? `no ${one}` : plural(n, one, many));

/** A score with its sign, so that colour is never the message alone. */
export function signed(value, digits = 2) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value > 0 ? "+" : "\u2212"}${text}`;
}

export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return Object.is(value, -0) ? "0" : count(value).replace("-", "\u2212");
  const size = Math.abs(value);
  if (size < 0.001) return value.toExponential(1).replace("-", "\u2212");
  return value.toFixed(size < 1 ? 3 : 2).replace("-", "\u2212");
}

export const typeName = (kinds) =>
  String(kinds ?? "").split("|").map((kind) => typeNames.value[kind] || kind).join(", ");

/** Dose and time in the words of the field: one letter for micro, however it is spelt. */
export const units = (text) => String(text ?? "").replace(/(^|[\d\s/])[u\u00b5\u03bc](?:([mM])|([gGlL]))(?![\w])/g, (_, before, molar, other) => `${before}\u00b5${molar ? "M" : other}`);

/** Text in which all spellings of micro are one, to look things up. */
export const folded = (text) => String(text ?? "").toLowerCase().replace(/[\u00b5\u03bc]/g, "u");

/** A number with all its digits: what differs looks different. */
export const exactly = (value) => (typeof value === "number" && !Number.isNaN(value) ? String(value).replace("-", "\u2212") : String(value ?? ""));

/** A dose or time, from its number and its unit. */
export const amount = (value, unit) => units(`${exactly(value)} ${unit ?? ""}`.trim());

export const list = (items, most = 12) =>
  items.slice(0, most).join(", ") + (items.length > most ? ` and ${count(items.length - most)} more` : "");

/** The name of a file, without its ending, that says what is in it. */
export const fileStem = (parts) => parts.filter(Boolean).join("_").replace(/[^\p{L}\p{N}_.+-]+/gu, "-").slice(0, 120);

export const fileName = (parts, ending) => `${fileStem(parts)}.${ending}`;
