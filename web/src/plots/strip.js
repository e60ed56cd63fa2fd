// All signatures behind a row on one line each, with quartile box and median: what a summary hides.
import { html } from "../core/html.js";
import { signed } from "../core/format.js";

const REACH = 2.4; // NCS that the ends of a strip stand for, where no score is beyond
const ROOM = 1.07; // for the mark of a score at the very end
const reachOf = (strip) => (strip && !Array.isArray(strip) && strip.range ? strip.range[1] * ROOM : REACH);
const room = (values) => Math.max(1, ...values.map(Math.abs)) * ROOM;

export function quartiles(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => {
    const place = share * (sorted.length - 1), low = Math.floor(place);
    return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (place - low);
  };
  return sorted.length ? [at(0.25), at(0.5), at(0.75)] : null;
}

/** Values from bins, at the middle of each, as often as it counts. */
export function fromBins(bins, low, high) {
  const width = (high - low) / bins.length;
  return bins.flatMap((n, at) => Array.from({ length: n }, () => low + (at + 0.5) * width));
}

/** Normal form of what the server sends: {marks: [[value, n]], box}. */
export function stripOf(strip) {
  if (!strip) return null;
  if (Array.isArray(strip)) return { marks: strip.map((value) => [value, 1]), box: quartiles(strip) };
  const counts = strip.counts ?? strip.bins, [low, high] = strip.range ?? [strip.low, strip.high];
  const width = (high - low) / counts.length;
  const marks = counts.map((n, at) => [low + (at + 0.5) * width, n]).filter(([, n]) => n > 0);
  return { marks, box: strip.quartiles ?? quartiles(fromBins(counts, low, high)) };
}

export function Strip({ strip, label = "", up, down, wide = 280, tall = 22, axis = false }) {
  const found = stripOf(strip), reach = Array.isArray(strip) ? room(strip) : reachOf(strip);
  if (!found || !found.marks.length) return html`<em class="unknown">no scores</em>`;
  const { marks, box } = found;
  const x = (value) => ((Math.max(-reach, Math.min(reach, value)) + reach) / (2 * reach)) * (wide - 8) + 4;
  const n = marks.reduce((sum, [, one]) => sum + one, 0), most = Math.max(...marks.map(([, one]) => one));
  const count = (side) => marks.reduce((sum, [value, one]) => sum + (side(value) ? one : 0), 0);
  const below = down ?? count((value) => value < 0), above = up ?? count((value) => value > 0);
  const words = `${label ? `${label}: ` : ""}${n} ${n === 1 ? "signature" : "signatures"}, ${above} for and ${below} against, median ${signed(box[1])}, quartiles ${signed(box[0])} to ${signed(box[2])}`;
  return html`<svg class="stripplot" viewBox=${`0 0 ${wide} ${tall}`} role="img" aria-label=${words} preserveAspectRatio="none"><title>${words}</title>
    <line class="zero" x1=${x(0)} x2=${x(0)} y1="0" y2=${tall} />
    ${marks.map(([value, one], at) => html`<line key=${at} class=${value < 0 ? "contra" : value > 0 && !(up === 0) ? "for" : "nil"} x1=${x(value)} x2=${x(value)} y1="4" y2=${tall - 4}
      stroke-width=${n === 1 ? 2.5 : 1 + (one / most) * 1.5} opacity=${0.45 + 0.55 * (one / most)} />`)}
    ${n > 2 && html`<rect class="quart" x=${x(box[0])} width=${Math.max(1, x(box[2]) - x(box[0]))} y="3" height=${tall - 6} />`}
    ${n > 1 && html`<line class="median" x1=${x(box[1])} x2=${x(box[1])} y1="1" y2=${tall - 1} />`}
    ${n === 1 && ["one", "hole"].map((name) => html`<line key=${name} class=${name} x1=${x(marks[0][0])} x2=${x(marks[0][0])} y1=${tall / 2} y2=${tall / 2} />`)}
  </svg>${axis && html`<${StripAxis} reach=${reach} />`}`;
}

/** Axis of a column of strips, whose ends are `reach`, or those of the rows given. */
export function StripAxis({ reach, rows = [] }) {
  const end = reach ?? reachOf(rows.find((row) => row?.strip)?.strip), step = end > 6 ? 4 : end > 3 ? 2 : 1;
  const marks = [-3, -2, -1, 0, 1, 2, 3].map((at) => at * step).filter((value) => Math.abs(value) < end * 0.97);
  return html`<div class="stripaxis" aria-hidden="true">${marks.map((value) => html`<span key=${value} style=${{ left: `${(100 * (value + end)) / (2 * end)}%` }}>${signed(value, 0)}</span>`)}</div>`;
}

/** How many are for and how many against, as numbers and as a bar. */
export function Balance({ up, down }) {
  const all = up + down || 1;
  return html`<span class="balance"><span>${up} / ${down}</span><svg viewBox="0 0 40 6" aria-hidden="true" preserveAspectRatio="none">
    <rect class="contra" x="0" y="0" height="6" width=${(40 * down) / all} /><rect class="for" x=${(40 * down) / all} y="0" height="6" width=${(40 * up) / all} /></svg></span>`;
}
