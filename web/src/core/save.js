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

const FORMULA = /^[=+\-@][^\0]/, NUMBER = /^[+-]?(\d+\.?\d*|\.\d+|inf)([eE][+-]?\d+)?$/, DIGITS = 6;

/** A value as one cell; what a spreadsheet would run as a formula gets a blank in front, as the program's own files do. */
function plain(value) {
  const text = value === null || value === undefined ? "" : typeof value === "number" ? figures(value) : String(value).replace(/[\t\r\n]/g, " ");
  return FORMULA.test(text) && !NUMBER.test(text) ? ` ${text}` : text;
}

/** A number as the files of the server have it: whole ones in full, others with six digits, ties to the even one. */
export function figures(value) {
  if (!Number.isFinite(value)) return "";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  let [digits, power] = value.toExponential(DIGITS - 1).split("e");
  const exact = value.toExponential(80).split("e"), rest = exact[0].slice(exact[0].indexOf(".") + DIGITS);
  if (/^50*$/.test(rest) && Number(exact[0][exact[0].indexOf(".") + DIGITS - 1]) % 2 === 0) [digits, power] = [exact[0].slice(0, -rest.length), exact[1]];
  const at = Number(power);
  const short = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (at < -4 || at >= DIGITS) return `${short(digits)}e${at < 0 ? "-" : "+"}${String(Math.abs(at)).padStart(2, "0")}`;
  return short(Number(`${digits}e${at}`).toFixed(DIGITS - 1 - at));
}

/** Name of a column in a file. */
const headOf = (column) => plain(column.fileName ?? column.name);

/** Rows as TSV: what each column means stands in comments above. */
export function tsv(columns, rows, notes = []) {
  const lines = notes.map((note) => `# ${String(note).replace(/\s+/g, " ")}`);
  for (const column of columns) if (column.help) lines.push(`# ${headOf(column)}: ${column.help.replace(/\s+/g, " ")}`);
  lines.push(columns.map(headOf).join("\t"));
  for (const row of rows) lines.push(columns.map((column) => plain(row[column.name])).join("\t"));
  return `${lines.join("\n")}\n`;
}

/** Whether a column is one of numbers: by its values, and where all of them are missing by what it is known as. */
const isNumber = (column, rows) => rows.every((row) => typeof row[column.name] === "number" || row[column.name] == null)
  && (Boolean(column.numeric || column.counted) || rows.some((row) => typeof row[column.name] === "number"));

/** Rows as GCT 1.3: numbers are the matrix, texts the row metadata. */
export function gct(columns, rows, id) {
  const values = columns.filter((column) => column.name !== id && isNumber(column, rows));
  const texts = columns.filter((column) => column.name !== id && !values.includes(column));
  const lines = ["#1.3", [rows.length, values.length, texts.length, 0].join("\t"),
    ["id", ...[...texts, ...values].map(headOf)].join("\t")];
  const seen = new Map();
  const own = (row, at) => { // a GCT needs each id once
    const key = plain(row[id]) || String(at + 1), n = (seen.get(key) ?? 0) + 1;
    seen.set(key, n);
    return n === 1 ? key : `${key}:${n}`;
  };
  rows.forEach((row, at) => lines.push([own(row, at), ...texts.map((column) => plain(row[column.name]) || "-666"),
    ...values.map((column) => plain(row[column.name]) || "NaN")].join("\t")));
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

/** Text that may stand in an SVG or in an attribute of one. */
export const escapeText = (text) => String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

export const saveSvgText = (text, name) => saveText(text, name, "image/svg+xml");
export const saveSvg = (svg, name) => saveSvgText(svgText(svg), name);

/** The text of an SVG as an image of pixels, on a colour. */
export async function saveTextPixels(text, { width, height, back }, name, ratio = 2) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.fillStyle = back;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  saveCanvas(canvas, name);
}

/** The same as an image of pixels, on the colour of the page. */
export const saveSvgPixels = (svg, name) =>
  saveTextPixels(svgText(svg), { ...sizeOf(svg), back: getComputedStyle(document.body).backgroundColor }, name);

const sizeOf = (svg) => { const { width, height } = svg.getBoundingClientRect(); return { width, height }; };
