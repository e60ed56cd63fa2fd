// Genes are checked while they are typed: used, known but not in this index, unknown with what may have been meant.
import { html, useEffect, useState } from "../core/html.js";
import { send } from "../core/api.js";
import { announce } from "../core/live.js";
import { howMany, list, plural } from "../core/format.js";
import { genesOf } from "./files.js";

const PAUSE = 250;

/** Verdicts of a text of genes, as the server sees them; null while it is empty. */
export function useCheck(text) {
  const [state, set] = useState(null);
  useEffect(() => {
    const genes = genesOf(text);
    if (!genes.length) { set(null); return undefined; }
    const stop = new AbortController();
    const timer = setTimeout(() => send("POST", ["genes", "check"], { genes }, { signal: stop.signal })
      .then((data) => { const rows = data.genes; set({ rows, notes: data.notes }); announce(summary(rows)); })
      .catch((error) => { if (error.name !== "AbortError") set({ error }); }), PAUSE);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [text]);
  return state;
}

const known = (row) => row.verdict === "not here";
const unknown = (row) => row.verdict === "unknown";
export const used = (row) => row.verdict === "used" && !row.repeated;

/** What a name is, without what may have been meant, which stands behind it as buttons. */
const whatItIs = (why) => why.split(/,? perhaps |; its human gene is | \(|; give /)[0];

const summary = (rows) => `${rows.filter(used).length} used, ${rows.filter(known).length} known but not in this index, ${rows.filter(unknown).length} not known`;

/** What became of the genes of one box; `onReplace(from, to)` takes a suggestion. */
export function Verdict({ state, onReplace, id }) {
  if (!state) return html`<p class="verdict soft" id=${id}>Symbols of today or older ones, Entrez or Ensembl ids.</p>`;
  if (state.error) return html`<p class="verdict bad" id=${id}>The genes could not be checked: ${state.error.message}.</p>`;
  const here = state.rows.filter(used), away = state.rows.filter(known), lost = state.rows.filter(unknown);
  const taken = here.filter((row) => row.symbol && row.symbol !== row.given);
  return html`<div class="verdict" id=${id}>
    <p><strong>${howMany(here.length, "gene")} used</strong>${away.length ? html` · ${away.length} known, but not in this index: <b>${list(away.map((row) => row.given), 8)}</b>` : ""}${lost.length ? html` · ${lost.length} not known` : ""}</p>
    ${lost.length > 0 && html`<ul class="lost">${lost.slice(0, 12).map((row) => html`<li key=${row.given}><b class="wavy">${row.given}</b>${row.suggest?.length
        ? html`${row.kind === "unknown" ? "" : `: ${whatItIs(row.why)}`}${row.kind === "unknown" ? ": did" : "; did"} you mean ${row.suggest.slice(0, 3).map((name, at) => html`${at ? ", " : ""}<button type="button" class="link" onClick=${() => onReplace(row.given, name.symbol ?? name)}>${name.symbol ?? name}</button>`)}?`
        : row.why ? `: ${row.why}` : ""}</li>`)}${lost.length > 12 && html`<li>and ${lost.length - 12} more</li>`}</ul>`}
    ${(state.notes ?? []).map((note) => html`<p class="soft" key=${note}>${note}</p>`)}
    ${taken.length > 0 && html`<details><summary>${plural(taken.length, "name")} read as ${taken.length === 1 ? "another" : "others"}</summary><ul class="lost">${taken.slice(0, 50).map((row) => html`<li key=${row.given}>${row.given} is read as <b>${row.symbol}</b>${row.kind && row.kind !== "symbol" ? ` (${row.kind})` : ""}</li>`)}</ul></details>`}
  </div>`;
}
