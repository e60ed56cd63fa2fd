// What can be done with an answer: change it, link to it, take it along, compare it, note something on it.
import { html, useState } from "../core/html.js";
import { address, send } from "../core/api.js";
import { link } from "../core/route.js";
import { announce } from "../core/live.js";
import { fileName } from "../core/format.js";
import { askAgain } from "./answer.js";

export const chosen = () => { try { return JSON.parse(sessionStorage.getItem("compare") ?? "[]"); } catch { return []; } };

export function Tools({ state, id, file }) {
  const [said, say] = useState(""), [star, setStar] = useState(Boolean(state.star)), [note, setNote] = useState(state.note ?? ""), [open, setOpen] = useState(false);
  const tell = (text) => { say(text); announce(text); };
  const copy = async () => {
    try { await navigator.clipboard.writeText(location.href); tell("link copied"); } catch { tell("the browser does not allow it; copy the address above"); }
  };
  const compare = () => {
    const ids = [...chosen().filter((item) => item !== id), id].slice(-10);
    sessionStorage.setItem("compare", JSON.stringify(ids));
    tell(ids.length > 1 ? `${ids.length} answers to compare` : "chosen; choose one more answer");
  };
  const mark = (changes) => send("PATCH", ["history", id], changes).then(() => tell("kept"), (error) => tell(error.message));
  const ids = chosen();
  return html`<span class="row tools">
    <a class="button" href=${askAgain(state)}>Change the question</a><button type="button" onClick=${copy}>Copy link</button>
    <details class="menu"><summary class="button">Download</summary><div>
      <a href=${address(["queries", id, "export"], { as: "html" })} download=${fileName([file], "html")}>One page (HTML), to send</a>
      <a href=${address(["queries", id, "export"], { as: "zip" })} download=${fileName([file], "zip")}>Everything (zip)</a>
      <a href=${address(["queries", id, "export"], { as: "gct" })} download=${fileName([file, "signatures"], "gct")}>All scores (GCT)</a>
      <a href=${address(["queries", id, "export"], { as: "gmt" })} download=${fileName([file, "sets"], "gmt")}>Sets as scored (GMT)</a></div></details>
    <button type="button" onClick=${compare}>Compare +</button>${ids.length > 1 && html`<a href=${link("compare", { q: ids.join(",") })}>compare ${ids.length}</a>`}
    <button type="button" aria-pressed=${star} onClick=${() => { setStar(!star); mark({ star: !star }); }}>${star ? "★ starred" : "☆ star"}</button>
    <button type="button" aria-expanded=${open} onClick=${() => setOpen(!open)}>Note</button>
    ${open && html`<form class="row" onSubmit=${(event) => { event.preventDefault(); mark({ note }); setOpen(false); }}><label>Note <input value=${note} maxlength="500" onInput=${(event) => setNote(event.target.value)} /></label><button type="submit">Keep</button></form>`}
    <span class="soft">${said}${!open && note ? ` ${note}` : ""}</span></span>`;
}
