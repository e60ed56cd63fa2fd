// Where a signature comes from: its replicates, wells and plates.
import { html } from "../core/html.js";
import { link } from "../core/route.js";

/** Wells of a signature, by the ids of its replicates: {det_plate}:{well}. */
export const wellsOf = (facts) => String(facts.distil_id ?? "").split("|").filter(Boolean).map((item) => { const at = item.lastIndexOf(":"); return at > 0 ? { plate: item.slice(0, at), well: item.slice(at + 1) } : { plate: item, well: "" }; });

export function Replicates({ card }) {
  const wells = wellsOf(card.facts);
  if (!wells.length) return html`<section><h2>Wells</h2><p class="soft">The index does not say which wells were merged.</p></section>`;
  const weights = String(card.facts.distil_wt ?? "").split(",").filter(Boolean);
  return html`<section><h2>Wells <span class="soft">${wells.length} merged</span></h2><ul class="hits">${wells.map(({ plate, well }, at) => html`<li key=${plate + well}><a href=${link("plate", plate, ...(well ? [well] : []))}>${plate} ${well}</a>${weights[at] ? html` <span class="soft">weight ${weights[at]}</span>` : ""}</li>`)}</ul></section>`;
}
