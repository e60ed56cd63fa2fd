// All signatures, ranked.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { index } from "../core/index.js";
import { typeName } from "../core/format.js";
import { columnsOf } from "../core/columns.js";
import { gmt } from "../core/save.js";
import { ScoreBeside } from "./beside.js";
import { Enrich } from "./enrich.js";
import { noteLines } from "./perts.js";
import { Table } from "../parts/table.js";

export const SIG_COLUMNS = ["rank", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "ncs", "tau", "fdr", "wtcs", "tas", "distil_cc_q75", "distil_nsample", "is_gold", "sig_id"];
/** The same on cards, as far as they have them. */
export const CARD_COLUMNS = ["z", "cosine", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "tas", "distil_cc_q75", "distil_nsample", "is_gold", "sig_id"];
export const sigColumns = {
  rank: { width: 65 }, pert_iname: { phone: true, grow: 1, width: 130, draw: (row) => html`<a href=${link("pert", row.pert_iname ?? row.pert_id)}>${row.pert_iname || row.pert_id}</a>` },
  cell_id: { phone: true, width: 78, draw: (row) => html`<a href=${link("cell", row.cell_id)}>${row.cell_id}</a>` }, pert_type: { width: 112 }, pert_idose: { width: 104 }, pert_itime: { width: 65 },
  ncs: { phone: true, width: 70 }, tau: { width: 70 }, fdr: { width: 94 }, wtcs: { width: 70 }, tas: { width: 60 }, distil_cc_q75: { width: 108 }, distil_nsample: { width: 65 }, is_gold: { width: 55 },
  sig_id: { width: 220, draw: (row) => html`<a href=${link("sig", row.sig_id)}>${row.sig_id}</a>` },
};

const MOST_SETS = 500, AT_ONCE = 4;

/** Genes of the ends of signatures, as sets; refuses more than are asked for one by one. */
export async function sigSets(rows) {
  if (rows.length > MOST_SETS) throw new Error(`${rows.length.toLocaleString("en")} signatures; a GMT takes ${MOST_SETS} here: filter first`);
  const sets = [];
  for (let first = 0; first < rows.length; first += AT_ONCE) {
    const some = rows.slice(first, first + AT_ONCE);
    const found = await Promise.all(some.map((row) => get(["signature"], { sig_id: row.sig_id, top: 50 })));
    found.forEach((data, at) => { for (const side of ["up", "down"]) sets.push({ name: `${some[at].sig_id}_${side === "up" ? "UP" : "DN"}`, note: some[at].pert_iname, genes: data[side].map((gene) => gene.symbol || gene.gene_id) }); });
  }
  return gmt(sets);
}

export function Signatures({ state, id, file }) {
  const facts = index.value;
  return html`<h2 class="hidden">Signatures</h2><${Table} parts=${["queries", id, "sigs"]} columns=${SIG_COLUMNS} more=${{ ...sigColumns, sig_id: { ...sigColumns.sig_id, draw: (row) => html`<a href=${link("sig", row.sig_id, { q: id })}>${row.sig_id}</a>` } }} label="signatures" file=${`${file}_signatures`} id="sig_id" notes=${noteLines(state)} height=${18} sets=${(rows) => sigSets(rows)}
    facets=${[{ field: "cell_id", label: "Cell", values: facts?.cell_ids }, { field: "pert_type", label: "Type", values: facts?.pert_types, shown: typeName }]}
    detail=${(row) => html`<h3><a href=${link("sig", row.sig_id, { q: id })}>${row.sig_id}</a></h3><${SigDetail} id=${id} sig=${row.sig_id} />`} />`;
}

/** A signature in an answer: how the question lies in it, and what its score is read against. */
export const SigDetail = ({ id, sig, level = "h4" }) => html`<div class="two"><div><${level}>Enrichment</${level}><${Enrich} id=${id} sig=${sig} /></div><div><${level}>Null and background</${level}><${ScoreBeside} id=${id} sig=${sig} /></div></div>`;
