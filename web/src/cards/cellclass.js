// A cell: what was tried there.  A mechanism: its members, how alike they are, who stands apart.
import { html } from "../core/html.js";
import { link } from "../core/route.js";
import { Empty } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { CARD_COLUMNS, sigColumns } from "../answer/sigs.js";

export function CellCard({ card }) {
  const { tried = [], settings = [], strongest = [] } = card;
  return html`<div class="two"><section><h2>What was tried</h2><${Table} rows=${tried} local=${true} label="what was tried" file=${`${card.label}_tried`} id="pert_type" height=${8} more=${{ pert_type: { phone: true }, n_signatures: { phone: true } }} /></section>
    <section><h2>Doses and times</h2><${Table} rows=${settings} local=${true} label="doses and times" file=${`${card.label}_settings`} id="pert_idose" height=${8} more=${{ pert_idose: { phone: true }, pert_itime: { phone: true } }} /></section></div>
    <section><h2>What acted most <span class="soft">by strength (TAS)</span></h2>${strongest.length === 0 ? html`<${Empty}>Strength (TAS) is not known of any signature of this cell: it needs replicates, which <code>beadwork consensus</code> takes it from.</${Empty}>` : html`<${Table} rows=${strongest} columns=${CARD_COLUMNS} label="what acted most" file=${`${card.label}_strongest`} id="sig_id" more=${sigColumns} />`}</section>`;
}

export function ClassCard({ card }) {
  return html`<section><h2>Members</h2><p class="soft">Those with the lowest mean cosine stand apart from the others.</p><${Table} rows=${card.members ?? []} label="members" file=${`${card.label}_members`} id="pert_iname"
    more=${{ pert_iname: { phone: true, draw: (row) => html`<a href=${link("pert", row.pert_iname)}>${row.pert_iname}</a>` }, mean_cosine: { phone: true } }} /></section>`;
}
