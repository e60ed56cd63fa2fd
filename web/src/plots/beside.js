// A score beside what it is read against: null signatures and treatments, and the questions of the background.
import { html, useRef } from "../core/html.js";
import { count, fileStem, plural, signed } from "../core/format.js";
import { Saves } from "../parts/saves.js";

const WIDE = 420, TALL = 104, BASE = TALL - 18;

/** Shares of a histogram; the bin at 0 does not set the scale: half of all signatures may score 0. */
function shares(counts, zero) {
  const all = counts.reduce((sum, n) => sum + n, 0) || 1;
  return counts.map((n, at) => (at === zero ? null : n / all));
}

const scaleOf = (...lists) => Math.max(1e-9, ...lists.flat().filter((value) => value !== null));

export function Beside({ data, name, what = "score" }) {
  const svg = useRef(null), other = useRef(null);
  const { edges, score } = data;
  const limit = edges.at(-1);
  const x = (value) => 6 + ((Math.max(-limit, Math.min(limit, value)) + limit) / (2 * limit)) * (WIDE - 12);
  const zero = edges.findIndex((edge, at) => edge <= 0 && edges[at + 1] > 0);
  const treated = shares(data.treated, zero), none = shares(data.null, zero);
  const top = scaleOf(treated, data.n_null ? none : []);
  const path = treated.map((value, at) => {
    const y = (BASE - ((value ?? 0) / top) * (BASE - 6)).toFixed(1);
    return `${x(edges[at]).toFixed(1)},${y} ${x(edges[at + 1]).toFixed(1)},${y}`;
  }).join(" ");
  const beyond = score === null ? 0 : data.null.reduce((sum, n, at) => { const middle = (edges[at] + edges[at + 1]) / 2; return sum + (score > 0 ? middle >= score : middle <= score) * n; }, 0);
  const words = data.n_null === 0 ? "The index holds no null signatures, so how far chance alone reaches is not known."
    : score === null ? `${count(data.n_null)} null signatures, ${count(data.n_treated)} treatments; ${count(data.null[zero] ?? 0)} and ${count(data.treated[zero] ?? 0)} of them score 0.`
    : score === 0 ? "The score is 0." : `${count(beyond)} of ${plural(data.n_null, "null signature")} ${beyond === 1 ? "reaches" : "reach"} ${signed(score)} or beyond.`;
  const back = data.background;
  return html`<div class="beside">
    <figure><svg ref=${svg} viewBox=${`0 0 ${WIDE} ${TALL}`} role="img" aria-label=${`Null signatures and treatments by NCS. ${words}`}>
      ${data.n_null > 0 && none.map((value, at) => value > 0 && html`<rect key=${at} class="none" x=${x(edges[at])} width=${Math.max(0.5, x(edges[at + 1]) - x(edges[at]) - 0.5)} y=${BASE - (value / top) * (BASE - 6)} height=${(value / top) * (BASE - 6)}><title>${signed(edges[at])} to ${signed(edges[at + 1])}: ${plural(data.null[at], "null signature")}</title></rect>`)}
      <polyline class="outline" points=${path} /><line class="zero" x1="6" x2=${WIDE - 6} y1=${BASE} y2=${BASE} /><line class="zero" x1=${x(0)} x2=${x(0)} y1="4" y2=${BASE} />
      ${score !== null && html`<line class="median" x1=${x(score)} x2=${x(score)} y1="2" y2=${BASE} /><text class="title" x=${x(score) + (score > 0 ? -4 : 4)} y="12" text-anchor=${score > 0 ? "end" : "start"}>${what} ${signed(score)}</text>`}
      ${[-limit, 0, limit].map((value) => html`<text key=${value} x=${x(value)} y=${TALL - 5} text-anchor=${value < 0 ? "start" : value > 0 ? "end" : "middle"}>${signed(value, 1)}</text>`)}</svg>
      <figcaption class="soft">NCS: grey bars null signatures, line treatments (shares; the bin at 0 is left out). ${words} <${Saves} svg=${svg} name=${fileStem([name, "null"])} /></figcaption></figure>
    ${back ? html`<${Questions} back=${back} data=${data} svg=${other} name=${name} />` : html`<p class="soft">${score === null ? "" : "tau: the background of this row is not at hand (none in the index, or the question has filters)."}</p>`}</div>`;
}

function Questions({ back, data, svg, name }) {
  const x = (value) => 6 + (value / back.edges.at(-1)) * (WIDE - 12), top = Math.max(1, ...back.counts);
  const words = `${count(back.below)} of ${plural(back.n, "background question")} score less here${data.tau === null ? "; tau is not given for so few" : `: tau ${signed(data.tau, 1)}`}.`;
  return html`<figure><svg ref=${svg} viewBox=${`0 0 ${WIDE} ${TALL}`} role="img" aria-label=${`Scores of the background questions, whatever their sign. ${words}`}>
    ${back.counts.map((n, at) => n > 0 && html`<rect key=${at} class="none" x=${x(back.edges[at])} width=${Math.max(0.5, x(back.edges[at + 1]) - x(back.edges[at]) - 0.5)} y=${BASE - (n / top) * (BASE - 6)} height=${(n / top) * (BASE - 6)}><title>${back.edges[at].toFixed(2)} to ${back.edges[at + 1].toFixed(2)}: ${plural(n, "question")}</title></rect>`)}
    <line class="zero" x1="6" x2=${WIDE - 6} y1=${BASE} y2=${BASE} />
    ${data.score !== null && html`<line class="median" x1=${x(Math.abs(data.score))} x2=${x(Math.abs(data.score))} y1="2" y2=${BASE} />`}
    <text x="6" y=${TALL - 5}>0</text><text x=${WIDE - 6} y=${TALL - 5} text-anchor="end">${back.edges.at(-1).toFixed(1)}</text></svg>
    <figcaption class="soft">Size of NCS, whatever its sign: bars other questions, line this one. ${words} <${Saves} svg=${svg} name=${fileStem([name, "background"])} /></figcaption></figure>`;
}
