// Perturbagens of a class, or of a gene, in this answer: each with its strip.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { useCall } from "../core/use.js";
import { signed, typeName } from "../core/format.js";
import { Balance, Strip, StripAxis } from "../plots/strip.js";
import { rowsOf } from "../core/rows.js";
import { Empty, Shown } from "../parts/states.js";

export function StripTable({ rows, label, q }) {
  return html`<table class="strips"><caption class="hidden">${label}</caption><thead><tr><th>Name</th><th class="wideonly">Type</th><th class="n">NCS</th><th class="n">For / against</th><th class="stripcell"><span class="hidden">All its signatures</span><${StripAxis} /></th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.pert_iname + row.pert_type}><td><a href=${link("pert", row.pert_iname ?? row.pert_id, { q })}>${row.pert_iname || row.pert_id}</a></td><td class="wideonly soft">${typeName(row.pert_type)}</td>
      <td class=${`n ${row.ncs < 0 ? "contra" : "for"}`}>${signed(row.ncs)}</td><td class="n"><${Balance} up=${row.n_positive ?? 0} down=${row.n_negative ?? 0} /></td><td class="stripcell"><${Strip} strip=${row.strip} label=${row.pert_iname} up=${row.n_positive} down=${row.n_negative} /></td></tr>`)}</tbody></table>`;
}

/** Leading members of a class: "name; name (+1.2); ...". */
const namesOf = (leading) => String(leading ?? "").split(/;\s*/).map((item) => item.replace(/\s*\([^()]*\)$/, "").trim()).filter(Boolean);

export function Members({ id, row }) {
  const names = namesOf(row.leading).slice(0, 25);
  const call = useCall((signal) => (names.length ? get(["queries", id, "perts"], { f: [`pert_iname:${names.join("|")}`.slice(0, 990)], limit: 50, sort: "-ncs" }, { signal }) : { total: 0 }), [id, row.class]);
  return html`<h3><a href=${row.kind === "target" ? link("gene", row.class) : link("class", row.class)}>${row.class}</a> <span class="soft">leading members</span></h3>
    <${Shown} call=${call} what="Reading its members">${(data) => (data.total === 0 ? html`<${Empty}>Its members are not named in this answer.</${Empty}>` : html`<${StripTable} rows=${rowsOf(data)} q=${id} label=${`Leading members of ${row.class}`} />`)}</${Shown}>`;
}
