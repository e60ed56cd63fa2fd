// Map: all signatures in the plane, near each other where their profiles are alike.
import { html, useMemo, useState } from "../core/html.js";
import { bytes, get } from "../core/api.js";
import { amend, link, route } from "../core/route.js";
import { fieldOf, scoresOf } from "../core/fields.js";
import { has, hasField, index } from "../core/index.js";
import { title } from "../core/columns.js";
import { useCall } from "../core/use.js";
import { plural, signed, units } from "../core/format.js";
import { Empty, Failed, Loading, Shown } from "../parts/states.js";
import { Picked, rowsAt, useWords } from "../parts/picked.js";
import { Scatter, steps } from "../plots/scatter.js";
import { colourFields } from "../answer/scattertab.js";

export function MapView() {
  if (!index.value) return html`<h1>Map</h1><${Loading} />`;
  return has("map") ? html`<${Whole} />` : html`<h1>Map</h1><${Empty} command="beadwork index layout INDEX">This index has no map of its signatures yet.</${Empty}>`;
}

function Whole() {
  const call = useCall(async (signal) => {
    // a margin all round; the largest number stands for "no place" in plots
    const raw = new Uint16Array(await bytes(["map", "positions"], {}, { signal })).map((value) => 1311 + value * 0.96);
    const n = raw.length / 2;
    return { x: raw.subarray(0, n), y: raw.subarray(n) };
  }, []);
  return html`<h1>Map</h1><p class="soft">All signatures of the index; those with like profiles stand near each other. Distance on the map is not a score.</p>
    <${Shown} call=${call} what="Reading the map">${(data) => html`<${Drawn} data=${data} />`}</${Shown}>`;
}

function Drawn({ data }) {
  const query = route.value.query;
  const colour = query.get("colour") ?? (hasField("pert_type") ? "pert_type" : "cell_id"), answer = query.get("q") ?? "", search = query.get("find") ?? "";
  const tone = useCall(async (signal) => {
    if (answer && colour === "ncs") return steps((await scoresOf(answer, ["ncs"], { signal })).ncs, "NCS ");
    const field = await fieldOf(colour, { signal });
    return field.values ? steps(field.values) : field;
  }, [colour, answer]);
  const found = useCall(async (signal) => (search ? (await get(["map", "find"], { text: search }, { signal })).places : null), [search]);
  const [points, setPoints] = useState(null), [picked, setPicked] = useState(null);
  const words = useWords("");
  const start = useMemo(() => (query.get("z") ? { x: Number(query.get("x")), y: Number(query.get("y")), wide: Number(query.get("z")), tall: Number(query.get("z")) } : undefined), []);
  return html`<div class="tools"><label>Colour <select value=${colour} onChange=${(event) => amend({ colour: event.target.value })}>${[...colourFields(), ...(answer ? ["ncs"] : [])].map((name) => html`<option key=${name} value=${name}>${title(name)}</option>`)}</select></label>
      <label>Show <input type="search" value=${search} maxlength="200" placeholder="vorinostat, MCF7" onChange=${(event) => amend({ find: event.target.value })} /></label>${found.data && html`<span class="soft">${found.data.length.toLocaleString("en")} marked</span>`}</div>
    ${tone.error && html`<p class="soft">Not coloured: ${tone.error.message}.</p>`}${found.error && html`<${Failed} error=${found.error} />`}
    <${Scatter} x=${data.x} y=${data.y} category=${tone.data?.bytes} legend=${tone.data?.legend} label=${`Map of ${plural(data.x.length, "signature")}`} file="map" hideAxes=${true} tall=${560} describe=${words.describe} view=${start}
      onView=${(view) => amend({ x: Math.round(view.x), y: Math.round(view.y), z: Math.round(view.wide) })} onPick=${setPicked} onLasso=${setPoints} chosen=${points && points.length < 500 ? points : found.data ?? (picked === null ? null : [picked])} />
    ${picked !== null && html`<${Near} point=${picked} onClose=${() => setPicked(null)} />`}
    <${Picked} id="" points=${points} file="map" onClear=${() => setPoints(null)} total=${data.x.length} />`;
}

/** The signature of a point and its neighbours, by their profiles. */
function Near({ point, onClose }) {
  const call = useCall(async (signal) => {
    const [row] = await rowsAt("", [point], { signal });
    return { row, near: await get(["sigs", row.sig_id, "neighbours"], { top: 12 }, { signal }) };
  }, [point]);
  return html`<section class="detail" aria-label="Chosen signature"><button type="button" class="close" aria-label="Close" onClick=${onClose}>×</button><${Shown} call=${call} what="Comparing with all signatures">${({ row, near }) => html`<h2><a href=${link("sig", row.sig_id)}>${row.pert_iname || row.pert_id}</a> <span class="soft">${[row.cell_id, units(row.pert_idose), row.pert_itime].filter(Boolean).join(", ")}</span></h2>
    <h3>Nearest by profile <span class="soft">${near.measure}</span></h3><ul class="hits">${near.like.map((item) => html`<li key=${item.sig_id}><a href=${link("sig", item.sig_id)}>${item.pert_iname || item.pert_id}</a> <span class="soft">${[item.cell_id, units(item.pert_idose), item.pert_itime].filter(Boolean).join(", ")}: ${signed(item.cosine)}</span></li>`)}</ul>`}</${Shown}></section>`;
}
