// Scatter of any number of points: drag moves, wheel and + - zoom, shift-drag (or the button) draws a lasso.  Arrows go to
// the nearest point in their direction, Enter opens it; a screen reader reads the point that the cursor stands on.
import { html, useEffect, useMemo, useRef, useState } from "../core/html.js";
import { useDark, useWidth } from "../core/use.js";
import { categories, diverging, other, paper, rgb } from "../core/colour.js";
import { count, number, plural } from "../core/format.js";
import { escapeText, saveSvgText, saveTextPixels, svgText } from "../core/save.js";
import { closest, draw, gridOf, inside, near, quantise, toward } from "./pixels.js";

const WHOLE = 65534, REST = 80, FEW = 60_000, SAMPLE = 20_000, EACH = 6.5; // pixels of a letter of an axis

const range = (values) => {
  let low = Infinity, high = -Infinity;
  for (let at = 0; at < values.length; at++) { const value = values[at]; if (value < low) low = value; if (value > high) high = value; }
  if (!(low < high)) return low === Infinity ? [0, 1] : [low - 1, low + 1];
  const room = (high - low) * 0.03;
  return [low - room, high + room];
};

/**
 * `x`, `y`: numbers by signature; `category`: a byte each, `legend` their names; `onPick(point)` of a click, `onLasso(points)`.
 * `describe(point)` gives the words of a point; `chosen` points get a ring.
 */
