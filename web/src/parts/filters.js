// Filters and columns of a table: a choice of one field, any column with a limit or a text, which columns are shown.
import { html, useState } from "../core/html.js";

/** A filter of one field: its values as a choice. */
export function Facet({ field, label, values, shown = (value) => value, filters, change }) {
  if (!values?.length) return null;
  return html`<label>${label} <select value="" onChange=${(event) => {
    const value = event.target.value;
    event.target.value = "";
    if (!value) return;
    const before = filters.find((item) => item.startsWith(`${field}:`));
    const rest = filters.filter((item) => item !== before);
    change([...rest, before && !before.slice(field.length + 1).split("|").includes(value) ? `${before}|${value}` : `${field}:${value}`]);
  }}><option value="">any</option>${values.map((value) => html`<option key=${value} value=${value}>${shown(value)}</option>`)}</select></label>`;
}

const NUMBER = [[">=", "at least"], ["<=", "at most"], [">", "above"], ["<", "below"]], TEXT = [["~", "holds"], [":", "is"], ["!=", "is not"]];

/** A filter of any column: numbers by a limit, texts by a part. */
export function AddFilter({ columns, change }) {
  const [name, setName] = useState(""), [how, setHow] = useState(""), [value, setValue] = useState("");
  const column = columns.find((item) => item.name === name) ?? columns[0];
  if (!column) return null;
  const ways = column.numeric ? NUMBER : TEXT, way = ways.some(([op]) => op === how) ? how : ways[0][0];
  const add = (event) => {
    event.preventDefault();
    if (!value.trim()) return;
    change(`${column.name}${way}${value.trim().replace("\u2212", "-")}`);
    setValue("");
    event.currentTarget.closest("details").open = false;
  };
  return html`<details class="menu"><summary class="button">Filter</summary><form class="row" onSubmit=${add}>
    <label>Column <select aria-label="Column" value=${column.name} onChange=${(event) => setName(event.target.value)}>${columns.map((item) => html`<option key=${item.name} value=${item.name}>${item.title}</option>`)}</select></label>
    <select aria-label="How" value=${way} onChange=${(event) => setHow(event.target.value)}>${ways.map(([op, words]) => html`<option key=${op} value=${op}>${words}</option>`)}</select>
    <input class="small" aria-label="Value" value=${value} maxlength="200" inputmode=${column.numeric ? "decimal" : "text"} pattern=${column.numeric ? "[\u2212+\\-]?[0-9]*[.]?[0-9]+([eE][\\-]?[0-9]+)?" : undefined} title=${column.numeric ? "a number" : undefined} onInput=${(event) => setValue(event.target.value)} required />
    <button type="submit">Add</button></form></details>`;
}

/** Which columns are shown, in the order of the table. */
export function Columns({ offered, names, usual, change }) {
  const flip = (name, on) => {
    const found = offered.map((item) => item.name).filter((item) => (item === name ? on : names.includes(item)));
    if (found.length) change(found.join() === usual.join() ? "" : found.join());
  };
  return html`<details class="menu"><summary class="button">Columns</summary><div class="choices" role="group" aria-label="Columns">
    ${offered.map((item) => html`<label key=${item.name}><input type="checkbox" checked=${names.includes(item.name)} onChange=${(event) => flip(item.name, event.target.checked)} /> ${item.title}${item.title === item.name ? "" : html` <span class="soft">${item.name}</span>`}</label>`)}
    <button type="button" onClick=${() => change("")}>As usual</button></div></details>`;
}
