// Heat map of an answer: perturbagens by cell, dose or time.
import { html, useMemo } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, go, link, route } from "../core/route.js";
import { compare } from "../core/rows.js";
import { useCall } from "../core/use.js";
import { HeatMap } from "../plots/heatmap.js";
import { plural, typeName, units } from "../core/format.js";
import { TYPES, typesOf } from "./perts.js";
import { Empty, Shown } from "../parts/states.js";

const COLUMNS = { cell_id: "cell", pert_idose: "dose", pert_itime: "time" };

/** Numbers of a base64 text. */
export function floats(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at);
  return new Float32Array(bytes.buffer);
}

const places = (ids) => ids.map((_, at) => at);

/** The rows and columns that stand at these places, in this order. */
function arranged({ row_ids, col_ids, values }, rows, cols) {
  const out = new Float32Array(values.length), n = col_ids.length;
  rows.forEach((row, at) => cols.forEach((col, place) => { out[at * n + place] = values[row * n + col]; }));
  return { row_ids: rows.map((row) => row_ids[row]), col_ids: cols.map((col) => col_ids[col]), values: out };
}

/** Rows and columns in the order that the server gives, clusters for one. */
const ordered = (data) => arranged({ ...data, values: floats(data.values) }, data.order.rows, data.order.cols);

/** Rows by one of the columns, those without a value last. */
function rowsBy(data, name) {
  const at = data.col_ids.indexOf(name), n = data.col_ids.length;
  if (at < 0) return data;
  const value = (row) => { const found = data.values[row * n + at]; return found === found ? found : -Infinity; };
  return arranged(data, places(data.row_ids).sort((a, b) => value(b) - value(a)), places(data.col_ids));
}

/** Columns in another order: by name (doses and times by size), or by their mean score, lowest first. */
function reorder(data, by) {
  const cols = data.col_ids, n = cols.length, values = data.values;
  const place = places(cols);
  if (by === "name") place.sort((a, b) => compare(cols[a], cols[b]));
  else if (by === "mean") {
    const mean = place.map((at) => { let sum = 0, count = 0; for (let row = 0; row < data.row_ids.length; row++) { const value = values[row * n + at]; if (value === value) { sum += value; count++; } } return count ? sum / count : 0; });
    place.sort((a, b) => mean[a] - mean[b]);
  }
  return arranged(data, places(data.row_ids), place);
}

export function HeatPart({ id, file, n = 60, small = false, cols = "cell_id", sort = "", cluster = false, order = "", zoom = 1, f = [], several = false, by = "", onZoom }) {
  const call = useCall(async (signal) => {
    const read = (some) => get(["queries", id, "heat"], { rows: n, cols, sort, cluster, f: some }, { signal });
    const found = await read(several ? [...f, "n_cells>=3"] : f);
    return several && !found.row_ids.length ? read(f) : found;
  }, [id, n, cols, sort, cluster, JSON.stringify(f)]);
  return html`<${Shown} call=${call} what="Reading the heat map">${(data) => html`<${Drawn} data=${data} id=${id} file=${file} small=${small} order=${order} zoom=${zoom} cols=${cols} by=${by} onZoom=${onZoom} typed=${f.length > 0} />`}</${Shown}>`;
}

/** Filters of the signatures of a row. */
const fieldsOf = ({ name, type }) => [["f", `pert_iname:${name}`], ...(type ? [["f", `pert_type:${type}`]] : [])];

/** Names of rows; loss and gain of one gene have one name, and are told apart by their type. */
const labelsOf = ({ row_ids, row_types }) => row_ids.map((name, at) => (row_ids.indexOf(name) === row_ids.lastIndexOf(name) ? name : `${name}, ${typeName(row_types[at])}`));

