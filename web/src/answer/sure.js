// How sure: a verdict in words first, then its reasons; what was not used, and what else is worth knowing.
import { html } from "../core/html.js";
import { usePrinting } from "../core/use.js";
import { index } from "../core/index.js";
import { count, list, plural, typeName } from "../core/format.js";

const LOOK = { "do not rank": "bad", "treat as a hint": "hint", usable: "fine" };

export function HowSure({ state }) {
  const printing = usePrinting();
  const reasons = (state.how_sure ?? []).map((item) => (typeof item === "string" ? { verdict: "", words: item } : item));
  const verdict = reasons[0]?.verdict || state.verdict || "";
  const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
  const missing = state.missing ?? [];
  const nulls = Object.entries(state.null_types ?? {}).map(([kind, n]) => `${count(n)} ${typeName(kind) || "of no type"}`);
  const background = index.value?.background_queries;
  const scale = `q is measured against ${nulls.length ? `null signatures: ${nulls.join(", ")}` : "nothing: the index holds no null signatures"}; tau against ${background ? plural(background, "background question") : "nothing: the index has no background"}`;
  const repeated = new Set(reasons.map((item) => item.words));
  const notes = [scale, ...(state.notes ?? []).filter((note) => !repeated.has(note))];
  return html`<section class=${`sure ${LOOK[verdict] ?? ""}`} aria-label="How sure">
    <p><strong>How sure: ${verdict || "not known"}.</strong> ${reasons.map((item) => sentence(item.words)).join(" ")} ${missing.length === 0 ? "All genes were found." : ""}</p>
    ${(missing.length > 0 || notes.length > 0) && html`<details open=${printing}><summary>${[missing.length && `${plural(missing.length, "gene")} not used`, notes.length && plural(notes.length, "note")].filter(Boolean).join(", ")}</summary>
      ${missing.length > 0 && html`<p>Not used: ${list(missing.map((item) => `${item.gene} (${item.reason || item.answer})`), 40)}.</p>`}
      <ul>${notes.map((note) => html`<li key=${note}>${sentence(String(note))}</li>`)}</ul></details>`}</section>`;
}
