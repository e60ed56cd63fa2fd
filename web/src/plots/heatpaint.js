// Painting of a heat map: the part that is in view, with names and titles that stay; and the whole of it as a file.
import { css, diverging, inkOn, paper } from "../core/colour.js";
import { signed } from "../core/format.js";
import { escapeText } from "../core/save.js";

const FONT = "system-ui, sans-serif", MOST_PIXELS = 12_000, MOST_AREA = 60e6;

/** Sizes of a map in pixels: of a field, of the names, of the titles, of all. */
export function sizesOf({ rows, cols, wide, zoom, small }) {
  const names = small ? 120 : Math.min(190, Math.max(112, wide * 0.18));
  const size = Math.max(wide < 560 ? 16 : 6, Math.min(34, (wide - names - 64) / Math.max(1, cols.length)) * zoom);
  const tall = Math.max(8, Math.min(28, small ? 26 : 22) * Math.min(1.4, Math.max(0.4, zoom)));
  const top = Math.min(110, 14 + 6.2 * Math.max(0, ...cols.map((name) => String(name).length)));
  return { names, size, tall, top, w: Math.ceil(names + size * cols.length + 60), h: Math.ceil(top + tall * rows.length + 2) };
}

function short(context, text, most) {
  if (context.measureText(text).width <= most) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > most) end--;
  return `${text.slice(0, end)}…`;
}

/** Paint what stands in a window of `wide` x `high` pixels that is moved by `left` and `down`; `cursor` {row, col} gets a frame. */
export function paint(context, { rows, cols, values, span, dark, sizes, left = 0, down = 0, wide, high, cursor = null, marked = "" }) {
  const { names, size, tall, top } = sizes;
  const { back, ink, soft } = paper(dark);
  context.fillStyle = back;
  context.fillRect(0, 0, wide, high);
  const first = { row: Math.max(0, Math.floor(down / tall)), col: Math.max(0, Math.floor(left / size)) };
  const last = { row: Math.min(rows.length, Math.ceil((down + high - top) / tall)), col: Math.min(cols.length, Math.ceil((left + wide - names) / size)) };
  const x = (col) => names + col * size - left, y = (row) => top + row * tall - down;
  const gap = size > 5 ? 1 : 0;
  context.save();
  context.beginPath(); context.rect(names, top, wide - names, high - top); context.clip();
  context.textAlign = "center"; context.textBaseline = "middle";
  context.font = `${Math.min(11, size * 0.36)}px ${FONT}`;
  for (let row = first.row; row < last.row; row++) {
    for (let col = first.col; col < last.col; col++) {
      const value = values[row * cols.length + col];
      if (value !== value) {
        context.fillStyle = soft;
        context.fillRect(x(col) + size / 2 - 0.75, y(row) + tall / 2 - 0.75, 1.5, 1.5);
        continue;
      }
      const tone = diverging(value / span, dark);
      context.fillStyle = css(tone);
      context.fillRect(x(col), y(row), size - gap, tall - gap);
      if (size >= 24 && tall >= 18) { context.fillStyle = inkOn(tone); context.fillText(signed(value, 1), x(col) + (size - gap) / 2, y(row) + (tall - gap) / 2); }
    }
  }
  context.restore();
  context.fillStyle = ink; context.textBaseline = "middle";
  context.save();
  context.beginPath(); context.rect(0, top, names, high - top); context.clip();
  context.textAlign = "right"; context.font = `${Math.min(12, tall)}px ${FONT}`;
  if (tall >= 8) for (let row = first.row; row < last.row; row++) context.fillText(short(context, String(rows[row]), names - 10), names - 6, y(row) + tall / 2);
  context.restore();
  context.save();
  context.beginPath(); context.rect(names - 4, 0, wide - names + 4, top); context.clip();
  if (size >= 10) for (let col = Math.max(0, first.col - 4); col < last.col; col++) {
    context.save();
    context.translate(x(col) + 0.55 * size, top - 6);
    context.rotate(-Math.PI / 3.2);
    context.textAlign = "left";
    context.font = `${cols[col] === marked ? "bold " : ""}11px ${FONT}`;
    context.fillText(short(context, `${cols[col]}${cols[col] === marked ? " \u25be" : ""}`, 105), 0, 0);
    context.restore();
  }
  context.restore();
  if (cursor) {
    context.strokeStyle = ink; context.lineWidth = 2;
    const cx = cursor.col < 0 ? 1 : x(cursor.col), cy = cursor.row < 0 ? 1 : y(cursor.row);
    context.strokeRect(cx, cy, (cursor.col < 0 ? names - 3 : size - gap), (cursor.row < 0 ? top - 3 : tall - gap));
  }
}

/** The whole map on a canvas of its own, smaller where it would be too large for a browser. */
export function whole(map) {
  const { w, h } = map.sizes, scale = Math.min(2, MOST_PIXELS / Math.max(w, h), Math.sqrt(MOST_AREA / (w * h)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.floor(w * scale); canvas.height = Math.floor(h * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  paint(context, { ...map, left: 0, down: 0, wide: w, high: h, cursor: null });
  return canvas;
}

/** The whole map as an SVG. */
export function svgOf({ rows, cols, values, span, dark, sizes }) {
  const { names, size, tall, top, w, h } = sizes, { back, ink } = paper(dark), gap = size > 5 ? 1 : 0, n = (value) => Number(value.toFixed(1));
  const lines = [`<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="system-ui, sans-serif" font-size="${Math.min(12, n(tall))}" fill="${ink}"><rect width="${w}" height="${h}" fill="${back}"/>`];
  rows.forEach((name, row) => {
    lines.push(`<text x="${n(names - 6)}" y="${n(top + (row + 0.7) * tall)}" text-anchor="end">${escapeText(name)}</text>`);
    cols.forEach((col, at) => {
      const value = values[row * cols.length + at];
      if (value !== value) return;
      lines.push(`<rect x="${n(names + at * size)}" y="${n(top + row * tall)}" width="${n(size - gap)}" height="${n(tall - gap)}" fill="${css(diverging(value / span, dark)).replaceAll(" ", ",")}"><title>${escapeText(name)}, ${escapeText(col)}: ${signed(value)}</title></rect>`);
    });
  });
  cols.forEach((name, col) => lines.push(`<text font-size="11" transform="translate(${n(names + (col + 0.55) * size)} ${n(top - 6)}) rotate(-56)">${escapeText(name)}</text>`));
  return `${lines.join("\n")}\n</svg>\n`;
}