export function Scatter({ x, y, xTitle, yTitle, category, legend = [], onPick, onLasso, describe, chosen, label, file, tall = 520, view: startView, onView, hideAxes, unit = "signature", count: shown }) {
  const outer = useRef(null), canvas = useRef(null), over = useRef(null), timer = useRef(0), drag = useRef(null);
  const wide = useWidth(outer, 700), dark = useDark();
  const [mode, setMode] = useState("move");
  const [hover, setHover] = useState(null);
  const [trail, setTrail] = useState(null);
  const [cursor, setCursor] = useState(null);
  const data = useMemo(() => {
    const [xl, xh] = range(x), [yl, yh] = range(y);
    const qx = x instanceof Uint16Array ? x : quantise(x, xl, xh), qy = y instanceof Uint16Array ? y : quantise(y, yl, yh);
    return { qx, qy, grid: gridOf(qx, qy), xl: x instanceof Uint16Array ? 0 : xl, xh: x instanceof Uint16Array ? WHOLE : xh, yl: y instanceof Uint16Array ? 0 : yl, yh: y instanceof Uint16Array ? WHOLE : yh };
  }, [x, y]);
  useEffect(() => setCursor(null), [data]);
  const whole = { x: 0, y: 0, wide: WHOLE, tall: WHOLE };
  const [view, setView] = useState(startView ?? whole);
  const left = hideAxes ? 0 : 58, bottom = hideAxes ? 0 : 34;
  const w = Math.max(120, wide - left), h = tall - bottom;
  const colours = useMemo(() => {
    const all = categories(dark).map(rgb), rest = rgb(other(dark));
    return legend.length > 1 ? legend.map((item, at) => (item.tone !== undefined ? diverging(item.tone, dark) : item.other || at >= all.length ? rest : all[at])) : [all[0]];
  }, [dark, legend]);

  const paint = (step) => {
    const context = canvas.current?.getContext("2d", { alpha: false });
    if (!context) return;
    context.ink = paper(dark).ink;
    const begun = performance.now();
    draw(context, { x: data.qx, y: data.qy, category, colours, view, back: rgb(paper(dark).back), step, chosen, known: data.grid.points.length });
    canvas.current.dataset.drawn = (performance.now() - begun).toFixed(1);
  };
  useEffect(() => {
    clearTimeout(timer.current);
    const few = data.qx.length < FEW || !drag.current;
    paint(few ? 1 : 4);
    if (!few) timer.current = setTimeout(() => paint(1), REST);
    return () => clearTimeout(timer.current);
  }, [data, category, colours, view, w, h, chosen, dark]);

  const place = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return [view.x + ((event.clientX - box.left) / box.width) * view.wide, view.y + (1 - (event.clientY - box.top) / box.height) * view.tall];
  };
  const move = (next) => { setView(next); onView?.(next); };
  const zoom = (factor, [px, py] = [view.x + view.wide / 2, view.y + view.tall / 2]) => {
    const size = Math.max(200, Math.min(WHOLE, view.wide * factor)), real = size / view.wide;
    move({ x: Math.max(0, Math.min(WHOLE - size, px - (px - view.x) * real)), y: Math.max(0, Math.min(WHOLE - size, py - (py - view.y) * real)), wide: size, tall: size });
  };
  useEffect(() => {
    const node = canvas.current;
    const wheel = (event) => { event.preventDefault(); zoom(event.deltaY > 0 ? 1.25 : 0.8, place(event)); };
    node.addEventListener("wheel", wheel, { passive: false });
    return () => node.removeEventListener("wheel", wheel);
  });
  const find = (event) => near(data.grid, data.qx, data.qy, ...place(event), (7 / w) * view.wide)[0];
  const down = (event) => {
    canvas.current.setPointerCapture(event.pointerId);
    const lasso = onLasso && (event.shiftKey || mode === "lasso");
    drag.current = { lasso, from: place(event), view, moved: false, path: lasso ? [place(event)] : null };
  };
  const dragged = (event) => {
    if (!drag.current) { const point = find(event); setHover(point === undefined ? null : { point, x: event.offsetX, y: event.offsetY }); return; }
    const state = drag.current;
    state.moved = true;
    if (state.lasso) { state.path.push(place(event)); setTrail([...state.path]); return; }
    const box = canvas.current.getBoundingClientRect();
    state.start ??= [event.clientX, event.clientY];
    const dx = ((event.clientX - state.start[0]) / box.width) * view.wide, dy = ((event.clientY - state.start[1]) / box.height) * view.tall;
    move({ ...view, x: Math.max(0, Math.min(WHOLE - view.wide, state.view.x - dx)), y: Math.max(0, Math.min(WHOLE - view.tall, state.view.y + dy)) });
  };
  const up = (event) => {
    const state = drag.current;
    drag.current = null;
    if (state?.lasso && state.path.length > 2) onLasso(inside(data.qx, data.qy, state.path));
    else if (state && !state.moved) { const point = find(event); if (point !== undefined) onPick?.(point); }
    setTrail(null);
    if (data.qx.length >= FEW) paint(1);
  };
  /** The cursor stands on a point; the view follows where it lies outside. */
  const stand = (point) => {
    if (point < 0 || point === undefined) return;
    setCursor(point); setHover(null);
    const px = data.qx[point], py = data.qy[point];
    if (px < view.x || py < view.y || px > view.x + view.wide || py > view.y + view.tall) {
      move({ ...view, x: Math.max(0, Math.min(WHOLE - view.wide, px - view.wide / 2)), y: Math.max(0, Math.min(WHOLE - view.tall, py - view.tall / 2)) });
    }
  };
  const ordered = (step) => { // points of one place are reached one after another, in the order of the index
    for (let at = cursor === null ? (step > 0 ? 0 : data.qx.length - 1) : cursor + step; at >= 0 && at < data.qx.length; at += step) if (data.qx[at] !== 65535 && data.qy[at] !== 65535) return at;
    return -1;
  };
  const keys = (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key], scale = [w / view.wide, h / view.tall];
    if (way && event.shiftKey) move({ ...view, x: Math.max(0, Math.min(WHOLE - view.wide, view.x + (way[0] * view.wide) / 10)), y: Math.max(0, Math.min(WHOLE - view.tall, view.y + (way[1] * view.tall) / 10)) });
    else if (way) stand(cursor === null ? closest(data.qx, data.qy, [view.x + view.wide / 2, view.y + view.tall / 2], scale) : toward(data.qx, data.qy, [data.qx[cursor], data.qy[cursor]], way, scale));
    else if (event.key === "PageDown" || event.key === "PageUp") stand(ordered(event.key === "PageDown" ? 1 : -1));
    else if ((event.key === "Enter" || event.key === " ") && cursor !== null) onPick?.(cursor);
    else if (event.key === "Escape") setCursor(null);
    else if (event.key === "+" || event.key === "=") zoom(0.8);
    else if (event.key === "-") zoom(1.25);
    else if (event.key === "0") move(whole);
    else return;
    event.preventDefault();
  };
  const ticks = (low, high, from, size) => {
    const a = low + ((high - low) * from) / WHOLE, b = low + ((high - low) * (from + size)) / WHOLE;
    const step = 10 ** Math.floor(Math.log10((b - a) / 3 || 1)) * ([5, 2, 1].find((one) => (b - a) / (one * 10 ** Math.floor(Math.log10((b - a) / 3 || 1))) >= 3) ?? 1);
    const found = [];
    for (let value = Math.ceil(a / step) * step; value <= b; value += step) found.push([(value - a) / (b - a), Math.abs(value) < step / 1e6 ? 0 : value]);
    return found;
  };
  /** What is seen as one SVG: points as an image, axes and colours as lines and words. */
  const svg = () => {
    const high = tall + 10 + 18 * (legend.length > 1 ? legend.length : 0), { back, ink } = paper(dark);
    const names = legend.length > 1 ? legend.map((item, at) => `<circle cx="${left + 8}" cy="${tall + 12 + 18 * at}" r="5" fill="rgb(${colours[at].join(",")})"/><text x="${left + 20}" y="${tall + 16 + 18 * at}" font-size="12" fill="${ink}">${escapeText(item.name)}${item.n === undefined ? "" : ` (${count(item.n)})`}</text>`).join("") : "";
    return { width: w + left, height: high, back, text: `<svg xmlns="http://www.w3.org/2000/svg" width="${w + left}" height="${high}" viewBox="0 0 ${w + left} ${high}" font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="${back}"/><image x="${left}" y="0" width="${w}" height="${h}" href="${canvas.current.toDataURL("image/png")}"/>${svgText(over.current)}${names}</svg>` };
  };
  const png = () => { const made = svg(); return saveTextPixels(made.text, made, `${file}.png`); };
  const px = (point) => ((data.qx[point] - view.x) / view.wide) * w, py = (point) => h - ((data.qy[point] - view.y) / view.tall) * h;
  const said = (point) => html`${describe ? describe(point) : `${unit} ${count(point + 1)}`}${hideAxes ? "" : html`<br />${xTitle} ${number(x[point])}, ${yTitle} ${number(y[point])}`}`;
  const inView = () => onLasso(inside(data.qx, data.qy, [[view.x, view.y], [view.x + view.wide, view.y], [view.x + view.wide, view.y + view.tall], [view.x, view.y + view.tall]]));
  return html`<div class="scatter" ref=${outer}>
    <div class="tools">
      <span class="soft">${plural(shown ?? x.length, unit)}</span>
      ${onLasso && html`<button type="button" aria-pressed=${mode === "lasso"} onClick=${() => setMode(mode === "lasso" ? "move" : "lasso")}>Lasso</button>`}
      ${onLasso && html`<button type="button" onClick=${inView}>List what is in view</button>`}
      <button type="button" onClick=${() => zoom(0.6)} aria-label="Zoom in">+</button><button type="button" onClick=${() => zoom(1.6)} aria-label="Zoom out">−</button>
      <button type="button" onClick=${() => move(whole)}>All</button>
      <span class="saves" role="group" aria-label="Download this plot">Download <button type="button" onClick=${png}>PNG</button><button type="button" onClick=${() => saveSvgText(svg().text, `${file}.svg`)}>SVG</button></span>
    </div>
    <div class="plane" style=${{ height: `${tall}px` }}>
      <canvas ref=${canvas} width=${w} height=${h} tabindex="0" role="application" aria-roledescription="scatter plot" aria-label=${`${label}. Arrows go to the nearest point, Enter opens it, Shift and arrows move the plot. The table below holds the same ${unit}s.`} style=${{ left: `${left}px`, width: `${w}px`, height: `${h}px` }}
        class=${mode} onPointerDown=${down} onPointerMove=${dragged} onPointerUp=${up} onPointerLeave=${() => setHover(null)} onKeyDown=${keys}></canvas>
      <svg class="over" ref=${over} viewBox=${`0 0 ${w + left} ${tall}`} aria-hidden="true" style=${{ width: `${w + left}px`, height: `${tall}px` }}>
        ${!hideAxes && html`<g class="axes"><line x1=${left} x2=${left + w} y1=${h} y2=${h} /><line x1=${left} x2=${left} y1="0" y2=${h} />
          ${ticks(data.xl, data.xh, view.x, view.wide).map(([at, value]) => { const words = number(value), half = EACH * words.length / 2; return html`<text key=${`x${value}`} x=${left + Math.min(at * w, w - half)} y=${h + 14} text-anchor="middle">${words}</text>`; })}
          ${ticks(data.yl, data.yh, view.y, view.tall).map(([at, value]) => html`<text key=${`y${value}`} x=${left - 5} y=${Math.max(10, h - at * h + 4)} text-anchor="end">${number(value)}</text>`)}
          <text class="title" x=${left + w / 2} y=${tall - 4} text-anchor="middle">${xTitle}</text>
          <text class="title" x="11" y=${h / 2} text-anchor="middle" transform=${`rotate(-90 11 ${h / 2})`}>${yTitle}</text></g>`}
        ${cursor !== null && data.qx[cursor] >= view.x && data.qy[cursor] >= view.y && html`<circle class="cursor" cx=${left + px(cursor)} cy=${py(cursor)} r="7" />`}
        ${trail && html`<polygon class="lasso" points=${trail.map(([px, py]) => `${left + ((px - view.x) / view.wide) * w},${h - ((py - view.y) / view.tall) * h}`).join(" ")} />`}
      </svg>
      ${cursor !== null && !hover && html`<div class="tip" aria-hidden="true" style=${{ left: `${Math.min(left + px(cursor) + 12, Math.max(0, w - 220))}px`, top: `${Math.min(py(cursor) + 12, h - 40)}px` }}>${said(cursor)}</div>`}
      <div class="hidden cursorwords" role="status">${cursor === null ? "" : said(cursor)}</div>
      ${hover && describe && html`<div class="tip" style=${{ left: `${Math.min(left + hover.x + 12, Math.max(0, w - 220))}px`, top: `${hover.y + 12}px` }}>${describe(hover.point)}</div>`}
    </div>
    ${legend.length > 1 && html`<ul class="legend" aria-label="Colours">${legend.map((item, at) => html`<li key=${item.name}><svg viewBox="0 0 10 10" aria-hidden="true"><circle cx="5" cy="5" r="5" fill=${`rgb(${colours[at].join(" ")})`} /></svg>${item.name}${item.n !== undefined && html` <span class="soft">${count(item.n)}</span>`}</li>`)}</ul>`}
  </div>`;
}

