"""The page of one query: its facts, as the template needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.connectivity.wtcs.score import enrichment_score, running_sum
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.connectivity.signature_table import arrow_numbers, codes_among
from beadwork.model.pert_types import pert_type_name, perturbation_kind
from beadwork.stages.connectivity.groups import null_mask, treatment_mask
from beadwork.stages.connectivity.perturbagens import PERTURBAGEN
from beadwork.stages.connectivity.roll_up import RolledUp, ranked_columns
from beadwork.views.pages import plain
from beadwork.views.query_page import (
    Row,
    both_ends,
    cell_map,
    enrichment_plot,
    query_html,
    score_histogram,
    signature_table,
    two_ends,
)

if TYPE_CHECKING:
    from beadwork.api.index.asking.answers import QueryResult

TOP = 20
"""Entities shown at each end."""
SIGNATURES = 250
"""Signatures listed at each end."""
MAPPED = 12
"""Perturbagens at each end that are shown by cell."""
PLOTS = 3
"""Enrichment plots at each end."""
MISSING = 1000
"""Genes listed that are not used."""

TEXTS = {"sig_id": "signature", "pert_iname": "perturbagen", "pert_type": "type", "cell_id": "cell",
         "pert_idose": "dose", "pert_itime": "time"}  # fmt: skip
JOINED = {"moa": "mechanism", "target": "target", "clinical_phase": "phase"}
"""Fields that tables of annotation join; shown where a row has them."""
NUMBERS = {"wtcs": "WTCS", "ncs": "NCS", "tau": "tau", "fdr": "FDR", "p": "p"}


def query_page(result: QueryResult, place: int, rolled: Sequence[RolledUp] | None) -> str:
    """Page of one query, as text."""
    query: MappedQuery = result.connections.queries[place]
    ncs = result.connections.ncs[place].astype(np.float64)
    null = null_mask(result.index.annotation, result.params)
    treated = treatment_mask(result.index.annotation, result.params)
    known = int(np.count_nonzero(~np.isnan(ncs if result.shown is None else ncs[result.shown])))
    shown = _shown(result, place, known)
    return query_html(
        {
            "name": query.name,
            "n_up": len(query.up),
            "n_down": len(query.down),
            "n_signatures": result.n_shown,
            "n_genes": result.index.store.n_genes,
            "notes": result.notes(place),
            "rolled": None if rolled is None else _rolled(result, place, rolled),
            "plots": _plots(result, query, shown),
            "sure": _sure(result, place, treated),
            "histogram": score_histogram(ncs, null, treated),
            "signatures": signature_table(
                shown,
                TEXTS | {name: word for name, word in JOINED.items() if any(shown.get(name, ()))},
                NUMBERS,
                known,
                SIGNATURES,
            ),
            "missing": query.missing[:MISSING],
        }
    )


def _records(columns: Mapping[str, Any]) -> list[Row]:
    """Turn columns into rows."""
    lists = {name: _list(part) for name, part in columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _list(column: Any) -> list[Any]:
    items: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column.cast("string").to_pylist()
    return items


def _type_names(kinds: str | None) -> str:
    """Names of a type, or of several joined by '|'."""
    return ", ".join(pert_type_name(kind) for kind in (kinds or "").split("|"))


def _rolled(result: QueryResult, place: int, rolled: Sequence[RolledUp]) -> dict[str, Any]:
    """Perturbagens, classes and cells, and what their numbers mean."""
    cells, perts, classes = rolled
    there = len(classes.columns["class"]) > 0
    return {
        "one": "name" if result.params.perturbagen == "name" else "id",
        "background": int(result.connections.report[place]["n_background"]),
        "least": result.params.min_background,
        "notes": perts.notes,
        "perturbagens": _ends(perts, place, "pert_iname", "n_cells"),
        "class_notes": classes.notes,
        "classes": _ends(classes, place, "class", "n_perturbagens") if there else None,
        "cells": _cell_map(cells, perts, place),
        "mapped": MAPPED if np.count_nonzero(~np.isnan(perts.ncs[place])) > 2 * MAPPED else None,
    }


def _ends(level: RolledUp, place: int, label: str, extra: str) -> dict[str, Any]:
    """Entities that connect most, and those that oppose most."""
    ncs = level.ncs[place]
    known, above, below = int(np.count_nonzero(~np.isnan(ncs))), int((ncs > 0).sum()), int((ncs < 0).sum())
    n_top, n_bottom = min(TOP, above), min(TOP, below)
    rows = [
        {
            **row,
            "name": plain(row[label]),
            "type": _type_names(row["pert_type"]),
            "counted": row[extra],
            "joined": "; ".join(plain(row[field]) for field in JOINED if row.get(field)),
        }
        for row in _records(ranked_columns(level, place, np.r_[0:n_top, known - n_bottom : known]))
    ]
    return two_ends(rows[:n_top], rows[n_top:][::-1], "cells" if extra == "n_cells" else "members")


def _cell_map(cells: RolledUp, perts: RolledUp, place: int) -> dict[str, Any] | None:
    known = int(np.count_nonzero(~np.isnan(perts.ncs[place])))
    shown = _records(ranked_columns(perts, place, np.r_[both_ends(known, MAPPED)]))
    at = {tuple(row[field] for field in PERTURBAGEN): number for number, row in enumerate(shown)}
    names = [
        row["pert_iname"] if perturbation_kind(row["pert_type"]) in ("compound", "other")
        else f"{row['pert_iname']} ({_type_names(row['pert_type'])})" for row in shown
    ]  # fmt: skip
    which = np.flatnonzero(codes_among(cells.columns["pert_iname"], [row["pert_iname"] for row in shown]))
    pairs = (_list(cells.columns[field].take(arrow_numbers(which))) for field in (*PERTURBAGEN, "cell_id"))
    of_cell = zip(*pairs, cells.ncs[place][which].tolist(), strict=True)
    scores = {(at[tuple(key)], cell): ncs for *key, cell, ncs in of_cell if cell is not None and tuple(key) in at}
    return cell_map(names, scores)


def _shown(result: QueryResult, place: int, known: int) -> dict[str, list[Any]]:
    """Columns of the signatures at both ends that are shown."""
    rows = np.r_[both_ends(known, SIGNATURES)]
    ranked = result.ranked_columns(place, rows)
    columns = {name: _list(ranked[name]) for name in ("rank", *TEXTS, *JOINED, *NUMBERS) if name in ranked}
    columns["place"] = result.ranked_places(place, rows).tolist()
    kinds = columns.get("pert_type", [])
    words = {kind: _type_names(kind) for kind in set(kinds)}
    return {**columns, "pert_type": [words[kind] for kind in kinds]}


def _plots(result: QueryResult, query: MappedQuery, shown: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Enrichment of the signatures at both ends."""
    known = [place for place, ncs in enumerate(shown["ncs"]) if ncs != 0]
    ends = both_ends(len(known), PLOTS)
    chosen = [*known[ends[0]], *known[ends[1]][::-1]]
    return [_plot(result, query, {name: column[place] for name, column in shown.items()}) for place in chosen]


