// Enrichment of the question in one signature.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { useCall } from "../core/use.js";
import { Enrichment } from "../plots/enrichment.js";
import { Empty, Shown } from "../parts/states.js";

/** One set in the form that the plot takes; places count from 0. */
function setOf(side, item) {
  const curve = item.x.map((place, at) => [place - 1, item.y[at]]);
  return { set: side, es: item.es, curve: [[0, 0], ...curve], hits: item.hits.map((hit) => ({ gene: hit.symbol || hit.gene_id, place: hit.rank - 1, z: hit.z })) };
}

export function Enrich({ id, sig }) {
  const call = useCall((signal) => get(["queries", id, "enrichment"], { sig }, { signal }), [id, sig]);
  return html`<${Shown} call=${call} what="Reading the enrichment">${(data) => {
    const sets = ["up", "down"].filter((side) => data[side]).map((side) => setOf(side, data[side]));
    if (!sets.length) return html`<${Empty}>A whole signature was asked with, so there are no sets whose enrichment could be drawn. The score is a correlation.</${Empty}>`;
    return html`<${Enrichment} sets=${sets} genes=${data.n_genes} name=${sig} />`;
  }}</${Shown}>`;
}
