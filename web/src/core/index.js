// Facts about the index that is served.
import { signal } from "@preact/signals";
import { get } from "./api.js";
import { typeNames } from "./format.js";

export const index = signal(null);

export async function readIndex() {
  const facts = await get(["index"]);
  typeNames.value = facts.pert_type_names ?? {};
  index.value = facts;
}

/** Whether signatures have a field; unknown counts as yes. */
export const hasField = (name) => index.value?.fields?.includes(name) ?? true;

/** Whether the index has a part that a view needs; unknown counts as yes. */
export const has = (part) => index.value?.parts?.[part] ?? true;
