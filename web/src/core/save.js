// Files made of what is on the screen.
/** A file that the server makes, under a name of ours. */
export function saveAddress(address, name) {
  const item = document.createElement("a");
  item.href = address;
  item.download = name;
  item.click();
}

export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  saveAddress(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const FORMULA = /^[=+\-@]./, NUMBER = /^[+-]?(\d+\.?\d*|\.\d+|inf)(e[+-]?\d+)?$/i;

/** A value as one cell; what a spreadsheet would run as a formula gets a blank in front, as the program's own files do. */
function plain(value) {
  const text = value === null || value === undefined ? "" : String(value).replace(/[\t\r\n]+/g, " ");
  return FORMULA.test(text) && !NUMBER.test(text) ? ` ${text}` : text;
}

/** Name of a column in a file. */
const headOf = (column) => column.fileName ?? column.name;

/** Rows as TSV: what each column means stands in comments above. */
export function tsv(columns, rows, notes = []) {
  const lines = notes.map((note) => `# ${String(note).replace(/\s+/g, " ")}`);
  for (const column of columns) if (column.help) lines.push(`# ${plain(headOf(column))}: ${column.help.replace(/\s+/g, " ")}`);
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
  const seen = new Map();
  const own = (row, at) => { // a GCT needs each id once
    const key = plain(row[id]) || String(at + 1), n = (seen.get(key) ?? 0) + 1;
    seen.set(key, n);
    return n === 1 ? key : `${key}:${n}`;
  };
  rows.forEach((row, at) => lines.push([own(row, at), ...texts.map((column) => plain(row[column.name]) || "-666"),
    ...values.map((column) => cell(row[column.name]))].join("\t")));
  return `${lines.join("\n")}\n`;
}

export const gmt = (sets) => `${sets.map(({ name, note, genes }) => [name, note || "-", ...genes].map(plain).join("\t")).join("\n")}\n`;

export const saveText = (text, name, type = "text/tab-separated-values") => saveBlob(new Blob([text], { type: `${type};charset=utf-8` }), name);

export const saveCanvas = (canvas, name) => canvas.toBlob((blob) => saveBlob(blob, name), "image/png");

/** Text of an SVG of the page that stands alone: computed colours and fonts become attributes. */
export function svgText(svg) {
  const copy = svg.cloneNode(true);
  const seen = [svg, ...svg.querySelectorAll("*")], made = [copy, ...copy.querySelectorAll("*")];
  seen.forEach((item, at) => {
    const style = getComputedStyle(item);
    for (const key of ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family", "font-weight", "paint-order", "text-anchor", "opacity"]) {
      made[at].setAttribute(key, style.getPropertyValue(key));
    }
    made[at].removeAttribute("class");
  });
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", Math.round(width));
  copy.setAttribute("height", Math.round(height));
  return new XMLSerializer().serializeToString(copy);
}

export const saveSvg = (svg, name) => saveText(svgText(svg), name, "image/svg+xml");

/** The same as an image of pixels, on the colour of the page. */
export async function saveSvgPixels(svg, name, ratio = 2) {
  const { width, height } = svg.getBoundingClientRect();
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(svg))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  saveCanvas(canvas, name);
}
