// The running sum of an enrichment score over the ranked genes of a signature, with the places of the set's genes.
import { html, useRef } from "../core/html.js";
import { fileStem, signed } from "../core/format.js";
import { Saves } from "../parts/saves.js";

const WIDE = 520, TALL = 190, LEFT = 40, HITS = 16;

/** `sets`: [{set, es, curve: [[place, sum]], hits: [{place, gene, z}]}], `genes`: number of genes ranked. */
export function Enrichment({ sets, genes, name }) {
  const svg = useRef(null);
  const x = (place) => LEFT + (place / genes) * (WIDE - LEFT - 6);
  const values = sets.flatMap((one) => one.curve.map(([, sum]) => sum));
  const low = Math.min(-0.1, ...values), high = Math.max(0.1, ...values);
  const floor = TALL - 30 - HITS * sets.length;
  const y = (sum) => 8 + ((high - sum) / (high - low)) * (floor - 8);
  const words = sets.map((one) => `${one.set}: enrichment score ${signed(one.es)}`).join("; ");
  return html`<figure class="enrichment">
    <svg ref=${svg} viewBox=${`0 0 ${WIDE} ${TALL}`} role="img" aria-label=${`Enrichment plot. ${words}`}>
      <line class="zero" x1=${LEFT} x2=${WIDE - 6} y1=${y(0)} y2=${y(0)} />
      ${[low, 0, high].filter((value) => value === 0 || Math.abs(y(value) - y(0)) > 11).map((value) => html`<text key=${value} x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${value === 0 ? "0" : signed(value)}</text>`)}
      ${sets.map((one, at) => html`<g key=${one.set} class=${one.set === "down" ? "contra" : "for"}>
        <polyline class="curve" points=${one.curve.map(([place, sum]) => `${x(place).toFixed(1)},${y(sum).toFixed(1)}`).join(" ")} />
        ${one.hits.map((hit, mark) => html`<line key=${mark} x1=${x(hit.place)} x2=${x(hit.place)} y1=${floor + 6 + at * HITS} y2=${floor + 6 + at * HITS + HITS - 4}><title>${hit.gene}: z ${signed(hit.z)}, place ${hit.place + 1}</title></line>`)}
        <text x=${LEFT - 6} y=${floor + 16 + at * HITS} text-anchor="end">${one.set}</text></g>`)}
      <text x=${LEFT} y=${TALL - 6}>most raised gene</text><text x=${WIDE - 6} y=${TALL - 6} text-anchor="end">most lowered of ${genes.toLocaleString("en")}</text>
    </svg>
    <figcaption>${words}. <${Saves} svg=${svg} name=${fileStem([name, "enrichment"])} /></figcaption>
    <details><summary>Genes of the sets, by their place</summary><div class="wide"><table><thead><tr><th>Set</th><th>Gene</th><th class="n">Place</th><th class="n">z</th></tr></thead><tbody>
      ${sets.flatMap((one) => one.hits.map((hit) => html`<tr key=${one.set + hit.gene}><td>${one.set}</td><td>${hit.gene}</td><td class="n">${hit.place + 1}</td><td class="n">${signed(hit.z)}</td></tr>`))}
    </tbody></table></div></details></figure>`;
}
