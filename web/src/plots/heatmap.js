// Heat map on a canvas: only what is in view is painted; names and titles stay while it scrolls.  Keys move a cursor over
// its fields, and a screen reader reads the field that it stands on; the same numbers stand in a table and in files.
import { html, useEffect, useMemo, useRef, useState } from "../core/html.js";
import { useDark, useWidth } from "../core/use.js";
import { fileName, signed } from "../core/format.js";
import { gct, saveCanvas, saveSvgText, saveText, tsv } from "../core/save.js";
import { paint, sizesOf, svgOf, whole } from "./heatpaint.js";

const SPAN = 2, MOST_FIELDS = 60_000, MOST_LISTED = 100;
let made = 0;

/**
 * `values`: Float32Array, rows x cols, NaN where nothing was measured.  `onCell(row, col)`, `onRow(row)`, `onCol(col)` open
 * what stands behind; `onZoom(factor)`; `marked` is the title by which rows are ordered.
 */
export function HeatMap({ rows, cols, heads = cols, values, label, file, onRow, onCell, onCol, onZoom, marked = "", small = false, zoom = 1, span = SPAN, words = "Orange resembles, blue opposes, a dot: not measured." }) {
  const outer = useRef(null), box = useRef(null), canvas = useRef(null), id = useRef(`heat${++made}`);
  const wide = useWidth(outer, 800), dark = useDark();
  const [tip, setTip] = useState(null), [at, setAt] = useState({ row: 0, col: 0 }), [focused, setFocused] = useState(false), [scroll, setScroll] = useState({ left: 0, down: 0 });
  const [listed, setListed] = useState(false), [failure, setFailure] = useState("");
  const sizes = useMemo(() => sizesOf({ rows, cols: heads, wide, zoom, small }), [rows, cols, wide, zoom, small]);
  const { names, size, tall, top, w, h } = sizes;
  const seen = { wide: Math.max(160, Math.min(w, wide)), high: Math.min(h, Math.max(300, Math.floor(innerHeight * 0.8))) };
  const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
  const cursor = { row: Math.min(at.row, rows.length - 1), col: Math.min(at.col, cols.length - 1) };
  useEffect(() => {
    const node = canvas.current;
    node.width = seen.wide * ratio; node.height = seen.high * ratio;
    const context = node.getContext("2d");
    context.scale(ratio, ratio);
    paint(context, { rows, cols: heads, values, span, dark, sizes, ...scroll, ...seen, marked, cursor: focused ? cursor : null });
  }, [rows, cols, values, dark, sizes, seen.wide, seen.high, ratio, span, scroll, focused, cursor.row, cursor.col, marked]);
  const wordsOf = ({ row, col }) => {
    if (row < 0) return `${heads[col]}: title of the column`;
    if (col < 0) return `${rows[row]}: name of the row`;
    const value = values[row * cols.length + col];
    return `${rows[row]}, ${heads[col]}: ${Number.isNaN(value) ? "not measured" : signed(value)}`;
  };
  const open = ({ row, col }) => { if (row < 0 && col >= 0) onCol?.(col); else if (row >= 0 && col < 0) onRow?.(row); else if (row >= 0) onCell?.(row, col); };
  const find = (event) => {
    const own = canvas.current.getBoundingClientRect(), px = event.clientX - own.left, py = event.clientY - own.top;
    const col = px < names ? -1 : Math.floor((px - names + scroll.left) / size), row = py < top ? -1 : Math.floor((py - top + scroll.down) / tall);
    return row < rows.length && col < cols.length && (row >= 0 || col >= 0) ? { row, col, x: px + scroll.left, y: py + scroll.down } : null;
  };
  const show = ({ row, col }) => {
    const node = box.current;
    if (col >= 0) node.scrollLeft = Math.min(col * size, Math.max(node.scrollLeft, (col + 1) * size - (node.clientWidth - names) + 4));
    if (row >= 0) node.scrollTop = Math.min(row * tall, Math.max(node.scrollTop, (row + 1) * tall - (node.clientHeight - top) + 4));
  };
  const keys = (event) => {
    const page = Math.max(1, Math.floor((seen.high - top) / tall) - 1);
    const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0] };
    let { row, col } = cursor;
    if (event.key === "Enter" || event.key === " ") open(cursor);
    else if (onZoom && (event.key === "+" || event.key === "=")) onZoom(1.5);
    else if (onZoom && event.key === "-") onZoom(1 / 1.5);
    else if (onZoom && event.key === "0") onZoom(0);
    else if (moves[event.key]) [row, col] = [row + moves[event.key][0], col + moves[event.key][1]];
    else if (event.key === "Home") { col = 0; if (event.ctrlKey) row = 0; }
    else if (event.key === "End") { col = cols.length - 1; if (event.ctrlKey) row = rows.length - 1; }
    else return;
    event.preventDefault();
    const least = onRow && row >= 0 ? -1 : 0;
    const next = { row: Math.max(onCol && col >= 0 ? -1 : 0, Math.min(rows.length - 1, row)), col: Math.max(least, Math.min(cols.length - 1, col)) };
    setAt(next); show(next); setTip(null); setFocused(true);
  };
  const table = () => rows.map((name, row) => ({ name, ...Object.fromEntries(cols.map((col, place) => {
    const value = values[row * cols.length + place];
    return [col, value === value ? Number(value.toFixed(4)) : null];
  })) }));
  const columns = ["name", ...cols].map((name) => ({ name: String(name) }));
  const map = { rows, cols: heads, values, span, dark, sizes };
  const svg = () => {
    if (rows.length * cols.length > MOST_FIELDS) { setFailure(`An SVG takes ${MOST_FIELDS.toLocaleString("en")} fields; these are ${(rows.length * cols.length).toLocaleString("en")}: fewer rows, or PNG.`); return; }
    saveSvgText(svgOf(map), fileName([file], "svg"));
  };
  const shown = focused && !tip ? { ...cursor, x: names + (cursor.col + 0.5) * size, y: top + (cursor.row + 0.5) * tall } : tip;
  return html`<figure class="heat" ref=${outer}>
    <div class="heatbox" ref=${box} role="grid" tabindex="0" aria-label=${`${label}. Arrows move, Enter opens. The table below holds the same numbers.`} aria-rowcount=${rows.length} aria-colcount=${cols.length} aria-activedescendant=${`${id.current}-at`}
      style=${{ height: `${seen.high + 2}px` }} onScroll=${(event) => setScroll({ left: event.currentTarget.scrollLeft, down: event.currentTarget.scrollTop })} onKeyDown=${keys} onFocus=${() => setFocused(true)} onBlur=${() => setFocused(false)}>
      <div class="heatroom" role="presentation" style=${{ width: `${w}px`, height: `${h}px` }}><canvas ref=${canvas} aria-hidden="true" style=${{ width: `${seen.wide}px`, height: `${seen.high}px` }} class=${onRow ? "pick" : ""}
        onPointerMove=${(event) => setTip(find(event))} onPointerLeave=${() => setTip(null)} onClick=${(event) => { const found = find(event); if (found) { setAt(found); open(found); } }}></canvas>
        ${shown && (shown.row >= 0 || shown.col >= 0) && html`<div class="tip" aria-hidden="true" style=${{ left: `${Math.min(shown.x + 12, scroll.left + seen.wide - 200)}px`, top: `${Math.min(shown.y + 14, scroll.down + seen.high - 26)}px` }}>${wordsOf(shown)}${shown.row < 0 && onCol ? "; click: order rows by it" : ""}</div>`}</div>
      <div role="row" class="hidden" aria-rowindex=${Math.max(1, cursor.row + 1)}><div role="gridcell" id=${`${id.current}-at`} aria-colindex=${Math.max(1, cursor.col + 1)} aria-selected=${focused}>${wordsOf(cursor)}</div></div>
    </div>
    <figcaption class="soft">${words} <span class="saves" role="group" aria-label="Download this map">Download
      <button type="button" onClick=${() => saveText(tsv(columns, table()), fileName([file], "tsv"))}>TSV</button>
      <button type="button" onClick=${() => saveText(gct(columns, table(), "name"), fileName([file], "gct"))}>GCT</button>
      <button type="button" onClick=${() => saveCanvas(whole(map), fileName([file], "png"))}>PNG</button>
      <button type="button" onClick=${svg}>SVG</button></span> ${failure && html`<span role="alert">${failure}</span>`}</figcaption>
    <details onToggle=${(event) => setListed(event.currentTarget.open)}><summary>The same as a table</summary>${listed && html`<div class="wide" tabindex="0" role="group" aria-label=${`${label}, table`}><table><thead><tr><th>Name</th>${heads.map((col, at) => html`<th key=${at} class="n">${col}</th>`)}</tr></thead><tbody>
      ${rows.slice(0, MOST_LISTED).map((name, row) => html`<tr key=${row}><th scope="row">${name}</th>${cols.map((_, place) => html`<td key=${place} class="n">${signed(values[row * cols.length + place], 2) || "·"}</td>`)}</tr>`)}</tbody></table>
      ${rows.length > MOST_LISTED && html`<p class="soft">The first ${MOST_LISTED} of ${rows.length} rows; the files have all.</p>`}</div>`}</details>
  </figure>`;
}
