// Where some perturbagens stand among all of an answer: a line each, and the running sum of their enrichment.
import { html, useRef } from "../core/html.js";
import { count, fileStem, plural, signed } from "../core/format.js";
import { Saves } from "../parts/saves.js";

const WIDE = 520, TALL = 170, LEFT = 40, FLOOR = 128;

/** Running sum at the ranks of hits (and just before them), weighed by size of score; ends at 0. */
export function runningSum(hits, total) {
  const sorted = [...hits].sort((a, b) => a.rank - b.rank), weight = sorted.reduce((sum, hit) => sum + Math.abs(hit.ncs ?? 0), 0);
  const miss = total > sorted.length ? 1 / (total - sorted.length) : 0;
  const curve = [[0, 0]];
  let have = 0;
  sorted.forEach((hit, at) => {
    const lost = (hit.rank - 1 - at) * miss;
    curve.push([hit.rank - 1, have - lost]);
    have += weight > 0 ? Math.abs(hit.ncs ?? 0) / weight : 1 / sorted.length;
    curve.push([hit.rank, have - lost]);
  });
  curve.push([total, 0]);
  const high = Math.max(...curve.map(([, y]) => y)), low = Math.min(...curve.map(([, y]) => y));
  return { curve, es: high >= -low ? high : low };
}

/** `hits`: [{rank, ncs, label}] among `total` rows ranked by NCS. */
export function Ranked({ hits, total, label }) {
  const svg = useRef(null);
  const { curve, es } = runningSum(hits, total);
  const values = curve.map(([, y]) => y), low = Math.min(-0.1, ...values), high = Math.max(0.1, ...values);
  const x = (rank) => LEFT + (rank / total) * (WIDE - LEFT - 6), y = (sum) => 8 + ((high - sum) / (high - low)) * (FLOOR - 16);
  const words = `${plural(hits.length, "member")} among ${plural(total, "perturbagen")} ranked by NCS; enrichment score ${signed(es)}`;
  return html`<figure class="enrichment"><svg ref=${svg} viewBox=${`0 0 ${WIDE} ${TALL}`} role="img" aria-label=${`Enrichment of ${label}: ${words}`}>
    <line class="zero" x1=${LEFT} x2=${WIDE - 6} y1=${y(0)} y2=${y(0)} />${[low, 0, high].filter((value) => value === 0 || Math.abs(y(value) - y(0)) > 11).map((value) => html`<text key=${value} x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${signed(value, 1)}</text>`)}
    <g class=${es < 0 ? "contra" : "for"}><polyline class="curve" points=${curve.map(([rank, sum]) => `${x(rank).toFixed(1)},${y(sum).toFixed(1)}`).join(" ")} />
      ${hits.map((hit, at) => html`<line key=${at} x1=${x(hit.rank)} x2=${x(hit.rank)} y1=${FLOOR} y2=${FLOOR + 20}><title>${hit.label}: rank ${count(hit.rank)}, NCS ${signed(hit.ncs)}</title></line>`)}</g>
    <text x=${LEFT} y=${TALL - 6}>resembles most</text><text x=${WIDE - 6} y=${TALL - 6} text-anchor="end">opposes most of ${count(total)}</text></svg>
    <figcaption>${words}. <${Saves} svg=${svg} name=${fileStem([label, "enrichment"])} /></figcaption></figure>`;
}
