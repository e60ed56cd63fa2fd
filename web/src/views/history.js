// History: questions asked here, with names, notes and stars; delete one or all; compare some.
import { html, useState } from "../core/html.js";
import { get, send } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { plural, span } from "../core/format.js";
import { announce } from "../core/live.js";
import { Empty, Failed, Shown } from "../parts/states.js";
import { when } from "../ask/questions.js";

const PAGE = 100;

export function History() {
  const query = route.value.query, text = query.get("find") ?? "", star = query.get("star") === "1", offset = Number(query.get("from") ?? 0);
  const [round, again] = useState(0), [error, setError] = useState(null), [marked, setMarked] = useState([]);
  const call = useCall((signal) => get(["history"], { text, star, offset, limit: PAGE }, { signal }), [text, star, offset, round]);
  const act = (promise, words) => { setError(null); promise.then(() => { announce(words); again((n) => n + 1); }, setError); };
  const mark = (row, changes, words) => act(send("PATCH", ["history", row.id], changes), words);
  return html`<h1>History</h1>${call.data && html`<p class="soft">Kept on this computer, in ${call.data.kept_in}.</p>`}
    <div class="tools"><label>Find <input type="search" value=${text} maxlength="200" onInput=${(event) => amend({ find: event.target.value, from: "" })} /></label>
      <label><input type="checkbox" checked=${star} onChange=${(event) => amend({ star: event.target.checked ? 1 : "", from: "" })} /> only with a star</label>
      ${marked.length > 1 && html`<a class="button" href=${link("compare", { q: marked.slice(0, 10).join(",") })}>Compare ${marked.length}</a>`}
      ${call.data?.total > 0 && html`<button type="button" onClick=${() => { if (confirm("Delete all questions without a star?")) act(send("DELETE", ["history"]), "deleted"); }}>Delete all without a star</button>`}</div>
    ${error && html`<${Failed} error=${error} />`}
    <${Shown} call=${call} what="Reading the history">${(data) => (data.total === 0 ? html`<${Empty}>${text || star ? "No question passes." : html`No question has been asked yet. <a href=${link()}>Ask one</a>.`}</${Empty}>`
      : html`<div class="wide" tabindex="0" role="group" aria-label="Questions"><table class="history"><thead><tr><th><span class="hidden">Compare</span></th><th><span class="hidden">Star</span></th><th>Name</th><th>Asked</th><th>How sure</th><th class="wideonly">Question</th><th>Note</th><th></th></tr></thead><tbody>
        ${data.rows.map((row) => html`<tr key=${row.id}><td><input type="checkbox" aria-label=${`Compare ${row.name}`} checked=${marked.includes(row.id)} onChange=${() => setMarked(marked.includes(row.id) ? marked.filter((id) => id !== row.id) : [...marked, row.id])} /></td>
          <td><button type="button" class="quiet star" aria-pressed=${row.star} aria-label=${`Star of ${row.name}`} onClick=${() => mark(row, { star: !row.star }, row.star ? "star removed" : "starred")}>${row.star ? "★" : "☆"}</button></td>
          <td><a href=${link("q", row.id)}>${row.name}</a>${row.older ? html` <span class="tag">older state</span>` : ""}${row.is_kept ? "" : html` <span class="tag">scores not kept</span>`}</td><td class="soft">${when(row.created)}</td><td>${row.verdict}</td>
          <td class="wideonly soft">${kindWords(row)}</td><td><input class="note" aria-label=${`Note on ${row.name}`} value=${row.note} maxlength="500" onChange=${(event) => mark(row, { note: event.target.value }, "note kept")} /></td>
          <td><button type="button" class="quiet" aria-label=${`Delete ${row.name}`} onClick=${() => act(send("DELETE", ["history", row.id]), "deleted")}>Delete</button></td></tr>`)}</tbody></table></div>
        <p class="soft">${span(offset + 1, offset + data.rows.length)} of ${plural(data.total, "question")}${offset > 0 ? html` <button type="button" onClick=${() => amend({ from: Math.max(0, offset - PAGE) || "" })}>Newer</button>` : ""}${data.next !== null ? html` <button type="button" onClick=${() => amend({ from: data.next })}>Older</button>` : ""}</p>`)}</${Shown}>`;
}

const kindWords = (row) => [row.kind === "sets" ? `${row.counts.n_up_found || "none"} up, ${row.counts.n_down_found || "none"} down` : row.kind === "like" ? `like ${row.like || "a signature"}` : "a whole signature", row.direction === "reverse" && "reversed", ...(row.where ?? [])].filter(Boolean).join("; ");
