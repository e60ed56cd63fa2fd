// Perturbagens apart by type; a row opens its strip, its cells and the enrichment of its best signature.
import { html, useState } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { count, fileStem, plural, signed, typeName, units } from "../core/format.js";
import { median } from "../core/median.js";
import { rowsOf } from "../core/rows.js";
import { Balance, Strip, StripAxis } from "../plots/strip.js";
import { Bars } from "../plots/bars.js";
import { ScoreBeside } from "./beside.js";
import { Enrich } from "./enrich.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";

export const TYPES = [["", "All", []], ["compound", "Compounds", ["trt_cp", "trt_poscon", "trt_poscon.es"]], ["loss", "Loss of function", ["trt_sh", "trt_sh.cgs", "trt_si", "trt_xpr"]],
  ["gain", "Gain of function", ["trt_oe", "trt_oe.mut", "trt_mut"]], ["ligand", "Ligands", ["trt_lig", "trt_pep", "trt_aby"]]];

/** Filter of the types that one of these names stands for. */
export const typesOf = (kind) => { const types = TYPES.find(([name]) => name === kind)?.[2] ?? []; return types.length ? [`pert_type:${types.join("|")}`] : []; };

/** Looks of the columns of perturbagens; links keep the answer `q` in mind. */
export const pertColumns = (q) => ({
  pert_iname: { phone: true, grow: 1, draw: (row) => html`<a href=${link("pert", row.pert_iname ?? row.pert_id, { q })}>${row.pert_iname || row.pert_id}</a>` },
  ncs: { phone: true, width: 75 }, tau: { width: 75 }, n_signatures: { width: 95 }, n_cells: { width: 70 },
  for_against: { phone: true, width: 110, sortable: false, numeric: true, screenOnly: true, draw: (row) => html`<${Balance} up=${row.n_positive ?? 0} down=${row.n_negative ?? 0} />` },
  strip: { phone: true, grow: 3, width: 280, sortable: false, axis: (rows) => html`<${StripAxis} rows=${rows} />`, draw: (row) => html`<${Strip} strip=${row.strip} label=${row.pert_iname} up=${row.n_positive} down=${row.n_negative} />` },
  median_ncs: { width: 105 },
});
/** Why a perturbagen has no q. */
const NO_Q = "null signatures stand for single signatures, and nothing here stands for a treatment without effect in as many cells and doses. Read tau, and null and background of a row, instead; mechanisms have a q.";
export const PERT_COLUMNS = ["pert_iname", "pert_type", "ncs", "tau", "n_signatures", "n_cells", "for_against", "strip", "median_ncs", "fdr"];

export function Perturbagens({ state, id, file }) {
  const kind = route.value.query.get("kind") ?? "";
  const [, title, types] = TYPES.find(([name]) => name === kind) ?? TYPES[0];
  const counts = useCall(async (signal) => {
    const found = await Promise.all(TYPES.map(([, , list]) => get(["queries", id, "perts"], { limit: 1, f: list.length ? [`pert_type:${list.join("|")}`] : [] }, { signal })));
    return found.map((data) => data.total);
  }, [id]);
  const n = (at) => counts.data?.[at];
  return html`<h2 class="hidden">Perturbagens</h2>
    <div class="subtabs" role="group" aria-label="Type">${TYPES.map(([name, words], at) => (at === 0 || n(at) !== 0) && html`<button type="button" key=${name} aria-pressed=${kind === name} onClick=${() => amend({ kind: name, row: "" })}>${words}${n(at) !== undefined ? html` <span class="soft">${count(n(at))}</span>` : ""}</button>`)}
      ${counts.data && TYPES.some((_, at) => at && !n(at)) && html`<span class="soft">none of ${TYPES.filter((_, at) => at && !n(at)).map(([, words]) => words.toLowerCase()).join(", ")} in this answer</span>`}</div>
    <p class="soft">q of perturbagens is not known: ${NO_Q}</p>
    <${Table} key=${kind} parts=${["queries", id, "perts"]} within=${types.length ? [`pert_type:${types.join("|")}`] : []} columns=${PERT_COLUMNS} more=${pertColumns(id)} label=${`perturbagens, ${title.toLowerCase()}`} file=${fileStem([file, "perturbagens", kind])}
      id="pert_iname" apart="pert_type" start=${{ sort: "-ncs" }} notes=${noteLines(state)} empty="No perturbagen of this type has a score." detail=${(row) => html`<${PertDetail} row=${row} id=${id} state=${state} />`} />`;
}

export const noteLines = (state) => [`question: ${state.name}`, `state of the index: ${state.state ?? ""}`, ...(state.how_sure ?? []).map((item) => `how sure: ${item.verdict}: ${item.words}`)];

