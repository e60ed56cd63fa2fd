// A file that was dropped: what it holds and what is taken of it, to be confirmed before it is asked with.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../core/html.js";
import { upload } from "../core/api.js";
import { count, howMany, list, number, plural } from "../core/format.js";
import { announce } from "../core/live.js";
import { Failed } from "../parts/states.js";
import { Working } from "../parts/working.js";
import { Groups } from "./groups.js";
import { MOST } from "./several.js";

/** Reads the file as `choice` says; what was read before is removed as soon as the choice changes. */
function useFile(file, choice) {
  const [state, set] = useState({ loading: true });
  const stop = useRef(null);
  useLayoutEffect(() => { // not after the paint: what was read before could still be asked with
    if (!choice) { set({}); return undefined; }
    stop.current = new AbortController();
    set({ loading: true });
    upload(["signature"], file, choice, { signal: stop.current.signal })
      .then((data) => { set({ data }); announce(`${file.name} was read`); })
      .catch((error) => { if (error.name !== "AbortError") set({ error }); });
    return () => stop.current.abort();
  }, [file, choice]);
  return [state, () => { stop.current?.abort(); set({ cancelled: true }); }];
}

export function Preview({ table, busy, onAsk, onAskAll, onGenes, onClose }) {
  const [choice, setChoice] = useState({}), [groups, setGroups] = useState(null), [known, setKnown] = useState(null), [values, setValues] = useState(null);
  const [state, cancel] = useFile(table.file, choice), [compared, cancelCompared] = useFile(table.file, groups);
  const data = state.data;
  useEffect(() => { if (data?.table) setKnown(data.table); if (data?.kind === "values") setValues(data); }, [data]);
  const pick = (changes) => setChoice((now) => ({ ...now, ...changes }));
  const design = choice.design ? { design: choice.design } : {};
  const showsValues = values && (data?.kind === "values" || values.open);
  const found = (made, read) => html`<${Found} key=${JSON.stringify(made)} found=${read} busy=${busy} title=${table.name} onAsk=${onAsk} onAskAll=${onAskAll} />`;
  return html`<section class="box preview" aria-label=${`Preview of ${table.name}`}>
    <h2>${table.name} <button type="button" class="close" onClick=${onClose} aria-label="Remove the file">×</button></h2>
    ${known && !showsValues && html`<${Columns} table=${data?.table ?? known} choice=${choice} onPick=${pick} />`}
    ${state.loading && html`<${Working} what="Reading the file" onCancel=${cancel} />`}
    ${state.cancelled && html`<p class="soft">Cancelled. <button type="button" onClick=${() => setChoice({ ...choice })}>Read it again</button></p>`}
    ${state.error && html`<${Failed} error=${state.error}><p>A list of genes can be pasted above; <code>beadwork signature</code> and <code>beadwork query --signature</code> read larger files and more kinds.</p></${Failed}>`}
    ${data?.kind === "table" && html`<${Failed} error=${{ message: data.reason }}><p>Choose the columns above.</p></${Failed}>`}
    ${showsValues ? html`<${Groups} values=${values} busy=${busy || compared.loading} onCompare=${(wanted) => setGroups({ ...design, ...wanted })} onColumns=${design.design ? null : () => { setValues(null); setGroups(null); pick({ by_column: "true" }); }} />
      ${compared.loading && html`<${Working} what="Comparing the groups" onCancel=${cancelCompared} />`}
      ${compared.cancelled && html`<p class="soft">Cancelled.</p>`}
      ${compared.error && html`<${Failed} error=${compared.error} />`}
      ${compared.data && found(groups, compared.data)}`
      : data?.kind === "signature" ? found(choice, data) : ""}
    ${data?.samples && !showsValues && html`<p><button type="button" class="link" onClick=${() => setValues({ ...data.samples, open: true })}>Its columns are samples: compare groups of them</button></p>`}
    ${known && !showsValues && (data?.kind === "table" || known.numeric.filter(Boolean).length > 6) && html`<p class="soft"><label>Its columns are samples? Add a table of the samples <input type="file" accept=".tsv,.csv,.txt" onChange=${(event) => event.target.files[0] && setChoice({ design: event.target.files[0] })} /></label></p>`}
    ${data?.kind === "sets" && html`${data.notes.map((note) => html`<p class="soft" key=${note}>${note}</p>`)}${data.queries.map((pair) => html`<p key=${pair.name}>${pair.name}: ${howMany(pair.up.length, "gene")} up, ${pair.down.length || "none"} down. <button type="button" class=${data.queries.length === 1 ? "main" : ""} onClick=${() => onGenes(pair)}>Put them in the boxes</button></p>`)}`}
  </section>`;
}

