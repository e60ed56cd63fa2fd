// A library that was asked: where each question stands, and the matrix of drugs (or mechanisms) by questions.
import { html, useEffect, useMemo, useState } from "../core/html.js";
import { get, send } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { announce } from "../core/live.js";
import { index } from "../core/index.js";
import { count, plural, signed, span, typeName } from "../core/format.js";
import { css, diverging, inkOn } from "../core/colour.js";
import { useDark } from "../core/use.js";
import { when } from "../ask/questions.js";
import { Empty, Failed, Loading } from "../parts/states.js";
import { Table } from "../parts/table.js";

const SCORES = { ncs: ["NCS", 2, "score of the row in the answer to this question"], median_ncs: ["median NCS", 2, "median of its signatures"], tau: ["tau", 100, "against the background of the index"], tau_own: ["tau within the library", 100, "against its scores in all other questions of this library: how special it is to this one"] };
const MOST_COLUMNS = 24, FEWEST_OWN = 50;

const exact = (span) => (value) => signed(value, span > 2 ? 1 : 2);

function useBatch(id) {
  const [state, set] = useState({ loading: true }), [round, again] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    let timer, wait = 150;
    const look = () => get(["batches", id], {}, { signal: stop.signal }).then((data) => {
      set({ data });
      if (data.running) { timer = setTimeout(look, wait); wait = Math.min(1500, wait * 1.4); } else if (round || wait > 150) announce(`${data.done} of ${data.of} answered`);
    }).catch((error) => { if (error.name !== "AbortError") set({ error }); });
    look();
    return () => { clearTimeout(timer); stop.abort(); };
  }, [id, round]);
  return [state, () => again((n) => n + 1)];
}

export function Matrix({ id }) {
  const [call, look] = useBatch(id), [error, setError] = useState(null);
  if (call.error) return html`<h1>Disease library</h1><${Failed} error=${call.error}><p>See the <a href=${link("library")}>libraries asked before</a>.</p></${Failed}>`;
  if (call.loading) return html`<h1>Disease library</h1><${Loading} what="Reading the library" />`;
  const data = call.data, open = data.members.filter((item) => item.status !== "done"), refused = open.filter((item) => item.status === "refused" || item.status === "failed");
  const act = (what, words) => { setError(null); send("POST", ["batches", id, what]).then(() => { announce(words); look(); }, setError); };
  return html`<h1>${data.name} <span class="soft">${plural(data.of, "question")}, ${when(data.created)}</span></h1>
    <p class="row under"><a href=${link("library")}>All libraries</a>${!data.running && (open.length > refused.length || data.older) && html`<button type="button" onClick=${() => act("again", "asking")}>${data.older ? "Ask again, of the index as it is now" : `Ask the ${open.length - refused.length} that are not answered`}</button>`}</p>
    ${error && html`<${Failed} error=${error} />`}
    ${data.older && html`<div class="banner" role="status">Answers are of an older state of the index.</div>`}
    ${data.running && html`<section class="box" aria-label="Progress"><p>${data.done} of ${data.of} answered</p><progress max=${data.of} value=${data.done} aria-label="Progress"></progress> <button type="button" onClick=${() => act("cancel", "cancelled")}>Cancel</button></section>`}
    ${refused.length > 0 && html`<div class="box bad" role="alert"><strong>${plural(refused.length, "question")} could not be answered:</strong><ul class="lost">${refused.slice(0, 10).map((item) => html`<li key=${item.column}>${item.name}: ${item.message}</li>`)}</ul>${refused.length > 10 ? `and ${refused.length - 10} more` : ""}</div>`}
    ${data.running ? html`<${Questions} members=${data.members} /><p class="soft">The matrix stands here as soon as all are answered.</p>` : data.done === 0 ? html`<${Empty}>None of its questions is answered${open.some((item) => item.status === "cancelled") ? ": they were cancelled" : ""}.</${Empty}>`
      : html`<${Found} key=${data.done} id=${id} data=${data} />`}`;
}

