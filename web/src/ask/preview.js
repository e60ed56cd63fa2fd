// A table that was dropped: its first rows, what was read of it, which columns were taken, before it is asked with.
import { html, useEffect, useMemo, useState } from "../core/html.js";
import { upload } from "../core/api.js";
import { count, list, number, plural } from "../core/format.js";
import { announce } from "../core/live.js";
import { Failed, Loading } from "../parts/states.js";

/** First rows of a text as fields, whatever separates them. */
function look(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() && !line.startsWith("#")).slice(0, 7);
  const mark = ["\t", ",", ";"].sort((a, b) => (lines[0]?.split(b).length ?? 0) - (lines[0]?.split(a).length ?? 0))[0];
  const rows = lines.map((line) => line.split(mark).map((field) => field.replace(/^"|"$/g, "").trim()));
  const wide = Math.max(0, ...rows.map((row) => row.length));
  if (rows[0] && rows[0].length === wide - 1) rows[0].unshift("");
  return rows;
}

export function Preview({ table, busy, onAsk, onGenes, onClose }) {
  const [state, set] = useState({ loading: true });
  const [at, setAt] = useState(0);
  const rows = useMemo(() => (table.text ? look(table.text) : []), [table]);
  useEffect(() => {
    const stop = new AbortController();
    set({ loading: true });
    upload(["signature"], table.file, { signal: stop.signal })
      .then((data) => { set({ data }); setAt(0); announce(`${table.name} was read`); })
      .catch((error) => { if (error.name !== "AbortError") set({ error }); });
    return () => stop.abort();
  }, [table]);
  const found = state.data, one = found?.queries[at];
  const header = rows[0] ?? [];
  const used = (one?.columns ?? []).join(" ");
  const chosen = (name) => name && used.includes(name);
  return html`<section class="box preview" aria-label=${`Preview of ${table.name}`}>
    <h2>${table.name} <button type="button" class="close" onClick=${onClose} aria-label="Remove the file">×</button></h2>
    ${rows.length > 1 && html`<div class="wide" tabindex="0" role="group" aria-label="First rows"><table><thead><tr>${header.map((item, col) => html`<th key=${col} class=${chosen(item) ? "chosen" : ""}>${item || html`<span class="soft">no name</span>`}</th>`)}</tr></thead>
      <tbody>${rows.slice(1, 6).map((row, line) => html`<tr key=${line}>${row.map((item, col) => html`<td key=${col} class=${chosen(header[col]) ? "chosen" : ""}>${item}</td>`)}</tr>`)}</tbody></table></div>`}
    ${state.loading && html`<${Loading} what="Reading the file" lines=${1} />`}
    ${state.error && html`<${Failed} error=${state.error}><p>A list of genes can be pasted above; <code>beadwork signature</code> and <code>beadwork query --signature</code> read more kinds, and let you choose the columns.</p></${Failed}>`}
    ${found && found.queries.length > 1 && html`<label>Holds ${plural(found.count, found.kind === "sets" ? "set" : "signature")}; ask with <select value=${at} onChange=${(event) => setAt(Number(event.target.value))}>${found.queries.map((item, place) => html`<option key=${place} value=${place}>${item.name}</option>`)}</select></label>`}
    ${one && found.kind === "signature" && html`<p>The whole signature is asked with, not lists of genes: ${plural(one.genes, "gene")} read, <strong>${count(one.quality.used)} of them in this index</strong>${one.quality["not here"] ? `, ${count(one.quality["not here"])} known but not here` : ""}${one.quality.unknown ? `, ${count(one.quality.unknown)} not known` : ""}.</p>
      ${[...one.columns, ...found.notes].map((note) => html`<p class="soft" key=${note}>${note}</p>`)}
      <p>Highest: ${list(one.preview.up.slice(0, 6).map((item) => `${item.gene} ${number(item.value)}`))}. Lowest: ${list(one.preview.down.slice(0, 6).map((item) => `${item.gene} ${number(item.value)}`))}.</p>
      <div class="row"><button type="button" class="main" disabled=${busy} onClick=${() => onAsk({ token: one.token })}>Find connections</button></div>`}
    ${one && found.kind === "sets" && html`<p>Genes: ${one.up.length} up, ${one.down.length} down.</p><div class="row"><button type="button" class="main" onClick=${() => onGenes(one)}>Put them in the boxes</button></div>`}
  </section>`;
}
