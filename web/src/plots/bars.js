// Signed bars from a middle line, with their numbers.
import { html } from "../core/html.js";
import { signed } from "../core/format.js";

/** `rows`: [{label, value, href, detail}]. */
export function Bars({ rows, label, digits = 2 }) {
  const most = Math.max(1e-9, ...rows.map((row) => Math.abs(row.value)));
  return html`<table class="bars"><caption class="hidden">${label}</caption><tbody>${rows.map((row) => html`<tr key=${row.label}>
    <th scope="row">${row.href ? html`<a href=${row.href}>${row.label}</a>` : row.label}</th>
    <td class=${`n ${row.value < 0 ? "contra" : "for"}`}>${signed(row.value, digits)}</td>
    <td class="bar"><svg viewBox="0 0 120 10" preserveAspectRatio="none" aria-hidden="true"><line class="zero" x1="60" x2="60" y1="0" y2="10" />
      <rect class=${row.value < 0 ? "contra" : "for"} x=${row.value < 0 ? 60 - (58 * -row.value) / most : 60} width=${(58 * Math.abs(row.value)) / most} y="2" height="6" /></svg></td>
    ${row.detail !== undefined && html`<td class="soft" title=${row.detail}>${row.detail}</td>`}</tr>`)}</tbody></table>`;
}

/** Counts of a histogram; `show` writes its ends. */
export function Histogram({ counts, edges, label, mark, show = (value) => signed(value, 1) }) {
  const wide = 300, tall = 120, most = Math.max(1, ...counts), step = wide / counts.length;
  const x = (value) => ((value - edges[0]) / (edges.at(-1) - edges[0])) * wide;
  return html`<svg class="histogram" viewBox=${`0 0 ${wide} ${tall + 16}`} role="img" aria-label=${label}>
    ${counts.map((n, at) => html`<rect key=${at} x=${at * step} width=${Math.max(0.5, step - 0.5)} y=${tall - (n / most) * (tall - 4)} height=${(n / most) * (tall - 4)}><title>${edges[at].toFixed(2)} to ${edges[at + 1].toFixed(2)}: ${n}</title></rect>`)}
    ${(Array.isArray(mark) ? mark : mark === undefined ? [] : [mark]).map((value, at) => html`<line key=${at} class="median" x1=${x(value)} x2=${x(value)} y1="0" y2=${tall} />`)}
    <text x="0" y=${tall + 12}>${show(edges[0])}</text><text x=${wide} y=${tall + 12} text-anchor="end">${show(edges.at(-1))}</text></svg>`;
}
