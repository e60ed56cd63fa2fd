// "Ask with this": a signature, a perturbagen or a mechanism of the index is the question.
import { html, useState } from "../core/html.js";
import { send } from "../core/api.js";
import { go, link } from "../core/route.js";
import { typeName } from "../core/format.js";
import { Failed } from "./states.js";

/** The question "what is like this one?". */
export const likeQuestion = (id, direction = "mimic", label = id) => ({ name: `${direction === "reverse" ? "opposite of" : "like"} ${label}`.slice(0, 100), like: id, ...(direction === "reverse" ? { direction } : {}) });

/** Ways to ask with a perturbagen: as it is, or where it has several types (loss and gain of a gene), with each. */
export function waysOf(id, types, typed = false) {
  const kinds = String(types ?? "").split("|").filter(Boolean);
  return kinds.length > (typed ? 0 : 1) ? kinds.map((kind) => [`${id}:${kind}`, `${id}, ${typeName(kind)}`]) : [[id, id]];
}

/** Buttons; `small` for rows of tables. */
export function AskWith({ id, label = id, kind, types, typed = false, small = false }) {
  const [error, setError] = useState(null), [busy, setBusy] = useState(false);
  const ask = async (like, words, direction) => {
    setBusy(true); setError(null);
    try { const state = await send("POST", ["queries"], likeQuestion(like, direction, words)); go(link("q", state.id)); }
    catch (failure) { setError(failure); setBusy(false); }
  };
  const ways = waysOf(id, types, typed).map(([like, words]) => [like, like === id ? label : words]);
  if (small) return html`${ways.map(([like, words]) => html`<button type="button" class="quiet" key=${like} disabled=${busy} aria-label=${ways.length > 1 ? `Ask: ${words.split(", ").at(-1)}, ${id}` : `Ask with ${words}`} onClick=${() => ask(like, words)}>${ways.length > 1 ? `Ask: ${words.split(", ").at(-1)}` : "Ask"}</button>`)}${error && html`<span class="bad" role="alert">${error.message}</span>`}`;
  return html`${ways.map(([like, words]) => html`<button type="button" class="main" key=${like} disabled=${busy} onClick=${() => ask(like, words)}>Ask with this ${ways.length > 1 || typed ? words.split(", ").at(-1) : kind}</button>`)}${ways.map(([like, words]) => html`<button type="button" key=${`-${like}`} disabled=${busy} onClick=${() => ask(like, words, "reverse")}>Ask for its opposite${ways.length > 1 ? `, ${words.split(", ").at(-1)}` : ""}</button>`)}${error && html`<${Failed} error=${error} />`}`;
}
