// Ask: genes, a file, or a name.
import { html, useEffect, useRef, useState } from "../core/html.js";
import { get, send } from "../core/api.js";
import { go, link, route } from "../core/route.js";
import { index } from "../core/index.js";
import { count, plural, typeName } from "../core/format.js";
import { genesOf, kindOf, readGmt, textOf } from "./files.js";
import { announce } from "../core/live.js";
import { Failed } from "../parts/states.js";
import { useCheck, used, Verdict } from "./check.js";
import { ByName } from "./byname.js";
import { Preview } from "./preview.js";
import { EXAMPLES } from "./examples.js";
import { QuestionRow } from "./questions.js";

const MOST_BYTES = 8_000_000;

export function Ask() {
  const given = route.value.query;
  const [up, setUp] = useState(genesOf(given.get("up") ?? "").join(" ")), [down, setDown] = useState(genesOf(given.get("down") ?? "").join(" "));
  const [name, setName] = useState(given.get("name") ?? ""), [cell, setCell] = useState(given.get("cell") ?? ""), [type, setType] = useState(given.get("type") ?? "");
  const [table, setTable] = useState(null), [sets, setSets] = useState(null), [error, setError] = useState(null), [busy, setBusy] = useState(false), [over, setOver] = useState(false);
  const checkUp = useCheck(up), checkDown = useCheck(down);
  const facts = index.value;
  const upBox = useRef(null), downBox = useRef(null);

  const where = () => [cell && `cell_id=${cell}`, type && `pert_type=${type}`].filter(Boolean);
  const ask = async (question) => {
    setError(null); setBusy(true);
    try {
      const state = await send("POST", ["queries"], { where: where(), ...question });
      announce("the question was taken");
      go(link("q", state.id));
    } catch (failure) {
      setError(failure); setBusy(false);
      if (/^(up|down)/.test(failure.field ?? "")) (failure.field.startsWith("up") ? upBox : downBox).current?.focus();
    }
  };
  const askGenes = () => {
    const lists = { up: genesOf(up), down: genesOf(down) };
    if (!lists.up.length && !lists.down.length) { setError({ message: "there are no genes; paste some, click an example, or ask by a name" }); upBox.current?.focus(); return; }
    ask({ name: name.trim() || "query", ...lists });
  };
  // an address with genes is a question by itself, as it was before answers were kept
  useEffect(() => { if ((given.get("up") || given.get("down")) && !given.has("edit")) askGenes(); }, []);

  const read = async (file) => {
    setError(null); setSets(null); setTable(null);
    if (!file) return;
    if (/\.(h5ad|xlsx?|parquet|gctx?)$/i.test(file.name)) { setTable({ file, name: file.name, binary: true }); return; }
    if (file.size > MOST_BYTES) { setError({ message: `${file.name} holds more than ${count(MOST_BYTES)} bytes; \`beadwork query --signature\` reads it` }); return; }
    const text = textOf(await file.arrayBuffer());
    const kind = kindOf(file.name, text);
    const plain = file.name.replace(/\.[^.]*$/, "");
    if (kind === "table") { setTable({ file, name: file.name, text }); setName(plain); return; }
    if (kind === "list") { setUp(genesOf(text.split(/\r?\n/).filter((line) => !line.startsWith("#")).join("\n")).join(" ")); setName(plain); return; }
    const found = readGmt(text);
    if (!found.length) { setError({ message: `${file.name} holds no set; a line of GMT is a name, a description and genes, with tabs between` }); return; }
    if (found.length === 1) take(found[0]); else setSets({ name: file.name, found });
  };
  const take = (pair) => { setUp(pair.up.join(" ")); setDown(pair.down.join(" ")); setName(pair.name); setSets(null); announce(`${pair.name}: ${pair.up.length} genes up, ${pair.down.length} down`); };
  const drop = (event) => { event.preventDefault(); setOver(false); read(event.dataTransfer.files[0]); };
  const replace = (text, set) => (from, to) => set(genesOf(text).map((gene) => (gene === from ? to : gene)).join(" "));
  const keys = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); askGenes(); } };
  const one = Boolean(genesOf(up).length) !== Boolean(genesOf(down).length);
  const n = (checkUp?.rows?.filter(used).length ?? 0) + (checkDown?.rows?.filter(used).length ?? 0);

  return html`<div class=${over ? "drop over" : "drop"} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <h1>Ask</h1>
    <p class="soft lead">Paste genes, or drop a list, GMT, or a table of differential expression (DESeq2, limma, edgeR, Seurat, scanpy). What resembles it, and what opposes it?</p>
    ${error && html`<${Failed} error=${error} />`}
    <form onSubmit=${(event) => { event.preventDefault(); askGenes(); }} aria-label="Question">
      <div class="sets">
        ${[["up", "Up", up, setUp, upBox, checkUp], ["down", "Down", down, setDown, downBox, checkDown]].map(([id, label, text, set, box, check]) => html`<div key=${id}>
          <label class="boxname" for=${id}>${label} <span class="soft">${id === "up" ? "genes that go up" : "genes that go down"}</span></label>
          <textarea id=${id} ref=${box} rows="6" spellcheck="false" autocapitalize="off" value=${text} aria-describedby=${`${id}-verdict`} onKeyDown=${keys} onInput=${(event) => set(event.target.value)}
            placeholder=${id === "up" ? "CDKN1A GADD45A MDM2 ..." : "may stay empty: scores then rest on the other genes alone"}></textarea>
          <${Verdict} id=${`${id}-verdict`} state=${check} onReplace=${replace(text, set)} /></div>`)}
      </div>
      <div class="row">
        <label class="file">Or a file <input type="file" accept=".gmt,.grp,.txt,.tsv,.csv,.rnk,.list,.gct,.h5ad,.xlsx" onChange=${(event) => { read(event.target.files[0]); event.target.value = ""; }} /></label>
        <label>Name <input value=${name} maxlength="100" placeholder="query" onInput=${(event) => setName(event.target.value)} /></label>
        <label>Cell <select value=${cell} onChange=${(event) => setCell(event.target.value)}><option value="">all</option>${(facts?.cell_ids ?? []).map((item) => html`<option key=${item} value=${item}>${item}</option>`)}</select></label>
        <label>Type <select value=${type} onChange=${(event) => setType(event.target.value)}><option value="">all</option>${(facts?.pert_types ?? []).map((item) => html`<option key=${item} value=${item}>${typeName(item)}</option>`)}</select></label>
      </div>
      ${sets && html`<section class="box" aria-label="Sets of the file"><p>${sets.name} holds ${plural(sets.found.length, "set")}; which one?</p><div class="row">${sets.found.slice(0, 40).map((pair) => html`<button type="button" key=${pair.name} onClick=${() => take(pair)}>${pair.name} <span class="soft">${pair.up.length} up, ${pair.down.length} down</span></button>`)}</div>
        ${sets.found.length > 40 && html`<p class="soft">The first 40; <code>beadwork query</code> asks them all.</p>`}</section>`}
      ${table ? html`<${Preview} table=${table} busy=${busy} name=${name} onAsk=${(question) => ask({ name: name.trim() || table.name, ...question })} onGenes=${take} onClose=${() => setTable(null)} />` : html`<div class="row">
        <button type="submit" class="main" disabled=${busy}>Find connections</button>
        <span class="soft">${busy ? "asking ..." : one && n > 0 ? "One set only: scores will rest on it alone." : facts ? `against ${plural(facts.signatures, "signature")} of ${plural(facts.perturbagens, "perturbagen")} in ${plural(facts.cells, "cell")}` : ""}</span></div>`}
    </form>
    <p class="row examples"><span class="soft">or try:</span>${EXAMPLES.map((item) => html`<button type="button" class="link" key=${item.name} title=${item.note} onClick=${() => { take(item); upBox.current?.focus(); }}>${item.name}</button>`)}</p>
    <${ByName} onAsk=${ask} busy=${busy} />
    <${Recent} />
  </div>`;
}

function Recent() {
  const [rows, set] = useState([]);
  useEffect(() => { get(["history"], { limit: 5 }).then((data) => set(data.rows ?? data), () => {}); }, []);
  if (!rows.length) return null;
  return html`<section><h2>Recent questions</h2><ul class="recent">${rows.map((row) => html`<${QuestionRow} key=${row.id} row=${row} />`)}</ul><p><a href=${link("history")}>All questions</a></p></section>`;
}
