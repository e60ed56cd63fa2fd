// Repurposing: compounds that oppose (or do) what was asked, in several cells, at a reachable dose, and what is against each.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { index } from "../core/index.js";
import { count, plural } from "../core/format.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { when } from "../ask/questions.js";
import { PertDetail, pertColumns } from "../answer/perts.js";

const COLUMNS = ["pert_iname", "passes", "score", "against", "n_cells_agree", "n_cells", "n_agree", "n_signatures", "lowest_dose_um", "clinical_phase", "indication", "disease_area", "moa", "target"];
const MORE = (id) => ({ pert_iname: { ...pertColumns(id).pert_iname, grow: 0, width: 140 }, passes: { width: 72 }, score: { phone: true, width: 72 }, against: { grow: 3, phone: true, width: 340 }, n_cells_agree: { title: "Cells agree", width: 108 }, n_cells: { width: 64 }, n_agree: { title: "Sigs agree", width: 104 }, n_signatures: { width: 106 }, lowest_dose_um: { title: "Dose, µM", width: 94 }, clinical_phase: { width: 110 } });

export function Repurposing() {
  const query = route.value.query, id = query.get("q") ?? "";
  const history = useCall((signal) => get(["history"], { limit: 50 }, { signal }), []);
  const value = (name, start) => query.get(name) ?? start;
  const options = { direction: value("direction", "reverse"), min_cells: value("cells", "2"), max_dose: value("dose", "10"), min_share: value("share", "0.67") };
  const number = (label, name, now, more) => html`<label>${label} <input class="small" type="number" value=${now} ...${more} onChange=${(event) => amend({ [name]: event.target.value })} /></label>`;
  return html`<h1>Repurposing</h1><p class="soft">Which compounds oppose a disease signature, or do what another compound does, in several cells and at a reachable dose? Hints for an experiment, not for a patient.</p>
    <div class="tools"><label>Answer to <select value=${id} onChange=${(event) => amend({ q: event.target.value })}><option value="">choose a question</option>${(history.data?.rows ?? []).map((row) => html`<option key=${row.id} value=${row.id}>${row.name}, ${when(row.created)}</option>`)}</select></label>
      <label>Wanted <select value=${options.direction} onChange=${(event) => amend({ direction: event.target.value })}><option value="reverse">the opposite</option><option value="mimic">the same</option></select></label>
      ${number("in at least", "cells", options.min_cells, { min: 1, max: 100 })} ${options.min_cells === "1" ? "cell" : "cells"} ${number("up to", "dose", options.max_dose, { min: 0, step: "any" })} µM ${number("agreeing share", "share", options.min_share, { min: 0, max: 1, step: 0.01 })}</div>
    ${id ? html`<${Asked} key=${JSON.stringify([id, options])} id=${id} options=${options} />` : html`<${Empty}>${history.data?.total === 0 ? html`No question has been asked yet. <a href=${link()}>Ask one</a> with the genes of a disease.` : "Choose a question above."}</${Empty}>`}`;
}

/** A question that was asked reversed has the scores of its opposite: what is wanted stays said of the genes as they were given. */
function Asked({ id, options }) {
  const call = useCall((signal) => get(["queries", id], {}, { signal }), [id]);
  return html`<${Shown} call=${call} what="Reading the question">${(state) => {
    const reversed = state.question?.direction === "reverse", direction = reversed === (options.direction === "reverse") ? "mimic" : "reverse";
    return html`${reversed && html`<p class="soft">This question was asked reversed. Wanted is ${options.direction === "reverse" ? "the opposite of" : "the same as"} ${state.question.like ?? "the genes as they were given"}.</p>`}
      <${Found} id=${id} options=${{ ...options, direction }} wanted=${options.direction} />`;
  }}</${Shown}>`;
}

function Found({ id, options, wanted }) {
  const call = useCall((signal) => get(["queries", id, "repurposing"], { ...options, limit: 1 }, { signal }), [id]);
  const pass = useCall((signal) => get(["queries", id, "repurposing"], { ...options, limit: 1, f: ["passes:1"] }, { signal }), [id]);
  return html`<${Shown} call=${call} what="Weighing compounds">${(data) => (data.total === 0 ? html`<${Empty}>No compound does so in that many cells, at that dose, as consistently. Lower the limits above.</${Empty}>`
    : html`${!data.columns.some((name) => /phase/.test(name)) && html`<p class="soft">Phase, indication and area are not known in this index; <code>beadwork index annotate INDEX --repurposing TABLE</code> adds them.</p>`}
      ${pass.data && html`<p>${pass.data.total === 0 ? html`<strong>No compound passes</strong> these limits` : html`<strong>${plural(pass.data.total, "compound")} of ${count(data.total)} ${pass.data.total === 1 ? "passes" : "pass"}</strong> these limits`}. ${pass.data.total < data.total && "The others are listed below with what is against each."}</p>`}
      <h2 class="hidden">Compounds</h2><${Table} parts=${["queries", id, "repurposing"]} query=${options} columns=${COLUMNS.filter((name) => data.columns.includes(name))} label="repurposing" file=${`repurposing_${wanted}`} id="pert_iname" more=${MORE(id)} detail=${(row) => html`<h3><a href=${link("pert", row.pert_iname, { q: id })}>${row.pert_iname}</a></h3><p>${row.against ? `Against it: ${row.against}.` : "Nothing is known against it."}</p><${PertDetail} row=${row} id=${id} />`} notes=${[`state of the index: ${index.value?.state ?? ""}`]} />`)}</${Shown}>`;
}
