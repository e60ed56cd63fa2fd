// Numbers and categories of all signatures, in the order of the index.
import { bytes, get } from "./api.js";
import { typeName, units } from "./format.js";

/** Scores of an answer as arrays by name. */
export async function scoresOf(id, names, options) {
  const raw = await bytes(["queries", id, "scores"], { fields: names.join(",") }, options);
  const n = raw.byteLength / 4 / names.length;
  return Object.fromEntries(names.map((name, at) => [name, new Float32Array(raw, at * n * 4, n)]));
}

/** A field of the signatures: {bytes, legend} for texts, {values} for numbers. */
export async function fieldOf(name, options) {
  const data = await get(["map", "field", name], {}, options);
  const raw = atob(data.values), out = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) out[at] = raw.charCodeAt(at);
  if (data.kind === "number") return { values: new Float32Array(out.buffer) };
  const shown = name === "pert_type" ? typeName : units;
  const legend = data.legend.map((item) => ({ ...item, name: shown(item.name) }));
  return { bytes: out, legend };
}
