// A table with everything around it: search, filter chips, counts, what is open, files of exactly what is shown.
import { html, useEffect, useMemo, useRef, useState } from "../core/html.js";
import { address } from "../core/api.js";
import { amend, route } from "../core/route.js";
import { count, fileName, plural } from "../core/format.js";
import { columnsOf, title } from "../core/columns.js";
import { filterWords, fromArray, Remote } from "../core/rows.js";
import { gct, saveText, tsv } from "../core/save.js";
import { announce } from "../core/live.js";
import { Empty, Failed, Loading, Words } from "./states.js";
import { Grid } from "./vtable.js";

const MOST = 50_000; // rows that the browser writes itself

/** Sort, filters, search and open row: in the address, or (`local`) of this table alone. */
export function useView(local, start = {}) {
  const [own, set] = useState({ sort: "", f: [], find: "", row: "", ...start });
  if (local) return [own, (changes) => set((now) => ({ ...now, ...changes }))];
  const query = route.value.query;
  return [{ sort: query.get("sort") ?? start.sort ?? "", f: query.getAll("f"), find: query.get("find") ?? "", row: query.get("row") ?? "" }, amend];
}

/**
 * `rows` that are all here, or `parts` and `query` of a list on the server.  `columns` names what is shown and `more`
 * how; `detail(row)` stands under the table for the row that is open.
 */
