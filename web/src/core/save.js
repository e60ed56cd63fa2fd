// Files made of what is on the screen.
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const item = document.createElement("a");
  item.href = url;
  item.download = name;
  item.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const plain = (value) => (value === null || value === undefined ? "" : String(value).replace(/[\t\r\n]+/g, " "));

/** Name of a column in a file. */
const headOf = (column) => column.fileName ?? column.name;

/** Rows as TSV: what each column means stands in comments above. */
export function tsv(columns, rows, notes = []) {
  const lines = notes.map((note) => `# ${plain(note)}`);
  for (const column of columns) if (column.help) lines.push(`# ${plain(headOf(column))}: ${plain(column.help)}`);
  lines.push(columns.map((column) => plain(headOf(column))).join("\t"));
  for (const row of rows) lines.push(columns.map((column) => plain(row[column.name])).join("\t"));
  return `${lines.join("\n")}\n`;
}

const isNumber = (column, rows) => rows.some((row) => typeof row[column.name] === "number")
  && rows.every((row) => typeof row[column.name] === "number" || row[column.name] == null);

/** Rows as GCT 1.3: numbers are the matrix, texts the row metadata. */
export function gct(columns, rows, id) {
  const values = columns.filter((column) => column.name !== id && isNumber(column, rows));
  const texts = columns.filter((column) => column.name !== id && !values.includes(column));
  const cell = (value) => (value === null || value === undefined || value === "" ? "NaN" : plain(value));
  const lines = ["#1.3", [rows.length, values.length, texts.length, 0].join("\t"),
    ["id", ...texts.map(headOf), ...values.map((column) => plain(headOf(column)))].join("\t")];
  rows.forEach((row, at) => lines.push([plain(row[id]) || String(at + 1), ...texts.map((column) => plain(row[column.name]) || "-666"),
    ...values.map((column) => cell(row[column.name]))].join("\t")));
  return `${lines.join("\n")}\n`;
}

export const gmt = (sets) => `${sets.map(({ name, note, genes }) => [name, note || "-", ...genes].map(plain).join("\t")).join("\n")}\n`;

export const saveText = (text, name, type = "text/tab-separated-values") => saveBlob(new Blob([text], { type: `${type};charset=utf-8` }), name);

export const saveCanvas = (canvas, name) => canvas.toBlob((blob) => saveBlob(blob, name), "image/png");

/** An SVG of the page as a file of its own: computed colours and fonts become attributes. */
export function saveSvg(svg, name) {
  const copy = svg.cloneNode(true);
  const seen = [svg, ...svg.querySelectorAll("*")], made = [copy, ...copy.querySelectorAll("*")];
  seen.forEach((item, at) => {
    const style = getComputedStyle(item);
    for (const key of ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family", "text-anchor", "opacity"]) {
      made[at].setAttribute(key, style.getPropertyValue(key));
    }
    made[at].removeAttribute("class");
  });
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", Math.round(width));
  copy.setAttribute("height", Math.round(height));
  saveText(new XMLSerializer().serializeToString(copy), name, "image/svg+xml");
}
