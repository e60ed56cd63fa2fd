// Disease library: the sets of a GMT asked together, and their answers as a matrix of drugs by diseases.
import { html, useState } from "../core/html.js";
import { get, send, upload } from "../core/api.js";
import { go, link } from "../core/route.js";
import { readFiles, stem } from "../ask/files.js";
import { Several } from "../ask/several.js";
import { when } from "../ask/questions.js";
import { useCall } from "../core/use.js";
import { plural } from "../core/format.js";
import { announce } from "../core/live.js";
import { Empty, Failed, Shown } from "../parts/states.js";
import { Matrix } from "./matrix.js";

export const Library = ({ rest: [id] }) => (id ? html`<${Matrix} id=${id} />` : html`<${Libraries} />`);

function Libraries() {
  const [found, setFound] = useState(null), [error, setError] = useState(null), [busy, setBusy] = useState(false), [round, again] = useState(0);
  const call = useCall((signal) => get(["batches"], {}, { signal }), [round]);
  const read = async (files) => {
    setError(null); setFound(null);
    if (!files.length) return;
    const all = await readFiles([...files], (file) => upload(["signature"], file));
    setFound({ ...all, title: files.length === 1 ? stem(files[0]) : plural(files.length, "file") });
  };
  const ask = async (name, questions) => {
    setError(null); setBusy(true);
    try { const state = await send("POST", ["batches"], { name, questions }); announce(`${plural(questions.length, "question")} taken`); go(link("library", state.id)); }
    catch (failure) { setError(failure); setBusy(false); }
  };
  const remove = (row) => send("DELETE", ["batches", row.id]).then(() => { announce("deleted"); again((n) => n + 1); }, setError);
  return html`<div onDragOver=${(event) => event.preventDefault()} onDrop=${(event) => { event.preventDefault(); read(event.dataTransfer.files); }}>
    <h1>Disease library</h1><p class="soft">A GMT of disease signatures (up and down sets pair by name), such as CREEDS or Enrichr offer, or many lists or tables at once: which drugs oppose which disease? Nothing is sent elsewhere; each question stands in the <a href=${link("history")}>history</a> too.</p>
    <div class="tools"><label class="file">Open GMT, lists or tables <input type="file" multiple accept=".gmt,.gmx,.txt,.grp,.tsv,.csv,.rnk,.xlsx" onChange=${(event) => { const files = [...event.target.files]; event.target.value = ""; read(files); }} /></label></div>
    ${error && html`<${Failed} error=${error} />`}
    ${found && html`<${Several} key=${found.title} found=${found} busy=${busy} onTake=${(pair) => go(link({ up: pair.up.join(","), down: pair.down.join(","), name: pair.name, edit: 1 }))} onAsk=${ask} onClose=${() => setFound(null)} />`}
    <h2>Asked before</h2>
    <${Shown} call=${call} what="Reading the libraries">${(data) => (data.total === 0 ? html`<${Empty} command="beadwork query INDEX --up diseases_up.gmt --down diseases_dn.gmt --library -o answers">No library has been asked yet. Choose a GMT above; up to 200 signatures are asked at a time here. A whole library of thousands goes by the command.</${Empty}>`
      : html`<div class="wide" tabindex="0" role="group" aria-label="Libraries"><table><thead><tr><th>Name</th><th>Asked</th><th class="n">Answered</th><th></th></tr></thead><tbody>${data.rows.map((row) => html`<tr key=${row.id}><td><a href=${link("library", row.id)}>${row.name}</a></td><td class="soft">${when(row.created)}</td><td class="n">${row.done} of ${row.of}</td>
        <td><button type="button" class="quiet" aria-label=${`Delete ${row.name}`} onClick=${() => { if (confirm(`Delete the list ${row.name}? Its answers stay in the history.`)) remove(row); }}>Delete</button></td></tr>`)}</tbody></table></div>`)}</${Shown}></div>`;
}