function Drawn({ data: given, id, file, small, order, zoom, cols, by, onZoom, typed }) {
  const data = useMemo(() => ({ ...given, row_ids: labelsOf(given) }), [given]);
  const known = useMemo(() => new Map(data.row_ids.map((label, at) => [label, { name: given.row_ids[at], type: given.row_types[at] }])), [data]);
  const drawn = useMemo(() => rowsBy(reorder(ordered(data), order), by), [data, order, by]);
  if (!drawn.row_ids.length || !drawn.col_ids.length) return html`<${Empty}>There is nothing to draw: no perturbagen${typed ? " of this type" : ""} has a score with a known ${COLUMNS[cols]}.</${Empty}>`;
  const names = drawn.row_ids;
  return html`<${HeatMap} rows=${names} cols=${drawn.col_ids} heads=${drawn.col_ids.map(units)} values=${drawn.values} label=${`Scores of ${plural(names.length, "perturbagen")} by ${COLUMNS[cols]}`} file=${`${file}_heat_${cols}`} small=${small} zoom=${zoom} marked=${units(by)} onZoom=${onZoom} onCol=${small ? undefined : (col) => amend({ col: drawn.col_ids[col] === by ? "" : drawn.col_ids[col] })}
    onRow=${(row) => { const { name, type } = known.get(names[row]); go(link("q", id, "perts", { row: `${name}~${type}`, find: name })); }} onCell=${(row, col) => go(`${link("q", id, "sigs")}?${new URLSearchParams([...fieldsOf(known.get(names[row])), ["f", `${cols}:${drawn.col_ids[col]}`]])}`)} />`;
}

export function Heat({ id, file }) {
  const query = route.value.query;
  const cols = query.get("by") ?? "cell_id", n = Number(query.get("n") ?? 60), rows = query.get("rows") ?? "strong", order = query.get("order") ?? (cols === "cell_id" ? "mean" : "name"), zoom = Number(query.get("zoom") || 1), by = query.get("col") ?? "", kind = query.get("kind") ?? "";
  const zoomBy = (factor) => amend({ zoom: factor ? Math.max(0.25, Math.min(4, zoom * factor)).toFixed(2) : "" });
  const choice = (label, name, value, options) => html`<label>${label} <select value=${String(value)} onChange=${(event) => amend({ [name]: event.target.value })}>${options.map(([key, words]) => html`<option key=${key} value=${String(key)}>${words}</option>`)}</select></label>`;
  return html`<h2 class="hidden">Heat map</h2><div class="tools">
    ${choice("Columns", "by", cols, [["cell_id", "cells"], ["pert_idose", "doses"], ["pert_itime", "times"]])}
    ${choice("Rows", "n", n, [...new Set([30, 60, 200, 1000, 2000, n])].sort((a, b) => a - b).map((some) => [some, some.toLocaleString("en")]))}
    ${choice("Type", "kind", kind, TYPES.map(([name, words]) => [name, words.toLowerCase()]))}
    ${choice("Rows by", "rows", rows, [["strong", "score, both ends"], ["-ncs", "score, highest"], ["ncs", "score, lowest"], ["-n_cells", "cells, most first"], ["pert_iname", "name"], ["cluster", "likeness (clusters)"]])}
    ${choice("Columns by", "order", order, [["mean", "mean score"], ["name", cols === "cell_id" ? "name" : "size"], ["given", "as given"]])}
    <span role="group" aria-label="Zoom"><button type="button" aria-label="Zoom in" onClick=${() => zoomBy(1.5)}>+</button><button type="button" aria-label="Zoom out" onClick=${() => zoomBy(1 / 1.5)}>−</button></span>
    ${by && html`<button type="button" class="chip" onClick=${() => amend({ col: "" })}><span class="hidden">Remove the order </span>rows by ${units(by)} <span aria-hidden="true">×</span></button>`}</div>
    <p class="soft">Click a field for its signatures, a name for the perturbagen, a title to order the rows by it. By keys: arrows, Enter, + and −.${cols === "cell_id" ? "" : ` A field is the max-quantile of all its signatures, whatever their cell; the score of a perturbagen is that of its cells, so the two differ.`}</p>
    <${HeatPart} id=${id} file=${file} n=${n} cols=${cols} sort=${["cluster", "strong"].includes(rows) ? "" : rows} cluster=${rows === "cluster"} order=${rows === "cluster" && order === "mean" ? "given" : order} zoom=${zoom} by=${by} onZoom=${zoomBy} f=${typesOf(kind)} />`;
}
