// Own plates: a well among those of its plate, its QC figures, the beads of an analyte.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { has, index } from "../core/index.js";
import { number, plural } from "../core/format.js";
import { title } from "../core/columns.js";
import { Empty, Loading, Shown } from "../parts/states.js";
import { Histogram } from "../plots/bars.js";
import { Table } from "../parts/table.js";

const ROWS = "ABCDEFGHIJKLMNOP";

export function Plate({ rest: [plate = "", well = ""] }) {
  if (!index.value) return html`<h1>${plate} ${well}</h1><${Loading} />`;
  return has("plates") ? html`<${Known} plate=${plate} well=${well} />` : html`<h1>${plate} ${well}</h1><${Empty} command="beadwork serve INDEX --results RESULTS --plates config/plates.tsv">This index was opened without the plates that its signatures come from, so wells, QC figures and beads cannot be shown here.</${Empty}>`;
}

function Known({ plate, well }) {
  const call = useCall((signal) => get(["plates", plate, "wells"], {}, { signal }), [plate]);
  return html`<h1>${plate} <span class="soft">${well}</span></h1><${Shown} call=${call} what="Reading the plate">${(data) => html`<${PlateMap} data=${data} plate=${plate} well=${well} />${well && html`<${Well} plate=${plate} well=${well} />`}`}</${Shown}>`;
}

function PlateMap({ data, plate, well }) {
  const wells = new Map(data.wells.map((item) => [item.well, item]));
  const last = Math.max(12, ...data.wells.map((item) => Number(item.well.slice(1)))), rows = [...ROWS].slice(0, data.wells.some((item) => item.well > "H99") ? 16 : 8);
  return html`<section><h2>Plate</h2><div class="wide" tabindex="0" role="group" aria-label="Wells of the plate"><table class="plate"><thead><tr><th></th>${Array.from({ length: last }, (_, at) => html`<th key=${at}>${at + 1}</th>`)}</tr></thead><tbody>
    ${rows.map((row) => html`<tr key=${row}><th scope="row">${row}</th>${Array.from({ length: last }, (_, at) => {
      const id = `${row}${String(at + 1).padStart(2, "0")}`, item = wells.get(id);
      return html`<td key=${id} class=${`${item ? "has" : ""} ${id === well ? "this" : ""} `}>${item ? html`<a href=${link("plate", plate, id)} title=${`${id}: ${item.pert_iname ?? item.pert_id ?? "no name"}`}><span aria-hidden="true">${/ctl|dmso/i.test(`${item.pert_type} ${item.pert_iname}`) ? "c" : "·"}</span><span class="hidden">${id} ${item.pert_iname ?? item.pert_id ?? ""}</span></a>` : ""}</td>`;
    })}</tr>`)}</tbody></table></div></section>`;
}

function Well({ plate, well }) {
  const analyte = route.value.query.getAll("analyte");
  const one = useCall((signal) => get(["plates", plate, "wells", well], {}, { signal }), [plate, well]);
  const beads = useCall((signal) => get(["plates", plate, "wells", well, "beads"], { analyte }, { signal }), [plate, well, analyte.join()]);
  return html`<section><h2>${well}</h2><${Shown} call=${one} what="Reading the well">${({ plate: _, qc, ...fields }) => html`<dl class="facts">${Object.entries(fields).filter(([, value]) => value !== null && value !== "").map(([name, value]) => [html`<dt key=${name}>${title(name)}</dt>`, html`<dd>${number(value)}</dd>`])}</dl>
      ${qc.length > 0 && html`<h2>QC figures</h2><${Table} rows=${qc} local=${true} label="QC figures" file=${`${plate}_${well}_qc`} id="metric" height=${10} more=${{ metric: { phone: true }, value: { phone: true } }} />`}`}</${Shown}>
    <h2>Beads</h2><form class="row" onSubmit=${(event) => { event.preventDefault(); amend({ analyte: new FormData(event.target).get("genes").split(/[\s,;]+/).filter(Boolean).slice(0, 12) }); }}><label>Genes or analytes <input name="genes" defaultValue=${analyte.join(" ")} placeholder="CDK1 TP53" maxlength="200" /></label><button type="submit">Show</button></form>
    <${Shown} call=${beads} what="Reading beads">${(data) => html`<div class="two">${data.panels.map((panel) => html`<figure key=${panel.analyte}><figcaption>${panel.title ?? `analyte ${panel.analyte}`} <span class="soft">${plural(panel.beads, "bead")}; ${panel.peaks.map((peak) => `${peak.symbol} ${number(peak.log2)}`).join(", ")}</span></figcaption>
      <${Histogram} counts=${panel.counts} edges=${panel.edges} mark=${panel.peaks.map((peak) => peak.log2)} label=${`Beads of analyte ${panel.analyte}, log2 of fluorescence; values called: ${panel.peaks.map((peak) => `${peak.symbol} ${number(peak.log2)}`).join(", ")}`} /></figure>`)}</div><p class="soft">log2 of fluorescence; lines: the values called for the two genes of an analyte.</p>`}</${Shown}></section>`;
}
