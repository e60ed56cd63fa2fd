"""From signatures to perturbagens and mechanism classes: one score for many, with its own background.

Three steps, each a max-quantile: over doses and times of a perturbagen in a cell; over its cells; over the perturbagens
of a class.  Tau of each step compares the rolled-up score with what the background queries get when they are rolled up
the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.connectivity.max_quantile import group_max_quantile
from beadwork.kernels.connectivity.tau import count_rows
from beadwork.model.connectivity.background import Background
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers, arrow_texts

if TYPE_CHECKING:
    import pandas as pd

PORTION = 1024
"""Signatures whose background scores are rolled up at a time, with all of their perturbagens' others."""
CLASS = ("class", "n_perturbagens", "n_signatures")
Columns = Mapping[str, Any]
"""A table as arrays of one length by name: numbers as NumPy arrays, texts as Arrow dictionaries."""


@dataclass(frozen=True, eq=False)
class RollUpPlan:
    """Which signatures stand behind which perturbagen, cell and class.

    Parameters
    ----------
    cell_of
        Group (perturbagen in a cell) of each signature; -1: left out (null signatures).
    cells
        One row a group, by perturbagen: pert_iname, pert_id, cell_id, n_signatures.
    pert_of
        Perturbagen of each row of `cells`, ascending.
    perts
        One row a perturbagen: pert_iname, pert_id, n_signatures, n_cells.
    members
        Rows of `perts` by class.
    classes
        One row a class: class, n_perturbagens, n_signatures.
    """

    cell_of: np.ndarray
    cells: Columns
    pert_of: np.ndarray
    perts: Columns
    members: Sequence[np.ndarray]
    classes: Columns


@dataclass(frozen=True, eq=False)
class RolledUp:
    """Scores of one level: `columns` describe its entities, `ncs` and `tau` have shape (queries, entities)."""

    columns: Columns
    ncs: np.ndarray
    tau: np.ndarray

    @property
    def table(self) -> pd.DataFrame:
        """One row an entity."""
        return _frame(self.columns)


def plan_roll_up(
    siginfo: SignatureTable | pd.DataFrame,
    null: np.ndarray,
    classes: Mapping[str, Sequence[str]] | None = None,
    min_class: int = 2,
) -> RollUpPlan:
    """Group signatures by perturbagen and cell, and perturbagens by class.

    Parameters
    ----------
    siginfo
        pert_iname, pert_id, cell_id of each signature; pert_id stands in where there is no name.
    null
        Null signatures, which are left out.
    classes
        Perturbagens (names or ids, whatever their case) by class.
    min_class
        A class with fewer perturbagens in the index is left out.
    """
    siginfo = SignatureTable.of(siginfo)
    pert_code, pert_names = _sorted_codes(*_names(siginfo), ~null)
    cell_code, cell_names = _sorted_codes(*siginfo.texts("cell_id"), np.ones(len(siginfo), bool))
    joint = np.where(pert_code >= 0, pert_code * (len(cell_names) + 1) + cell_code + 1, -1)
    distinct, group = np.unique(joint, return_inverse=True)
    group = group.reshape(-1)
    if len(distinct) and distinct[0] == -1:
        distinct, group = distinct[1:], group - 1
    pert_of = distinct // (len(cell_names) + 1)
    cell_at = distinct % (len(cell_names) + 1) - 1
    id_code, ids = siginfo.texts("pert_id")
    first_id = np.full(len(pert_names), -1)
    known = np.flatnonzero((pert_code >= 0) & (id_code >= 0))[::-1]
    first_id[pert_code[known]] = id_code[known]
    cells = {
        "pert_iname": arrow_texts(pert_of, pert_names),
        "pert_id": arrow_texts(first_id[pert_of], ids),
        "cell_id": arrow_texts(cell_at, cell_names),
        "n_signatures": np.bincount(group[group >= 0], minlength=len(distinct)),
    }
    perts = {
        "pert_iname": arrow_texts(np.arange(len(pert_names)), pert_names),
        "pert_id": arrow_texts(first_id, ids),
        "n_signatures": np.bincount(pert_code[pert_code >= 0], minlength=len(pert_names)),
        "n_cells": np.bincount(pert_of, minlength=len(pert_names)),
    }
    members, rows = _class_members(perts, classes or {}, min_class)
    return RollUpPlan(group.astype(np.int32), cells, pert_of.astype(np.int32), perts, members, rows)


