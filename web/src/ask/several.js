// Several questions at once: sets of a GMT, several lists, several tables. Some or all are asked; their answers stand side by side.
import { html, useEffect, useState } from "../core/html.js";
import { upload } from "../core/api.js";
import { count, plural } from "../core/format.js";
import { Working } from "../parts/working.js";

export const MOST = 200; // questions at a time, as the server takes them
const MOST_GENES = 2000, SHOWN = 300;

const trimmed = (pair) => ({ name: pair.name.slice(0, 100) || "query", up: pair.up.slice(0, MOST_GENES), down: pair.down.slice(0, MOST_GENES) });

export function Several({ found, busy, onTake, onAsk, onClose }) {
  const [left, setLeft] = useState(new Set()), [find, setFind] = useState(""), [read, setRead] = useState(null);
  useEffect(() => {
    if (!found.tables.length) { setRead([]); return undefined; }
    const stop = new AbortController();
    Promise.all(found.tables.map(({ file, name }) => upload(["signature"], file, {}, { signal: stop.signal }).then(
      (data) => (data.kind === "signature" ? data.queries.map((item) => ({ name: item.name, token: item.token, genes: item.genes, words: item.columns[0] }))
        : data.kind === "sets" ? data.queries.map((item) => ({ name: item.name, up: item.up, down: item.down })) : [{ name, failed: data.reason ?? "holds values of samples: drop it alone to choose the groups" }]),
      (error) => [{ name, failed: error.message }]))).then((all) => { if (!stop.signal.aborted) setRead(all.flat()); });
    return () => stop.abort();
  }, [found]);
  const failed = [...found.failed, ...(read ?? []).filter((item) => item.failed).map((item) => ({ name: item.name, why: item.failed.replace(`${item.name}: `, "") }))];
  const items = [...found.sets, ...(read ?? []).filter((item) => !item.failed)].map((item, at) => ({ ...item, at }));
  const shown = items.filter((item) => item.name.toLowerCase().includes(find.toLowerCase()));
  const chosen = shown.filter((item) => !left.has(item.at));
  const long = items.filter((item) => (item.up?.length ?? 0) > MOST_GENES || (item.down?.length ?? 0) > MOST_GENES).length;
  const question = (item) => (item.token ? { name: item.name.slice(0, 100), token: item.token } : trimmed(item));
  const flip = (item) => setLeft((now) => { const next = new Set(now); if (!next.delete(item.at)) next.add(item.at); return next; });
  return html`<section class="box several" aria-label="Questions of the files"><h2>${found.title}: ${plural(items.length, "question")} <button type="button" class="close" onClick=${onClose} aria-label="Remove the files">×</button></h2>
    ${failed.length > 0 && html`<div class="box bad" role="alert"><strong>Not read:</strong><ul class="lost">${failed.map((item) => html`<li key=${item.name}>${item.name}: ${item.why}</li>`)}</ul></div>`}
    ${found.notes.map((note) => html`<p class="soft" key=${note}>${note}</p>`)}
    ${read === null && html`<${Working} what=${`Reading ${plural(found.tables.length, "table")}`} />`}
    ${items.length > 0 && html`<div class="tools">${items.length > 8 && html`<label>Find <input type="search" value=${find} maxlength="100" onInput=${(event) => setFind(event.target.value)} /></label>`}
        <button type="button" onClick=${() => setLeft(new Set())}>All</button><button type="button" onClick=${() => setLeft(new Set(items.map((item) => item.at)))}>None</button><span class="soft">${count(chosen.length)} of ${count(items.length)} chosen</span></div>
      <div class="scroll" tabindex="0" role="group" aria-label="Questions"><table><thead><tr><th><span class="hidden">Ask</span></th><th>Name</th><th class="n">Up</th><th class="n">Down</th><th></th></tr></thead><tbody>${shown.slice(0, SHOWN).map((item) => html`<tr key=${item.at}>
        <td><input type="checkbox" aria-label=${`Ask ${item.name}`} checked=${!left.has(item.at)} onChange=${() => flip(item)} /></td><td>${item.name}</td>${item.token ? html`<td colspan="2" class="soft">${plural(item.genes, "gene")}</td>` : html`<td class="n">${item.up.length}</td><td class="n">${item.down.length}</td>`}
        <td>${item.token ? html`<span class="soft" title=${item.words}>whole signature</span>` : html`<button type="button" class="quiet" onClick=${() => onTake(item)}>Put <span class="hidden">${item.name} </span>in the boxes</button>`}</td></tr>`)}</tbody></table></div>
      ${shown.length > SHOWN && html`<p class="soft">The first ${SHOWN} of ${count(shown.length)} are listed; a word above finds others.</p>`}
      ${long > 0 && html`<p class="soft">Of ${plural(long, "set")} the first ${count(MOST_GENES)} genes are asked with.</p>`}
      <div class="row"><button type="button" class="main" disabled=${busy || !chosen.length || chosen.length > MOST} onClick=${() => onAsk(found.title.slice(0, 100), chosen.map(question))}>Ask ${chosen.length === 1 ? "it" : `these ${count(chosen.length)}`}</button>
        <span class="soft">${busy ? "asking ..." : chosen.length > MOST ? `${MOST} at a time: choose fewer, or use beadwork query --library` : "Their answers stand side by side, as a matrix."}</span></div>`}
    ${read !== null && !items.length && html`<p>No question can be made of ${found.title}.</p>`}
  </section>`;
}
