// Heat map on a canvas: rows by columns, zoom, values in words on hover and in a table of the same numbers.
import { html, useEffect, useMemo, useRef, useState } from "../core/html.js";
import { useDark, useWidth } from "../core/use.js";
import { css, diverging, inkOn } from "../core/colour.js";
import { fileName, signed } from "../core/format.js";
import { gct, saveCanvas, saveText } from "../core/save.js";

const SPAN = 2;

/** `values`: Float32Array, rows x cols, NaN where nothing was measured. */
export function HeatMap({ rows, cols, values, label, file, onRow, onCell, small = false, zoom = 1, span = SPAN, words = "Orange resembles, blue opposes, a dot: not measured." }) {
  const outer = useRef(null), canvas = useRef(null);
  const wide = useWidth(outer, 800), dark = useDark();
  const [tip, setTip] = useState(null);
  const names = small ? 120 : Math.min(190, Math.max(90, wide * 0.18));
  const size = Math.max(wide < 560 ? 16 : 6, Math.min(34, (wide - names - 64) / Math.max(1, cols.length)) * zoom);
  const tall = Math.max(8, Math.min(28, small ? 26 : 22) * Math.min(1.4, Math.max(0.4, zoom)));
  const top = Math.min(110, 14 + 6.2 * Math.max(0, ...cols.map((name) => String(name).length)));
  const w = Math.ceil(names + size * cols.length + 60), h = Math.ceil(top + tall * rows.length + 2);
  const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
  useEffect(() => {
    const node = canvas.current;
    node.width = w * ratio; node.height = h * ratio;
    const context = node.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = dark ? "#14181e" : "#ffffff";
    context.fillRect(0, 0, w, h);
    const ink = dark ? "#e6e9ee" : "#1d2430";
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = ink;
    context.textBaseline = "middle";
    if (tall >= 10) rows.forEach((name, at) => { context.textAlign = "right"; context.fillText(short(context, String(name), names - 10), names - 6, top + (at + 0.5) * tall); });
    if (size >= 10) cols.forEach((name, at) => {
      context.save();
      context.translate(names + (at + 0.55) * size, top - 6);
      context.rotate(-Math.PI / 3.2);
      context.textAlign = "left";
      context.font = "11px system-ui, sans-serif";
      context.fillText(short(context, String(name), 105), 0, 0);
      context.restore();
    });
    context.textAlign = "center";
    context.font = `${Math.min(11, size * 0.36)}px system-ui, sans-serif`;
    for (let row = 0; row < rows.length; row++) {
      for (let col = 0; col < cols.length; col++) {
        const value = values[row * cols.length + col], x = names + col * size, y = top + row * tall;
        const gap = size > 5 ? 1 : 0;
        if (value !== value) {
          context.fillStyle = dark ? "#5a6573" : "#8b95a3";
          context.fillRect(x + size / 2 - 0.75, y + tall / 2 - 0.75, 1.5, 1.5);
          continue;
        }
        const tone = diverging(value / span, dark);
        context.fillStyle = css(tone);
        context.fillRect(x, y, size - gap, tall - gap);
        if (size >= 24 && tall >= 18) { context.fillStyle = inkOn(tone); context.fillText(signed(value, 1), x + (size - gap) / 2, y + (tall - gap) / 2); }
      }
    }
  }, [rows, cols, values, dark, w, h, ratio, span]);
  const find = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const col = Math.floor((event.clientX - box.left - names) / size), row = Math.floor((event.clientY - box.top - top) / tall);
    return row >= 0 && row < rows.length && col < cols.length ? { row, col: Math.max(-1, col), x: event.clientX - box.left, y: event.clientY - box.top } : null;
  };
  const table = useMemo(() => rows.map((name, row) => ({ name, ...Object.fromEntries(cols.map((col, at) => {
    const value = values[row * cols.length + at];
    return [col, value === value ? Number(value.toFixed(4)) : null];
  })) })), [rows, cols, values]);
  const columns = ["name", ...cols].map((name) => ({ name: String(name) }));
  return html`<figure class="heat" ref=${outer}>
    <div class="wide" tabindex="0" role="group" aria-label=${`${label}, scrolls`}><canvas ref=${canvas} role="img" aria-label=${`${label}. The table below holds the same numbers.`} style=${{ width: `${w}px`, height: `${h}px` }} class=${onRow ? "pick" : ""}
      onPointerMove=${(event) => setTip(find(event))} onPointerLeave=${() => setTip(null)}
      onClick=${(event) => { const at = find(event); if (at && at.col >= 0 && onCell) onCell(at.row, at.col); else if (at) onRow?.(at.row); }}></canvas>
      ${tip && tip.col >= 0 && html`<div class="tip" style=${{ left: `${tip.x + 12}px`, top: `${tip.y + 12}px` }}>${rows[tip.row]}, ${cols[tip.col]}: ${Number.isNaN(values[tip.row * cols.length + tip.col]) ? "not measured" : signed(values[tip.row * cols.length + tip.col])}</div>`}
    </div>
    <figcaption class="soft">${words} <span class="saves">Download
      <button type="button" onClick=${() => saveText(gct(columns, table, "name"), fileName([file], "gct"))}>GCT</button>
      <button type="button" onClick=${() => saveCanvas(canvas.current, fileName([file], "png"))}>PNG</button></span></figcaption>
    <details><summary>The same as a table</summary><div class="wide" tabindex="0" role="group" aria-label=${`${label}, table`}><table><thead><tr><th>Name</th>${cols.map((col) => html`<th key=${col} class="n">${col}</th>`)}</tr></thead><tbody>
      ${rows.slice(0, 100).map((name, row) => html`<tr key=${row}><th scope="row">${name}</th>${cols.map((col, at) => html`<td key=${col} class="n">${signed(values[row * cols.length + at], 1) || "·"}</td>`)}</tr>`)}</tbody></table>
      ${rows.length > 100 && html`<p class="soft">The first 100 of ${rows.length} rows; the file has all.</p>`}</div></details>
  </figure>`;
}

function short(context, text, most) {
  if (context.measureText(text).width <= most) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > most) end--;
  return `${text.slice(0, end)}…`;
}
