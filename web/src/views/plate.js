// Own plates: a well among those of its plate, its QC figures, the beads of an analyte.
import { html, useMemo, useRef } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { has, index } from "../core/index.js";
import { number, plural, typeName, units } from "../core/format.js";
import { title } from "../core/columns.js";
import { Empty, Loading, Shown } from "../parts/states.js";
import { Histogram } from "../plots/bars.js";
import { Saves } from "../parts/saves.js";
import { Table } from "../parts/table.js";

const ROWS = "ABCDEFGHIJKLMNOP";

export function Plate({ rest: [plate = "", well = ""] }) {
  const title = plate || "Own plates";
  if (!index.value) return html`<h1>${title} ${well}</h1><${Loading} />`;
  if (!has("plates")) return html`<h1>${title} ${well}</h1><${Empty} command="beadwork serve INDEX --results RESULTS --plates config/plates.tsv">This index was opened without the plates that its signatures come from, so wells, QC figures and beads cannot be shown here.</${Empty}>`;
  return plate ? html`<${Known} plate=${plate} well=${well} />` : html`<${Plates} />`;
}

/** All plates of the run. */
function Plates() {
  const call = useCall((signal) => get(["runs", "plates"], {}, { signal }), []);
  return html`<h1>Own plates</h1><p class="soft">Plates of the run that the signatures come from: wells, QC figures, beads.</p><${Shown} call=${call} what="Reading the run">${(data) => (data.plates.length
    ? html`<ul class="hits">${data.plates.map((name) => html`<li key=${name}><a href=${link("plate", name)}>${name}</a></li>`)}</ul>` : html`<${Empty}>The folder of results holds no plate.</${Empty}>`)}</${Shown}>`;
}

function Known({ plate, well }) {
  const call = useCall((signal) => get(["plates", plate, "wells"], {}, { signal }), [plate]);
  return html`<h1>${plate} <span class="soft">${well}</span></h1><p class="soft"><a href=${link("plate")}>All plates</a></p><${Shown} call=${call} what="Reading the plate">${(data) => html`<${PlateMap} data=${data} plate=${plate} well=${well} />${well && html`<${Well} plate=${plate} well=${well} />`}`}</${Shown}>`;
}

const control = (item) => /ctl|dmso/i.test(`${item.pert_type} ${item.pert_iname}`);
const nameOf = (item) => item.pert_iname ?? item.pert_id ?? "no name";
/** Fields of wells that are numbers and differ: what a plate can be coloured by. */
const numbersOf = (wells) => Object.keys(wells[0] ?? {}).filter((name) => wells.some((item) => typeof item[name] === "number") && new Set(wells.map((item) => item[name])).size > 1);

function PlateMap({ data, plate, well }) {
  const colour = route.value.query.get("colour") ?? "", fields = useMemo(() => numbersOf(data.wells), [data]);
  const wells = new Map(data.wells.map((item) => [item.well, item])), mine = wells.get(well);
  const last = Math.max(12, ...data.wells.map((item) => Number(item.well.slice(1)))), rows = [...ROWS].slice(0, last > 12 || data.wells.some((item) => item.well > "H99") ? 16 : 8);
  const values = fields.includes(colour) ? data.wells.map((item) => item[colour]).filter((value) => typeof value === "number") : [];
  const low = Math.min(...values), high = Math.max(...values);
  const step = (item) => (typeof item?.[colour] !== "number" || !values.length ? "" : `tone${Math.min(4, Math.floor((5 * (item[colour] - low)) / (high - low || 1)))}`);
  const alike = (item) => mine && item && item !== mine && nameOf(item) === nameOf(mine) && (item.pert_dose ?? "") === (mine.pert_dose ?? "");
  return html`<section><h2>Plate</h2><div class="tools"><label>Colour <select value=${colour} onChange=${(event) => amend({ colour: event.target.value })}><option value="">controls (c)</option>${fields.map((name) => html`<option key=${name} value=${name}>${title(name)}</option>`)}</select></label>
      ${values.length > 0 && html`<span class="soft">from ${number(low)} (pale) to ${number(high)} (dark)</span>`}${data.wells.some(alike) && html`<span class="soft">framed: wells of ${nameOf(mine)} at the same dose</span>`}</div>
    <div class="wide" tabindex="0" role="group" aria-label="Wells of the plate"><table class="plate"><thead><tr><th><span class="hidden">Row</span></th>${Array.from({ length: last }, (_, at) => html`<th key=${at}>${at + 1}</th>`)}</tr></thead><tbody>
    ${rows.map((row) => html`<tr key=${row}><th scope="row">${row}</th>${Array.from({ length: last }, (_, at) => {
      const id = `${row}${String(at + 1).padStart(2, "0")}`, item = wells.get(id);
      const words = item ? `${id}: ${nameOf(item)}${item.pert_dose ? `, ${units(`${number(item.pert_dose)} ${item.pert_dose_unit ?? ""}`)}` : ""}${values.length ? `, ${title(colour)} ${number(item[colour])}` : ""}` : "";
      return html`<td key=${id} class=${`${item ? "has" : ""} ${id === well ? "this" : ""} ${alike(item) ? "alike" : ""} ${step(item)}`}>${item ? html`<a href=${link("plate", plate, id, { colour })} title=${words} aria-current=${id === well ? "true" : undefined}><span aria-hidden="true">${control(item) ? "c" : "·"}</span><span class="hidden">${words}</span></a>` : ""}</td>`;
    })}</tr>`)}</tbody></table></div></section>`;
}

