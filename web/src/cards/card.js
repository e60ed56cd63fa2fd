// Cards: everything the index knows of a perturbagen, a gene, a cell, a mechanism or a signature.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { amount, number, plural, typeName, units } from "../core/format.js";
import { meaning, title } from "../core/columns.js";
import { AskWith } from "../parts/askwith.js";
import { Failed, Loading } from "../parts/states.js";
import { Sites } from "./links.js";
import { PertCard } from "./pert.js";
import { GeneCard } from "./gene.js";
import { CellCard, ClassCard } from "./cellclass.js";
import { SigCard } from "./sig.js";

const KINDS = { pert: ["perts", PertCard, "Perturbagen"], gene: ["genes", GeneCard, "Gene"], cell: ["cells", CellCard, "Cell"], class: ["classes", ClassCard, "Mechanism"], sig: ["sigs", SigCard, "Signature"] };
const FIRST = ["pert_id", "pert_type", "moa", "target", "clinical_phase", "indication", "disease_area", "gene_id", "values", "cell_id", "pert_idose", "pert_itime", "tas", "distil_cc_q75", "distil_nsample", "signatures", "cells", "members"];
const LATER = /^(distil_id|distil_wt|det_plates|made_by|inputs|steps|profile_ranked_by|matrix|siginfo|sources?)$/;

export function CardView({ kind, rest }) {
  const id = rest.join("/");
  const [list, View, word] = KINDS[kind];
  const call = useCall((signal) => get([list, id], {}, { signal }), [kind, id]);
  if (call.error) return html`<h1>${id || word}</h1><${Failed} error=${call.error}><p>Look for it in the <a href=${link("lookup", { find: id })}>search</a>.</p></${Failed}>`;
  if (call.loading) return html`<h1>${id}</h1><${Loading} what=${`Reading the ${word.toLowerCase()}`} lines=${8} />`;
  const card = call.data;
  return html`<h1>${card.label}</h1><p class="soft lead">${word}${kind === "sig" && card.facts.pert_iname ? html` of <a href=${link("pert", card.facts.pert_iname)}>${card.facts.pert_iname}</a>` : ""}${card.facts.pert_type ? ` · ${typeName(card.facts.pert_type)}` : ""}</p>
    <div class="row">${["pert", "sig", "class"].includes(kind) && html`<${AskWith} id=${id} label=${card.label} kind=${word.toLowerCase()} types=${kind === "pert" ? card.facts.pert_type : ""} />`}<${Sites} kind=${kind} facts=${card.facts} id=${card.label} /></div>
    <${Facts} facts=${card.facts} kind=${kind} />
    <${View} card=${card} id=${id} query=${route.value.query.get("q") ?? ""} />`;
}

function Facts({ facts, kind }) {
  const known = Object.entries(facts).filter(([name, value]) => value !== null && value !== "" && typeof value !== "object" && name !== "pert_iname" && !(kind === "cell" && name === "cell_id") && !(kind === "gene" && name === "symbol") && !(kind === "class" && name === "class"));
  const order = (name) => (FIRST.indexOf(name) + 1 || 99);
  const sorted = known.sort((a, b) => order(a[0]) - order(b[0]));
  const early = sorted.filter(([name]) => !LATER.test(name) && (kind !== "sig" || FIRST.includes(name))), late = sorted.filter((item) => !early.includes(item));
  const show = ([name, value]) => [html`<dt key=${name} title=${meaning(name)}>${title(name)}</dt>`, html`<dd>${linked(name, value, facts)}</dd>`];
  return html`<dl class="facts">${early.map(show)}</dl>${late.length > 0 && html`<details><summary>${plural(late.length, "more field")}</summary><dl class="facts">${late.map(show)}</dl></details>`}`;
}

function linked(name, value, facts) {
  const each = (view) => String(value).split("|").map((item, at) => html`${at ? ", " : ""}<a href=${link(view, item)}>${item}</a>`);
  if (name === "moa" || name === "class") return each("class");
  if (name === "target") return each("gene");
  if (name === "cell_id") return each("cell");
  if (name === "pert_type") return typeName(value);
  if (name === "pert_idose" || name === "pert_itime") return units(value).replaceAll("|", ", ");
  if (name === "pert_dose" || name === "pert_time") return amount(value, facts[`${name}_unit`]);
  if (/_unit$/.test(name)) return units(value);
  return typeof value === "number" ? number(value) : String(value).replaceAll("|", ", ");
}
