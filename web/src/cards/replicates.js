// Where a signature comes from: its replicates, wells and plates; with the plates of the run at hand, their QC.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { has } from "../core/index.js";
import { link } from "../core/route.js";
import { title } from "../core/columns.js";
import { useCall } from "../core/use.js";
import { number } from "../core/format.js";

/** Wells of a signature, by the ids of its replicates: {det_plate}:{well}. */
export const wellsOf = (facts) => String(facts.distil_id ?? "").split("|").filter(Boolean).map((item) => { const at = item.lastIndexOf(":"); return at > 0 ? { plate: item.slice(0, at), well: item.slice(at + 1) } : { plate: item, well: "" }; });

const MOST = 24;

export function Replicates({ card }) {
  const wells = wellsOf(card.facts);
  const call = useCall((signal) => (has("plates") ? Promise.all(wells.slice(0, MOST).filter(({ well }) => well).map(({ plate, well }) => get(["plates", plate, "wells", well], {}, { signal }).catch((error) => { if (error.name === "AbortError") throw error; return { failure: error.message }; }))) : []), [card.facts.distil_id]);
  if (!wells.length) return html`<section><h2>Wells</h2><p class="soft">The index does not say which wells were merged.</p></section>`;
  const weights = String(card.facts.distil_wt ?? "").split(",").filter(Boolean);
  const known = call.data ?? [];
  const qc = (found) => { if (found.failure) return html`<span class="soft">${found.failure}</span>`; const bad = found.qc.filter((row) => row.pass === false); return bad.length ? html`<strong>${bad.map((row) => title(row.metric)).join(", ")} out of bounds</strong>` : found.qc.length ? `${found.qc.length === 1 ? "the one figure is" : `all ${found.qc.length} figures are`} within bounds` : html`<span class="soft">no figures</span>`; };
  return html`<section><h2>Wells <span class="soft">${wells.length} merged${card.facts.distil_cc_q75 === null || card.facts.distil_cc_q75 === undefined ? "" : `, replicate r ${number(card.facts.distil_cc_q75)}`}</span></h2>
    <div class="wide" tabindex="0" role="group" aria-label="Wells"><table><thead><tr><th>Replicate</th>${weights.length > 0 && html`<th class="n">Weight</th>`}${known.length > 0 && html`<th class="n">Beads, mean</th><th>QC figures</th>`}</tr></thead><tbody>${wells.map(({ plate, well }, at) => html`<tr key=${plate + well}><td><a href=${link("plate", plate, ...(well ? [well] : []))}>${plate} ${well}</a></td>${weights.length > 0 && html`<td class="n">${weights[at] ?? ""}</td>`}${known.length > 0 && html`<td class="n">${known[at] ? number(known[at].count_mean) : ""}</td><td>${known[at] ? qc(known[at]) : ""}</td>`}</tr>`)}</tbody></table></div></section>`;
}
