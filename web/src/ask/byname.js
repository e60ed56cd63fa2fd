// A question without a list: by the name of a drug, a gene or a mechanism, whose own signatures are asked with.
import { html, useEffect, useState } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { typeName } from "../core/format.js";
import { hitsOf } from "../parts/header.js";
import { likeQuestion } from "../parts/askwith.js";

const WORDS = { pert: "perturbagen", sig: "signature", class: "mechanism" };

export function ByName({ onAsk, busy }) {
  const [text, setText] = useState(""), [hits, setHits] = useState(null), [failed, setFailed] = useState("");
  useEffect(() => {
    setFailed("");
    if (!text.trim()) { setHits(null); return undefined; }
    const stop = new AbortController();
    const timer = setTimeout(() => get(["search"], { q: text.trim(), limit: 6 }, { signal: stop.signal })
      .then((data) => setHits(hitsOf(data).filter((hit) => WORDS[hit.kind] || hit.kind === "gene")), (error) => { if (error.name !== "AbortError") { setHits(null); setFailed(error.message); } }), 150);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [text]);
  const perts = (hits ?? []).filter((hit) => hit.kind === "pert");
  // loss and gain of a gene have one name: each is asked with by its type
  const like = (hit) => (hit.type && !hit.type.includes("|") && perts.filter((one) => one.id === hit.id).length > 1 ? `${hit.id}:${hit.type}` : hit.id);
  const own = (gene) => perts.filter((hit) => hit.id.toLowerCase() === gene.id.toLowerCase());
  return html`<section aria-labelledby="byname"><h2 id="byname">Or by name, without a list</h2>
    <label class="grow">Drug, gene or mechanism <input type="search" value=${text} maxlength="200" placeholder="vorinostat, TP53, HDAC inhibitor" onInput=${(event) => setText(event.target.value)} /></label>
    ${failed && html`<p class="bad" role="alert">${failed}</p>`}
    ${hits && html`<ul class="hits">${hits.slice(0, 18).map((hit, at) => html`<li key=${hit.kind + hit.id + at}><a href=${link(hit.kind, hit.id)}>${hit.label}</a> <span class="soft">${hit.detail}</span>
      ${WORDS[hit.kind] && html` <button type="button" disabled=${busy} onClick=${() => onAsk(likeQuestion(like(hit)))}>Ask with this ${WORDS[hit.kind]}</button>`}
      ${hit.kind === "gene" && (own(hit).length ? own(hit).map((pert) => html` <button type="button" key=${pert.type} disabled=${busy} onClick=${() => onAsk(likeQuestion(like(pert)))}>Ask with its ${typeName(pert.type) || "perturbation"}</button>`)
        : html` <a href=${link("gene", hit.id)}>What moves it</a> <span class="soft">(no loss or gain of it is in this index)</span>`)}</li>`)}
      ${!hits.length && html`<li class="soft">Nothing is called “${text}” here. A part of a name is enough; <a href=${link("lookup")}>lists of all names</a>.</li>`}</ul>`}</section>`;
}
