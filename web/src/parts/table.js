// A table with everything around it: search, filter chips, counts, what is open, files of exactly what is shown.
import { html, useEffect, useMemo, useRef, useState } from "../core/html.js";
import { address, get, probe } from "../core/api.js";
import { amend, route } from "../core/route.js";
import { count, fileName, plural } from "../core/format.js";
import { columnsOf, title } from "../core/columns.js";
import { filterName, filterWords, fromArray, Remote, rowsOf } from "../core/rows.js";
import { gct, saveAddress, saveText, tsv } from "../core/save.js";
import { announce } from "../core/live.js";
import { Empty, Failed, Loading, Words } from "./states.js";
import { AddFilter, Columns, Facet } from "./filters.js";
import { Grid } from "./vtable.js";

const MOST = globalThis.mostRows ?? 50_000; // rows that the browser writes itself
const MOST_SETS = 100_000, GENES = 50; // signatures of a GMT, and genes of each end
const FEW = 12; // rows that need neither filters nor a choice of columns
const OF_ANSWERS = new Set(["perts", "classes", "genes", "cells", "sigs"]); // tables that the server writes as files

/** Sort, filters, search and open row: in the address, or (`local`) of this table alone. */
export function useView(local, start = {}) {
  const [own, set] = useState({ sort: "", f: [], find: "", row: "", cols: "", ...start });
  if (local) return [own, (changes) => set((now) => ({ ...now, ...changes }))];
  const query = route.value.query;
  return [{ sort: query.get("sort") ?? start.sort ?? "", f: query.getAll("f"), find: query.get("find") ?? "", row: query.get("row") ?? "", cols: query.get("cols") ?? "" }, amend];
}

/**
 * `rows` that are all here, or `parts` and `query` of a list on the server.  `columns` names what is shown and `more`
 * how; `detail(row)` stands under the table for the row that is open.  `id` names its rows, with `apart` where names repeat.
 */
