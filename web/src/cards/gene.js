// A gene: what moves it most, by type, cell and dose; its own loss and gain.
import { html } from "../core/html.js";
import { link } from "../core/route.js";
import { AskWith } from "../parts/askwith.js";
import { Empty } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { CARD_COLUMNS, sigColumns } from "../answer/sigs.js";
import { Ends } from "./ends.js";

const typesOf = (own) => [...new Set(own.map((row) => row.pert_type).filter(Boolean))].join("|");

export function GeneCard({ card }) {
  const { signatures = [], perturbagens = [], types = [], cells = [], doses = [], own = [] } = card;
  const small = (rows, words, id) => rows.length > 0 && html`<section><h2>${words}</h2><${Table} rows=${rows} local=${true} label=${words.toLowerCase()} file=${`${card.label}_${id}`} id=${id} height=${8} more=${{ [id]: { phone: true, ...(id === "cell_id" ? { draw: (row) => html`<a href=${link("cell", row.cell_id)}>${row.cell_id}</a>` } : {}) } }} /></section>`;
  return html`<div class="two"><section><h2>What moves it most</h2><${Ends} rows=${perturbagens} value="z" label="Perturbagens that move it most" /></section>
      <section><h2>Its own loss and gain</h2>${own.length > 0 && html`<div class="row"><${AskWith} id=${card.label} kind="perturbation" typed=${true} types=${typesOf(own)} /></div>`}${own.length ? html`<${Table} rows=${own} local=${true} label="its own loss and gain" file=${`${card.label}_own`} id="sig_id" height=${8} more=${sigColumns} />` : html`<${Empty}>No perturbation of this gene itself is in the index.</${Empty}>`}</section></div>
    <div class="two">${small(types, "By type", "pert_type")}${small(cells, "By cell", "cell_id")}</div>${small(doses, "By dose", "pert_idose")}
    <section><h2>Signatures that move it most</h2><${Table} rows=${signatures} columns=${CARD_COLUMNS} label="signatures" file=${`${card.label}_signatures`} id="sig_id" more=${{ ...sigColumns, z: { phone: true } }} start=${{ sort: "-z" }} /></section>`;
}
