// Genes behind an answer: what their loss, their gain and drugs of their product do, side by side.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { useCall } from "../core/use.js";
import { noteLines } from "./perts.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { GeneBehind } from "./members.js";

const GENE_COLUMNS = ["symbol", "score", "q", "fdr", "words", "shRNA", "CRISPR", "gain", "drugs", "n_parts", "n_shRNA", "n_CRISPR", "n_gain", "n_drugs", "p", "drugs_used"];
export const geneColumns = { symbol: { phone: true, draw: (row) => html`<a href=${link("gene", row.symbol)}>${row.symbol}</a>` }, score: { phone: true, title: "Score", help: "how strongly loss, gain and drugs of the gene speak for one direction" } };

export function Genes({ state, id, file }) {
  const call = useCall((signal) => get(["queries", id, "genes"], { limit: 1 }, { signal }), [id]);
  return html`<h2 class="hidden">Genes behind</h2><${Shown} call=${call} what="Looking for genes">${(data) => (data.total === 0
    ? html`<${Empty} command="beadwork index annotate INDEX --compounds TABLE">No gene can be named: ${data.reason || "the index holds neither loss nor gain of single genes, nor compounds whose targets are known"}.</${Empty}>`
    : html`<p class="soft">A gene stands behind an answer where its loss, its gain and drugs of its product agree on a direction.</p><${Table} parts=${["queries", id, "genes"]} columns=${GENE_COLUMNS} more=${geneColumns} label="genes behind" file=${`${file}_genes`} id="symbol" notes=${noteLines(state)} detail=${(row) => html`<${GeneBehind} id=${id} row=${row} />`} />`)}</${Shown}>`;
}
