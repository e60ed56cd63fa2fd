// The page: asks the JSON API, shows ranked tables. Text is always set as text, never as markup.
"use strict";
const byId = (id) => document.getElementById(id);
const state = { key: null, table: "perturbagens", offset: 0, limit: 50, sort: "rank", descending: false, total: 0 };
const HIDDEN = new Set(["raw_cs", "norm_cs", "fdr_q_nlog10", "distil_cc_q75", "is_gold", "pert_id"]);
const SIGNED = new Set(["ncs", "tau", "wtcs", "median_ncs"]);
const WORDS = { sig_id: "signature", pert_id: "perturbagen id", pert_iname: "perturbagen", pert_type: "type", cell_id: "cell",
  pert_idose: "dose", pert_itime: "time", distil_nsample: "replicates", tas: "TAS", distil_cc_q75: "replicate correlation",
  is_gold: "reproducible and self-connected", wtcs: "WTCS", ncs: "NCS", fdr: "FDR", n_signatures: "signatures",
  n_cells: "cells", n_perturbagens: "perturbagens", median_ncs: "median NCS", n_positive: "positive", n_negative: "negative",
  class: "mechanism", pert_dose: "dose (number)", pert_dose_unit: "unit of dose", pert_time: "time (number)",
  pert_time_unit: "unit of time", moa: "mechanism" };
let typeNames = {};

async function call(path, options) {
  const response = await fetch(path, options);
  const data = await response.json().catch(() => ({ detail: `error ${response.status}` }));
  if (!response.ok) throw new Error(typeof data.detail === "string" ? data.detail : `error ${response.status}`);
  return data;
}
function make(tag, text, cls) {
  const item = document.createElement(tag);
  if (text !== undefined && text !== null) item.textContent = text;
  if (cls) item.className = cls;
  return item;
}
function say(text, failed) {
  byId("status").textContent = text;
  byId("status").className = failed ? "failed" : "";
}
function genesOf(text) {
  return text.split(/[\s,;]+/).filter(Boolean);
}
function genesOfFile(name, text) {
  // a GMT gives the genes of its first set; anything else is a list
  const lines = text.split(/\r?\n/).filter((line) => line.trim() && !line.startsWith("#"));
  if (name.toLowerCase().endsWith(".gmt") && lines.length) return lines[0].split("\t").slice(2).join("\n");
  return lines.join("\n");
}
function textOf(buffer) {
  // spreadsheets write UTF-16 with a mark at the start
  const start = new Uint8Array(buffer.slice(0, 2));
  const name = start[0] === 0xff && start[1] === 0xfe ? "utf-16le" : start[0] === 0xfe && start[1] === 0xff ? "utf-16be" : "utf-8";
  return new TextDecoder(name).decode(buffer);
}
function number(value) {
  if (value === null) return "NA";
  if (typeof value !== "number") return value;
  if (value === 0) return "0"; // never -0
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) < 0.001 && value !== 0 ? value.toExponential(1) : value.toFixed(3);
}

const word = (name) => WORDS[name] || name.replaceAll("_", " ");
const typeName = (kinds) => String(kinds).split("|").map((kind) => typeNames[kind] || kind).join(", ");

async function start() {
  const facts = await call("/api/index");
  const space = facts.space ? ` (${facts.space})` : "";
  byId("facts").textContent = `${facts.path}: ${facts.signatures.toLocaleString("en")} signatures × ` +
    `${facts.genes.toLocaleString("en")} genes${space}, ${facts.cells} cells, ${facts.null_signatures} null signatures, ` +
    `background of ${facts.background_queries} queries`;
  typeNames = facts.pert_type_names;
  for (const [id, items] of [["where-cell", facts.cell_ids], ["where-type", facts.pert_types]]) {
    for (const item of items) { const option = make("option", id === "where-type" ? typeName(item) : item); option.value = item; byId(id).append(option); }
  }
  const given = new URLSearchParams(location.search);
  for (const id of ["up", "down", "name"]) if (given.has(id)) byId(id).value = id === "name" ? given.get(id) : genesOf(given.get(id)).join(" ");
  if (given.get("table")) select(given.get("table"));
  if (given.has("up") || given.has("down")) await ask();
  if (given.has("sig_id")) await openSignature(given.get("sig_id"));
}

