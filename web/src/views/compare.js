// Compare: two to ten answers, how alike their orders are, two against each other, rows that differ most.
import { html, useMemo } from "../core/html.js";
import { send } from "../core/api.js";
import { amend, go, link, route } from "../core/route.js";
import { rowsOf } from "../core/rows.js";
import { useCall } from "../core/use.js";
import { plural, signed } from "../core/format.js";
import { HeatMap } from "../plots/heatmap.js";
import { Scatter } from "../plots/scatter.js";
import { Empty, Failed, Loading } from "../parts/states.js";
import { Table } from "../parts/table.js";

const VIEW = { perts: "pert", classes: "class", sigs: "sig" };
const TABLES = [["perts", "perturbagens"], ["classes", "mechanisms"], ["sigs", "signatures"]];

export function Compare() {
  const query = route.value.query, ids = (query.get("q") ?? "").split(",").filter(Boolean), table = query.get("table") ?? "perts";
  const call = useCall(() => (ids.length > 1 ? send("POST", ["compare"], { ids, table, rows: 200 }) : null), [ids.join(","), table]);
  const head = html`<h1>Compare</h1><div class="tools"><label>Rows <select value=${table} onChange=${(event) => amend({ table: event.target.value, sort: "", f: "" })}>${TABLES.map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select></label></div>`;
  if (ids.length < 2) return html`<h1>Compare</h1><${Empty}>Choose two to ten answers: “Compare +” on an answer, or the boxes in the <a href=${link("history")}>history</a>.</${Empty}>`;
  if (call.error) return html`${head}<${Failed} error=${call.error} />`;
  if (call.loading || !call.data) return html`${head}<${Loading} what="Comparing" />`;
  return html`${head}<${Found} data=${call.data} ids=${ids} query=${query} table=${table} />`;
}

function Found({ data, ids, query, table }) {
  const names = data.names.map((name, at) => (data.names.indexOf(name) === at && data.names.lastIndexOf(name) === at ? name : `${name} ${at + 1}`));
  const a = Math.min(names.length - 1, Number(query.get("a") ?? 0)), b = Math.min(names.length - 1, Number(query.get("b") ?? 1));
  const matrix = useMemo(() => Float32Array.from(data.correlation.flat(), (value) => (value === null ? NaN : value)), [data]);
  const points = useMemo(() => ({ x: Float32Array.from(data.scores.values, (row) => row[a]), y: Float32Array.from(data.scores.values, (row) => row[b]) }), [data, a, b]);
  const rows = useMemo(() => rowsOf(data), [data]);
  const choice = (label, key, value) => html`<label>${label} <select value=${value} onChange=${(event) => amend({ [key]: event.target.value })}>${names.map((name, at) => html`<option key=${at} value=${at}>${name}</option>`)}</select></label>`;
  const more = Object.fromEntries(ids.map((id, at) => [id, { title: names[at], help: `NCS in the answer to ${names[at]}`, shown: (value) => signed(value), signed: true }]));
  const first = data.columns[0];
  return html`<p class="soft">${plural(data.shared, "row")} in all of them${data.only_some ? `, ${data.only_some.toLocaleString("en")} only in some` : ""}. ${data.measure}.</p>
    <ol class="recent">${ids.map((id, at) => html`<li key=${id}><a href=${link("q", id)}>${names[at]}</a> <button type="button" class="quiet" onClick=${() => amend({ q: ids.filter((one) => one !== id).join(",") })}>leave out</button></li>`)}</ol>
    <div class="two"><section><h2>How alike</h2><${HeatMap} rows=${names} cols=${names} values=${matrix} label="Rank correlations of the answers" file="compare_correlation" small=${true} span=${1} words="Rank correlation; orange: alike, blue: opposite. A click on a field draws the two against each other." onCell=${(row, col) => amend({ a: col, b: row })} /></section>
      <section><h2>Two against each other</h2><div class="tools">${choice("Horizontal", "a", a)}${choice("Vertical", "b", b)}</div><${Scatter} x=${points.x} y=${points.y} xTitle=${`NCS, ${names[a]}`} yTitle=${`NCS, ${names[b]}`} label=${`NCS of ${names[b]} against ${names[a]}`} file="compare_scatter" tall=${380} unit="row" onPick=${(point) => go(link(VIEW[table], data.scores.names[point]))} describe=${(point) => `${data.scores.labels[point]}: ${signed(points.x[point])}, ${signed(points.y[point])}`} />
        ${data.scores.shown < data.scores.of && html`<p class="soft">${data.scores.shown.toLocaleString("en")} of ${data.scores.of.toLocaleString("en")} rows, evenly over the order.</p>`}</section></div>
    <section><h2>Rows that differ most</h2><${Table} rows=${rows} label="rows that differ most" file="compare_rows" id=${first} columns=${data.columns} more=${{ ...more, spread: { title: "Spread", help: "largest minus smallest score" }, [first]: { phone: true, draw: (row) => html`<a href=${link(VIEW[table], row[first])}>${row[first]}</a>` } }} /></section>`;
}