def _names(siginfo: SignatureTable) -> tuple[np.ndarray, list[str]]:
    """Name of each signature's perturbagen, its id where it has no name, as codes and texts."""
    codes, names = siginfo.texts("pert_iname")
    if (codes >= 0).all():
        return codes, names
    id_codes, ids = siginfo.texts("pert_id")
    places = {name: place for place, name in enumerate(names)}
    renamed = np.array([*(places.setdefault(name, len(places)) for name in ids), -1])
    return np.where(codes >= 0, codes, renamed[id_codes]), list(places)


def _sorted_codes(codes: np.ndarray, values: Sequence[str], keep: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Code anew the rows to keep: the values that they have, sorted; -1 elsewhere."""
    used = np.zeros(len(values) + 1, bool)
    used[codes[keep]] = True
    found = sorted(np.flatnonzero(used[:-1]).tolist(), key=values.__getitem__)
    renamed = np.full(len(values) + 1, -1)
    renamed[found] = np.arange(len(found))
    return np.where(keep, renamed[codes], -1), [values[place] for place in found]


def _class_members(
    perts: Columns, classes: Mapping[str, Sequence[str]], min_class: int
) -> tuple[list[np.ndarray], Columns]:
    if not classes:
        return [], {name: arrow_texts(np.empty(0), []) if name == "class" else np.empty(0, np.int64) for name in CLASS}
    place: dict[str, int] = {}
    for field in ("pert_id", "pert_iname"):
        for row, name in enumerate(perts[field].to_pylist()):
            if name is not None:
                place[name.lower()] = row
    members: list[np.ndarray] = []
    names, signatures = [], []
    for name in sorted(classes):
        found = np.unique([place[item.lower()] for item in classes[name] if item.lower() in place]).astype(np.int64)
        if len(found) >= min_class:
            members.append(found)
            names.append(name)
            signatures.append(int(perts["n_signatures"][found].sum()))
    return members, {
        "class": arrow_texts(np.arange(len(names)), names),
        "n_perturbagens": np.array([len(found) for found in members], np.int64),
        "n_signatures": np.array(signatures, np.int64),
    }


def classes_of_table(table: SignatureTable | pd.DataFrame) -> dict[str, list[str]]:
    """Classes from a field ``moa`` ('|' between several) of siginfo or of an annotation table."""
    table = SignatureTable.of(table)
    classes: dict[str, list[str]] = {}
    codes, names = table.texts("pert_iname" if "pert_iname" in table else "pert_id")
    moa_codes, moas = table.texts("moa")
    known = (codes >= 0) & (moa_codes >= 0)
    pairs = np.stack([codes[known], moa_codes[known]], axis=1)
    distinct, first = np.unique(pairs, axis=0, return_index=True)
    for name, moa in distinct[np.argsort(first)].tolist():
        for part in moas[moa].split("|"):
            if part.strip():
                classes.setdefault(part.strip(), []).append(names[name])
    return classes


def roll_up_scores(plan: RollUpPlan, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roll scores up, shape (signatures, queries): (cells, perturbagens, classes), each (entities, queries)."""
    cells = group_max_quantile(values, plan.cell_of, len(plan.cells["n_signatures"]))
    perts = group_max_quantile(cells, plan.pert_of, len(plan.perts["n_signatures"]))
    return cells, perts, _roll_up_classes(plan, perts)


def _roll_up_classes(plan: RollUpPlan, perts: np.ndarray) -> np.ndarray:
    rows = np.concatenate([*plan.members, np.empty(0, np.int64)]).astype(np.int64)
    groups = np.repeat(np.arange(len(plan.members)), [len(item) for item in plan.members])
    return group_max_quantile(perts[rows], groups.astype(np.int64), len(plan.members))


def roll_up(
    plan: RollUpPlan, ncs: np.ndarray, background: Background | None, min_background: int
) -> tuple[RolledUp, RolledUp, RolledUp]:
    """Roll the NCS of queries up, with tau.

    Parameters
    ----------
    ncs
        Shape (queries, signatures).
    background
        Scores of the background queries on the same signatures; None or too small: tau is missing.

    Returns
    -------
    (cells, perturbagens, classes).
    """
    levels = roll_up_scores(plan, np.ascontiguousarray(ncs.T))
    smaller = [np.zeros(level.shape, np.int32) for level in levels]
    there = [np.zeros((len(level), 1), np.int32) for level in levels]
    if background is not None and background.size >= min_background:
        _count_smaller(plan, levels, background, smaller, there)
    results = []
    tables = (plan.cells, plan.perts, plan.classes)
    for columns, level, below, count in zip(tables, levels, smaller, there, strict=True):
        share = np.divide(below, count, out=np.full(level.shape, np.nan), where=count > 0)
        tau = np.where(np.isnan(level), np.nan, np.sign(level) * 100 * share)
        results.append(RolledUp(columns, level.T.astype(np.float32), tau.T.astype(np.float32)))
    return results[0], results[1], results[2]


def _count_smaller(
    plan: RollUpPlan, levels: Sequence[np.ndarray], background: Background, smaller: Sequence[np.ndarray],
    there: Sequence[np.ndarray],
) -> None:  # fmt: skip
    """Count the background queries that score smaller, and all that score, for every entity of every level.

    Perturbagens are taken a portion at a time, with all their signatures, so that memory stays small.
    """
    order = np.argsort(plan.cell_of, kind="stable")
    order = order[np.searchsorted(plan.cell_of[order], 0) :]
    cell_of = plan.cell_of[order]
    starts = np.searchsorted(plan.pert_of[cell_of], np.arange(len(levels[1]) + 1))
    bounds = [0]
    while bounds[-1] < len(levels[1]):
        full = int(np.searchsorted(starts, starts[bounds[-1]] + PORTION, side="right")) - 1
        bounds.append(min(max(full, bounds[-1] + 1), len(levels[1])))
    perts = np.empty((len(levels[1]), background.size), np.float32)

    def count(level: int, first: int, rolled: np.ndarray) -> None:
        place = slice(first, first + len(rolled))
        size = np.abs(rolled)
        missing = np.isnan(size).sum(axis=1, keepdims=True) if np.isnan(size.max(initial=0)) else 0
        there[level][place] = background.size - missing
        limits = np.abs(levels[level][place]).astype(rolled.dtype)
        for query in range(limits.shape[1]):
            smaller[level][place, query] = count_rows(size < limits[:, [query]])

    for first, last in pairwise(bounds):
        rows = slice(starts[first], starts[last])
        cells = np.searchsorted(plan.pert_of, [first, last])
        values = background.rows(order[rows])
        rolled = group_max_quantile(values, cell_of[rows] - cells[0], int(cells[1] - cells[0]))
        count(0, int(cells[0]), rolled)
        rolled = group_max_quantile(rolled, plan.pert_of[cells[0] : cells[1]] - first, last - first)
        count(1, first, rolled)
        perts[first:last] = rolled
    if len(plan.members):
        count(2, 0, _roll_up_classes(plan, perts))


def ranked_columns(level: RolledUp, query: int, rows: slice = slice(None)) -> dict[str, Any]:
    """Columns of one level for one query, best connected first; `rows` takes a part of them."""
    order = np.argsort(-level.ncs[query].astype(np.float64), kind="stable")
    place = np.arange(1, len(order) + 1)[rows]
    order = order[rows]
    chosen = arrow_numbers(order)
    columns = {
        name: col[order] if isinstance(col, np.ndarray) else col.take(chosen) for name, col in level.columns.items()
    }
    return {"rank": place, **columns, "ncs": level.ncs[query][order], "tau": level.tau[query][order]}


def ranked(level: RolledUp, query: int) -> pd.DataFrame:
    """Table of one level for one query, best connected first."""
    return _frame(ranked_columns(level, query))


def _frame(columns: Columns) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {name: col if isinstance(col, np.ndarray) else col.to_pandas().astype(object) for name, col in columns.items()}
    )
