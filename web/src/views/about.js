// About: the index, what the scores mean, licences.
import { html } from "../core/html.js";
import { index } from "../core/index.js";
import { number } from "../core/format.js";
import words from "../../../src/beadwork/serve/answer/columns.json";
import { Loading } from "../parts/states.js";
import { prefix } from "../core/route.js";

const SCORES = ["wtcs", "ncs", "tau", "fdr", "tas", "median_ncs", "for_against", "distil_cc_q75", "distil_nsample", "is_gold"];

export function About() {
  const facts = index.value;
  if (!facts) return html`<${Loading} />`;
  const shown = Object.entries(facts).filter(([, value]) => typeof value !== "object" && value !== "");
  return html`<h1>About</h1>
    <p>Signatures of cells after a perturbation are compared with your question: genes that go up and down, or a whole profile. Everything is computed by this program on this computer; nothing is sent elsewhere. Links to other sites are only followed when you click them, and they are not told where you came from.</p>
    <h2>This index</h2><dl class="facts">${shown.map(([name, value]) => [html`<dt key=${name}>${name.replaceAll("_", " ")}</dt>`, html`<dd>${number(value)}</dd>`])}</dl>
    <h2>Scores in words</h2><dl class="facts">${SCORES.map((name) => [html`<dt key=${name}>${words[name].title} <code>${name}</code></dt>`, html`<dd>${words[name].help}</dd>`])}</dl>
    <h2>How sure</h2><p>Each answer begins with a verdict by fixed rules, worst first. <strong>Do not rank</strong>: almost no genes are used, or the two sets cancel each other. <strong>Treat as a hint</strong>: few genes, one set only, no q, no tau, or few perturbagens. <strong>Usable</strong>: none of these. The reasons stand beside it.</p>
    <h2>Software of others</h2><p>This page holds Preact, htm, signals and uPlot: <a href=${`${prefix}/THIRD_PARTY.txt`} target="_blank">their licences</a>, <a href=${`${prefix}/bundle.json`} target="_blank">versions and checksums</a>.</p>`;
}
