// What a score of this answer is read against.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { useCall } from "../core/use.js";
import { Beside } from "../plots/beside.js";
import { Shown } from "../parts/states.js";

/** Of a signature (`sig`), a perturbagen (`pert`, `type`), or of the whole answer. */
export function ScoreBeside({ id, sig, pert, type, name }) {
  const call = useCall((signal) => get(["queries", id, "beside"], { sig, pert, pert_type: type }, { signal }), [id, sig, pert, type]);
  return html`<${Shown} call=${call} what="Reading null and background">${(data) => html`<${Beside} data=${data} name=${name ?? sig ?? pert} />`}</${Shown}>`;
}
