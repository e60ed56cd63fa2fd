// Look up: everything that has a name, and the whole lists.
import { html, useEffect, useState } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { has, index } from "../core/index.js";
import { useCall } from "../core/use.js";
import { grouped, hitsOf } from "../parts/header.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";

const LISTS = {
  perts: ["Perturbagens", "pert", "pert_iname"], genes: ["Genes", "gene", "symbol"], classes: ["Mechanisms", "class", "class"],
  cells: ["Cells", "cell", "cell_id"], sigs: ["Signatures", "sig", "sig_id"],
};

export function LookUp() {
  const query = route.value.query, words = query.get("find") ?? "", kind = query.get("list") ?? "";
  const [text, setText] = useState(words);
  useEffect(() => setText(words), [words]);
  return html`<h1>Look up</h1>
    <form class="row" role="search" onSubmit=${(event) => { event.preventDefault(); amend({ find: text, list: "" }); }}>
      <label class="grow">Name of a drug, gene, mechanism, cell or signature <input type="search" value=${text} maxlength="200" onInput=${(event) => setText(event.target.value)} /></label>
      <button type="submit">Search</button></form>
    <nav class="tabs" aria-label="Lists">${Object.entries(LISTS).map(([name, [title]]) => html`<a key=${name} href=${link("lookup", { list: name })} aria-current=${kind === name ? "page" : undefined}>All ${title.toLowerCase()}</a>`)}
      <a href=${link("library")}>Disease library</a>${has("plates") && index.value && html`<a href=${link("plate")}>Own plates</a>`}</nav>
    ${kind ? html`<${List} key=${kind} kind=${kind} />` : words ? html`<${Found} key=${words} words=${words} />` : html`<p class="soft">Type a name, or open a list.</p>`}`;
}

function Found({ words }) {
  const call = useCall((signal) => get(["search"], { q: words, limit: 50 }, { signal }), [words]);
  return html`<${Shown} call=${call} what="Searching">${(data) => {
    const groups = grouped(hitsOf(data));
    if (!groups.length) return html`<${Empty}>Nothing in this index is called “${words}”. A part of a name is enough; other names of a drug are known where the index was annotated.</${Empty}>`;
    return groups.map(([kind, name, hits]) => html`<section key=${kind}><h2>${name} <span class="soft">${hits.length}</span></h2>
      <ul class="hits">${hits.map((hit) => html`<li key=${hit.id}><a href=${link(kind, hit.id)}>${hit.label}</a> <span class="soft">${hit.detail}</span></li>`)}</ul></section>`);
  }}</${Shown}>`;
}

function List({ kind }) {
  const [title, view, id] = LISTS[kind] ?? LISTS.perts;
  return html`<h2>${title}</h2><${Table} parts=${[kind]} label=${title.toLowerCase()} file=${kind} id=${id} height=${18}
    more=${{ [id]: { draw: (row) => html`<a href=${link(view, row[id])}>${row[id]}</a>`, phone: true }, n_signatures: { phone: true } }} />`;
}