/** First rows of a table; which column names the genes, which ranks them. */
function Columns({ table, choice, onPick }) {
  const { names, numeric, first, n_rows: n } = table;
  const chosen = (at) => table.genes.includes(at) || table.values.includes(at);
  const named = names.map((name, at) => ({ name, at })).filter(({ name }, at) => name && names.indexOf(name) === at);
  const select = (label, key, some, none) => html`<label>${label} <select name=${key} value=${choice[key] ?? ""} onChange=${(event) => onPick({ [key]: event.target.value })}><option value="">${none}</option>${some.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>`;
  return html`<div class="wide" tabindex="0" role="group" aria-label="First rows"><table><thead><tr>${names.map((item, at) => html`<th key=${at} class=${`${chosen(at) ? "chosen" : ""} ${numeric[at] ? "n" : ""}`}>${item || html`<span class="soft">no name</span>`}</th>`)}</tr></thead>
      <tbody>${first.map((row, line) => html`<tr key=${line}>${row.map((item, at) => html`<td key=${at} class=${`${chosen(at) ? "chosen" : ""} ${numeric[at] ? "n" : ""}`}>${item}</td>`)}</tr>`)}</tbody></table></div>
    <p class="soft">${plural(n, "row")}. Columns that are taken are marked.</p>
    ${named.length > 1 && html`<div class="tools">${select("Genes", "gene_column", named, "found by their values")}${select("Ranked by", "value_column", named.filter(({ at }) => numeric[at]), "the statistic, else fold change")}${select("p-value", "p_column", named.filter(({ at }) => numeric[at]), "not ranked by p")}</div>`}`;
}

/** A signature that was read or made: what it holds, what speaks against it, and the button to ask. */
function Found({ found, busy, title, onAsk, onAskAll }) {
  const [at, setAt] = useState(0);
  const one = found.queries[at];
  const notes = [...new Set([...one.columns, ...found.notes])];
  return html`${found.queries.length > 1 && html`<label>${one.method ? plural(found.count, "comparison") : `Holds ${plural(found.count, "signature")}`}; ask with <select value=${at} onChange=${(event) => setAt(Number(event.target.value))}>${found.queries.map((item, place) => html`<option key=${place} value=${place}>${item.name}</option>`)}</select></label>`}
    <p>${one.method ? html`${one.name}: ${one.n_case} against ${plural(one.n_control, "sample")}, ${one.method}. ` : ""}The whole signature is asked with, not lists of genes: ${plural(one.genes, "gene")} read, <strong>${count(one.quality.used)} of them in this index</strong>${one.quality["not here"] ? `, ${count(one.quality["not here"])} known but not here` : ""}${one.quality.unknown ? `, ${count(one.quality.unknown)} not known` : ""}.</p>
    ${one.warnings?.length > 0 && html`<div class="banner"><strong>Treat as a hint:</strong> ${one.warnings.join("; ")}</div>`}
    ${notes.map((note) => html`<p class="soft" key=${note}>${note}</p>`)}
    <p>Highest: ${list(one.preview.up.slice(0, 6).map((item) => `${item.symbol ?? item.gene} ${number(item.value)}`))}. Lowest: ${list(one.preview.down.slice(0, 6).map((item) => `${item.symbol ?? item.gene} ${number(item.value)}`))}.</p>
    <div class="row"><button type="button" class="main" disabled=${busy} onClick=${() => onAsk({ token: one.token, ...(found.queries.length > 1 || one.method ? { name: one.name.slice(0, 100) } : {}) })}>Find connections</button>
      ${found.queries.length > 1 && html`<button type="button" disabled=${busy} onClick=${() => onAskAll(title.slice(0, 100), found.queries.slice(0, MOST).map((item) => ({ name: item.name.slice(0, 100), token: item.token })))}>Ask all ${found.queries.length} together</button>`}</div>`;
}