/** Bytes of five steps of a number: of its size in both directions around 0, or from its least to its largest value. */
export function steps(values, words = "") {
  // the cuts are quantiles of a sample, evenly over all: a million values are not sorted
  let known = 0, signed = false;
  for (let at = 0; at < values.length; at++) { const value = values[at]; if (value === value) { known++; if (value < 0) signed = true; } }
  const every = Math.max(1, Math.floor(known / SAMPLE)), sample = new Float64Array(Math.ceil(known / every));
  for (let at = 0, seen = 0; at < values.length; at++) {
    const value = values[at];
    if (value === value && seen++ % every === 0) sample[(seen - 1) / every] = signed ? Math.abs(value) : value;
  }
  const sorted = sample.sort();
  const at = (share) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const cuts = signed ? [-at(0.8), -at(0.4), at(0.4), at(0.8)] : [0.2, 0.4, 0.6, 0.8].map(at);
  const [a, b, c, d] = cuts, bytes = new Uint8Array(values.length);
  for (let place = 0; place < values.length; place++) { const value = values[place]; bytes[place] = value === value ? (value > a) + (value > b) + (value > c) + (value > d) : 5; }
  const tones = signed ? [-1, -0.5, 0.08, 0.5, 1] : [0.2, 0.4, 0.6, 0.8, 1];
  const names = [`up to ${number(cuts[0])}`, ...cuts.slice(1).map((cut, place) => `${number(cuts[place])} to ${number(cut)}`), `above ${number(cuts[3])}`];
  return { bytes, legend: [...names.map((name, place) => ({ name: `${words}${name}`, tone: tones[place] })), ...(known < values.length ? [{ name: "not known", other: true }] : [])] };
}
