// A virtual table: some thirty rows are drawn, whatever the number there is. Keys move in it as in a grid.
import { html, useLayoutEffect, useRef, useState } from "../core/html.js";
import { count, plural, span } from "../core/format.js";
import { useMedia, usePhone, usePrinting, useWidth } from "../core/use.js";
import { useTip } from "./help.js";

const MOST_PIXELS = 10_000_000; // taller elements lose precision in browsers
const NARROWEST = 0.5; // share of its usual width that a column of names may shrink to before the table scrolls sideways
const WHOLE = new Set(["pert_idose", "pert_itime", "cell_id", "strip"]); // what is not cut short, as numbers are not
const PRINTED = 200; // rows on paper, as far as they are here
let made = 0;

/**
 * `source`: {total, read(offset, limit)} with null for rows that are on their way; `columns` as column() makes them.
 * `sort` is a name, with - before it for descending; `onSort(name)`, `onOpen(row)`; `keyOf(row)` marks the open one.
 */
export function Grid({ source, columns, label, sort = "", onSort, onOpen, opened, keyOf, rows: most = 14, tick, head = 0, pinned = false }) {
  const phone = usePhone(), touch = useMedia("(pointer: coarse)");
  const narrow = phone ? columns.filter((item) => item.phone) : [];
  const cards = phone && narrow.length > 0;
  const shown = cards ? narrow : columns;
  const wide = shown.findIndex((item) => item.name === "strip");
  const height = cards ? (wide >= 0 ? 64 : 40) : touch ? 36 : 28;
  const total = source.total ?? 0;
  const view = Math.min(Math.max(total, 1), most) * height;
  const full = Math.min(total * height, MOST_PIXELS);
  const scale = full > view && total * height > full ? (total * height - view) / (full - view) : 1;
  const box = useRef(null), id = useRef(`grid${++made}`);
  const [top, setTop] = useState(0);
  const [at, setAt] = useState({ row: 0, col: 0 });
  const printing = usePrinting(), paper = printing ? printedRows(source, total) : [];
  const first = paper.length ? 0 : Math.max(0, Math.min(total - 1, Math.floor((top * scale) / height)));
  const drawn = paper.length || Math.min(total - first, Math.ceil(view / height) + 2);
  const found = paper.length ? paper : drawn > 0 ? source.read(first, drawn) : [];
  const shift = top - ((top * scale) % height) - 0;
  useLayoutEffect(() => { if (box.current) box.current.scrollTop = 0; setTop(0); setAt({ row: 0, col: 0 }); }, [source]);

  const show = (row) => {
    const node = box.current;
    const upper = (row * height) / scale, lower = ((row + 1) * height) / scale;
    if (upper < node.scrollTop) node.scrollTop = upper;
    else if (lower > node.scrollTop + view) node.scrollTop = scale === 1 ? lower - view : ((row + 1) * height - view) / scale;
  };
  const keys = (event) => {
    const page = Math.max(1, Math.floor(view / height) - 1);
    const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0] };
    let { row, col } = at;
    if (moves[event.key]) [row, col] = [row + moves[event.key][0], col + moves[event.key][1]];
    else if (event.key === "Home") { if (event.ctrlKey) row = 0; col = 0; }
    else if (event.key === "End") { if (event.ctrlKey) row = total - 1; col = shown.length - 1; }
    else if (event.key === "Enter" && onOpen && event.target === box.current) { const [item] = source.read(at.row, 1); if (item) onOpen(item); event.preventDefault(); return; }
    else return;
    event.preventDefault();
    row = Math.max(0, Math.min(total - 1, row)); col = Math.max(0, Math.min(shown.length - 1, col));
    setAt({ row, col });
    show(row);
  };
  const tip = useTip();
  const axis = !cards && shown.some((item) => item.axis) ? 14 : 0, topRow = Math.max(head, height + axis + 4);
  const room = useWidth(box, 0), usual = shown.reduce((sum, item) => sum + item.width, 0);
  const shrinks = (item) => !item.numeric && !WHOLE.has(item.name), names = shown.reduce((sum, item) => sum + (shrinks(item) ? item.width : 0), 0);
  const share = names ? 1 - (usual - room) / names : 0, fit = room && usual > room && share >= NARROWEST ? share : 1;
  const wideOf = (item) => (shrinks(item) ? Math.floor(item.width * fit) : item.width);
  const template = cards ? "" : shown.map((item) => (printing ? `minmax(0, ${item.width}fr)` : `minmax(${wideOf(item)}px, ${item.grow ?? item.width}fr)`)).join(" ");
  const least = cards ? 0 : shown.reduce((sum, item) => sum + wideOf(item), 0);
  useLayoutEffect(() => { if (box.current && box.current.scrollTop !== top) setTop(box.current.scrollTop); });
  return html`<div class=${`grid ${cards ? "cards" : pinned ? "pinned" : ""}`} data-tick=${tick} ref=${tip.box}>
    <div class="gridbox" ref=${box} role="grid" aria-label=${label} aria-rowcount=${total + 1} aria-colcount=${shown.length} tabindex="0"
      aria-activedescendant=${total ? `${id.current}-${at.row}-${at.col}` : undefined} onScroll=${(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown=${keys} style=${{ height: `${view + (cards ? 0 : topRow + 2)}px` }}>
      <div role="rowgroup" class=${cards ? "head hidden" : "head"} style=${{ minWidth: `${least}px` }}>
        <div role="row" aria-rowindex="1" class="line" style=${{ gridTemplateColumns: template, height: `${topRow}px` }}>
          ${shown.map((item) => {
            const active = sort.replace(/^-/, "") === item.name;
            const way = active ? (sort.startsWith("-") ? "descending" : "ascending") : undefined;
            const words = html`${item.title}${active ? html`<span aria-hidden="true"> ${sort.startsWith("-") ? "\u25be" : "\u25b4"}</span>` : ""}`;
            const sorts = onSort && item.sortable !== false;
            return html`<div role="columnheader" key=${item.name} class=${`${item.numeric ? "cell n" : "cell"}${item.help ? " explained" : ""}`} aria-sort=${way} ...${tip.on(item.hint)}>
              ${sorts || item.help ? html`<button type="button" class=${sorts ? "sorter" : "sorter still"} aria-describedby=${item.help ? `${id.current}-${item.name}` : undefined}
                onClick=${() => sorts && onSort(active && sort.startsWith("-") ? item.name : active ? "" : `-${item.name}`)}>${words}</button>` : words}${item.axis?.(found)}</div>`;
          })}
        </div>
      </div>
      <div role="rowgroup" class="body" style=${{ height: `${full}px`, minWidth: `${least}px` }}>
        ${found.map((row, place) => {
          const number = first + place;
          const open = row && keyOf && opened === keyOf(row);
          return html`<div role="row" key=${number % (drawn + 4)} aria-rowindex=${number + 2} aria-selected=${onOpen ? open : undefined}
            class=${`line item ${onOpen ? "opens" : ""} ${open ? "open" : ""} ${number === at.row ? "at" : ""}`}
            style=${{ gridTemplateColumns: template, height: `${height}px`, transform: `translateY(${shift + place * height}px)` }}
            onClick=${(event) => { setAt({ row: number, col: at.col }); if (row && onOpen && !event.target.closest("a,button,input")) onOpen(row); }}>
            ${shown.map((item, col) => html`<div role="gridcell" key=${item.name} id=${`${id.current}-${number}-${col}`} title=${titleOf(item, row)}
              class=${`cell ${item.numeric ? "n" : ""} ${item.name === "strip" ? "strip" : ""} ${number === at.row && col === at.col ? "here" : ""} ${row && item.signed && row[item.name] ? (row[item.name] > 0 ? "for" : "contra") : ""}`}>
              ${row ? cell(item, row) : html`<span class="bone"></span>`}</div>`)}
          </div>`;
        })}
      </div>
    </div>
    ${total > 0 && html`<p class="printed">${found.length < total ? `Rows ${span(first + 1, first + found.length)} of ${count(total)} are printed; the downloads (TSV, GCT) hold all.` : `${plural(total, "row")}, all printed.`}</p>`}
    ${shown.map((item) => item.help && html`<span hidden key=${item.name} id=${`${id.current}-${item.name}`}>${item.hint}</span>`)}${tip.drawn}
  </div>`;
}

/** The first rows that are here already: what is printed of a table, whatever part of it stands on the screen. */
function printedRows(source, total) {
  const rows = total ? source.read(0, Math.min(total, PRINTED)) : [], gap = rows.findIndex((row) => !row);
  return gap < 0 ? rows : rows.slice(0, gap);
}

/** Words of a cell in full, as it may be too narrow for them. */
function titleOf(item, row) {
  if (!row || item.screenOnly || item.name === "strip") return undefined;
  const value = row[item.name];
  return item.title_of ? item.title_of(row) : value === null || value === undefined || value === "" ? undefined : item.draw ? String(value) : String(item.shown(value, row));
}

function cell(item, row) {
  if (item.draw) return item.draw(row);
  const value = row[item.name];
  const words = item.shown(value, row);
  if (item.unknown && (value === null || value === undefined)) return html`<em class="unknown">${words}</em>`;
  return words;
}