export function Table({ rows, parts, query = {}, within = [], columns, more = {}, label, file, notes = [], id, local = false, start = {}, empty, detail,
  height, facets = [], extra, sets, hide = [], apart = "", head, pinned }) {
  const [view, change] = useView(local, start);
  const [, redraw] = useState(0);
  const [failure, setFailure] = useState("");
  const remote = !rows;
  const asked = { ...query, sort: view.sort, f: [...within, ...view.f], text: view.find };
  const key = JSON.stringify([parts, query, within, view.sort, view.f, view.find]);
  const last = useRef(null), box = useRef(null);
  const source = useMemo(() => {
    if (!remote) return fromArray(rows, { sort: view.sort, filters: view.f, text: view.find });
    last.current?.close();
    last.current = new Remote(parts, asked, () => redraw((n) => n + 1));
    last.current.read(0, 1);
    return last.current;
  }, [remote ? key : rows, key]);
  useEffect(() => () => last.current?.close(), []);
  useEffect(() => { if (source.total !== null && (view.find || view.f.length)) announce(`${plural(source.total, "row")} in ${label}`); }, [source, source.total]);

  const sample = remote ? source.read(0, 20).filter(Boolean) : rows.slice(0, 50);
  const there = remote ? source.columns ?? [] : Object.keys(rows[0] ?? {});
  const holds = (name) => more[name]?.screenOnly || rows.some((row) => row[name] !== null && row[name] !== undefined && row[name] !== "");
  const usual = (columns && remote && source.columns ? columns.filter((name) => there.includes(name) || more[name]?.draw) : columns ?? there).filter((name) => !hide.includes(name) && (remote || holds(name)));
  const offered = [...usual, ...there.filter((name) => !usual.includes(name) && !hide.includes(name) && name !== "strip" && !/^_|^q25$|^q75$/.test(name))];
  const wanted = view.cols ? view.cols.split(",").filter((name) => offered.includes(name)) : [];
  const names = wanted.length ? wanted : usual;
  const shown = columnsOf(names, sample, more);
  const filtered = view.find || view.f.length;
  const used = shown.filter((item) => item.name !== "strip" && !item.screenOnly);
  const save = async (as) => {
    setFailure("");
    try {
      const name = (ending) => fileName([file, ...view.f.map(filterName), view.find, view.sort && `by${view.sort}`], ending);
      const exported = { ...asked, words: as === "tsv" || undefined, fields: used.map((item) => item.name).filter((item) => there.includes(item)).join(",") };
      // too many for the browser, or genes of many signatures: the server writes the same rows in the same order
      const large = remote && source.total > MOST;
      if (parts?.[0] === "queries" && OF_ANSWERS.has(parts[2]) && (large || as === "gmt")) {
        if (as === "gmt" && source.total > MOST_SETS) throw new Error(`${count(source.total)} signatures; a GMT takes ${count(MOST_SETS)}: filter first`);
        return await fetched(["queries", parts[1], "export"], { ...exported, as, table: parts[2], top: as === "gmt" ? GENES : undefined, fields: as === "gmt" ? undefined : exported.fields }, name(as));
      }
      if (large && parts.length === 1) return await fetched([`${parts[0]}.${as}`], exported, name(as));
      const all = remote ? await source.everything(MOST) : source.all;
      if (as === "gmt") return saveText(await sets(all), name("gmt"));
      const said = [...notes, ...view.f.map((item) => `filter: ${filterWords(item, title)}`), ...(view.find ? [`search: ${view.find}`] : []), ...(view.sort ? [`sorted by ${view.sort}`] : [])];
      saveText(as === "gct" ? gct(used, all, id ?? used[0].name) : tsv(used, all, said), name(as));
      announce(`${plural(all.length, "row")} written`);
    } catch (error) { setFailure(error.message); }
    return undefined;
  };
  const keyOf = (row) => (apart ? `${row[id]}~${row[apart]}` : row[id]);
  const open = useOpened({ id: detail && id, apart, keyOf, wanted: view.row, rows: remote ? source : rows, remote, parts, query });
  return html`<div class="table" ref=${box}>
    <div class="tools">
      <label class="find">Find <input type="search" value=${view.find} maxlength="200" onInput=${(event) => change({ find: event.target.value })} /></label>
      ${facets.map((facet) => html`<${Facet} key=${facet.field} ...${facet} filters=${view.f} change=${(f) => change({ f })} />`)}
      ${extra}${(remote || rows.length > FEW) && html`<${AddFilter} columns=${columnsOf(offered.filter((name) => there.includes(name)), sample, more)} change=${(item) => change({ f: [...view.f.filter((one) => one !== item), item] })} />
      <${Columns} offered=${columnsOf(offered, sample, more)} names=${names} usual=${usual} change=${(cols) => change({ cols })} />`}
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
          onOpen=${detail && ((row) => change({ row: open && keyOf(open) === keyOf(row) ? "" : keyOf(row) }))} opened=${open && keyOf(open)} keyOf=${id && keyOf} />`}
    ${open && html`<section class="detail" aria-label=${`Details of ${view.row}`} onKeyDown=${(event) => { if (event.key === "Escape") { change({ row: "" }); box.current?.querySelector("[role=grid]")?.focus(); } }}>
      <button type="button" class="close" onClick=${() => change({ row: "" })} aria-label="Close the details">×</button>${detail(open)}</section>`}
  </div>`;
}

/** A file that the server writes; what is wrong with it is known before the browser takes it, which would say nothing. */
async function fetched(parts, query, name) {
  await probe(parts, query);
  saveAddress(address(parts, query), name);
}

/** The row that is open: among those that are here, else asked for by its id; a name alone opens the first of that name. */
function useOpened({ id, apart, keyOf, wanted, rows, remote, parts, query }) {
  const [kept, keep] = useState(null);
  const [name, kind] = apart && wanted.includes("~") ? wanted.split(/~(?=[^~]*$)/) : [wanted];
  const fits = (row) => (kind === undefined ? row[id] === wanted : keyOf(row) === wanted);
  const active = Boolean(id && wanted);
  const here = active ? rows.find(fits) : null;
  const missing = active && !here && !(kept && fits(kept)) && remote && rows.total !== null;
  useEffect(() => {
    if (!missing) return undefined;
    const stop = new AbortController();
    get(parts, { ...query, limit: 1, f: [`${id}:${name}`, ...(kind ? [`${apart}:${kind}`] : [])] }, { signal: stop.signal }).then((data) => keep(rowsOf(data)[0] ?? null), () => {});
    return () => stop.abort();
  }, [missing, wanted, JSON.stringify([parts, query])]);
  useEffect(() => { if (here) keep(here); }, [here]);
  return active ? here ?? (kept && fits(kept) ? kept : null) : null;
}
