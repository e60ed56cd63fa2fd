// Disease library: the sets of a GMT of diseases, each asked from here; what was asked stands in the history.
import { html, useState } from "../core/html.js";
import { send } from "../core/api.js";
import { link } from "../core/route.js";
import { readGmt, textOf } from "../ask/files.js";
import { plural } from "../core/format.js";
import { announce } from "../core/live.js";
import { Empty, Failed } from "../parts/states.js";

const MOST = 200;

export function Library() {
  const [sets, setSets] = useState([]), [ids, setIds] = useState({}), [error, setError] = useState(null), [busy, setBusy] = useState(false), [find, setFind] = useState("");
  const read = async (file) => {
    setError(null);
    if (!file) return;
    const found = readGmt(textOf(await file.arrayBuffer()));
    if (!found.length) { setError({ message: `${file.name} holds no set; a line of GMT is a name, a description and genes, with tabs between` }); return; }
    setSets(found); setIds({}); announce(`${plural(found.length, "signature")} read`);
  };
  const shown = sets.filter((item) => item.name.toLowerCase().includes(find.toLowerCase())).slice(0, MOST);
  const askAll = async (some) => {
    setBusy(true); setError(null);
    try {
      for (const item of some) {
        const state = await send("POST", ["queries"], { name: item.name.slice(0, 100), up: item.up.slice(0, 2000), down: item.down.slice(0, 2000) });
        setIds((now) => ({ ...now, [item.name]: state.id }));
      }
    } catch (failure) { setError(failure); }
    setBusy(false);
  };
  const asked = shown.filter((item) => ids[item.name]);
  return html`<h1>Disease library</h1><p class="soft">A GMT of disease signatures (up and down sets pair by name), such as CREEDS or Enrichr offer. It stays in this tab; questions and answers stand in the <a href=${link("history")}>history</a>.</p>
    <div class="tools"><label class="file">GMT <input type="file" accept=".gmt,.txt" onChange=${(event) => read(event.target.files[0])} /></label>
      ${sets.length > 0 && html`<label>Find <input type="search" value=${find} onInput=${(event) => setFind(event.target.value)} /></label><span class="soft">${plural(sets.length, "signature")}${shown.length < sets.length ? `, ${shown.length} shown` : ""}</span>
        <button type="button" disabled=${busy} onClick=${() => askAll(shown.slice(0, 10))}>Ask the first ${Math.min(10, shown.length)}</button>`}
      ${asked.length > 1 && html`<a class="button" href=${link("compare", { q: asked.slice(0, 10).map((item) => ids[item.name]).join(",") })}>Compare ${Math.min(10, asked.length)}</a>`}</div>
    ${error && html`<${Failed} error=${error} />`}
    ${sets.length === 0 ? html`<${Empty}>No library is open. Choose a GMT above.</${Empty}>` : html`<div class="wide" tabindex="0" role="group" aria-label="Signatures of the library"><table><thead><tr><th>Name</th><th class="n">Up</th><th class="n">Down</th><th></th></tr></thead><tbody>
      ${shown.map((item) => html`<tr key=${item.name}><td>${item.name}</td><td class="n">${item.up.length}</td><td class="n">${item.down.length}</td><td>${ids[item.name] ? html`<a href=${link("q", ids[item.name])}>Answer</a> · <a href=${link("repurposing", { q: ids[item.name] })}>Drugs against it</a>` : html`<button type="button" disabled=${busy} onClick=${() => askAll([item])}>Ask</button>`}</td></tr>`)}</tbody></table></div>`}`;
}
