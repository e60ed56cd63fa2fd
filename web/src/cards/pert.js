// A perturbagen: dose by cell, constant genes, what is nearest, its signatures.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { compare, rowsOf } from "../core/rows.js";
import { useCall } from "../core/use.js";
import { PertDetail } from "../answer/perts.js";
import { link } from "../core/route.js";
import { number, plural, units } from "../core/format.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { CARD_COLUMNS, sigColumns, sigSets } from "../answer/sigs.js";
import { Ends } from "./ends.js";

export function PertCard({ card, id, query }) {
  const { signatures = [], doses = [], genes = [], agreement = [], nearest = [], classes = [] } = card;
  const one = signatures.length === 1;
  return html`
    ${query && html`<${InAnswer} query=${query} name=${card.label} />`}
    ${doses.length > 0 && html`<section><h2>Dose by cell <span class="soft">${plural(new Set(doses.map((row) => row.cell_id)).size, "cell")}; median strength (TAS), or number of signatures where it is not known</span></h2><${DoseGrid} rows=${doses} /></section>`}
    <div class="two"><section><h2>${one ? "Genes it moves most" : "Most constant genes"} ${one && html`<span class="soft">one signature only, so nothing can be constant</span>`}</h2>${genes.length ? html`<${Table} rows=${genes} hide=${one ? ["sd_z", "share_same_sign"] : []} columns=${Object.keys(genes[0])} local=${true} label=${one ? "genes it moves most" : "constant genes"} file=${`${card.label}_genes`} id="symbol" height=${10} more=${{ symbol: { phone: true, width: 95, draw: (row) => html`<a href=${link("gene", row.symbol)}>${row.symbol}</a>` }, mean_z: { phone: true, width: 82 }, gene_id: { width: 80 }, sd_z: { width: 80 }, share_same_sign: { width: 100 } }} />` : html`<${Empty}>The index holds no genes of it.</${Empty}>`}</section>
      <section><h2>Nearest perturbagens</h2><${Ends} rows=${nearest} value="cosine" label="Nearest perturbagens" /></section></div>
    ${classes.length > 0 && html`<section><h2>Its mechanisms <span class="soft">how alike their members are</span></h2><${Table} rows=${classes} local=${true} label="mechanisms" file=${`${card.label}_mechanisms`} id="class" height=${5} more=${{ class: { phone: true, draw: (row) => html`<a href=${link("class", row.class)}>${row.class}</a>` } }} /></section>`}
    ${agreement.length > 1 && html`<section><h2>Agreement of cells</h2><${Table} rows=${agreement} local=${true} label="agreement of cells" file=${`${card.label}_cells`} id=${Object.keys(agreement[0])[0]} height=${8} more=${{ cell_id: { phone: true }, cosine_with_others: { phone: true } }} /></section>`}
    <section><h2>Signatures</h2><${Table} rows=${signatures} columns=${CARD_COLUMNS} label="signatures" file=${`${card.label}_signatures`} id="sig_id" more=${{ ...sigColumns, pert_iname: { ...sigColumns.pert_iname, phone: false }, pert_idose: { ...sigColumns.pert_idose, phone: true }, sig_id: { ...sigColumns.sig_id, phone: true } }} sets=${(rows) => sigSets(rows)} /></section>`;
}

/** Cells by doses and times: the median strength, else how many signatures there are. */
function DoseGrid({ rows }) {
  const key = (row) => [row.pert_idose, row.pert_itime].filter(Boolean).join(", ") || "not known";
  const some = new Map(rows.map((row) => [key(row), row]));
  const settings = [...some.keys()].sort((a, b) => compare(some.get(a).pert_idose, some.get(b).pert_idose) || compare(some.get(a).pert_itime, some.get(b).pert_itime));
  const cells = [...new Set(rows.map((row) => row.cell_id))];
  const found = new Map(rows.map((row) => [`${row.cell_id}|${key(row)}`, row]));
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Dose by cell"><table class="dose"><thead><tr><th>Cell</th>${settings.map((name) => html`<th key=${name} class="n">${units(name)}</th>`)}</tr></thead><tbody>${cells.map((cell) => html`<tr key=${cell}><th scope="row"><a href=${link("cell", cell)}>${cell}</a></th>
    ${settings.map((name) => {
      const row = found.get(`${cell}|${name}`), tas = row?.median_tas;
      return html`<td key=${name} class=${`n ${tas >= 0.5 ? "strong" : tas >= 0.2 ? "middling" : ""}`}>${!row ? html`<span class="soft">·</span>` : typeof tas === "number" ? number(tas) : `${row.n_signatures} sig.`}</td>`;
    })}</tr>`)}</tbody></table></div>`;
}

/** The perturbagen in the answer that its link came from. */
function InAnswer({ query, name }) {
  const call = useCall((signal) => get(["queries", query, "perts"], { f: [`pert_iname:${name}`], limit: 20 }, { signal }), [query, name]);
  return html`<section><h2>In this answer <a href=${link("q", query)}>back to it</a></h2><${Shown} call=${call} what="Reading the answer">${(data) => (data.total ? rowsOf(data).map((row) => html`<div class="detail" key=${row.pert_type}><${PertDetail} row=${row} id=${query} /></div>`) : html`<${Empty}>It has no score in this answer.</${Empty}>`)}</${Shown}></section>`;
}
