// An answer: progress until it is there, then the question in one line, how sure it is, and its views.
import { html, useEffect, useRef, useState } from "../core/html.js";
import { get, send } from "../core/api.js";
import { go, link, route } from "../core/route.js";
import { has, index } from "../core/index.js";
import { announce } from "../core/live.js";
import { count, plural } from "../core/format.js";
import { AskAgain, Failed, Loading } from "../parts/states.js";
import { HowSure } from "./sure.js";
import { Tools } from "./tools.js";
import { Overview } from "./overview.js";
import { Perturbagens } from "./perts.js";
import { Mechanisms } from "./mechanisms.js";
import { Genes } from "./genes.js";
import { Heat } from "./heat.js";
import { ScatterTab } from "./scattertab.js";
import { Signatures } from "./sigs.js";

const TABS = [["", "Overview", Overview], ["perts", "Perturbagens", Perturbagens, "n_perturbagens"], ["classes", "Mechanisms", Mechanisms], ["genes", "Genes behind", Genes],
  ["heat", "Heat map", Heat], ["scatter", "Scatter", ScatterTab], ["sigs", "Signatures", Signatures, "n_signatures"]];
const FIRST = 60, LAST = 800;

export const isOver = (state) => ["done", "failed", "cancelled"].includes(state?.phase ?? state?.status);

/** State of a question, asked for until it is answered. */
export function useAnswer(id) {
  const [state, set] = useState({ loading: true });
  const [round, again] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    let timer, wait = FIRST;
    set({ loading: true });
    const look = () => get(["queries", id], {}, { signal: stop.signal }).then((data) => {
      set({ data });
      if (isOver(data)) { announce(data.phase === "done" ? `answered: ${plural(data.counts?.n_perturbagens ?? 0, "perturbagen")}, ${plural(data.counts?.n_signatures ?? 0, "signature")}` : `not answered: ${data.message ?? data.phase}`); return; }
      timer = setTimeout(look, wait);
      wait = Math.min(LAST, wait * 1.5);
    }).catch((error) => { if (error.name !== "AbortError") set({ error }); });
    look();
    return () => { clearTimeout(timer); stop.abort(); };
  }, [id, round]);
  return [state, () => again((n) => n + 1)];
}

export function Answer({ rest: [id, tab = ""] }) {
  const [call, look] = useAnswer(id ?? "");
  if (call.error) return html`<h1>Answer</h1><${Failed} error=${call.error}>${[404, 410].includes(call.error.status) ? html`<p>This answer is not kept here. <${AskAgain} />, or look in the <a href=${link("history")}>history</a>.</p>` : ""}</${Failed}>`;
  if (call.loading) return html`<h1>Answer</h1><${Loading} what="Looking for the answer" />`;
  const state = call.data, phase = state.phase ?? state.status;
  if (!isOver(state)) return html`<${Waiting} state=${state} id=${id} />`;
  if (phase !== "done") return html`<h1>${state.name}</h1><${Failed} error=${{ message: phase === "cancelled" ? "the question was cancelled" : state.message || "the question was not answered" }}><p><${AskAgain} /></p></${Failed}>`;
  return html`<${Done} state=${state} id=${id} tab=${tab} look=${look} />`;
}

function Waiting({ state, id }) {
  const begun = useRef(performance.now() - 1000 * (state.elapsed ?? 0));
  const share = state.done / (state.of || 1);
  const phase = state.phase ?? state.status;
  const stop = async () => { await send("DELETE", ["queries", id]).catch(() => {}); announce("cancelled"); go(link()); };
  const elapsed = Math.max(0, (performance.now() - begun.current) / 1000);
  return html`<h1>${state.name ?? "Answer"}</h1><section class="box waiting" aria-label="Progress">
    <p>${phase === "waiting" || phase === "queued" ? `Waiting its turn${state.place ? `: ${plural(state.place, "question")} before it` : ""}` : state.message || { scoring: "Scoring signatures", "rolling up": "Rolling up to perturbagens", keeping: "Keeping the answer" }[phase] || phase} · ${elapsed.toFixed(1)} s</p>
    <progress max="1" value=${share} aria-label="Progress"></progress>
    <button type="button" onClick=${stop}>Cancel</button></section>`;
}

