"""From signatures to perturbagens and mechanism classes: one score for many, with its own background.

Three steps, each a max-quantile: over doses and times of a perturbagen in a cell; over its cells; over the perturbagens
of a class.  Tau of each step compares the rolled-up score with what the background queries get when they are rolled up
the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.rollup_numba import group_max_quantile
from beadwork.stages.connect import Background

CHUNK = 32
"""Background queries that are rolled up at a time."""


@dataclass(frozen=True, eq=False)
class RollUpPlan:
    """Which signatures stand behind which perturbagen, cell and class.

    Parameters
    ----------
    cell_of
        Group (perturbagen in a cell) of each signature; -1: left out (null signatures).
    cells
        One row a group: pert_iname, pert_id, cell_id, n_signatures.
    pert_of
        Perturbagen of each row of `cells`.
    perts
        One row a perturbagen: pert_iname, pert_id, n_signatures, n_cells.
    members
        Rows of `perts` by class.
    classes
        One row a class: class, n_perturbagens, n_signatures.
    """

    cell_of: np.ndarray
    cells: pd.DataFrame
    pert_of: np.ndarray
    perts: pd.DataFrame
    members: Sequence[np.ndarray]
    classes: pd.DataFrame


@dataclass(frozen=True, eq=False)
class RolledUp:
    """Scores of one level: `table` has a row per entity, `ncs` and `tau` have shape (queries, entities)."""

    table: pd.DataFrame
    ncs: np.ndarray
    tau: np.ndarray


def plan_roll_up(
    siginfo: pd.DataFrame, null: np.ndarray, classes: Mapping[str, Sequence[str]] | None = None, min_class: int = 2
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
    names = siginfo["pert_iname"].astype(object).where(siginfo["pert_iname"].notna(), siginfo["pert_id"].astype(object))
    known = names.notna().to_numpy() & ~null
    pert_code, pert_names = pd.factorize(names.where(known), sort=True)
    cell_code, cell_names = pd.factorize(siginfo["cell_id"].astype(object), sort=True)
    joint = np.where(pert_code >= 0, pert_code.astype(np.int64) * (len(cell_names) + 1) + cell_code + 1, -1)
    distinct, group = np.unique(joint, return_inverse=True)
    group = group.reshape(-1)
    if len(distinct) and distinct[0] == -1:
        distinct, group = distinct[1:], group - 1
    pert_of = distinct // (len(cell_names) + 1)
    cell_at = distinct % (len(cell_names) + 1) - 1
    first = pd.Series(siginfo["pert_id"].astype(object).to_numpy()).groupby(pert_code).first()
    pert_ids = first.reindex(range(len(pert_names))).to_numpy(dtype=object)
    labels = np.array([*cell_names.astype(object), None], dtype=object)
    cells = pd.DataFrame(
        {
            "pert_iname": pert_names[pert_of] if len(pert_of) else [],
            "pert_id": pert_ids[pert_of] if len(pert_of) else [],
            "cell_id": labels[cell_at],
            "n_signatures": np.bincount(group[group >= 0], minlength=len(distinct)),
        }
    )
    perts = pd.DataFrame(
        {
            "pert_iname": pert_names,
            "pert_id": pert_ids,
            "n_signatures": np.bincount(pert_code[pert_code >= 0], minlength=len(pert_names)),
            "n_cells": np.bincount(pert_of, minlength=len(pert_names)),
        }
    )
    members, rows = _class_members(perts, classes or {}, min_class)
    return RollUpPlan(group, cells, pert_of, perts, members, rows)


def _class_members(
    perts: pd.DataFrame, classes: Mapping[str, Sequence[str]], min_class: int
) -> tuple[list[np.ndarray], pd.DataFrame]:
    place: dict[str, int] = {}
    for field in ("pert_id", "pert_iname"):
        for row, name in enumerate(perts[field]):
            if isinstance(name, str):
                place[name.lower()] = row
    members, rows = [], []
    for name in sorted(classes):
        found = np.unique([place[item.lower()] for item in classes[name] if item.lower() in place]).astype(np.int64)
        if len(found) >= min_class:
            members.append(found)
            counted = int(perts["n_signatures"].to_numpy()[found].sum())
            rows.append({"class": name, "n_perturbagens": len(found), "n_signatures": counted})
    return members, pd.DataFrame(rows, columns=["class", "n_perturbagens", "n_signatures"])


def classes_of_table(table: pd.DataFrame) -> dict[str, list[str]]:
    """Classes from a field ``moa`` ('|' between several) of siginfo or of an annotation table."""
    classes: dict[str, list[str]] = {}
    name = "pert_iname" if "pert_iname" in table.columns else "pert_id"
    pairs = table[[name, "moa"]].dropna().astype(str).drop_duplicates()
    for pert, moa in pairs.itertuples(index=False):
        for part in moa.split("|"):
            if part.strip():
                classes.setdefault(part.strip(), []).append(pert)
    return classes


def roll_up_scores(plan: RollUpPlan, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roll scores up, shape (signatures, queries): (cells, perturbagens, classes), each (entities, queries)."""
    cells = group_max_quantile(values, plan.cell_of, len(plan.cells))
    perts = group_max_quantile(cells, plan.pert_of, len(plan.perts))
    rows = np.concatenate([*plan.members, np.empty(0, np.int64)]).astype(np.int64)
    groups = np.repeat(np.arange(len(plan.members)), [len(item) for item in plan.members])
    classes = group_max_quantile(perts[rows], groups.astype(np.int64), len(plan.members))
    return cells, perts, classes


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
    enough = background is not None and background.size >= min_background
    smaller = [np.zeros(level.shape, np.int64) for level in levels]
    there = [np.zeros((len(level), 1), np.int64) for level in levels]
    if enough:
        assert background is not None
        for chunk in _background_chunks(background):
            for place, rolled in enumerate(roll_up_scores(plan, chunk)):
                size = np.sort(np.where(np.isnan(rolled), np.inf, np.abs(rolled)), axis=1)
                there[place] += np.isfinite(size).sum(axis=1, keepdims=True)
                for query in range(len(ncs)):
                    smaller[place][:, query] += (size < np.abs(levels[place][:, [query]])).sum(axis=1)
    results = []
    for table, level, below, count in zip((plan.cells, plan.perts, plan.classes), levels, smaller, there, strict=True):
        share = np.divide(below, count, out=np.full(level.shape, np.nan), where=count > 0)
        tau = np.where(np.isnan(level), np.nan, np.sign(level) * 100 * share)
        results.append(RolledUp(table, level.T.astype(np.float32), tau.T.astype(np.float32)))
    return results[0], results[1], results[2]


def _background_chunks(background: Background) -> Iterator[np.ndarray]:
    for first in range(0, background.size, CHUNK):
        yield np.concatenate([part[:, first : first + CHUNK] for part in background.scores])


def ranked(level: RolledUp, query: int) -> pd.DataFrame:
    """Table of one level for one query, best connected first."""
    order = np.argsort(-level.ncs[query].astype(np.float64), kind="stable")
    table = level.table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    table["ncs"] = level.ncs[query][order]
    table["tau"] = level.tau[query][order]
    return table
