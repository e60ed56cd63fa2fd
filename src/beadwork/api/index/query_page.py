"""One self-contained HTML page per query: what connects, what opposes, how sure, what was missing."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork import __version__
from beadwork.kernels.connectivity.wtcs.score import enrichment_score, running_sum
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.connectivity.signature_table import arrow_numbers, codes_among
from beadwork.model.pert_types import pert_type_name, perturbation_kind
from beadwork.stages.connectivity.groups import null_mask, treatment_mask
from beadwork.stages.connectivity.perturbagens import PERTURBAGEN
from beadwork.stages.connectivity.roll_up import RolledUp, ranked_columns

if TYPE_CHECKING:
    from beadwork.api.index.answers import QueryResult

TOP = 20
"""Entities shown at each end."""
SIGNATURES = 250
"""Signatures listed at each end."""
MAPPED = 12
"""Perturbagens at each end that are shown by cell."""
PLOTS = 3
"""Enrichment plots at each end."""

STYLE = """
:root{--ink:#1d2430;--soft:#5c6675;--line:#d9dee6;--back:#fff;--up:#b3362b;--down:#2860a8;--panel:#f6f7f9}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#333b47;--back:#14181e;--up:#e8776c;
--down:#76a8e8;--panel:#1b2129}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);margin:0 auto;
max-width:1150px;padding:1.5rem}h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .4rem;border-bottom:1px
solid var(--line)}p{max-width:75ch}.soft{color:var(--soft)}table{border-collapse:collapse;width:100%;font-size:.87rem}
th,td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.two{display:grid;grid-template-columns:1fr 1fr;gap:2rem}
.three{display:grid;grid-template-columns:repeat(3,1fr);gap:1rem}
@media (max-width:800px){.two,.three{grid-template-columns:1fr}}
.wide{overflow-x:auto}.bar{display:inline-block;height:.65em}
.up{color:var(--up)}.down{color:var(--down)}
.bar.up{background:var(--up)}.bar.down{background:var(--down)}svg{width:100%;height:auto;background:var(--panel)}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
.note{background:var(--panel);padding:.5rem 1rem;border-left:3px
solid var(--soft)}input{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--line);padding:.3rem
.6rem;width:22rem;max-width:100%}h3{font-size:.95rem;margin:.8rem 0 .2rem}ul{margin:.3rem 0;padding-left:1.2rem}
"""
SCRIPT = """
document.querySelectorAll("input[data-for]").forEach(function(box){box.addEventListener("input",function(){
var words=box.value.toLowerCase().split(/\\s+/);document.querySelectorAll("#"+box.dataset.for+" tbody tr").forEach(
function(row){var text=row.textContent.toLowerCase();row.hidden=!words.every(function(word){return text.includes(word)})
})})});
"""


Row = Mapping[str, Any]


def query_page(result: QueryResult, place: int, rolled: Sequence[RolledUp] | None) -> str:
    """Page of one query, as text."""
    query: MappedQuery = result.connections.queries[place]
    ncs = result.connections.ncs[place]
    known = int(np.count_nonzero(~np.isnan(ncs if result.shown is None else ncs[result.shown])))
    top, bottom = (_records(result.ranked_columns(place, rows)) for rows in _both_ends(known, SIGNATURES))
    parts = [
        f"<h1>{_text(query.name)}</h1>",
        f"<p class=soft>{_subtitle(result, query, place)}</p>",
        _notes(result.notes(place)),
    ]
    if rolled is not None:
        cells, perts, classes = rolled
        parts += [
            "<h2>Perturbagens</h2>",
            _explain_roll_up(result, place),
            *(f"<p class=soft>{_text(note)}.</p>" for note in perts.notes),
            _ends(perts, place, "pert_iname", "n_cells"),
        ]
        parts += ["<h2>Mechanism classes</h2>", _classes(classes, place)]
        parts += ["<h2>Perturbagens by cell</h2>", _cell_map(cells, perts, place)]
    parts += ["<h2>Enrichment of the top signatures</h2>", _plots(result, query, top, bottom)]
    parts += ["<h2>How sure</h2>", _sure(result, place)]
    parts += ["<h2>Signatures</h2>", _signatures([*top, *bottom], known)]
    parts += ["<h2>What was missing</h2>", _missing(query)]
    parts += [f"<p class=soft>beadwork {_text(__version__)}</p>"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(query.name)}: connections</title><style>{STYLE}</style></head><body>"
        f"{''.join(parts)}<script>{SCRIPT}</script></body></html>\n"
    )


def _both_ends(known: int, most: int) -> tuple[slice, slice]:
    """Rows of the first and of the last of those known, each row once."""
    return slice(0, min(most, known)), slice(max(min(most, known), known - most), known)


def _records(columns: Mapping[str, Any]) -> list[Row]:
    """Turn columns into rows."""
    lists = {
        name: part.tolist() if isinstance(part, np.ndarray) else part.to_pylist() for name, part in columns.items()
    }
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _text(item: Any) -> str:
    return "" if item is None or item != item else html.escape(str(item))


def _number(value: float, digits: int = 2) -> str:
    if value != value:
        return "NA"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _small(value: float) -> str:
    return "NA" if value != value else f"{value:.2g}"


def _side(value: float) -> str:
    return "up" if value > 0 else "down"


def _subtitle(result: QueryResult, query: MappedQuery, place: int) -> str:
    shown = len(result.index) if result.shown is None else int(result.shown.sum())
    sets = f"{len(query.up)} up and {len(query.down)} down genes"
    return f"{sets} against {shown:,} signatures x {result.index.store.n_genes:,} genes"


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return "<p class=note>All genes were found, and every score has what it is measured against.</p>"
    return f"<div class=note><ul>{''.join(f'<li>{_text(note)}</li>' for note in notes)}</ul></div>"


def _explain_roll_up(result: QueryResult, place: int) -> str:
    size, least = int(result.connections.report[place]["n_background"]), result.params.min_background
    tau = (
        f"tau: percentage of {size} background queries whose score here is smaller"
        if size >= least
        else f"tau: not known, the background has {size} queries and {least} are needed"
    )
    one = "one name" if result.params.perturbagen == "name" else "one id"
    return (
        f"<p class=soft>A perturbagen is what has {one} and one type: over-expression, loss of function and compounds "
        "stand apart. NCS: score in units of the mean of its group and sign; here the max-quantile over doses and "
        f"times in each cell, then over cells. {tau}. Median and +/−: of the n signatures behind a row, and how "
        "many are positive and negative.</p>"
    )


def _type_names(kinds: str | None) -> str:
    """Names of a type, or of several joined by '|'."""
    return ", ".join(pert_type_name(kind) for kind in (kinds or "").split("|"))


def _ends(level: RolledUp, place: int, label: str, extra: str) -> str:
    ncs = level.ncs[place]
    rows = ranked_columns(level, place, slice(0, min(TOP, int((ncs > 0).sum()))))
    known, below = int(np.count_nonzero(~np.isnan(ncs))), int((ncs < 0).sum())
    last = ranked_columns(level, place, slice(known - min(TOP, below), known))
    tops = _records(rows), _records(last)[::-1]
    largest = max((abs(row["ncs"]) for part in tops for row in part), default=1.0)
    columns = []
    for title, part in zip(("Connects", "Opposes"), tops, strict=True):
        lines = "".join(
            f"<tr><td>{_text(row[label])}</td><td class=soft>{_text(_type_names(row['pert_type']))}</td><td><span "
            f"class='bar {_side(row['ncs'])}' style='width:{4 * abs(row['ncs']) / largest:.2f}em'></span></td>"
            f"<td class=n>{_number(row['ncs'])}</td><td class=n>{_number(row['tau'], 1)}</td>"
            f"<td class=n>{_number(row['median_ncs'])}</td>"
            f"<td class=n>{int(row['n_positive'])}/{int(row['n_negative'])}</td>"
            f"<td class=n>{int(row['n_signatures'])}</td><td class=n>{int(row[extra])}</td></tr>"
            for row in part
        )
        numbers = ("NCS", "tau", "median", "+/−", "n", "cells" if extra == "n_cells" else "members")
        head = f"<th>{title}<th>type<th>{''.join(f'<th class=n>{name}' for name in numbers)}"
        body = lines or "<tr><td class=soft colspan=9>nothing"
        columns.append(f"<div class=wide><table><thead><tr>{head}</thead><tbody>{body}</tbody></table></div>")
    return f"<div class=two>{''.join(columns)}</div>"


def _classes(classes: RolledUp, place: int) -> str:
    said = "".join(f"<p class=soft>{_text(note)}.</p>" for note in classes.notes)
    if len(classes.columns["class"]) == 0:
        return said or (
            "<p class=soft>No classes: this index notes no mechanisms of its perturbagens, and no table of classes was "
            "given.</p>"
        )
    return said + _ends(classes, place, "class", "n_perturbagens")


def _cell_map(cells: RolledUp, perts: RolledUp, place: int) -> str:
    known = int(np.count_nonzero(~np.isnan(perts.ncs[place])))
    ends = _both_ends(known, MAPPED)
    shown = [row for rows in ends for row in _records(ranked_columns(perts, place, rows))]
    keys = [tuple(row[field] for field in PERTURBAGEN) for row in shown]
    names = [
        row["pert_iname"] if perturbation_kind(row["pert_type"]) in ("compound", "other")
        else f"{row['pert_iname']} ({_type_names(row['pert_type'])})" for row in shown
    ]  # fmt: skip
    which = np.flatnonzero(codes_among(cells.columns["pert_iname"], [row["pert_iname"] for row in shown]))
    pairs = (cells.columns[field].take(arrow_numbers(which)).to_pylist() for field in (*PERTURBAGEN, "cell_id"))
    of_cell = zip(*pairs, cells.ncs[place][which].tolist(), strict=True)
    by_pair = {(tuple(key), cell): ncs for *key, cell, ncs in of_cell if cell is not None and tuple(key) in keys}
    lines = sorted({cell for _, cell in by_pair})[:60]
    if not lines or not names:
        return "<p class=soft>The index does not say the cells.</p>"
    size, left, top = 18, 190, 70
    width, height = left + size * len(lines) + 10, top + size * len(names) + 6
    shapes = []
    for column, cell in enumerate(lines):
        x = left + size * column + 12
        shapes.append(f"<text transform='translate({x},{top - 6}) rotate(-60)'>{_text(cell)}</text>")
    for row, (key, name) in enumerate(zip(keys, names, strict=True)):
        y = top + size * row
        shapes.append(f"<text x='{left - 6}' y='{y + 13}' text-anchor='end'>{_text(str(name)[:28])}</text>")
        for column, cell in enumerate(lines):
            value = by_pair.get((key, cell))
            if value is None or value != value:
                continue
            strength = min(abs(value) / 2, 1)
            title = f"{name}, {cell}: NCS {_number(value)}"
            shapes.append(
                f"<rect x='{left + size * column}' y='{y}' width='{size - 2}' height='{size - 2}' fill='var(--"
                f"{_side(value)})' fill-opacity='{max(strength, 0.05):.2f}'><title>{_text(title)}</title></rect>"
            )
    return (
        f"<div class=wide><svg viewBox='0 0 {width} {height}' style='max-width:{width}px' role='img' "
        f"aria-label='NCS by perturbagen and cell'>{''.join(shapes)}</svg></div><p class=soft>The 12 first and 12 last "
        "perturbagens; colour: max-quantile NCS in the cell, <span class=up>connects</span>, "
        "<span class=down>opposes</span>; empty: not there.</p>"
    )


def _plots(result: QueryResult, query: MappedQuery, top: Sequence[Row], bottom: Sequence[Row]) -> str:
    known = [row for row in (*top, *bottom) if row["ncs"] != 0]
    ends = _both_ends(len(known), PLOTS)
    chosen = [*known[ends[0]], *known[ends[1]][::-1]]
    if not chosen:
        return "<p class=soft>No signature has a score other than 0.</p>"
    plots = [_plot(result, query, row) for row in chosen]
    return (
        f"<div class=three>{''.join(plots)}</div><p class=soft>From the most positive gene of a signature (left) to "
        "the most negative: running enrichment sum of the <span class=up>up set</span> and of the "
        "<span class=down>down set</span>, and where their genes are. "
        "ES is the farthest point of a curve from the middle line.</p>"
    )


def _plot(result: QueryResult, query: MappedQuery, row: Row) -> str:
    store, place = result.index.store, result.index.position(row["sig_id"])
    n_genes, width, height, middle = store.n_genes, 340, 170, 70
    shapes = [f"<line x1='0' x2='{width}' y1='{middle}' y2='{middle}' stroke='var(--line)'/>"]
    words = []
    for side, rows, base in (("up", query.up, 132), ("down", query.down, 150)):
        if len(rows) == 0:
            continue
        rank, z = store.read_genes(place, rows)
        rank = rank.astype(np.int64)
        curve = running_sum(rank, z, n_genes)
        score = enrichment_score(rank, z, n_genes)
        keep = np.unique(np.concatenate([np.linspace(0, n_genes - 1, 200).astype(int), rank - 1, rank - 2]))
        keep = keep[keep >= 0]
        points = " ".join(f"{width * at / n_genes:.1f},{middle - 60 * curve[at]:.1f}" for at in keep)
        shapes.append(f"<polyline points='{points}' fill='none' stroke='var(--{side})' stroke-width='1.5'/>")
        shapes += [
            f"<line x1='{width * at / n_genes:.1f}' x2='{width * at / n_genes:.1f}' y1='{base}' y2='{base + 14}' "
            f"stroke='var(--{side})' stroke-opacity='0.6'/>"
            for at in rank
        ]
        words.append(f"ES {side} {_number(score)}")
    title = " ".join(_text(row[name]) for name in ("pert_iname", "cell_id", "pert_idose", "pert_itime"))
    return (
        f"<figure style='margin:0'><h3>{title.strip() or _text(row['sig_id'])}</h3><svg viewBox='0 0 {width} {height}' "
        f"role='img' aria-label='running enrichment sum'>{''.join(shapes)}</svg><figcaption class=soft>WTCS "
        f"{_number(row['wtcs'])}, NCS {_number(row['ncs'])}, {', '.join(words)}</figcaption></figure>"
    )


def _sure(result: QueryResult, place: int) -> str:
    ncs = result.connections.ncs[place].astype(np.float64)
    annotation = result.index.annotation
    null, treated = null_mask(annotation, result.params), treatment_mask(annotation, result.params)
    types = ", ".join(f"{count:,} {pert_type_name(kind) or 'without a type'}" for kind, count in
                      result.connections.null_types)  # fmt: skip
    report = result.connections.report[place]
    lines = [
        f"Null signatures: {types or 'none'}; {report['n_null_positive']:,} score above and "
        f"{report['n_null_negative']:,} below 0. FDR is their share at a score, relative to that of treatments.",
        f"Background queries of tau: {report['n_background']:,}.",
        f"Random queries of the same sizes: {report['n_permutations']:,}."
        + ("" if report["n_permutations"] else " No permutation p-value was asked for."),
    ]
    fdr = result.connections.fdr[place]
    for limit in (0.05, 0.25):
        words = []
        for side, word in ((ncs > 0, "connect"), (ncs < 0, "oppose")):
            known = ~np.isnan(fdr) & side & treated
            hits = int((fdr[known] <= limit).sum())
            words.append(f"{hits:,} {word}" if known.any() else f"how many {word} is not known")
        lines.append(f"Treatments with FDR up to {limit}: {', '.join(words)}.")
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>{_histogram(ncs, null, treated)}"


def _histogram(ncs: np.ndarray, null: np.ndarray, treated: np.ndarray) -> str:
    known = np.isfinite(ncs) & (ncs != 0)
    limit = float(max(np.abs(ncs[known]).max(initial=0.1), 0.1))
    edges = np.linspace(-limit, limit, 61)
    width, height = 700, 150
    shapes = []
    for kind, colour in ((treated, "var(--soft)"), (null, "var(--up)")):
        counts, _ = np.histogram(ncs[known & kind], edges)
        if counts.sum() == 0:
            continue
        share = counts / counts.max()
        points = [f"0,{height - 20}"]
        for bar, value in enumerate(share):
            x = [width * bar / 60, width * (bar + 1) / 60]
            points += [f"{at:.1f},{height - 20 - (height - 35) * value:.1f}" for at in x]
        points.append(f"{width},{height - 20}")
        shapes.append(f"<polygon points='{' '.join(points)}' fill='{colour}' fill-opacity='.3' stroke='{colour}'/>")
    ticks = "".join(
        f"<text x='{width * (value + limit) / (2 * limit):.0f}' y='{height - 4}' text-anchor='middle'>"
        f"{_number(value, 1)}</text>"
        for value in np.linspace(-limit, limit, 9)[1:-1]
    )
    return (
        f"<svg viewBox='0 0 {width} {height}' role='img' aria-label='NCS of treatments and null signatures'>"
        f"{''.join(shapes)}{ticks}</svg><p class=soft>NCS of treatments (grey) and <span class=up>null "
        "signatures</span>, each scaled to its peak; scores of 0 left out.</p>"
    )


def _signatures(shown: Sequence[Row], known: int) -> str:
    if not shown:
        return "<p class=soft>No signature has a score.</p>"
    texts = {"sig_id": "signature", "pert_iname": "perturbagen", "pert_type": "type", "cell_id": "cell",
             "pert_idose": "dose", "pert_itime": "time"}  # fmt: skip
    words = {"wtcs": "WTCS", "ncs": "NCS", "tau": "tau", "fdr": "FDR", "p": "p"}
    numbers = {name: word for name, word in words.items() if name in shown[0]}
    head = "<th class=n>rank" + "".join(f"<th>{word}" for word in texts.values())
    head += "".join(f"<th class=n>{word}" for word in numbers.values())
    rows = []
    for row in shown:
        row = {**row, "pert_type": _type_names(row["pert_type"])}
        cells = "".join(f"<td>{_text(row[name])}</td>" for name in texts)
        scores = "".join(
            f"<td class=n>{_small(row[name]) if name in ('fdr', 'p') else _number(row[name])}</td>" for name in numbers
        )
        rows.append(f"<tr><td class=n>{row['rank']:,}</td>{cells}{scores}</tr>")
    said = "" if known == len(shown) else f" The first and last {SIGNATURES} of {known:,}; the TSV has all."
    return (
        "<p><input data-for=signatures placeholder='Filter, e.g. MCF7 vorinostat' aria-label='Filter signatures'> "
        f"<span class=soft>{said}</span></p><div class=wide><table id=signatures><thead><tr>{head}</thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _missing(query: MappedQuery) -> str:
    if not query.missing:
        return "<p>Nothing: every gene is in the index.</p>"
    rows = "".join(
        f"<tr><td>{_text(item.set)}</td><td>{_text(item.gene)}</td><td>{_text(item.answer)}</td>"
        f"<td>{_text(item.reason)}</td></tr>"
        for item in query.missing[:1000]
    )
    head = "<tr><th>set<th>gene<th>answer<th>reason"
    return f"<div class=wide><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