def _plot(result: QueryResult, query: MappedQuery, row: Row) -> dict[str, Any]:
    store = result.index.store
    curves = []
    for side, rows in (("up", query.up), ("down", query.down)):
        if len(rows):
            rank, z = store.read_genes(row["place"], rows, ahead=False)  # scoring has just read them all
            rank = rank.astype(np.int64)
            running, score = running_sum(rank, z, store.n_genes), enrichment_score(rank, z, store.n_genes)
            curves.append((side, running, rank, score))
    title = " ".join(plain(row[name]) for name in ("pert_iname", "cell_id", "pert_idose", "pert_itime")).strip()
    drawn = enrichment_plot(curves, store.n_genes)
    return {**drawn, "title": title or plain(row["sig_id"]), "wtcs": row["wtcs"], "ncs": row["ncs"]}


def _sure(result: QueryResult, place: int, treated: np.ndarray) -> list[str]:
    """Say what the scores are measured against."""
    ncs, fdr = result.connections.ncs[place].astype(np.float64), result.connections.fdr[place]
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
    for limit in (0.05, 0.25):
        words = []
        for side, word in ((ncs > 0, "connect"), (ncs < 0, "oppose")):
            known = ~np.isnan(fdr) & side & treated
            hits = int((fdr[known] <= limit).sum())
            words.append(f"{hits:,} {word}" if known.any() else f"how many {word} is not known")
        lines.append(f"Treatments with FDR up to {limit}: {', '.join(words)}.")
    return lines
