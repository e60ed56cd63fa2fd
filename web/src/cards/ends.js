// What is most like and most unlike: both ends of a list side by side.
import { html } from "../core/html.js";
import { link } from "../core/route.js";
import { plural, typeName } from "../core/format.js";
import { Bars } from "../plots/bars.js";
import { Empty } from "../parts/states.js";

/** `rows` of perturbagens with a number; its column is the one that holds `value`. */
export function Ends({ rows, value, label, most = 12 }) {
  if (!rows.length) return html`<${Empty}>There is nothing to compare it with.</${Empty}>`;
  const column = Object.keys(rows[0]).find((name) => name === value) ?? Object.keys(rows[0]).find((name) => name.includes(value));
  const sorted = [...rows].filter((row) => typeof row[column] === "number").sort((a, b) => b[column] - a[column]);
  const up = sorted.filter((row) => row[column] > 0).slice(0, most), down = sorted.filter((row) => row[column] < 0).slice(-most);
  const bar = (row) => ({ label: row.pert_iname ?? row.sig_id, value: row[column], href: row.pert_iname ? link("pert", row.pert_iname) : link("sig", row.sig_id), detail: `${typeName(row.pert_type ?? "")}${row.n_signatures ? `, ${plural(row.n_signatures, "signature")}` : ""}` });
  return html`<${Bars} rows=${[...up, ...down].map(bar)} label=${label} />`;
}
