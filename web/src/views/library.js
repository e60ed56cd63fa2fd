// Disease library: questions that were kept with a star or come from a file, by perturbagens.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link, route } from "../core/route.js";
import { useCall } from "../core/use.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";

export function Library({ rest: [name] }) {
  const call = useCall((signal) => get(["library", ...(name ? [name] : [])], { limit: 1 }, { signal }), [name]);
  const missing = call.error?.status === 404;
  return html`<h1>${name ?? "Disease library"}</h1>${missing ? html`<${Empty} command="beadwork serve INDEX --library GMT">${call.error.message.replace(/\.$/, "")}. A GMT of disease signatures, up and down sets, becomes a library: each is asked once, and diseases stand beside drugs.</${Empty}>`
    : html`<${Shown} call=${call} what="Reading the library">${() => html`<${Table} parts=${["library", ...(name ? [name] : [])]} label=${name ?? "diseases"} file=${name ?? "library"} id=${name ? "pert_iname" : "name"} more=${{ name: { phone: true, draw: (row) => html`<a href=${link("library", row.name)}>${row.name}</a>` }, pert_iname: { phone: true, draw: (row) => html`<a href=${link("pert", row.pert_iname)}>${row.pert_iname}</a>` }, ncs: { phone: true } }} />`}</${Shown}>`}`;
}
