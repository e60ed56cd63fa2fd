// Own plates: a well among those of its plate, its QC figures, the beads of an analyte.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { has, index } from "../core/index.js";
import { number } from "../core/format.js";
import { Empty, Loading, Shown } from "../parts/states.js";
import { Histogram } from "../plots/bars.js";

const ROWS = "ABCDEFGHIJKLMNOP";

export function Plate({ rest: [plate = "", well = ""] }) {
  if (!index.value) return html`<h1>${plate} ${well}</h1><${Loading} />`;
  return has("plates") ? html`<${Known} plate=${plate} well=${well} />` : html`<h1>${plate} ${well}</h1><${Empty}>This index was opened without the plates that its signatures come from, so wells, QC figures and beads cannot be shown here. They stand in the folder of the run that made it: <code>results/${plate}/</code>, and its page <code>results/report/</code>.</${Empty}>`;
}

function Known({ plate, well }) {
  const call = useCall((signal) => get(["plates", plate], {}, { signal }), [plate]);
  return html`<h1>${plate} <span class="soft">${well}</span></h1><${Shown} call=${call} what="Reading the plate">${(data) => html`<${PlateMap} data=${data} plate=${plate} well=${well} />${well && html`<${Well} plate=${plate} well=${well} data=${data} />`}`}</${Shown}>`;
}

function PlateMap({ data, plate, well }) {
  const wells = new Map(data.wells.map((item) => [item.well, item]));
  const last = Math.max(12, ...data.wells.map((item) => Number(item.well.slice(1)))), rows = [...ROWS].slice(0, data.wells.some((item) => item.well > "H99") ? 16 : 8);
  return html`<section><h2>Plate</h2><div class="wide" tabindex="0" role="group" aria-label="Wells of the plate"><table class="plate"><thead><tr><th></th>${Array.from({ length: last }, (_, at) => html`<th key=${at}>${at + 1}</th>`)}</tr></thead><tbody>
    ${rows.map((row) => html`<tr key=${row}><th scope="row">${row}</th>${Array.from({ length: last }, (_, at) => {
      const id = `${row}${String(at + 1).padStart(2, "0")}`, item = wells.get(id);
      return html`<td key=${id} class=${`${item ? "has" : ""} ${id === well ? "this" : ""} ${item?.failed ? "failed" : ""}`}>${item ? html`<a href=${link("plate", plate, id)} title=${`${id}: ${item.pert_iname ?? ""}${item.failed ? ", failed" : ""}`} aria-label=${`${id}, ${item.pert_iname ?? "no name"}`}>${String(item.pert_iname ?? "").slice(0, 3) || "·"}</a>` : ""}</td>`;
    })}</tr>`)}</tbody></table></div></section>`;
}

function Well({ plate, well, data }) {
  const item = data.wells.find((one) => one.well === well) ?? {};
  const analyte = route.value.query.get("analyte") ?? "";
  const call = useCall((signal) => get(["plates", plate, "wells", well, "beads"], { analyte }, { signal }), [plate, well, analyte]);
  return html`<section><h2>${well}</h2><dl class="facts">${Object.entries(item).filter(([, value]) => value !== null && value !== "").map(([name, value]) => [html`<dt key=${name}>${name.replaceAll("_", " ")}</dt>`, html`<dd>${number(value)}</dd>`])}</dl>
    <h2>Beads of an analyte</h2><${Shown} call=${call} what="Reading beads">${(beads) => html`<label>Analyte <select value=${beads.analyte} onChange=${(event) => amend({ analyte: event.target.value })}>${beads.analytes.map((one) => html`<option key=${one.id ?? one} value=${one.id ?? one}>${one.label ?? one}</option>`)}</select></label>
      <${Histogram} counts=${beads.counts} edges=${beads.edges} mark=${(beads.peaks ?? []).map((peak) => peak.log2 ?? peak)} label=${`Histogram of ${beads.n ?? ""} beads, log2 of fluorescence`} /><p class="soft">log2 of fluorescence; lines: fitted peaks${beads.genes ? `, ${beads.genes.join(" and ")}` : ""}.</p>`}</${Shown}></section>`;
}
