// The answer at a glance: what resembles, what opposes, each summary beside what it summarises.
import { html } from "../core/html.js";
import { get } from "../core/api.js";
import { link } from "../core/route.js";
import { rowsOf } from "../core/rows.js";
import { useCall } from "../core/use.js";
import { number, plural, signed, units } from "../core/format.js";
import { Bars } from "../plots/bars.js";
import { Empty, Shown } from "../parts/states.js";
import { StripTable } from "./members.js";
import { HeatPart } from "./heat.js";
import { NoClasses } from "./mechanisms.js";
import { ScoreBeside } from "./beside.js";
import { Head } from "../parts/help.js";

const FEW = 8;

export function Overview({ state, id, file }) {
  const part = (table, query) => useCall((signal) => get(["queries", id, table], query, { signal }), [id]);
  const up = part("perts", { limit: FEW, sort: "-ncs", f: ["ncs>0"] }), down = part("perts", { limit: FEW, sort: "ncs", f: ["ncs<0"] });
  const classes = useCall(async (signal) => {
    // both ends: what opposes most is as much worth knowing as what resembles most
    const [high, low] = await Promise.all([["-z", "z>0"], ["z", "z<=0"]].map(([sort, f]) => get(["queries", id, "classes"], { limit: FEW / 2, sort, f: [f] }, { signal })));
    const all = high.total + low.total > 0 ? null : await get(["queries", id, "classes"], { limit: 1 }, { signal });
    return { rows: [...rowsOf(high), ...rowsOf(low).reverse()], total: all?.total ?? high.total + low.total, reason: all?.reason };
  }, [id]), genes = part("genes", { limit: FEW }), sigs = part("sigs", { limit: 6, sort: "-ncs" }), low = part("sigs", { limit: 6, sort: "ncs" });
  const side = (call, title, words, sort) => html`<section><h2>${title} <span class="soft">${call.data ? `${Math.min(FEW, call.data.total)} of ${plural(call.data.total, "perturbagen")}, ${words}` : ""}</span></h2>
    <${Shown} call=${call} what="Reading perturbagens">${(data) => (data.total ? html`<${StripTable} rows=${rowsOf(data)} q=${id} label=${title} /><p><a href=${link("q", id, "perts", { sort })}>All of them</a></p>` : html`<${Empty}>No perturbagen has a ${words}.</${Empty}>`)}</${Shown}></section>`;
  return html`<div class="overview">
    <div class="two">${side(up, "Resembles", "score above 0", "-ncs")}${side(down, "Opposes", "score below 0", "ncs")}</div>
    <p class="soft legendline">Each line is a signature, the box its quartiles, the thick line the median; left opposes, right resembles. The score is CMap’s max-quantile: where it and the strip disagree, trust the strip.</p>
    <div class="two">
      <section><h2>Mechanisms</h2><${Shown} call=${classes} what="Testing mechanisms">${(data) => {
        const { rows } = data;
        return rows.length ? html`<${Bars} label="Mechanisms by effect" digits=${1} rows=${rows.map((row) => ({ label: row.class, value: row.z, href: link(row.kind === "target" ? "gene" : "class", row.class), detail: `q ${row.fdr === null ? "not known" : number(row.fdr)}, n ${row.n_perturbagens}` }))} /><p><a href=${link("q", id, "classes")}>All ${data.total}</a></p>`
          : (data.total ? html`<${Empty}>No mechanism has enough members in this answer to be tested.</${Empty}>` : html`<${NoClasses} reason=${data.reason} />`);
      }}</${Shown}></section>
      <section><h2>Genes behind</h2><${Shown} call=${genes} what="Looking for genes">${(data) => (data.total ? html`<${Bars} label="Genes by score" digits=${1} rows=${rowsOf(data).map((row) => ({ label: row.symbol, value: row.score, href: link("gene", row.symbol), detail: `q ${number(row.q ?? row.fdr) || "not known"}, ${row.n_parts === 1 ? "one kind of evidence" : `${row.n_parts} kinds of evidence`}` }))} /><p><a href=${link("q", id, "genes")}>All ${data.total}</a></p>`
        : html`<${Empty}>No gene can be named: ${data.reason || "the index holds neither loss nor gain of single genes, nor drugs whose targets and direction are known"}.</${Empty}>`)}</${Shown}></section>
    </div>
    <section><h2>By cell <span class="soft">strongest perturbagens, those of three cells or more where there are some</span></h2><${HeatPart} id=${id} file=${file} n=${12} small=${true} several=${true} /></section>
    <section><h2>Scores and chance <span class="soft">what null signatures reach</span></h2><${ScoreBeside} id=${id} name=${file} /></section>
    <div class="two"><section><h2>Signatures that resemble most</h2><${Top} call=${sigs} id=${id} label="Signatures that resemble most" /></section>
      <section><h2>Signatures that oppose most</h2><${Top} call=${low} id=${id} label="Signatures that oppose most" /></section></div>
    <p><a href=${link("q", id, "sigs")}>All ${plural(state.counts?.n_signatures ?? 0, "signature")}</a></p></div>`;
}

const unknown = html`<em class="unknown">not known</em>`;

function Top({ call, id, label }) {
  return html`<${Shown} call=${call} what="Reading signatures">${(data) => html`<div class="wide" tabindex="0" role="group" aria-label=${label}><table><caption class="hidden">${label}</caption><${Head} columns=${[{ name: "rank", class: "n wideonly" }, "pert_iname", "cell_id", { name: "pert_idose", class: "wideonly" }, { name: "pert_itime", class: "wideonly" }, "ncs", { name: "tau", class: "n wideonly" }, "fdr", { name: "tas", class: "n wideonly" }]} />
    <tbody>${rowsOf(data).map((row) => html`<tr key=${row.sig_id}><td class="n wideonly">${number(row.rank)}</td><td class="named"><a href=${link("sig", row.sig_id, { q: id })}>${row.pert_iname || row.pert_id}</a></td><td>${row.cell_id}</td><td class="wideonly">${units(row.pert_idose)}</td><td class="wideonly">${row.pert_itime}</td><td class=${`n ${row.ncs < 0 ? "contra" : row.ncs > 0 ? "for" : ""}`}>${signed(row.ncs)}</td><td class="n wideonly">${row.tau === null ? unknown : signed(row.tau, 1)}</td><td class="n">${row.fdr === null || row.fdr === undefined ? unknown : number(row.fdr)}</td><td class="n wideonly">${number(row.tas) || "\u2013"}</td></tr>`)}</tbody></table></div>`}</${Shown}>`;
}
