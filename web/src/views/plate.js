// Own plates: a well among those of its plate, its QC figures, the beads of an analyte.
import { html, useRef } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, prefix, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { has, index } from "../core/index.js";
import { amount, number, plural, typeName } from "../core/format.js";
import { meaning, title } from "../core/columns.js";
import { Empty, Loading, Shown } from "../parts/states.js";
import { Histogram } from "../plots/bars.js";
import { Saves } from "../parts/saves.js";
import { Table } from "../parts/table.js";
import { PlateMap } from "./platemap.js";

export function Plate({ rest: [plate = "", well = ""] }) {
  const title = plate || "Own plates";
  if (!index.value) return html`<h1>${title} ${well}</h1><${Loading} />`;
  if (!has("plates")) return html`<h1>${title} ${well}</h1><${Empty} command="beadwork serve INDEX --results RESULTS --plates config/plates.tsv">This index was opened without the plates that its signatures come from, so wells, QC figures and beads cannot be shown here.</${Empty}>`;
  return plate ? html`<${Known} plate=${plate} well=${well} />` : html`<${Plates} />`;
}

/** All plates of the run. */
function Plates() {
  const call = useCall((signal) => get(["runs", "plates"], {}, { signal }), []);
  return html`<h1>Own plates</h1><p class="soft">Plates of the run that the signatures come from: wells, QC figures, beads.</p><${Report} /><${Shown} call=${call} what="Reading the run">${(data) => (data.plates.length
    ? html`<ul class="hits">${data.plates.map((name) => html`<li key=${name}><a href=${link("plate", name)}>${name}</a></li>`)}</ul>` : html`<${Empty}>The folder of results holds no plate.</${Empty}>`)}</${Shown}>`;
}

const inResults = (path) => `${prefix}/results/${path.split("/").map(encodeURIComponent).join("/")}`;

/** Links to the report of the run: all of it, or the page of one plate; nothing where no report was made. */
export function Report({ plate }) {
  const call = useCall((signal) => (has("plates") ? get(["runs", "report"], {}, { signal }) : null), []);
  const data = call.data;
  const to = (path, words) => html`<a href=${inResults(path)} target="_blank">${words}</a>`;
  if (call.error) return html` <span class="soft">The report of the run cannot be read: ${call.error.message}.</span>`;
  if (plate) return data?.plates?.[plate] ? html` · ${to(data.plates[plate], "Report of this plate")}` : null;
  if (!data || (!data.report && !data.queries.length)) return null;
  return html`<section class="report"><h2>Report of the run</h2><ul class="hits">${data.report && html`<li>${to(data.report, "Whole report")}</li>`}
    ${data.queries.map((query) => html`<li key=${query.name}>Queries ${query.name}: ${query.plot && html`${to(query.plot, "connections as a picture")}${Object.keys(query.pages).length ? "; " : ""}`}${Object.entries(query.pages).map(([name, path], at) => html`${at ? ", " : ""}${to(path, name)}`)}</li>`)}</ul></section>`;
}

function Known({ plate, well }) {
  const call = useCall((signal) => get(["plates", plate, "wells"], {}, { signal }), [plate]);
  return html`<h1>${plate} <span class="soft">${well}</span></h1><p class="soft"><a href=${link("plate")}>All plates</a><${Report} plate=${plate} /></p><${Shown} call=${call} what="Reading the plate">${(data) => html`<${PlateMap} data=${data} plate=${plate} well=${well} />${well && html`<${Well} plate=${plate} well=${well} />`}`}</${Shown}>`;
}

const EARLY = ["pert_iname", "pert_id", "pert_type", "pert_dose", "pert_time", "cell_id", "brew_prefix"], SKIP = /^(well|det_well|det_plate|id|pert_dose_unit|pert_time_unit)$/;

