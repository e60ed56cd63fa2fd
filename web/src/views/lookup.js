// Look up: everything that has a name, and the whole lists.
import { html, useLayoutEffect, useState } from "../core/html.js";
import { get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { has, index } from "../core/index.js";
import { plural, typeName } from "../core/format.js";
import { useCall } from "../core/use.js";
import { AskWith } from "../parts/askwith.js";
import { grouped, hitsOf } from "../parts/header.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";

const LISTS = {
  perts: ["Perturbagens", "pert", "pert_iname"], genes: ["Genes", "gene", "symbol"], classes: ["Mechanisms", "class", "class"],
  cells: ["Cells", "cell", "cell_id"], sigs: ["Signatures", "sig", "sig_id"],
};

const MOST = 20, ASKED = ["pert", "class", "sig"], LIST_OF = { pert: "perts", gene: "genes", class: "classes", cell: "cells", sig: "sigs" };
const several = (hits, hit) => hit.kind === "pert" && hit.type && !hit.type.includes("|") && hits.filter((one) => one.id === hit.id).length > 1;

export function LookUp() {
  const query = route.value.query, words = query.get("find") ?? "", kind = query.get("list") ?? "";
  const [text, setText] = useState(words);
  useLayoutEffect(() => setText(words), [words]);
  return html`<h1>Look up</h1>
    <form class="row" role="search" onSubmit=${(event) => { event.preventDefault(); amend({ find: text, list: "" }); }}>
      <label class="grow">Name of a drug, gene, mechanism, cell or signature <input type="search" value=${text} maxlength="200" onInput=${(event) => setText(event.target.value)} /></label>
      <button type="submit">Search</button></form>
    <nav class="tabs" aria-label="Lists">${Object.entries(LISTS).map(([name, [title]]) => html`<a key=${name} href=${link("lookup", { list: name })} aria-current=${kind === name ? "page" : undefined}>All ${title.toLowerCase()}</a>`)}
      <a href=${link("library")}>Disease library</a>${has("plates") && index.value && html`<a href=${link("plate")}>Own plates</a>`}</nav>
    ${kind ? html`<${List} key=${kind} kind=${kind} />` : words ? html`<${Found} key=${words} words=${words} />` : html`<${Start} />`}`;
}

function Found({ words }) {
  const call = useCall((signal) => get(["search"], { q: words, limit: MOST }, { signal }), [words]);
  return html`<${Shown} call=${call} what="Searching">${(data) => {
    const groups = grouped(hitsOf(data));
    if (!groups.length) return html`<${Empty}>Nothing in this index is called “${words}”. A part of a name is enough; other names of a drug are known where the index was annotated.</${Empty}>`;
    return groups.map(([kind, name, hits]) => html`<section key=${kind}><h2>${name} <span class="soft">${hits.length}</span></h2>
      <ul class="hits">${hits.map((hit) => html`<li key=${hit.id + (hit.type ?? "")}><a href=${link(kind, hit.id)}>${hit.label}</a> <span class="soft">${hit.detail}</span> ${ASKED.includes(kind) && html`<${AskWith} small=${true} id=${several(hits, hit) ? `${hit.id}:${hit.type}` : hit.id} label=${several(hits, hit) ? `${hit.label}, ${typeName(hit.type)}` : hit.label} />`}</li>`)}</ul>${hits.length >= MOST && html`<p class="soft">The first ${MOST}; see <a href=${link("lookup", { list: LIST_OF[kind], find: words })}>all of them in the list</a>.</p>`}</section>`);
  }}</${Shown}>`;
}

function List({ kind }) {
  const [title, view, id] = LISTS[kind] ?? LISTS.perts;
  const facts = index.value, asks = ASKED.includes(view);
  const facets = kind === "perts" || kind === "sigs" ? [...(kind === "sigs" ? [{ field: "cell_id", label: "Cell", values: facts?.cell_ids }] : []), { field: "pert_type", label: "Type", values: facts?.pert_types, shown: typeName }] : [];
  const own = (row) => (kind === "perts" && row.pert_type && !row.pert_type.includes("|") && String(row.pert_type) !== "trt_cp" ? `${row[id]}:${row.pert_type}` : row[id]);
  return html`<h2>${title}</h2><${Table} parts=${[kind]} label=${title.toLowerCase()} file=${kind} id=${id} height=${18} facets=${facets}
    more=${{ [id]: { draw: (row) => html`${asks && html`<${AskWith} small=${true} id=${own(row)} label=${row[id]} /> `}<a href=${link(view, row[id])}>${row[id]}</a>`, phone: true, width: kind === "sigs" ? 310 : 210 }, n_signatures: { phone: true } }} />`;
}

/** What there is to look up, in numbers. */
function Start() {
  const facts = index.value;
  if (!facts) return null;
  return html`<p class="soft">${plural(facts.perturbagens, "perturbagen")}, ${plural(facts.signatures, "signature")}, ${plural(facts.cells, "cell")}, ${plural(facts.genes ?? 0, "gene")} are in this index (controls such as DMSO are not counted as perturbagens). Type a name or a part of one, or open a list.</p>`;
}