const EARLY = ["pert_iname", "pert_id", "pert_type", "pert_dose", "pert_time", "cell_id", "brew_prefix"], SKIP = /^(well|det_well|det_plate|id|pert_dose_unit|pert_time_unit)$/;

/** Fields of a well as words and values, what it holds first. */
function factsOf(fields) {
  const order = (name) => (EARLY.indexOf(name) + 1 || 99);
  const shown = (name, value) => (name === "pert_type" ? typeName(value) : name === "pert_dose" ? units(`${number(value)} ${fields.pert_dose_unit ?? ""}`) : name === "pert_time" ? `${number(value)} ${fields.pert_time_unit ?? ""}` : number(value));
  return Object.entries(fields).filter(([name, value]) => value !== null && value !== "" && !SKIP.test(name)).sort((a, b) => order(a[0]) - order(b[0])).map(([name, value]) => [name === "pert_dose" ? "Dose" : name === "pert_time" ? "Time" : title(name), shown(name, value)]);
}

function Well({ plate, well }) {
  const analyte = route.value.query.getAll("analyte");
  const one = useCall((signal) => get(["plates", plate, "wells", well], {}, { signal }), [plate, well]);
  const beads = useCall((signal) => get(["plates", plate, "wells", well, "beads"], { analyte }, { signal }), [plate, well, analyte.join()]);
  const failed = (qc) => qc.filter((row) => row.pass === false);
  return html`<section><h2>${well}</h2><${Shown} call=${one} what="Reading the well">${({ plate: _, qc, ...fields }) => html`${qc.length > 0 && html`<p>${failed(qc).length ? html`<strong>${plural(failed(qc).length, "figure")} out of bounds:</strong> ${failed(qc).map((row) => `${row.metric} ${number(row.value)}`).join(", ")}.` : `All ${plural(qc.length, "QC figure")} within their bounds.`}</p>`}
      <dl class="facts">${factsOf(fields).map(([name, value]) => [html`<dt key=${name}>${name}</dt>`, html`<dd>${value}</dd>`])}</dl>
      <h2>QC figures</h2>${qc.length > 0 ? html`<${Table} rows=${qc} local=${true} label="QC figures" file=${`${plate}_${well}_qc`} id="metric" height=${14} columns=${["metric", "value", "lower", "upper", "pass", "stage"].filter((name) => name in qc[0])} more=${{ metric: { phone: true, grow: 2 }, value: { phone: true, numeric: true }, pass: { phone: true, width: 90 } }} />` : html`<${Empty}>The results hold no QC figure of this well.</${Empty}>`}`}</${Shown}>
    <h2>Beads</h2><form class="row" onSubmit=${(event) => { event.preventDefault(); amend({ analyte: new FormData(event.target).get("genes").split(/[\s,;]+/).filter(Boolean).slice(0, 12) }); }}><label>Genes or analytes <input name="genes" defaultValue=${analyte.join(" ")} placeholder="CDK1 TP53" maxlength="200" /></label><button type="submit">Show</button>${analyte.length === 0 && html`<span class="soft">without a name: six analytes, from easy to hard</span>`}</form>
    <${Shown} call=${beads} what="Reading beads">${(data) => html`<div class="two">${data.panels.map((panel) => html`<${Beads} key=${panel.analyte} panel=${panel} name=${`${plate}_${well}`} />`)}</div><p class="soft">log2 of fluorescence; lines: the values called for the two genes of an analyte.</p>`}</${Shown}></section>`;
}

function Beads({ panel, name }) {
  const box = useRef(null), peaks = panel.peaks.map((peak, at) => `${peak.symbol} ${number(peak.log2)}${panel.sd?.[at] !== undefined && panel.sd[at] !== null ? ` ± ${number(panel.sd[at])}` : ""}`).join(", ");
  return html`<figure ref=${box}><figcaption>${panel.title ?? `analyte ${panel.analyte}`} <span class="soft">${plural(panel.beads, "bead")}; ${peaks}${panel.odds !== null && panel.odds !== undefined ? `; which peak is whose: odds ${number(panel.odds)}` : ""}</span> <${Saves} svg=${{ get current() { return box.current.querySelector("svg"); } }} name=${`${name}_analyte-${panel.analyte}`} /></figcaption>
    <${Histogram} show=${(value) => value.toFixed(1)} counts=${panel.counts} edges=${panel.edges} mark=${panel.peaks.map((peak) => peak.log2)} label=${`Beads of analyte ${panel.analyte}, log2 of fluorescence; values called: ${peaks}`} /></figure>`;
}
