// Navigation, and one search box over everything that has a name.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../core/html.js";
import { get } from "../core/api.js";
import { go, link } from "../core/route.js";
import { announce } from "../core/live.js";
import { plural, typeName, units } from "../core/format.js";
import { has, index } from "../core/index.js";
import { help } from "./keys.js";

const PLACES = [["", "Ask"], ["lookup", "Look up"], ["map", "Map"], ["repurposing", "Repurposing"], ["history", "History"], ["about", "About"]];
const WHY = {
  map: "this index has no map yet; `beadwork index layout INDEX` makes one",
  repurposing: "this index knows no phases or indications; `beadwork index annotate INDEX --repurposing TABLE` adds them",
};
const INSIDE = { q: "", pert: "lookup", gene: "lookup", cell: "lookup", class: "lookup", sig: "lookup", library: "lookup", plate: "lookup", compare: "history" };

export function Header({ kind }) {
  const [open, setOpen] = useState(false);
  useLayoutEffect(() => setOpen(false), [kind]);
  const at = INSIDE[kind] ?? kind;
  return html`<header class="top">
    <a class="brand" href=${link()}>beadwork</a>
    <button type="button" class="fold" aria-expanded=${open} aria-controls="places" onClick=${() => setOpen(!open)}>Menu</button>
    <nav id="places" class=${open ? "open" : ""} aria-label="Main">${PLACES.map(([place, name]) => {
      const missing = index.value && WHY[place] && !has(place);
      return html`<a key=${place} href=${link(...(place ? [place] : []))} aria-current=${at === place ? "page" : undefined} class=${missing ? "off" : ""} title=${missing ? WHY[place] : undefined}>${name}</a>`;
    })}</nav>
    <${Search} />
    <button type="button" class="quiet help" onClick=${() => { help.value = true; }} aria-label="Keys">?</button>
  </header>`;
}

const KINDS = { pert: "Perturbagens", gene: "Genes", class: "Mechanisms", cell: "Cells", sig: "Signatures" };
export const grouped = (hits) => Object.entries(KINDS).map(([kind, name]) => [kind, name, hits.filter((hit) => hit.kind === kind)]).filter(([, , found]) => found.length);
const plainDetail = (text) => units(text).replace(/\b(?:trt|ctl|lma)_[\w.]+(?:\|[\w.|]+)?/g, typeName).replace(/\b1 (signature|perturbagen)s\b/g, "1 $1");
export const hitsOf = (data) => data.hits.map((hit) => ({ ...hit, detail: plainDetail(hit.detail) }));

function Search() {
  const [text, setText] = useState(""), [hits, setHits] = useState(null), [at, setAt] = useState(-1), [failed, setFailed] = useState("");
  const box = useRef(null);
  useEffect(() => {
    if (!text.trim()) { setHits(null); return undefined; }
    const stop = new AbortController();
    const timer = setTimeout(() => get(["search"], { q: text.trim(), limit: 6 }, { signal: stop.signal }).then((data) => {
      const found = grouped(hitsOf(data)).flatMap(([, , group]) => group);
      setHits(found); setAt(-1); setFailed("");
      announce(found.length ? `${plural(found.length, "result")}` : "nothing found");
    }).catch((error) => { if (error.name !== "AbortError") { setFailed(error.message); setHits([]); } }), 120);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [text]);
  const close = () => { setText(""); setHits(null); };
  const open = (hit) => { close(); box.current?.blur(); go(link(hit.kind, hit.id)); };
  const keys = (event) => {
    if (event.key === "Escape") { close(); box.current.blur(); }
    else if (event.key === "ArrowDown" && hits?.length) { setAt((at + 1) % hits.length); event.preventDefault(); }
    else if (event.key === "ArrowUp" && hits?.length) { setAt((at + hits.length - 1) % hits.length); event.preventDefault(); }
    else if (event.key === "Enter" && text.trim()) {
      event.preventDefault();
      if (at >= 0) open(hits[at]); else { const words = text.trim(); close(); go(link("lookup", { find: words })); }
    }
  };
  return html`<div class="search" role="search" aria-label="Everything with a name" onFocusOut=${(event) => { if (!event.currentTarget.contains(event.relatedTarget)) setHits(null); }}>
    <input id="search" ref=${box} type="search" placeholder="Search drug, gene, class, cell, signature   /" autocomplete="off" spellcheck="false" value=${text} maxlength="200"
      role="combobox" aria-label="Search drug, gene, class, cell, signature" aria-expanded=${Boolean(hits)} aria-controls="found" aria-autocomplete="list"
      aria-activedescendant=${at >= 0 ? `found-${at}` : undefined} onInput=${(event) => setText(event.target.value)} onKeyDown=${keys} />
    <div id="found" class=${hits ? "found" : "hidden"} role="listbox" aria-label="Results">
      ${hits && grouped(hits).map(([kind, name, group]) => html`<div role="group" aria-label=${name} key=${kind}><div class="kind" aria-hidden="true">${name}</div>
        ${group.map((hit) => { const place = hits.indexOf(hit); return html`<div role="option" id=${`found-${place}`} key=${hit.id} aria-selected=${place === at} tabindex="-1"
          onMouseDown=${(event) => event.preventDefault()} onClick=${() => open(hit)}><strong>${hit.label}</strong> <span class="soft">${hit.detail}</span></div>`; })}</div>`)}
      ${hits && !hits.length && html`<div class="none" role="option" aria-selected="false">${failed || `Nothing is called “${text}” here.`}</div>`}
    </div></div>`;
}