function Found({ id, data }) {
  const query = route.value.query, table = query.get("rows") === "classes" ? "classes" : "perts", dark = useDark();
  const done = data.members.filter((item) => item.status === "done");
  const score = Object.hasOwn(SCORES, query.get("score") ?? "") ? query.get("score") : "ncs", wanted = (query.get("with") ?? "").toLowerCase();
  const matching = done.filter((item) => item.name.toLowerCase().includes(wanted));
  const from = Math.min(Number(query.get("from") ?? 0) || 0, Math.max(0, matching.length - 1)), shown = matching.slice(from, from + MOST_COLUMNS);
  const [words, span, help] = SCORES[score];
  const name = (column) => data.members.find((item) => item.column === column)?.name ?? column;
  const view = table === "classes" ? "class" : "pert", key = table === "classes" ? "class" : "pert_iname";
  const more = useMemo(() => ({
    [key]: { phone: true, draw: (row) => html`<a href=${link(view, row[key])}>${row[key]}</a>` },
    pert_type: { width: 98 }, n_signatures: { width: 85 }, n_perturbagens: { width: 85 }, lowest: { width: 62, phone: true, signed: true, shown: exact(span) }, highest: { signed: true, shown: exact(span) }, mean: { width: 60, signed: true, shown: exact(span) },
    lowest_in: { phone: true, shown: name, width: 130 },
    ...Object.fromEntries(done.map((item) => [item.column, { title: item.name, fileName: item.name, numeric: true, width: 78, help: `${item.name}: ${words}, ${help}`, draw: (row) => html`<${Cell} value=${row[item.column]} span=${span} dark=${dark} href=${link("q", item.id, table, { row: row[key] })} label=${`${row[key]} in ${item.name}`} />` }])),
  }), [table, score, dark, done.length]);
  const first = table === "classes" ? ["class", "n_perturbagens"] : ["pert_iname", "pert_type", "n_signatures"];
  const tooFew = done.length <= FEWEST_OWN;
  return html`<${Questions} members=${data.members} />
    <section><h2>${table === "classes" ? "Mechanisms" : "Drugs and other perturbagens"} by question <span class="soft">blue opposes, orange resembles; click a field for the answer, a title to sort</span></h2>
      <div class="tools"><label>Rows <select value=${table} onChange=${(event) => amend({ rows: event.target.value === "classes" ? "classes" : "", sort: "", f: "", find: "", row: "", cols: "" })}><option value="perts">perturbagens</option><option value="classes">mechanisms</option></select></label>
        <label>Score <select value=${score} onChange=${(event) => amend({ score: event.target.value === "ncs" ? "" : event.target.value, sort: "" })}>${Object.entries(SCORES).map(([value, [title]]) => html`<option key=${value} value=${value} disabled=${value === "tau_own" && tooFew}>${title}${value === "tau_own" && tooFew ? ` (from ${FEWEST_OWN + 1} answers)` : ""}</option>`)}</select></label>
        <label>Questions with <input type="search" class="short" value=${query.get("with") ?? ""} maxlength="100" placeholder="any name" onInput=${(event) => amend({ with: event.target.value, from: "" })} /></label>
        <span class="soft">${matching.length > shown.length ? `${span(from + 1, from + shown.length)} of ${plural(matching.length, "question")}` : `${count(matching.length)} of ${plural(done.length, "question")}`}</span>
        ${from > 0 && html`<button type="button" onClick=${() => amend({ from: Math.max(0, from - MOST_COLUMNS) || "" })}>Before</button>`}${from + MOST_COLUMNS < matching.length && html`<button type="button" onClick=${() => amend({ from: from + MOST_COLUMNS })}>Next</button>`}</div>
      ${shown.length === 0 ? html`<${Empty}>No question has “${query.get("with")}” in its name.</${Empty}>`
        : html`<${Table} key=${`${table}${score}`} parts=${["batches", id, table]} query=${{ score }} columns=${[...first, "lowest", "lowest_in", "mean", ...shown.map((item) => item.column)]} label=${table === "classes" ? "mechanisms by question" : "perturbagens by question"} file=${`${data.name}_${table}_${score}`} id=${key} height=${18} head=${56} pinned=${true} more=${more}
            facets=${table === "perts" ? [{ field: "pert_type", label: "Type", values: index.value?.pert_types ?? [], shown: typeName }] : []} notes=${[`score: ${words} (${help})`, `state of the index: ${index.value?.state ?? ""}`]} />`}</section>`;
}

/** A number on its colour; it leads to the row in that answer. */
function Cell({ value, span, dark, href, label }) {
  if (value === null || value === undefined) return html`<span class="soft" title=${`${label}: not known`}>·</span>`;
  const colour = diverging(value / span, dark);
  return html`<a class="field" href=${href} aria-label=${`${label}: ${exact(span)(value)}`} style=${{ background: css(colour), color: inkOn(colour) }}>${signed(value, span > 2 ? 0 : 2)}</a>`;
}

const ends = (rows) => (rows.length ? rows.map((row, at) => html`${at ? ", " : ""}<a href=${link("pert", row.pert_iname)}>${row.pert_iname}</a> <span class="soft">${signed(row.ncs)}</span>`) : html`<span class="soft">none</span>`);
const WORDS = { waiting: "waiting", running: "being answered", failed: "failed", cancelled: "cancelled", refused: "refused", "not asked": "not asked yet" };

function Questions({ members }) {
  const [all, setAll] = useState(false), most = 12, shown = all ? members : members.slice(0, most);
  return html`<section><h2>Questions</h2><div class="wide" tabindex="0" role="group" aria-label="Questions of the library"><table><thead><tr><th>Name</th><th>How sure</th><th>Opposes most</th><th>Resembles most</th><th></th></tr></thead><tbody>
    ${shown.map((item) => html`<tr key=${item.column}><td>${item.status === "done" ? html`<a href=${link("q", item.id)}>${item.name}</a>` : item.name}</td><td class="soft">${item.status === "done" ? item.verdict : WORDS[item.status]}</td><td class="wrap">${item.status === "done" && ends(item.opposes)}</td><td class="wrap">${item.status === "done" && ends(item.resembles)}</td>
      <td>${item.status === "done" && html`<a href=${link("repurposing", { q: item.id })} aria-label=${`Repurposing for ${item.name}`}>Repurposing</a>`}</td></tr>`)}</tbody></table></div>
    ${members.length > most && html`<button type="button" class="quiet" onClick=${() => setAll(!all)}>${all ? `The first ${most} only` : `All ${count(members.length)}`}</button>`}</section>`;
}
