// Points of a plot in words: on hover, on click, and as the table of what a lasso holds.
import { html, useEffect, useRef, useState } from "../core/html.js";
import { send } from "../core/api.js";
import { go, link } from "../core/route.js";
import { rowsOf } from "../core/rows.js";
import { useCall } from "../core/use.js";
import { plural, signed, units } from "../core/format.js";
import { announce } from "../core/live.js";
import { Shown } from "./states.js";
import { Table } from "./table.js";
import { SIG_COLUMNS, sigColumns } from "../answer/sigs.js";

const MOST = 5000, PAUSE = 90;

/** Rows of signatures by their places in the index; with the scores of an answer if there is one. */
export const rowsAt = async (id, places, options) => rowsOf(await send("POST", id ? ["queries", id, "places"] : ["sigs", "places"], { places }, options));

export function useWords(id) {
  const known = useRef(new Map()), [, redraw] = useState(0), timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const describe = (point) => {
    const row = known.current.get(point);
    if (row === undefined) {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => { known.current.set(point, null); rowsAt(id, [point]).then(([item]) => { known.current.set(point, item); redraw((n) => n + 1); }, () => {}); }, PAUSE);
      return "...";
    }
    if (!row) return "...";
    return html`<strong>${row.pert_iname || row.pert_id}</strong> ${[row.cell_id, units(row.pert_idose), row.pert_itime].filter(Boolean).join(", ")}${row.ncs !== undefined && row.ncs !== null ? html`<br />NCS ${signed(row.ncs)}` : ""}`;
  };
  const open = async (point) => { const [row] = await rowsAt(id, [point]); if (row) go(link("sig", row.sig_id, id ? { q: id } : {})); };
  return { describe, open };
}

export function Picked({ id, points, file, onClear, total }) {
  if (points === null) return html`<p class="soft">Draw a lasso (button, or Shift and drag) to list the signatures within, or zoom and list what is in view; click a point to open it. ${id ? html`The same signatures stand in the <a href=${link("q", id, "sigs")}>table of signatures</a>.` : html`All of them stand in the <a href=${link("lookup", { list: "sigs" })}>list of signatures</a>.`}</p>`;
  if (!points.length) return html`<p class="soft">There is no signature within. <button type="button" class="quiet" onClick=${onClear}>Clear</button></p>`;
  return html`<${Rows} id=${id} points=${points} file=${file} onClear=${onClear} total=${total} />`;
}

function Rows({ id, points, file, onClear, total }) {
  const call = useCall(async (signal) => {
    const found = [];
    for (let at = 0; at < Math.min(points.length, MOST); at += 1000) found.push(...await rowsAt(id, points.slice(at, at + 1000), { signal }));
    announce(`${plural(points.length, "signature")} chosen`);
    return found;
  }, [points]);
  return html`<section aria-label="Chosen points"><h2>Chosen points <span class="soft">${plural(points.length, "signature")} of ${total.toLocaleString("en")}${points.length > MOST ? `; the first ${MOST.toLocaleString("en")} are listed` : ""}</span> <button type="button" onClick=${onClear}>Clear</button></h2>
    <${Shown} call=${call} what="Reading signatures">${(rows) => html`<${Table} rows=${rows} local=${true} label="signatures chosen" file=${`${file}_chosen`} id="sig_id" columns=${SIG_COLUMNS.filter((name) => name !== "rank" && rows.some((row) => row[name] !== undefined))} more=${sigColumns} start=${{ sort: id ? "-ncs" : "" }} />`}</${Shown}></section>`;
}
