// Numbers and names as they are shown.
import { signal } from "@preact/signals";

export const typeNames = signal({});

export const count = (value) => Number(value).toLocaleString("en");

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

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

/** Dose and time in the words of the field. */
export const units = (text) => String(text ?? "").replace(/(^|[\d\s])u[mM]\b/g, "$1\u00b5M");

export const list = (items, most = 12) =>
  items.slice(0, most).join(", ") + (items.length > most ? ` and ${count(items.length - most)} more` : "");

/** The name of a file, without its ending, that says what is in it. */
export const fileStem = (parts) => parts.filter(Boolean).join("_").replace(/[^\p{L}\p{N}_.+-]+/gu, "-").slice(0, 120);

export const fileName = (parts, ending) => `${fileStem(parts)}.${ending}`;
