// Mechanisms and targets: effect, n, q, and the members that carry it.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { useCall } from "../core/use.js";
import { noteLines } from "./perts.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { Members } from "./members.js";

export const NO_CLASSES = "This index knows no mechanisms or targets of its perturbagens, so none can be tested.";

/** Why there are no mechanisms, as the server knows it. */
export const NoClasses = ({ reason }) => (!reason || /index annotate/.test(reason) ? html`<${Empty} command="beadwork index annotate INDEX --compounds TABLE">${NO_CLASSES} A table of compounds with their mechanisms adds them.</${Empty}>`
  : html`<${Empty}>Nothing is tested: ${reason}.</${Empty}>`);

export const CLASS_COLUMNS = ["class", "kind", "n_perturbagens", "z", "fdr", "ncs", "tau", "n_positive", "n_negative", "leading"];
export const classColumns = { class: { phone: true, grow: 2, draw: (row) => html`<a href=${link(row.kind === "target" ? "gene" : "class", row.class)}>${row.class}</a>` }, kind: { width: 100 }, n_perturbagens: { width: 122 }, z: { phone: true, title: "Effect", help: "how far the ranks of its members stand from those of all, in standard errors; above 0 resembles the question", width: 80 },
  fdr: { phone: true, width: 90, title: "q", help: "expected share of false ones among classes at least as extreme" }, ncs: { width: 75 }, tau: { width: 75 }, n_positive: { width: 65 }, n_negative: { width: 80 }, leading: { grow: 3 } };

export function Mechanisms({ state, id, file }) {
  const call = useCall((signal) => get(["queries", id, "classes"], { limit: 1 }, { signal }), [id]);
  return html`<h2 class="hidden">Mechanisms</h2><${Shown} call=${call} what="Testing mechanisms">${(data) => (data.total === 0
    ? html`<${NoClasses} reason=${data.reason} />`
    : html`<p class="soft">Members of a mechanism against all others, both directions; q over all classes tested.</p><${Table} parts=${["queries", id, "classes"]} columns=${CLASS_COLUMNS.filter((name) => data.columns.some((item) => (item.name ?? item) === name))} more=${classColumns} label="mechanisms" file=${`${file}_mechanisms`} id="class" notes=${noteLines(state)}
        facets=${[{ field: "kind", label: "Kind", values: ["mechanism", "target"] }]} detail=${(row) => html`<${Members} id=${id} row=${row} />`} />`)}</${Shown}>`;
}