const MOST = 20_000, CHOICES = 400; // signatures that are read of one perturbagen, and of which a plot is offered

/** Both ends of a long list. */
const ends = (items, most) => (items.length > most ? [...items.slice(0, most / 2), ...items.slice(-most / 2)] : items);

/** What stands behind one perturbagen in this answer. */
export function PertDetail({ row, id, state }) {
  const name = row.pert_iname ?? row.pert_id;
  const call = useCall(async (signal) => {
    const f = [`pert_iname:${name}`, ...(row.pert_type ? [`pert_type:${row.pert_type}`] : [])];
    const all = [];
    for (let offset = 0; ; offset += 500) {
      const data = await get(["queries", id, "sigs"], { f, limit: 500, offset, sort: "-ncs" }, { signal });
      all.push(...rowsOf(data));
      if (all.length >= data.total || !data.rows.length) break;
      if (all.length >= MOST) return { sigs: all, left: data.total - all.length };
    }
    return { sigs: all, left: 0 };
  }, [id, name, row.pert_type]);
  return html`${row.pert_type && html`<h3><a href=${link("pert", name, { q: id })}>${name}</a> <span class="soft">${typeName(row.pert_type)}, ${plural(row.n_signatures ?? 0, "signature")} in ${plural(row.n_cells ?? 0, "cell")}</span></h3>`}
    <${Shown} call=${call} what="Reading its signatures">${({ sigs, left }) => html`${left > 0 && html`<p><strong>The ${count(MOST)} signatures that resemble most stand below; ${count(left)} more do not.</strong></p>`}<${Behind} sigs=${sigs} row=${row} id=${id} />`}</${Shown}>`;
}

const say = (n, verb) => `${n === 0 ? "none" : count(n)} ${verb}${n < 2 ? "s" : ""}`;

function Behind({ sigs, row, id }) {
  const scored = sigs.filter((item) => item.ncs !== null);
  const [sig, setSig] = useState(scored[0]?.sig_id);
  if (!scored.length) return html`<${Empty}>None of its signatures has a score.</${Empty}>`;
  const values = scored.map((item) => item.ncs), up = values.filter((value) => value > 0).length, down = values.filter((value) => value < 0).length;
  const cells = new Map();
  for (const item of scored) cells.set(item.cell_id, [...(cells.get(item.cell_id) ?? []), item]);
  const middle = (items) => median(items.map((item) => item.ncs));
  const bars = [...cells].map(([cell, items]) => ({ label: cell, value: middle(items), detail: `${items.length === 1 ? "1 signature" : `${count(items.length)} signatures, ${signed(Math.min(...items.map((item) => item.ncs)))} … ${signed(Math.max(...items.map((item) => item.ncs)))}`}`, href: link("cell", cell) })).sort((a, b) => b.value - a.value);
  const both = up + down === 0 ? "nothing to see" : up && down ? (Math.min(up, down) / (up + down) > 0.25 ? "cells disagree" : "most agree") : "all agree";
  return html`<div class="two"><div><h4>All its signatures</h4><${Strip} strip=${values} label=${row.pert_iname} wide=${480} axis=${true} />
      <p class="soft">One line a signature, box: quartiles. ${say(up, "resemble")}, ${say(down, "oppose")}${values.length > up + down ? `, ${say(values.length - up - down, "score")} 0` : ""}: ${both}. ${row.ncs !== undefined && row.ncs !== null && middle(scored) * row.ncs < 0 ? html`<strong>The score ${signed(row.ncs)} and the median ${signed(middle(scored))} have different signs.</strong>` : ""}</p>
      <h4>Enrichment <label class="inline"><span class="hidden">of the signature</span><select value=${sig} onChange=${(event) => setSig(event.target.value)}>${ends(scored, CHOICES).map((item) => html`<option key=${item.sig_id} value=${item.sig_id}>${item.cell_id} ${units(item.pert_idose ?? "")} ${item.pert_itime ?? ""}: ${signed(item.ncs)}</option>`)}</select></label>${scored.length > CHOICES && html` <span class="soft">${CHOICES / 2} from each end of ${count(scored.length)}</span>`}</h4>
      <${Enrich} id=${id} sig=${sig} /></div>
    <div><h4>Null and background</h4><${ScoreBeside} id=${id} pert=${row.pert_iname} type=${row.pert_type} /><h4>Cell by cell <span class="soft">median NCS</span></h4><div class="scroll" tabindex="0" role="group" aria-label="Cells"><${Bars} rows=${bars} label="Median NCS by cell" /></div></div></div>`;
}