async function ask() {
  const up = genesOf(byId("up").value), down = genesOf(byId("down").value);
  const where = [];
  if (byId("where-cell").value) where.push(`cell_id=${byId("where-cell").value}`);
  if (byId("where-type").value) where.push(`pert_type=${byId("where-type").value}`);
  byId("run").disabled = true; byId("progress").hidden = false; byId("progress").value = 0;
  say("asking ...");
  const whole = state.table_text;
  const name = whole && byId("name").value === "query" ? state.table_name.slice(0, 100) : byId("name").value || "query";
  const asked = whole ? { name, signature_table: whole, where } : { name, up, down, where };
  try {
    let job = await call("/api/queries", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked) });
    while (job.status === "waiting" || job.status === "running") {
      byId("progress").value = job.done;
      say(job.status === "waiting" ? "waiting for other queries" : job.message || "scoring signatures");
      await new Promise((resolve) => setTimeout(resolve, 150));
      job = await call(`/api/queries/${job.id}`);
    }
    if (job.status === "failed") throw new Error(job.message);
    say("");
    state.key = job.id; state.offset = 0;
    showNotes(job);
    await show();
  } catch (error) {
    say(error.message, true);
  } finally {
    byId("run").disabled = false; byId("progress").hidden = true;
  }
}

function showNotes(job) {
  byId("answer").hidden = false;
  byId("title").textContent = `${job.name}: ${job.counts.n_up_found} up and ${job.counts.n_down_found} down genes`;
  const list = make("ul");
  const plain = (note) => note.replace(/\b(cell_id|pert_type)=/g, (found, name) => `${word(name)} `);
  for (const note of job.notes) list.append(make("li", plain(note)));
  if (job.missing.length) {
    const names = job.missing.slice(0, 30).map((item) => `${item.gene} (${item.reason})`).join(", ");
    list.append(make("li", `Not used: ${names}${job.missing.length > 30 ? ", ..." : ""}`));
  }
  byId("notes").replaceChildren(job.notes.length || job.missing.length ? list : make("p", "All genes were found."));
  byId("page").href = `/api/queries/${job.id}/view/page`;
}

async function show() {
  const parameters = new URLSearchParams({ offset: state.offset, limit: state.limit, text: byId("text").value,
    sort: state.sort, descending: state.descending });
  const rows = await call(`/api/queries/${state.key}/${state.table}?${parameters}`);
  state.total = rows.total;
  byId("download").href = `/api/queries/${state.key}/download/${state.table}`;
  byId("count").textContent = rows.total === 0 ? "nothing" :
    `${rows.offset + 1} to ${rows.offset + rows.rows.length} of ${rows.total.toLocaleString("en")}`;
  byId("previous").disabled = state.offset === 0;
  byId("next").disabled = state.offset + state.limit >= rows.total;
  const shown = rows.columns.map((name, place) => [name, place]).filter(([name]) => !HIDDEN.has(name));
  const head = make("tr");
  const numeric = (place) => rows.rows.length > 0 && rows.rows.some((row) => typeof row[place] === "number");
  for (const [name, place] of shown) head.append(make("th", word(name), numeric(place) ? "n" : ""));
  byId("table").tHead.replaceChildren(head);
  const at = rows.columns.indexOf("sig_id");
  byId("table").tBodies[0].replaceChildren(...rows.rows.map((row) => {
    const line = make("tr");
    for (const [name, place] of shown) {
      const value = name === "pert_type" && row[place] ? typeName(row[place]) : row[place];
      const side = SIGNED.has(name) && value ? (value > 0 ? " up" : " down") : "";
      line.append(make("td", numeric(place) ? number(value) : value, (numeric(place) ? "n" : "") + side));
    }
    if (at >= 0) {
      line.className = "open"; line.tabIndex = 0;
      line.addEventListener("click", () => openSignature(row[at]));
      line.addEventListener("keydown", (event) => { if (event.key === "Enter") openSignature(row[at]); });
    }
    return line;
  }));
}

