// All signatures of an answer as points: up against down score, or score against strength; a lasso fills the table below.
import { html, useState } from "../core/html.js";
import { amend, go, link, route } from "../core/route.js";
import { fieldOf, scoresOf } from "../core/fields.js";
import { useCall } from "../core/use.js";
import { title } from "../core/columns.js";
import { hasField, index } from "../core/index.js";
import { fileStem, plural } from "../core/format.js";
import { Empty, Loading, Shown } from "../parts/states.js";
import { Picked, useWords } from "../parts/picked.js";
import { Scatter, steps } from "../plots/scatter.js";

const AXES = { ncs: "NCS", wtcs: "WTCS", tau: "tau", es_up: "ES up", es_down: "ES down", tas: "TAS", distil_cc_q75: "Replicate r" };
const FIRST = ["pert_type", "moa", "cell_id", "pert_idose", "pert_itime", "tas"], NO_COLOUR = /^(sig_id|distil_id|distil_wt|source|digest|file|inchi_key|canonical_smiles|is_null_sig)$/;

/** Fields of the signatures that points can be coloured by, the usual ones first. */
export const colourFields = () => { const all = (index.value?.fields ?? []).filter((name) => !NO_COLOUR.test(name)); return [...FIRST.filter((name) => all.includes(name)), ...all.filter((name) => !FIRST.includes(name))]; };
const SCORES = new Set(["ncs", "wtcs", "tau", "es_up", "es_down"]);

export function ScatterTab({ state, id, file }) {
  if (!index.value) return html`<${Loading} />`;
  return html`<${Known} state=${state} id=${id} file=${file} />`;
}

function Known({ state, id, file }) {
  const query = route.value.query;
  const two = (state.counts?.n_up_found ?? 0) > 0 && (state.counts?.n_down_found ?? 0) > 0;
  const x = query.get("x") ?? (two ? "es_up" : "ncs"), y = query.get("y") ?? (two ? "es_down" : hasField("tas") ? "tas" : "tau"), colour = query.get("colour") ?? (hasField("pert_type") ? "pert_type" : "ncs");
  const call = useCall(async (signal) => {
    const filtered = state.question?.where?.length > 0; // signatures that the question left out are no points
    const scores = [...new Set([x, y, colour].filter((name) => SCORES.has(name))), ...(filtered ? ["shown"] : [])];
    const [found, ...fields] = await Promise.all([scores.length ? scoresOf(id, scores, { signal }) : {}, ...[x, y].map((name) => (SCORES.has(name) ? null : fieldOf(name, { signal }))),
      SCORES.has(colour) ? null : fieldOf(colour, { signal }).catch((error) => { if (error.name === "AbortError") throw error; return { missing: error.message }; })]);
    const values = SCORES.has(colour) ? found[colour] : fields[2].values;
    const tone = values ? steps(values) : counted(fields[2], filtered ? found.shown : null);
    const kept = filtered ? found.shown.reduce((sum, value) => sum + value, 0) : undefined;
    if (filtered) for (const values of new Set([found[x] ?? fields[0].values, found[y] ?? fields[1].values])) for (let at = 0; at < values.length; at++) if (!found.shown[at]) values[at] = NaN;
    const data = { kept, x: found[x] ?? fields[0].values, y: found[y] ?? fields[1].values, tone, yName: y };
    // an axis that nobody chose and nothing is known of gives way
    if (!query.get("y") && !data.y.some((value) => value === value)) return { ...data, y: (await scoresOf(id, ["tau"], { signal })).tau, yName: "tau" };
    return data;
  }, [id, x, y, colour]);
  const names = Object.keys(AXES).filter((name) => (SCORES.has(name) || hasField(name)) && (two || !name.startsWith("es_") || (name === "es_up" ? state.counts?.n_up_found : state.counts?.n_down_found)));
  const choice = (label, name, value, options) => html`<label>${label} <select value=${value} onChange=${(event) => amend({ [name]: event.target.value })}>${options.map((item) => html`<option key=${item} value=${item}>${AXES[item] ?? title(item)}</option>`)}</select></label>`;
  return html`<h2 class="hidden">Scatter</h2><div class="tools">${choice("Horizontal", "x", x, names)}${choice("Vertical", "y", call.data?.yName ?? y, names)}${choice("Colour", "colour", colour, [...colourFields(), ...(state.scores ?? ["ncs", "tau", "wtcs"]).filter((name) => SCORES.has(name))])}</div>
    <${Shown} call=${call} what="Reading scores">${(data) => html`<${Drawn} data=${data} id=${id} x=${x} y=${data.yName} file=${fileStem([file, "scatter", x, y])} />`}</${Shown}>`;
}

/** The counts of a legend over the signatures that are shown. */
function counted(tone, shown) {
  if (!shown || !tone.bytes) return tone;
  const n = new Array(tone.legend.length).fill(0);
  for (let at = 0; at < shown.length; at++) if (shown[at]) n[tone.bytes[at]]++;
  return { ...tone, legend: tone.legend.map((item, at) => ({ ...item, n: n[at] })) };
}

function Drawn({ data, id, x, y, file }) {
  const [points, setPoints] = useState(null);
  const words = useWords(id);
  const lost = [[x, data.x], [y, data.y]].find(([, values]) => !values.some((value) => value === value));
  if (lost) return html`<${Empty}>No signature has a known ${AXES[lost[0]]}. Choose another axis above.</${Empty}>`;
  return html`${data.tone.missing && html`<p class="soft">Not coloured: ${data.tone.missing}.</p>`}
    <${Scatter} x=${data.x} y=${data.y} xTitle=${AXES[x]} yTitle=${AXES[y]} category=${data.tone.bytes} legend=${data.tone.legend} label=${`${AXES[y]} against ${AXES[x]} of ${plural(data.kept ?? data.x.length, "signature")}`} file=${file}
      describe=${words.describe} onPick=${(point) => words.open(point)} count=${data.kept} onLasso=${(found) => setPoints(found)} chosen=${points && points.length < 500 ? points : null} />
    <${Picked} id=${id} points=${points} file=${file} onClear=${() => setPoints(null)} total=${data.kept ?? data.x.length} />`;
}
