// About: the index, what the scores mean, licences.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { index } from "../core/index.js";
import { number, typeName } from "../core/format.js";
import { useCall } from "../core/use.js";
import words from "../../../src/beadwork/serve/answer/columns.json";
import { Loading } from "../parts/states.js";
import { Report } from "./plate.js";
import { prefix } from "../core/route.js";

const SCORES = ["wtcs", "ncs", "tau", "fdr", "tas", "median_ncs", "for_against", "distil_cc_q75", "distil_nsample", "is_gold"];

const FACTS = [["path", "Index"], ["state", "State"], ["signatures", "Signatures"], ["perturbagens", "Perturbagens"], ["cells", "Cells"], ["genes", "Genes"], ["space", "Gene space"],
  ["null_signatures", "Null signatures"], ["null_types", "Their types"], ["background_queries", "Background questions"], ["background_learned_on", "Learned on signatures"], ["bytes", "Size"], ["segments", "Segments"], ["format_version", "Format"], ["generation", "Generation"]];
const PARTS = [["mechanisms", "mechanisms and targets", "beadwork index annotate INDEX --compounds TABLE"], ["repurposing", "phases and indications", "beadwork index annotate INDEX --repurposing TABLE"], ["map", "a map", "beadwork index layout INDEX"], ["plates", "own plates", "beadwork serve INDEX --results RESULTS --plates SHEET"]];
const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);
const shownFact = (name, value) => (name === "bytes" ? size(value) : name === "null_types" ? String(value).replace(/\b(?:trt|ctl|lma)_[\w.]+/g, typeName) : number(value));

export function About() {
  const facts = index.value, call = useCall((signal) => get(["about"], {}, { signal }), []);
  if (!facts) return html`<${Loading} />`;
  const known = FACTS.filter(([name]) => facts[name] !== undefined && facts[name] !== null && facts[name] !== "");
  return html`<h1>About</h1>
    <p>Signatures of cells after a perturbation are compared with your question: genes that go up and down, or a whole profile. Everything is computed by this program on this computer; nothing is sent elsewhere. Links to other sites are only followed when you click them, and they are not told where you came from.</p>
    ${call.data && html`<dl class="facts"><dt>beadwork</dt><dd>${call.data.version}, licence ${call.data.licence}</dd><dt>Questions kept in</dt><dd>${call.data.kept_in}</dd></dl>`}
    <h2>This index</h2><dl class="facts">${known.map(([name, title]) => [html`<dt key=${name}>${title}</dt>`, html`<dd>${shownFact(name, facts[name])}${name === "perturbagens" ? html` <span class="soft">${words.perturbagens.help.replace(/^perturbagens in the index; /, "")}</span>` : ""}</dd>`])}</dl>
    <ul class="hits">${PARTS.map(([name, words, command]) => html`<li key=${name}>${facts.parts?.[name] ? html`It has ${words}.` : html`<span class="soft">It has no ${words.replace(/^a /, "")}; next: <code>${command}</code></span>`}</li>`)}</ul>
    ${facts.parts?.plates && html`<${Report} />`}
    <h2>Scores in words</h2><dl class="facts">${SCORES.map((name) => [html`<dt key=${name}>${words[name].title} <code>${name}</code></dt>`, html`<dd>${words[name].help}</dd>`])}</dl>
    <h2>How sure</h2><p>Each answer begins with a verdict by fixed rules, worst first. <strong>Do not rank</strong>: almost no genes are used, or the two sets cancel each other. <strong>Treat as a hint</strong>: few genes, one set only, no q, no tau, or few perturbagens. <strong>Usable</strong>: none of these. The reasons stand beside it.</p>
    <h2>Software of others</h2><p>This page holds Preact, htm, signals and uPlot: <a href=${`${prefix}/THIRD_PARTY.txt`} target="_blank">their licences</a>, <a href=${`${prefix}/bundle.json`} target="_blank">versions and checksums</a>.</p>`;
}
