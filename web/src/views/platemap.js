// Wells of a plate on its map, coloured by one of their fields: one odd well does not stretch the scale, it is named.
import { html, useMemo } from "../core/html.js";
import { amend, link, route } from "../core/route.js";
import { amount, exactly, number, plural } from "../core/format.js";
import { meaning, title } from "../core/columns.js";
import { limitsOf } from "../plots/limits.js";

const ROWS = "ABCDEFGHIJKLMNOP", PALE = 6, DARK = 66, NAMED = 6;
const DOSES = new Set(["pert_dose", "pert_time"]);

const control = (item) => /ctl|dmso/i.test(`${item.pert_type} ${item.pert_iname}`);
const nameOf = (item) => item.pert_iname ?? item.pert_id ?? "no name";

/** Fields of wells that are numbers and differ: what a plate can be coloured by. */
function numbersOf(wells) {
  const names = [...new Set(wells.flatMap((item) => Object.keys(item)))];
  return names.filter((name) => new Set(wells.map((item) => item[name]).filter((value) => typeof value === "number")).size > 1);
}

/** Colour scale of a field: its limits, and which wells lie beyond them or have no value. */
function scaleOf(wells, colour) {
  const known = wells.filter((item) => typeof item[colour] === "number");
  const limits = limitsOf(known.map((item) => item[colour]), DOSES.has(colour));
  const side = (item) => (typeof item?.[colour] !== "number" ? "missing" : limits.share(item[colour]) < 0 ? "below" : limits.share(item[colour]) > 1 ? "above" : "");
  const of = (what) => wells.filter((item) => side(item) === what);
  return { ...limits, side, below: of("below"), above: of("above"), missing: of("missing") };
}

const SIGNS = { below: "\u25bc", above: "\u25b2", missing: "?" };

export function PlateMap({ data, plate, well }) {
  const colour = route.value.query.get("colour") ?? "", fields = useMemo(() => numbersOf(data.wells), [data]);
  const wells = new Map(data.wells.map((item) => [item.well, item])), mine = wells.get(well);
  const last = Math.max(12, ...data.wells.map((item) => Number(item.well.slice(1)))), rows = [...ROWS].slice(0, last > 12 || data.wells.some((item) => item.well > "H99") ? 16 : 8);
  const scale = useMemo(() => (fields.includes(colour) ? scaleOf(data.wells, colour) : null), [data, colour]);
  const value = (item) => (DOSES.has(colour) ? amount(item[colour], item[`${colour}_unit`]) : number(item[colour]));
  const alike = (item) => mine && item && item !== mine && nameOf(item) === nameOf(mine) && (item.pert_dose ?? "") === (mine.pert_dose ?? "");
  const tone = (item) => `${PALE + (DARK - PALE) * Math.max(0, Math.min(1, scale.share(item[colour])))}%`;
  const beyond = { below: ", below the colour scale", above: ", above the colour scale", missing: "" };
  const words = (id, item) => `${id}: ${nameOf(item)}${item.pert_dose ? `, ${amount(item.pert_dose, item.pert_dose_unit)}` : ""}${scale ? `, ${title(colour)} ${typeof item[colour] === "number" ? value(item) : "not known"}${beyond[scale.side(item)] ?? ""}` : ""}`;
  return html`<section><h2>Plate</h2><div class="tools"><label>Colour <select value=${colour} onChange=${(event) => amend({ colour: event.target.value })}><option value="">controls (c)</option>${fields.map((name) => html`<option key=${name} value=${name} title=${meaning(name)}>${title(name)}</option>`)}</select></label>
      ${data.wells.some(alike) && html`<span class="soft">framed: wells of ${nameOf(mine)} at the same dose</span>`}</div>
    ${scale && html`<${Legend} scale=${scale} colour=${colour} value=${value} />`}
    <div class="wide" tabindex="0" role="group" aria-label="Wells of the plate"><table class="plate"><thead><tr><th><span class="hidden">Row</span></th>${Array.from({ length: last }, (_, at) => html`<th key=${at}>${at + 1}</th>`)}</tr></thead><tbody>
    ${rows.map((row) => html`<tr key=${row}><th scope="row">${row}</th>${Array.from({ length: last }, (_, at) => {
      const id = `${row}${String(at + 1).padStart(2, "0")}`, item = wells.get(id), side = item && scale ? scale.side(item) : "";
      return html`<td key=${id} class=${`${item ? "has" : ""} ${id === well ? "this" : ""} ${alike(item) ? "alike" : ""} ${item && scale ? (side === "missing" ? "missing" : "toned") : ""} ${side === "above" || side === "below" ? "beyond" : ""}`} style=${item && scale && side !== "missing" ? { "--tone": tone(item) } : {}}>${item ? html`<a href=${link("plate", plate, id, { colour })} title=${words(id, item)} aria-current=${id === well ? "true" : undefined}><span aria-hidden="true">${SIGNS[side] ?? (control(item) ? "c" : "·")}</span><span class="hidden">${words(id, item)}</span></a>` : ""}</td>`;
    })}</tr>`)}</tbody></table></div></section>`;
}

/** The scale as a bar, and in words which wells it does not hold. */
function Legend({ scale, colour, value }) {
  const some = (items) => `${items.slice(0, NAMED).map((item) => `${item.well} (${value(item)})`).join(", ")}${items.length > NAMED ? ` and ${plural(items.length - NAMED, "more", "more")}` : ""}`;
  const end = (number_) => (DOSES.has(colour) ? exactly(Number(number_.toPrecision(6))) : number(number_));
  return html`<p class="scale"><span>${end(scale.low)}</span><span class="bar" role="img" aria-label=${`Colours of ${title(colour)}: pale ${end(scale.low)}, dark ${end(scale.high)}`}></span><span>${end(scale.high)}</span> <span class="soft">${title(colour)}${scale.log ? ", by logarithm" : ""}: median and three robust standard deviations around it</span></p>
    ${[["below", "below it"], ["above", "above it"]].map(([side, where]) => scale[side].length > 0 && html`<p key=${side} class="soft beyondwords">${SIGNS[side]} ${plural(scale[side].length, "well")} ${where}: ${some(scale[side])}</p>`)}
    ${scale.missing.length > 0 && html`<p class="soft beyondwords">${SIGNS.missing} ${plural(scale.missing.length, "well")} without a value: ${scale.missing.slice(0, 2 * NAMED).map((item) => item.well).join(", ")}${scale.missing.length > 2 * NAMED ? ` and ${plural(scale.missing.length - 2 * NAMED, "more", "more")}` : ""}</p>`}`;
}
