// Ask: genes, files, or a name.
import { html, useEffect, useRef, useState } from "../core/html.js";
import { get, send, upload } from "../core/api.js";
import { go, link, route } from "../core/route.js";
import { index } from "../core/index.js";
import { howMany, plural, typeName } from "../core/format.js";
import { genesOf, readFiles, stem } from "./files.js";
import { announce } from "../core/live.js";
import { Failed } from "../parts/states.js";
import { Starter } from "../parts/starter.js";
import { useCheck, used, Verdict } from "./check.js";
import { ByName } from "./byname.js";
import { Preview } from "./preview.js";
import { Several } from "./several.js";
import { EXAMPLES } from "./examples.js";
import { QuestionRow } from "./questions.js";

const ACCEPTED = ".gmt,.gmx,.grp,.txt,.tsv,.csv,.rnk,.list,.gct,.gctx,.h5ad,.xlsx,.xls,.parquet,.npz,.gz";

export function Ask() {
  const given = route.value.query;
  const [up, setUp] = useState(genesOf(given.get("up") ?? "").join(" ")), [down, setDown] = useState(genesOf(given.get("down") ?? "").join(" "));
  const [name, setName] = useState(given.get("name") ?? ""), [cell, setCell] = useState(given.get("cell") ?? ""), [type, setType] = useState(given.get("type") ?? "");
  const [reverse, setReverse] = useState(false), [from, setFrom] = useState(null);
  const [notes, setNotes] = useState([]), [table, setTable] = useState(null), [several, setSeveral] = useState(null), [error, setError] = useState(null), [busy, setBusy] = useState(false), [over, setOver] = useState(false);
  const checkUp = useCheck(up), checkDown = useCheck(down);
  const facts = index.value;
  const upBox = useRef(null), downBox = useRef(null);

  const where = () => [cell && `cell_id=${cell}`, type && `pert_type=${type}`].filter(Boolean);
  const common = () => ({ where: where(), ...(reverse ? { direction: "reverse" } : {}) });
  const fail = (failure) => { setError(failure); setBusy(false); };
  const ask = async (question) => {
    setError(null); setBusy(true);
    try {
      const state = await send("POST", ["queries"], { ...common(), ...question });
      announce("the question was taken");
      go(link("q", state.id));
    } catch (failure) {
      fail(failure);
      if (/^(up|down)/.test(failure.field ?? "")) (failure.field.startsWith("up") ? upBox : downBox).current?.focus();
    }
  };
  const askAll = async (title, questions) => {
    setError(null); setBusy(true);
    try {
      const state = await send("POST", ["batches"], { name: title, questions: questions.map((question) => ({ ...common(), ...question })) });
      announce(`${plural(questions.length, "question")} taken`);
      go(link("library", state.id));
    } catch (failure) { fail(failure); }
  };
  const askGenes = () => {
    const lists = { up: genesOf(up), down: genesOf(down) };
    if (!lists.up.length && !lists.down.length) { setError({ message: "there are no genes; paste some, click an example, or ask by a name" }); upBox.current?.focus(); return; }
    ask({ name: name.trim() || "query", ...lists });
  };
  // an address with genes is a question by itself, as it was before answers were kept
  useEffect(() => { if ((given.get("up") || given.get("down")) && !given.has("edit")) askGenes(); }, []);
  // change a question that was asked: lists stand in the boxes, a name or a whole signature is said
  useEffect(() => {
    const id = given.get("from");
    if (!id) return;
    get(["queries", id]).then((state) => {
      const question = state.question ?? {};
      setUp((question.up ?? []).join(" ")); setDown((question.down ?? []).join(" ")); setName(state.name === "query" ? "" : state.name);
      setReverse(question.direction === "reverse");
      for (const item of question.where ?? []) { if (item.startsWith("cell_id=")) setCell(item.slice(8)); if (item.startsWith("pert_type=")) setType(item.slice(10)); }
      if (!question.up?.length && !question.down?.length) setFrom({ id, name: state.name, like: question.like, signature: question.signature, size: question.signature_size ?? question.signature_table_size ?? Object.keys(question.signature ?? {}).length });
    }, setError);
  }, [given.get("from")]);

  const read = async (list) => {
    setError(null); setSeveral(null); setTable(null); setNotes([]);
    const found = await readFiles([...list], (file) => upload(["signature"], file));
    if (found.tables.length + found.sets.length + found.failed.length === 0) return;
    if (found.tables.length === 0 && found.sets.length === 1 && !found.failed.length) { take(found.sets[0]); setNotes(found.notes); }
    else if (found.tables.length === 1 && !found.sets.length && !found.failed.length) { setTable(found.tables[0]); setName(stem(found.tables[0])); }
    else setSeveral({ ...found, title: list.length === 1 ? stem(list[0]) : plural(list.length, "file") });
  };
  const take = (pair) => { setUp(pair.up.join(" ")); setDown(pair.down.join(" ")); setName(pair.name); setSeveral(null); setTable(null); setNotes([]); announce(`${pair.name}: ${howMany(pair.up.length, "gene")} up, ${pair.down.length || "none"} down`); };
  const drop = (event) => { event.preventDefault(); setOver(false); if (event.dataTransfer.files.length) read(event.dataTransfer.files); };
  const replace = (text, set) => (before, after) => set(genesOf(text).map((gene) => (gene === before ? after : gene)).join(" "));
  const keys = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); askGenes(); } };
  const one = Boolean(genesOf(up).length) !== Boolean(genesOf(down).length);
  const n = (checkUp?.rows?.filter(used).length ?? 0) + (checkDown?.rows?.filter(used).length ?? 0);
  const against = facts ? `against ${plural(facts.signatures, "signature")} of ${plural(facts.perturbagens, "perturbagen")} in ${plural(facts.cells, "cell")}` : "";

  return html`<div class=${over ? "drop over" : "drop"} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <h1>Ask</h1>
    <${Starter} />
    <p class="soft lead">Paste genes, or drop lists, GMT, tables of differential expression (DESeq2, limma, edgeR, Seurat, scanpy), or values of samples (h5ad, GCT). What resembles it, and what opposes it?</p>
    ${error && html`<${Failed} error=${error} />`}
    ${from && html`<section class="box" aria-label="Question to change"><p>${from.name} was asked ${from.like ? html`with <a href=${link("lookup", { find: from.like })}>${from.like}</a>` : `with a whole signature${from.size ? ` of ${plural(from.size, "gene")}` : ""}`}. Its filters stand below.</p>
      <div class="row"><button type="button" class="main" disabled=${busy || (!from.like && !from.signature)} onClick=${() => ask({ name: name.trim() || from.name, ...(from.like ? { like: from.like } : { signature: from.signature }) })}>Ask it with these filters</button>
      ${!from.like && !from.signature && html`<span class="soft">A long signature is not sent back: choose its file once more.</span>`}</div></section>`}
    <form onSubmit=${(event) => { event.preventDefault(); askGenes(); }} aria-label="Question">
      <div class="sets">
        ${[["up", "Up", up, setUp, upBox, checkUp], ["down", "Down", down, setDown, downBox, checkDown]].map(([id, label, text, set, box, check]) => html`<div key=${id}>
          <label class="boxname" for=${id}>${label} <span class="soft">${id === "up" ? "genes that go up" : "genes that go down"}</span></label>
          <textarea id=${id} ref=${box} rows="6" spellcheck="false" autocapitalize="off" value=${text} aria-describedby=${`${id}-verdict`} onKeyDown=${keys} onInput=${(event) => set(event.target.value)}
            placeholder=${id === "up" ? "CDKN1A GADD45A MDM2 ..." : "may stay empty: scores then rest on the other genes alone"}></textarea>
          <${Verdict} id=${`${id}-verdict`} state=${check} onReplace=${replace(text, set)} /></div>`)}
      </div>
      ${notes.map((note) => html`<p class="soft" key=${note}>${note}</p>`)}
      <div class="row">
        <label class="file">Or files <input type="file" multiple accept=${ACCEPTED} onChange=${async (event) => { const chosen = [...event.target.files]; event.target.value = ""; await read(chosen); }} /></label>
        <label>Name <input value=${name} maxlength="100" placeholder="query" onInput=${(event) => setName(event.target.value)} /></label>
        <label>Cell <select value=${cell} onChange=${(event) => setCell(event.target.value)}><option value="">all</option>${(facts?.cell_ids ?? []).map((item) => html`<option key=${item} value=${item}>${item}</option>`)}</select></label>
        <label>Type <select value=${type} onChange=${(event) => setType(event.target.value)}><option value="">all</option>${(facts?.pert_types ?? []).map((item) => html`<option key=${item} value=${item}>${typeName(item)}</option>`)}</select></label>
        <label title="exchanges up and down: what opposes the question comes first"><input type="checkbox" checked=${reverse} onChange=${(event) => setReverse(event.target.checked)} /> reversed</label>
      </div>
      ${several && html`<${Several} key=${several.title} found=${several} busy=${busy} onTake=${take} onAsk=${askAll} onClose=${() => setSeveral(null)} />`}
      ${table ? html`<${Preview} key=${table.name} table=${table} busy=${busy} onAsk=${(question) => ask({ name: (name.trim() || table.name).slice(0, 100), ...question })} onAskAll=${askAll} onGenes=${take} onClose=${() => setTable(null)} />`
        : !several && html`<div class="row"><button type="submit" class="main" disabled=${busy}>Find connections</button>
        <span class="soft">${busy ? "asking ..." : one && n > 0 ? "One set only: scores will rest on it alone." : against}</span></div>`}
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
