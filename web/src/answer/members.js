// Perturbagens of a class, or of a gene, in this answer: each with its strip.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { useCall } from "../core/use.js";
import { plural, signed, typeName } from "../core/format.js";
import { Balance, Strip, StripAxis } from "../plots/strip.js";
import { rowsOf } from "../core/rows.js";
import { Ranked } from "../plots/ranked.js";
import { Head } from "../parts/help.js";
import { Empty, Shown } from "../parts/states.js";

export function StripTable({ rows, label, q }) {
  return html`<table class="strips"><caption class="hidden">${label}</caption><${Head} columns=${["pert_iname", { name: "pert_type", class: "wideonly" }, "ncs", { name: "for_against", class: "n" }, { name: "strip", class: "stripcell", below: html`<${StripAxis} rows=${rows} />` }]} />
    <tbody>${rows.map((row) => html`<tr key=${row.pert_iname + row.pert_type}><td><a href=${link("pert", row.pert_iname ?? row.pert_id, { q })}>${row.pert_iname || row.pert_id}</a></td><td class="wideonly soft">${typeName(row.pert_type)}</td>
      <td class=${`n ${row.ncs < 0 ? "contra" : "for"}`}>${signed(row.ncs)}</td><td class="n"><${Balance} up=${row.n_positive ?? 0} down=${row.n_negative ?? 0} /></td><td class="stripcell"><${Strip} strip=${row.strip} label=${row.pert_iname} up=${row.n_positive} down=${row.n_negative} /></td></tr>`)}</tbody></table>`;
}

const MOST = 500;

/** Perturbagens of an answer that pass a filter, all of them as far as one page goes, and how many there are. */
async function read(id, f, signal) {
  const [found, all] = await Promise.all([get(["queries", id, "perts"], { f, limit: MOST }, { signal }), get(["queries", id, "perts"], { limit: 1 }, { signal })]);
  return { rows: rowsOf(found), of: found.total, total: all.total };
}

/** Members of a mechanism or target: where they stand among all, and each with its strip. */
export function Members({ id, row }) {
  const call = useCall((signal) => read(id, [`${row.kind === "target" ? "target" : "moa"}:${row.class}`], signal), [id, row.class, row.kind]);
  return html`<h3><a href=${row.kind === "target" ? link("gene", row.class) : link("class", row.class)}>${row.class}</a> <span class="soft">all members, best connected first</span></h3>
    <${Shown} call=${call} what="Reading its members">${(data) => html`<${Listed} data=${data} id=${id} label=${row.class} />`}</${Shown}>`;
}

function Listed({ data, id, label }) {
  if (!data.of) return html`<${Empty}>Its members are not named in this answer.</${Empty}>`;
  const ranked = data.rows.filter((item) => item.ncs !== null);
  return html`<div class="two"><div><${Ranked} hits=${ranked.map((item) => ({ rank: item.rank, ncs: item.ncs, label: item.pert_iname }))} total=${data.total} label=${label} /></div>
    <div class="scroll" tabindex="0" role="group" aria-label="Members"><${StripTable} rows=${data.rows} q=${id} label=${`Members of ${label}`} />${data.of > MOST && html`<p class="soft">The first ${MOST} of ${plural(data.of, "member")}.</p>`}</div></div>`;
}

const LOSS = ["trt_sh", "trt_sh.cgs", "trt_si", "trt_xpr"], GAIN = ["trt_oe", "trt_oe.mut", "trt_mut"];

/** What stands behind a gene: its loss, its gain and drugs of its product, side by side. */
export function GeneBehind({ id, row }) {
  const call = useCall(async (signal) => {
    const [own, drugs] = await Promise.all([read(id, [`pert_iname:${row.symbol}`], signal), read(id, [`target:${row.symbol}`], signal).catch((error) => { if (error.name === "AbortError") throw error; return { rows: [], of: 0, total: 0 }; })]);
    return { own, drugs };
  }, [id, row.symbol]);
  const part = (rows, words, missing) => html`<section><h4>${words}</h4>${rows.length ? html`<${StripTable} rows=${rows} q=${id} label=${words} />` : html`<p class="soft">${missing}</p>`}</section>`;
  return html`<h3><a href=${link("gene", row.symbol)}>${row.symbol}</a> <span class="soft">${row.words}; score ${signed(row.score)}</span></h3>
    <${Shown} call=${call} what="Reading what stands behind it">${({ own, drugs }) => html`<div class="two">${part(own.rows.filter((item) => LOSS.includes(item.pert_type)), "Loss of the gene", "No loss of it is in this answer.")}${part(own.rows.filter((item) => GAIN.includes(item.pert_type)), "Gain of the gene", "No gain of it is in this answer.")}</div>
      <h4>Drugs of its product</h4>${row.drugs_used ? html`<details><summary>Those whose direction is known</summary><p class="soft">−1 inhibits, +1 activates: ${row.drugs_used}</p></details>` : html`<p class="soft">Of none of them the direction is known, so none counts in the score.</p>`}${drugs.of ? html`<${Listed} data=${drugs} id=${id} label=${`drugs of ${row.symbol}`} />` : html`<p class="soft">No drug of its product is in this answer.</p>`}`}</${Shown}>`;
}
