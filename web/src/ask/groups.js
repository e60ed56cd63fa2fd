// Values of samples: which field names the groups, which group is compared with which.
import { html, useState } from "../core/html.js";
import { count, plural } from "../core/format.js";

const KINDS = [["auto", "found from their range"], ["counts", "counts"], ["log", "logarithms"], ["linear", "linear (TPM, intensities)"]];
const MANY = 200; // more samples than this may be cells

export function Groups({ values, busy, onCompare, onColumns }) {
  const fields = values.fields.filter((item) => item.n_levels <= 100);
  const [groupby, setGroupby] = useState(fields[0]?.name ?? ""), [chosen, choose] = useState({ case: "", control: "" }), [more, setMore] = useState({ sample: "", covariate: "", layer: "", values: "auto" });
  const field = fields.find((item) => item.name === groupby), levels = field?.levels ?? [];
  const level = (item) => html`<option key=${item.name} value=${item.name}>${item.name} (${count(item.n)})</option>`;
  const others = values.fields.filter((item) => item.name !== groupby);
  const set = (key) => (event) => setMore((now) => ({ ...now, [key]: event.target.value }));
  const few = levels.filter((item) => (item.name === chosen.case || item.name === chosen.control) && item.n < 3);
  const compare = () => onCompare({ groupby, ...chosen, ...more });
  return html`<div class="groups"><p>Holds values of <strong>${plural(values.n_samples, "sample")}</strong> and ${plural(values.n_genes, "gene")}: which groups are compared? The file is read by the server of this page, and by no other.</p>
    ${fields.length === 0 ? html`<p class="soft">No field of its samples has groups (2 to 100 values).</p>` : html`<div class="tools">
      <label>Groups by <select value=${groupby} onChange=${(event) => { setGroupby(event.target.value); choose({ case: "", control: "" }); }}>${fields.map((item) => html`<option key=${item.name} value=${item.name}>${item.name}, ${plural(item.n_levels, "group")}</option>`)}</select></label>
      <label>Case <select value=${chosen.case} onChange=${(event) => choose((now) => ({ ...now, case: event.target.value }))}><option value="">every other group</option>${levels.filter((item) => item.name !== chosen.control).map(level)}</select></label>
      <label>against control <select value=${chosen.control} onChange=${(event) => choose((now) => ({ ...now, control: event.target.value }))}><option value="">choose</option>${levels.filter((item) => item.name !== chosen.case).map(level)}<option value="rest">rest: all other groups</option></select></label></div>
    <details open=${values.n_samples > MANY}><summary>More about the samples</summary><div class="tools">
      <label>Cells are of sample <select value=${more.sample} onChange=${set("sample")}><option value="">each is a sample</option>${others.map((item) => html`<option key=${item.name} value=${item.name}>${item.name}</option>`)}</select></label>
      <label>Also differs (batch, donor) <select value=${more.covariate} onChange=${set("covariate")}><option value="">nothing</option>${others.filter((item) => item.name !== more.sample).map((item) => html`<option key=${item.name} value=${item.name}>${item.name}</option>`)}</select></label>
      <label>Values are <select value=${more.values} onChange=${set("values")}>${KINDS.map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select></label>
      ${values.layers.length > 0 && html`<label>Layer <select value=${more.layer} onChange=${set("layer")}><option value="">X</option>${values.layers.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>`}</div>
      ${values.n_samples > MANY && html`<p class="soft">${plural(values.n_samples, "profile")}: if these are single cells, say which field names the sample they are of; cells of one sample are no replicates.</p>`}</details>
    ${few.length > 0 && html`<p class="soft">${few.map((item) => `${item.name} has ${plural(item.n, "sample")}`).join(", ")}: three a group are the least for a test to mean much.</p>`}
    <div class="row"><button type="button" class="main" disabled=${busy || !chosen.control} onClick=${compare}>Compare</button>${!chosen.control && html`<span class="soft">Choose the group to compare with.</span>`}</div>`}
    ${onColumns && html`<p><button type="button" class="link" onClick=${onColumns}>Its columns are signatures: take each as a question</button></p>`}</div>`;
}