/** Asks the same question of the index as it is now. */
function Again({ id, look }) {
  const [error, setError] = useState(null);
  const ask = () => send("POST", ["queries"], { again: id }).then((state) => (state.id === id ? look() : go(link("q", state.id))), setError);
  return html`<button type="button" onClick=${ask}>Ask again</button>${error && html`<${Failed} error=${error} />`}`;
}

/** The question in one line. */
export const questionLine = (state) => `${askedWith(state)}${state.question?.direction === "reverse" ? ", reversed" : ""}`;

function askedWith(state) {
  const counts = state.counts ?? {}, found = [counts.n_up_found, counts.n_down_found];
  const kind = state.question ?? {};
  if (kind.like) return `like ${kind.like}`;
  const genes = kind.signature_size ?? Object.keys(kind.signature ?? {}).length;
  if (genes || kind.signature_table || kind.signature_table_size) return `a whole signature${genes ? ` of ${plural(genes, "gene")}` : ""}`;
  const side = (n, word) => (n ? `${count(n)} ${n === 1 ? "gene" : "genes"} ${word}` : `none ${word}`);
  return `${side(found[0], "up")}, ${side(found[1], "down")}`;
}

function Done({ state, id, tab, look }) {
  const [, , View] = TABS.find(([name]) => name === tab) ?? TABS[0];
  const counts = state.counts ?? {};
  const old = state.older;
  const query = new URLSearchParams([...route.value.query].filter(([name]) => name === "v"));
  const file = state.name === "query" ? questionLine(state) : state.name;
  return html`<div class="answer">
    ${(old || state.message) && html`<div class="banner" role="status">${state.message ? "The scores of this answer are not kept any more." : "This answer is of an older state of the index."} <${Again} id=${id} look=${look} /></div>`}
    <h1>${state.name && state.name !== "query" ? html`${state.name} <span class="soft">${questionLine(state)}</span>` : questionLine(state)}</h1>
    <div class="row under"><span class="soft">${plural(counts.n_signatures ?? index.value?.signatures ?? 0, "signature")} · ${plural(counts.n_perturbagens ?? 0, "perturbagen")}${state.question?.where?.length ? "" : html` · ${plural(index.value?.cells ?? 0, "cell")}`}${state.question?.where?.length ? ` · only ${state.question.where.join(" and ")}` : ""}</span><${Tools} state=${state} id=${id} file=${file} /></div>
    ${state.question?.direction === "reverse" && html`<p class="banner"><strong>Asked reversed:</strong> up and down are exchanged. What opposes ${state.question.like ?? "the genes as they were given"} scores above 0 and resembles the reversed question.</p>`}
    <${HowSure} state=${state} />
    ${state.message ? "" : html`<nav class="tabs" aria-label="Views of this answer">${TABS.map(([name, title, , n]) => html`<a key=${name} href=${`${link("q", id, ...(name ? [name] : []))}${query.size ? `?${query}` : ""}`} aria-current=${tab === name ? "page" : undefined}>${title}${n && counts[n] !== undefined ? html` <span class="soft">${count(counts[n])}</span>` : name === "classes" && !has("mechanisms") ? html` <span class="soft">none here</span>` : ""}</a>`)}</nav>
    <${View} key=${tab} state=${state} id=${id} file=${file} />`}
    <p class="printed">beadwork · ${index.value?.path ?? "index"}, state ${state.state ?? ""}${state.created ? ` · asked ${new Date(state.created * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC` : ""} · ${location.href}</p></div>`;
}

/** Address of the form with this question in it. */
export const askAgain = (state) => link({ from: state.id, edit: 1 });