export function Table({ rows, parts, query = {}, within = [], columns, more = {}, label, file, notes = [], id, local = false, start = {}, empty, detail,
  height, facets = [], extra, sets, hide = [], head, pinned }) {
  const [view, change] = useView(local, start);
  const [, redraw] = useState(0);
  const [failure, setFailure] = useState("");
  const remote = !rows;
  const key = JSON.stringify([parts, query, within, view.sort, view.f, view.find]);
  const last = useRef(null);
  const source = useMemo(() => {
    if (!remote) return fromArray(rows, { sort: view.sort, filters: view.f, text: view.find });
    last.current?.close();
    last.current = new Remote(parts, { ...query, sort: view.sort, f: [...within, ...view.f], text: view.find }, () => redraw((n) => n + 1));
    last.current.read(0, 1);
    return last.current;
  }, [remote ? key : rows, key]);
  useEffect(() => () => last.current?.close(), []);
  useEffect(() => { if (source.total !== null && (view.find || view.f.length)) announce(`${plural(source.total, "row")} in ${label}`); }, [source, source.total]);

  const sample = remote ? source.read(0, 20).filter(Boolean) : rows.slice(0, 50);
  const names = (columns && remote && source.columns ? columns.filter((name) => source.columns.includes(name) || more[name]?.draw) : columns ?? (remote ? source.columns : Object.keys(rows[0] ?? {})) ?? []).filter((name) => !hide.includes(name) && (remote || more[name]?.screenOnly || rows.some((row) => row[name] !== null && row[name] !== undefined && row[name] !== "")));
  const shown = columnsOf(names, sample, more);
  const filtered = view.find || view.f.length;
  const save = async (as) => {
    setFailure("");
    try {
      if (as === "tsv" && remote && parts[0] === "queries" && parts.length === 3 && source.total > MOST) {
        // too many for the browser: the server writes the same rows in the same order
        location.assign(address(["queries", parts[1], "export"], { ...query, as, table: parts[2], words: true, sort: view.sort, f: [...within, ...view.f], text: view.find, fields: names.filter((name) => source.columns.includes(name) && name !== "strip").join(",") }));
        return undefined;
      }
      const all = remote ? await source.everything(MOST) : source.all;
      const used = shown.filter((item) => item.name !== "strip" && !item.screenOnly);
      const name = (ending) => fileName([file, ...view.f.map((item) => item.replace(/[:<>=!|]+/g, "-")), view.find, view.sort && `by${view.sort}`], ending);
      if (as === "gmt") return saveText((await sets(all)), name("gmt"));
      const said = [...notes, ...view.f.map((item) => `filter: ${filterWords(item, title)}`), ...(view.find ? [`search: ${view.find}`] : []), ...(view.sort ? [`sorted by ${view.sort}`] : [])];
      saveText(as === "gct" ? gct(used, all, id ?? used[0].name) : tsv(used, all, said), name(as));
    } catch (error) { setFailure(error.message); }
    return undefined;
  };
  const open = detail && view.row && (remote ? sample : rows).concat(remote ? source.read(0, Math.min(source.total ?? 0, 200)).filter(Boolean) : []).find((row) => row[id] === view.row);
  return html`<div class="table">
    <div class="tools">
      <label class="find">Find <input type="search" value=${view.find} maxlength="200" onInput=${(event) => change({ find: event.target.value })} /></label>
      ${facets.map((facet) => html`<${Facet} key=${facet.field} ...${facet} filters=${view.f} change=${(f) => change({ f })} />`)}
      ${extra}
      <span class="soft counts">${source.total === null ? "" : filtered && !remote ? `${count(source.total)} of ${plural(rows.length, "row")}` : plural(source.total, "row")}</span>
      <span class="saves" role="group" aria-label=${`Download what ${label} shows`}>Download
        <button type="button" onClick=${() => save("tsv")}>TSV</button>
        <button type="button" onClick=${() => save("gct")}>GCT</button>
        ${sets && html`<button type="button" onClick=${() => save("gmt")}>GMT</button>`}</span>
    </div>
    ${filtered ? html`<p class="chips">${view.f.map((item, at) => html`<span key=${item}>${at > 0 && html`<b> and </b>`}<button type="button" class="chip"
        onClick=${() => change({ f: view.f.filter((one) => one !== item) })}><span class="hidden">Remove the filter </span>${filterWords(item, title)} <span aria-hidden="true">×</span></button></span>`)}
      ${view.find && html`<span>${view.f.length > 0 && html`<b> and </b>`}<button type="button" class="chip" onClick=${() => change({ find: "" })}><span class="hidden">Remove the search </span>holds “${view.find}” <span aria-hidden="true">×</span></button></span>`}
      <button type="button" class="quiet" onClick=${() => change({ f: [], find: "" })}>Clear all</button></p>` : ""}
    ${failure && html`<${Failed} error=${{ message: failure }} />`}
    ${source.error ? html`<${Failed} error=${source.error} />`
      : source.total === null ? html`<${Loading} what=${`Reading ${label}`} />`
      : source.total === 0 ? html`<${Empty}>${filtered ? "No row passes the filters." : empty ?? (source.reason ? html`<${Words} text=${`${source.reason[0].toUpperCase()}${source.reason.slice(1)}.`} />` : "There is nothing here.")}</${Empty}>`
      : html`<${Grid} source=${source} columns=${shown} label=${label} sort=${view.sort} onSort=${(sort) => change({ sort })} rows=${height} head=${head} pinned=${pinned}
          onOpen=${detail && ((row) => change({ row: view.row === row[id] ? "" : row[id] }))} opened=${view.row} keyOf=${id && ((row) => row[id])} />`}
    ${open && html`<section class="detail" aria-label=${`Details of ${view.row}`}>
      <button type="button" class="close" onClick=${() => change({ row: "" })} aria-label="Close the details">×</button>${detail(open)}</section>`}
  </div>`;
}

/** A filter of one field: its values as a choice. */
function Facet({ field, label, values, shown = (value) => value, filters, change }) {
  if (!values?.length) return null;
  return html`<label>${label} <select value="" onChange=${(event) => {
    const value = event.target.value;
    event.target.value = "";
    if (!value) return;
    const before = filters.find((item) => item.startsWith(`${field}:`));
    const rest = filters.filter((item) => item !== before);
    change([...rest, before && !before.slice(field.length + 1).split("|").includes(value) ? `${before}|${value}` : `${field}:${value}`]);
  }}><option value="">any</option>${values.map((value) => html`<option key=${value} value=${value}>${shown(value)}</option>`)}</select></label>`;
}
