"""One self-contained page per query: what connects, what opposes, how sure, what was missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from beadwork.views.pages import decimals, decimals_of, plain, render, significant

Row = Mapping[str, Any]
SMALL = ("fdr", "p")
"""Numbers that are written with two digits."""

BAR = 4.0
"""Length of the longest bar, em."""
MOST_CELLS, MOST_LETTERS = 60, 28
"""Cells of the map, and letters of a name there."""


def query_html(page: Mapping[str, Any]) -> str:
    """Fill the page of a query with its facts."""
    return render("query.html", root=None, page=page)


def both_ends(known: int, most: int) -> tuple[slice, slice]:
    """Rows of the first and of the last of those known, each row once."""
    return slice(0, min(most, known)), slice(max(min(most, known), known - most), known)


def side_of(value: float) -> str:
    """Name of the colour of a score."""
    return "up" if value > 0 else "down"


def two_ends(top: Sequence[Row], bottom: Sequence[Row], counted: str) -> dict[str, Any]:
    """Both ends of a ranking beside each other.

    Parameters
    ----------
    top, bottom
        Rows: name, type, ncs, tau, median_ncs, n_positive, n_negative, n_signatures, counted.
    counted
        What the last column counts.
    """
    largest = max((abs(row["ncs"]) for row in (*top, *bottom)), default=1.0)
    sides = [
        {"title": title, "rows": [
            {**row, "side": side_of(row["ncs"]), "length": BAR * abs(row["ncs"]) / largest} for row in rows]}
        for title, rows in (("Connects", top), ("Opposes", bottom))
    ]  # fmt: skip
    return {"sides": sides, "counted": counted}


def cell_map(names: Sequence[str], scores: Mapping[tuple[int, str], float]) -> dict[str, Any] | None:
    """Scores of perturbagens (rows, by their place in `names`) by cell; None where nothing is known."""
    cells = sorted({cell for _, cell in scores})[:MOST_CELLS]
    if not cells or not names:
        return None
    size, left, top = 18, 190, 70
    across = {cell: left + size * place for place, cell in enumerate(cells)}
    boxes = sorted(
        (top + size * row, across[cell], value, row, cell)
        for (row, cell), value in scores.items() if cell in across and value == value
    )  # fmt: skip
    return {
        "width": left + size * len(cells) + 10, "height": top + size * len(names) + 6, "size": size - 2,
        "columns": [{"x": x + 12, "y": top - 6, "name": cell} for cell, x in across.items()],
        "rows": [{"x": left - 6, "y": top + size * place + 13, "name": str(name)[:MOST_LETTERS]}
                 for place, name in enumerate(names)],
        "boxes": [
            [str(x) for _, x, *_ in boxes],
            [str(y) for y, *_ in boxes],
            [side_of(value) for _, _, value, *_ in boxes],
            [f"{max(min(abs(value) / 2, 1), 0.05):.2f}" for _, _, value, *_ in boxes],
            [f"{names[row]}, {cell}: NCS {decimals(value)}" for _, _, value, row, cell in boxes],
        ],
    }  # fmt: skip


def signature_table(
    shown: Mapping[str, Sequence[Any]], texts: Mapping[str, str], numbers: Mapping[str, str], known: int, most: int
) -> dict[str, Any]:
    """Table of signatures: its heads, and its cells by column.

    Parameters
    ----------
    shown
        Columns of the signatures of both ends, with rank.
    texts, numbers
        Head of each field; numbers that signatures do not have are left out.
    known, most
        Signatures that have a score, and how many of each end are listed.
    """
    there = {name: head for name, head in numbers.items() if name in shown}
    columns = [[f"{rank:,}" for rank in shown["rank"]]]
    columns += [[plain(item) for item in shown.get(name) or [None] * len(shown["rank"])] for name in texts]
    columns += [
        [significant(value) for value in shown[name]] if name in SMALL else decimals_of(shown[name]) for name in there
    ]
    return {"texts": list(texts.values()), "numbers": list(there.values()), "columns": columns,
            "listed": len(shown["rank"]), "known": known, "most": most}  # fmt: skip


def enrichment_plot(curves: Iterable[tuple[str, np.ndarray, np.ndarray, float]], n_genes: int) -> dict[str, Any]:
    """Draw running sums over the ranked genes.

    Parameters
    ----------
    curves
        For each set its side (up, down), running sum over all genes, ranks of its genes (from 1) and enrichment score.
    """
    width, height, middle = 340, 170, 70
    base = {"up": 132, "down": 150}
    drawn = []
    for side, curve, rank, score in curves:
        kept = np.unique(np.concatenate([[0, n_genes - 1], rank - 1, rank - 2]))  # straight between its genes
        kept = kept[kept >= 0]
        places = np.stack([width * kept / n_genes, middle - 60 * curve[kept]], axis=1).reshape(-1)
        drawn.append({
            "side": side, "score": score, "points": ("%.1f,%.1f " * len(kept) % tuple(places.tolist())).rstrip(),
            "genes": f"M%.1f {base[side]}v14" * len(rank) % tuple((width * rank / n_genes).tolist()),
        })  # fmt: skip
    return {"width": width, "height": height, "middle": middle, "curves": drawn}


def score_histogram(ncs: np.ndarray, null: np.ndarray, treated: np.ndarray) -> dict[str, Any]:
    """How scores of treatments and of null signatures are spread, each scaled to its peak."""
    known = np.isfinite(ncs) & (ncs != 0)
    limit = float(max(np.abs(ncs[known]).max(initial=0.1), 0.1))
    edges = np.linspace(-limit, limit, 61)
    width, height = 700, 150
    shapes = []
    for kind, colour in ((treated, "soft"), (null, "up")):
        counts, _ = np.histogram(ncs[known & kind], edges)
        if counts.sum() == 0:
            continue
        points = [f"0,{height - 20}"]
        for bar, value in enumerate(counts / counts.max()):
            x = [width * bar / 60, width * (bar + 1) / 60]
            points += [f"{at:.1f},{height - 20 - (height - 35) * value:.1f}" for at in x]
        points.append(f"{width},{height - 20}")
        shapes.append({"points": " ".join(points), "colour": colour})
    ticks = [
        {"x": f"{width * (value + limit) / (2 * limit):.0f}", "label": decimals(value, 1)}
        for value in np.linspace(-limit, limit, 9)[1:-1]
    ]
    return {"width": width, "height": height, "shapes": shapes, "ticks": ticks}