/** Fields of a well as words and values, what it holds first. */
function factsOf(fields) {
  const order = (name) => (EARLY.indexOf(name) + 1 || 99);
  const shown = (name, value) => (name === "pert_type" ? typeName(value) : name === "pert_dose" || name === "pert_time" ? amount(value, fields[`${name}_unit`]) : number(value));
  return Object.entries(fields).filter(([name, value]) => value !== null && value !== "" && !SKIP.test(name)).sort((a, b) => order(a[0]) - order(b[0])).map(([name, value]) => ({ name, words: name === "pert_dose" ? "Dose" : name === "pert_time" ? "Time" : title(name), value: shown(name, value) }));
}

function Well({ plate, well }) {
  const analyte = route.value.query.getAll("analyte");
  const one = useCall((signal) => get(["plates", plate, "wells", well], {}, { signal }), [plate, well]);
  const beads = useCall((signal) => get(["plates", plate, "wells", well, "beads"], { analyte }, { signal }), [plate, well, analyte.join()]);
  const failed = (qc) => qc.filter((row) => row.pass === false);
  return html`<section><h2>${well}</h2><${Shown} call=${one} what="Reading the well">${({ plate: _, qc, ...fields }) => html`${qc.length > 0 && html`<p>${failed(qc).length ? html`<strong>${plural(failed(qc).length, "figure")} out of bounds:</strong> ${failed(qc).map((row) => `${title(row.metric)} ${number(row.value)}`).join(", ")}.` : qc.length === 1 ? "The one QC figure is within its bounds." : `All ${plural(qc.length, "QC figure")} within their bounds.`}</p>`}
      <dl class="facts">${factsOf(fields).map(({ name, words, value }) => [html`<dt key=${name} title=${meaning(name)}>${words}</dt>`, html`<dd>${value}</dd>`])}</dl>
      <h2>QC figures</h2>${qc.length > 0 ? html`<${Table} rows=${qc} local=${true} label="QC figures" file=${`${plate}_${well}_qc`} id="metric" height=${14} columns=${["metric", "value", "lower", "upper", "pass", "stage"].filter((name) => name in qc[0])} more=${{ metric: { phone: true, grow: 2, width: 170, title_of: (row) => meaning(row.metric), shown: title }, value: { phone: true, numeric: true }, pass: { phone: true, width: 90 } }} />` : html`<${Empty}>The results hold no QC figure of this well.</${Empty}>`}`}</${Shown}>
    <h2>Beads</h2><form class="row" onSubmit=${(event) => { event.preventDefault(); amend({ analyte: new FormData(event.target).get("genes").split(/[\s,;]+/).filter(Boolean).slice(0, 12) }); }}><label>Genes or analytes <input name="genes" defaultValue=${analyte.join(" ")} placeholder="CDK1 TP53" maxlength="200" /></label><button type="submit">Show</button>${analyte.length === 0 && html`<span class="soft">without a name: six analytes, from easy to hard</span>`}</form>
    <${Shown} call=${beads} what="Reading beads">${(data) => html`<div class="two">${data.panels.map((panel) => html`<${Beads} key=${panel.analyte} panel=${panel} name=${`${plate}_${well}`} />`)}</div><p class="soft">log2 of fluorescence; lines: the values called for the two genes of an analyte.</p>`}</${Shown}></section>`;
}

function Beads({ panel, name }) {
  const box = useRef(null), peaks = panel.peaks.map((peak, at) => `${peak.symbol} ${number(peak.log2)}${panel.sd?.[at] !== undefined && panel.sd[at] !== null ? ` ± ${number(panel.sd[at])}` : ""}`).join(", ");
  return html`<figure ref=${box}><figcaption>${panel.title ?? `analyte ${panel.analyte}`} <span class="soft">${plural(panel.beads, "bead")}; ${peaks}${panel.odds !== null && panel.odds !== undefined ? `; which peak is whose: odds ${number(panel.odds)}` : ""}</span> <${Saves} svg=${{ get current() { return box.current.querySelector("svg"); } }} name=${`${name}_analyte-${panel.analyte}`} /></figcaption>
    <${Histogram} show=${(value) => value.toFixed(1)} counts=${panel.counts} edges=${panel.edges} mark=${panel.peaks.map((peak) => peak.log2)} label=${`Beads of analyte ${panel.analyte}, log2 of fluorescence; values called: ${peaks}`} /></figure>`;
}
