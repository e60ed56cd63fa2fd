// A signature: profile, neighbours, where it comes from, down to its wells.
import { html, useMemo } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { useCall } from "../core/use.js";
import { fileStem, plural, signed } from "../core/format.js";
import { gmt } from "../core/save.js";
import { Histogram } from "../plots/bars.js";
import { Line } from "../plots/line.js";
import { Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { sigColumns, SigDetail } from "../answer/sigs.js";
import { Ends } from "./ends.js";
import { Replicates } from "./replicates.js";

export function SigCard({ card, id, query }) {
  const { profile = [], nearest = [] } = card;
  const z = useMemo(() => Float32Array.from(profile, (row) => row.z).sort().reverse(), [card]);
  const hist = useMemo(() => histogram(z), [z]);
  const near = useCall((signal) => get(["sigs", id, "neighbours"], { top: 25 }, { signal }), [id]);
  const end = (rows, side) => rows.filter((row) => side * row.z > 0).sort((a, b) => side * (b.z - a.z)).slice(0, 150).map((row) => row.symbol || row.gene_id);
  const sets = (rows) => gmt([[1, "UP"], [-1, "DN"]].map(([side, name]) => ({ name: `${id}_${name}`, genes: end(rows, side) })).filter((set) => set.genes.length));
  return html`${query && html`<section><h2>Enrichment for this question <a href=${link("q", query)}>back to the answer</a></h2><${SigDetail} id=${query} sig=${id} level="h3" /></section>`}
    <div class="two"><section><h2>Genes <span class="soft">${profile.length} by z</span></h2><${Table} rows=${profile} local=${true} label="genes" file=${`${id}_genes`} id="gene_id" height=${14} sets=${sets} more=${{ symbol: { phone: true, draw: (row) => html`<a href=${link("gene", row.symbol || row.gene_id)}>${row.symbol || row.gene_id}</a>` }, z: { phone: true } }} /></section>
      <section><h2>Profile</h2><${Line} values=${z} label=${`z of ${plural(z.length, "gene")}, from the most raised to the most lowered`} xTitle="genes by z" yTitle="z" file=${fileStem([id, "profile"])} />
        <h3>All z-scores</h3><${Histogram} ...${hist} label=${`Histogram of ${plural(z.length, "z-score")} from ${signed(z.at(-1), 1)} to ${signed(z[0], 1)}`} /></section></div>
    <div class="two"><section><h2>Nearest perturbagens</h2><${Ends} rows=${nearest} value="cosine" label="Nearest perturbagens" /></section>
      <section><h2>Nearest signatures <span class="soft">cosine of all genes</span></h2><${Shown} call=${near} what="Comparing with all signatures">${(data) => html`<${Table} rows=${[...data.like, ...data.unlike.filter((row) => row.cosine < 0)]} local=${true} label="nearest signatures" file=${`${id}_neighbours`} id="sig_id" height=${10} start=${{ sort: "-cosine" }} columns=${["pert_iname", "cell_id", "pert_idose", "pert_itime", "cosine", "sig_id"]} more=${{ ...sigColumns, cosine: { phone: true } }} />`}</${Shown}></section></div>
    <${Replicates} card=${card} />`;
}

function histogram(values, bins = 41) {
  const low = Math.min(...values), high = Math.max(...values), step = (high - low) / bins || 1;
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((value - low) / step))]++;
  return { counts, edges: Array.from({ length: bins + 1 }, (_, at) => low + at * step) };
}