function select(table) {
  state.table = table; state.offset = 0;
  for (const tab of document.querySelectorAll("[role=tab]")) tab.setAttribute("aria-selected", tab.dataset.table === table);
}

async function openSignature(id) {
  let profile;
  try { profile = await call(`/api/signature?${new URLSearchParams({ sig_id: id })}`); } catch (error) { say(error.message, true); return; }
  byId("signature").hidden = false;
  byId("signature-id").textContent = profile.sig_id;
  byId("annotation").replaceChildren(...Object.entries(profile.annotation).flatMap(([name, value]) =>
    [make("dt", word(name)), make("dd", name === "pert_type" ? typeName(value) : number(value))]));
  for (const side of ["up", "down"]) {
    byId(`genes-${side}`).replaceChildren(...profile[side].map((gene) => {
      const line = make("tr");
      line.append(make("td", gene.symbol || gene.gene_id), make("td", gene.z.toFixed(2), `n ${side}`));
      return line;
    }));
  }
  byId("ranked-by").textContent = profile.ranked_by === "z" ? "" : `Genes are ranked by: ${profile.ranked_by}.`;
  byId("histogram").replaceChildren(histogram(profile.histogram));
  byId("signature").scrollIntoView({ block: "nearest" });
}

function histogram({ counts, edges }) {
  const space = "http://www.w3.org/2000/svg", width = 300, height = 140, top = Math.max(...counts);
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img"); svg.setAttribute("aria-label", "histogram of z-scores");
  counts.forEach((count, place) => {
    const bar = document.createElementNS(space, "rect"), tall = (height - 20) * count / top;
    bar.setAttribute("x", width * place / counts.length); bar.setAttribute("width", width / counts.length - 1);
    bar.setAttribute("y", height - 15 - tall); bar.setAttribute("height", tall); svg.append(bar);
  });
  for (const [place, anchor] of [[0, "start"], [edges.length - 1, "end"]]) {
    const text = document.createElementNS(space, "text");
    text.setAttribute("x", place ? width : 0); text.setAttribute("y", height - 3); text.setAttribute("text-anchor", anchor);
    text.textContent = edges[place].toFixed(1); svg.append(text);
  }
  return svg;
}

byId("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
for (const side of ["up", "down"]) {
  byId(`${side}-file`).addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    if (file.size > 1000000) { say(`${file.name} is too large for a gene set`, true); return; }
    byId(side).value = genesOfFile(file.name, await file.text());
  });
}
byId("table-file").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  state.table_text = ""; state.table_name = "";
  if (!file) return;
  if (file.size > 7500000) { event.target.value = ""; say(`${file.name} is too large; \`beadwork query --signature\` reads it`, true); return; }
  state.table_text = textOf(await file.arrayBuffer()); state.table_name = file.name;
  say(`${file.name}: the whole signature is asked, not the lists of genes`);
});
for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => { select(tab.dataset.table); show(); });
byId("text").addEventListener("input", () => { state.offset = 0; show(); });
byId("first-side").addEventListener("click", () => {
  state.descending = !state.descending; state.offset = 0;
  byId("first-side").setAttribute("aria-pressed", state.descending);
  byId("first-side").textContent = state.descending ? "Show what connects first" : "Show what opposes first";
  show();
});
byId("previous").addEventListener("click", () => { state.offset = Math.max(0, state.offset - state.limit); show(); });
byId("next").addEventListener("click", () => { state.offset += state.limit; show(); });
byId("close").addEventListener("click", () => { byId("signature").hidden = true; });
start().catch((error) => say(error.message, true));
