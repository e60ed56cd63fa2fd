// A question without a list: by the name of a drug, a gene or a mechanism, whose own signatures are asked with.
import { html, useEffect, useState } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { hitsOf } from "../parts/header.js";

const WORDS = { pert: "perturbagen", sig: "signature", class: "mechanism" };

export function ByName({ onAsk, busy }) {
  const [text, setText] = useState(""), [hits, setHits] = useState(null);
  useEffect(() => {
    if (!text.trim()) { setHits(null); return undefined; }
    const stop = new AbortController();
    const timer = setTimeout(() => get(["search"], { q: text.trim(), limit: 6 }, { signal: stop.signal })
      .then((data) => setHits(hitsOf(data).filter((hit) => WORDS[hit.kind] || hit.kind === "gene")), () => {}), 150);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [text]);
  return html`<section aria-labelledby="byname"><h2 id="byname">Or by name, without a list</h2>
    <label class="grow">Drug, gene or mechanism <input type="search" value=${text} maxlength="200" placeholder="vorinostat, TP53, HDAC inhibitor" onInput=${(event) => setText(event.target.value)} /></label>
    ${hits && html`<ul class="hits">${hits.slice(0, 12).map((hit) => html`<li key=${hit.kind + hit.id}><a href=${link(hit.kind, hit.id)}>${hit.label}</a> <span class="soft">${hit.detail}</span>
      ${WORDS[hit.kind] && html` <button type="button" disabled=${busy} onClick=${() => onAsk(likeQuestion(hit.id))}>Ask with this ${WORDS[hit.kind]}</button>`}</li>`)}
      ${!hits.length && html`<li class="soft">Nothing is called “${text}” here.</li>`}</ul>`}</section>`;
}

/** The question "what is like this one?". */
export const likeQuestion = (id) => ({ name: `like ${id}`.slice(0, 100), like: id });
