"""From signatures to perturbagens and mechanism classes: one score for many, with its own background.

Three steps, each a max-quantile: over doses and times of a perturbagen in a cell; over its cells; over the perturbagens
of a class.  Tau of each step compares the rolled-up score with what the background queries get when they are rolled up
the same way, over the same signatures.  What a max-quantile hides stands beside it: the median, and how many of the
signatures behind a score are positive and negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.connectivity.max_quantile import run_max_quantile, run_median
from beadwork.kernels.connectivity.tau import count_below, count_smaller, tau_of_counts
from beadwork.kernels.numeric.groups import descending_order
from beadwork.model.connectivity.background import Background
from beadwork.model.connectivity.signature_table import arrow_numbers
from beadwork.stages.connectivity.perturbagens import Columns, RollUpPlan
from beadwork.stages.connectivity.score import use_compiled

if TYPE_CHECKING:
    import pandas as pd

PORTION = 1024
"""Signatures whose background scores are rolled up at a time, with all of their perturbagens' others."""
ROLLED_PER_SCORE = 100
"""Background scores that are rolled up in the time that one signature is scored in."""


@dataclass(frozen=True, eq=False)
class RolledUp:
    """Scores of one level.

    Parameters
    ----------
    columns
        What its entities are.
    ncs, tau
        Shape (queries, entities).
    behind
        Numbers of the same shape by name: ``median_ncs``, ``n_positive``, ``n_negative`` of the signatures behind a
        score, and counts of `columns` that differ from query to query since some signatures have no score.
    notes
        What is worth knowing, in words.
    """

    columns: Columns
    ncs: np.ndarray
    tau: np.ndarray
    behind: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row an entity."""
        return _frame(self.columns)


def roll_up_scores(plan: RollUpPlan, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roll scores up: (cells, perturbagens, classes), each (entities, queries).

    Parameters
    ----------
    values
        Scores of the signatures in the order of the plan, shape (signatures, queries).
    """
    cells = run_max_quantile(values, plan.cell_starts)
    perts = run_max_quantile(cells, plan.pert_starts)
    rows, starts = _joined(plan.members)
    return cells, perts, run_max_quantile(perts[rows], starts)


def _joined(members: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Members of groups one after the other, and where each group begins (one more at the end)."""
    rows = np.concatenate([*members, np.empty(0, np.int64)]).astype(np.int64)
    return rows, np.cumsum([0, *map(len, members)])


@dataclass(frozen=True, eq=False)
class RolledBackground:
    """Scores of the background queries rolled up by one plan, once for many questions.

    What has one signature has the tau of that signature, and needs no background of its own.

    Parameters
    ----------
    rows
        Of cells, perturbagens and classes: those that have several signatures.
    sizes
        Sizes of their scores, ascending (missing ones last), float64, shape (rows, background queries).
    there
        Background queries that have a score, shape (rows, 1).
    single
        Those that have one signature, and these signatures.
    """

    rows: Sequence[np.ndarray]
    sizes: Sequence[np.ndarray]
    there: Sequence[np.ndarray]
    single: Sequence[tuple[np.ndarray, np.ndarray]]

    def sizes_of(self, level: int, row: int) -> np.ndarray | None:
        """Sizes of the background scores of one entity; None where it has one signature, whose scores they are."""
        place = int(np.searchsorted(self.rows[level], row))
        there = place < len(self.rows[level]) and self.rows[level][place] == row
        return self.sizes[level][place] if there else None

    def signature_of(self, level: int, row: int) -> int:
        """Signature of an entity that has one."""
        alone, signatures = self.single[level]
        return int(signatures[np.searchsorted(alone, row)])

    def tau(self, level: int, scores: np.ndarray, of_signatures: np.ndarray) -> np.ndarray:
        """Tau of the scores of a level, shape (entities, queries), by the tau of signatures, (queries, signatures)."""
        rows, sizes, (alone, signatures) = self.rows[level], self.sizes[level], self.single[level]
        several = scores[rows]
        smaller = np.empty(several.shape, np.int32)
        for query in range(several.shape[1]):
            smaller[:, query] = count_below(sizes, np.abs(several[:, query]).astype(np.float64))
        tau = np.full(scores.shape, np.nan)
        tau[rows] = tau_of_counts(several, smaller, self.there[level])
        tau[alone] = of_signatures[:, signatures].T
        return tau


def roll_up_background(
    plan: RollUpPlan, background: Background, empty: Callable[[tuple[int, int]], np.ndarray] = np.empty
) -> RolledBackground:
    """Roll the background up, all of it: 8 bytes a background query and entity of several signatures.

    `empty` makes the arrays, which may be in a file.
    """
    tables = (plan.cells, plan.perts, plan.classes)
    rows = [np.flatnonzero(table["n_signatures"] > 1) for table in tables]
    sizes = [empty((len(own), background.size)) if len(own) else np.empty((0, background.size)) for own in rows]
    there = [np.zeros((len(own), 1), np.int32) for own in rows]
    for level, first, rolled in _rolled_portions(plan, background):
        place = slice(*np.searchsorted(rows[level], [first, first + len(rolled)]))
        own = np.sort(np.abs(rolled[rows[level][place] - first]), axis=1)
        sizes[level][place] = own
        there[level][place] = background.size - np.isnan(own).sum(axis=1, keepdims=True)
    return RolledBackground(rows, sizes, there, _single(plan))


def _single(plan: RollUpPlan) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cells, perturbagens and classes of one signature, and these signatures."""
    signatures = np.flatnonzero(plan.cell_of >= 0)
    of_cell = np.zeros(len(plan.cells["n_signatures"]), np.int64)
    of_cell[plan.cell_of[signatures]] = signatures
    of_pert = np.zeros(len(plan.perts["n_signatures"]), np.int64)
    of_pert[plan.pert_of] = of_cell
    of_class = np.array([of_pert[members[0]] for members in plan.members], np.int64)
    found = []
    for table, first in ((plan.cells, of_cell), (plan.perts, of_pert), (plan.classes, of_class)):
        alone = np.flatnonzero(table["n_signatures"] == 1)
        found.append((alone, first[alone]))
    return found


def roll_up(
    plan: RollUpPlan,
    ncs: np.ndarray,
    background: Background | RolledBackground | None,
    min_background: int,
    tau: np.ndarray | None = None,
) -> tuple[RolledUp, RolledUp, RolledUp]:
    """Roll the NCS of queries up, with tau.

    Parameters
    ----------
    plan
        What is rolled up; its filter holds for the background too.
    ncs
        Shape (queries, signatures).
    background
        Scores of the background queries on the same signatures, rolled up by the same plan or not yet; None or too
        small: tau is missing.
    tau
        Tau of the signatures, shape (queries, signatures); needed with a background that is rolled up already.

    Returns
    -------
    (cells, perturbagens, classes).
    """
    values = np.ascontiguousarray(ncs.T[plan.order])
    levels = roll_up_scores(plan, values)
    smaller = [np.zeros(level.shape, np.int32) for level in levels]
    there = [np.zeros((len(level), 1), np.int32) for level in levels]
    if isinstance(background, RolledBackground):
        assert tau is not None
    elif background is not None and background.size >= min_background:
        _count_smaller(plan, levels, background, smaller, there)
    behind = _behind(plan, values, levels)
    results = []
    tables = (plan.cells, plan.perts, plan.classes)
    notes = (plan.notes, plan.notes, () if plan.match is None else (str(plan.match),))
    for place, (columns, level, numbers, words) in enumerate(zip(tables, levels, behind, notes, strict=True)):
        if isinstance(background, RolledBackground) and tau is not None:
            own = background.tau(place, level, tau)
        else:
            own = tau_of_counts(level, smaller[place], there[place])
        results.append(RolledUp(columns, level.T.astype(np.float32), own.T.astype(np.float32), numbers, words))
    return results[0], results[1], results[2]


def _behind(plan: RollUpPlan, values: np.ndarray, levels: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Numbers behind the scores of each level: the median, and counts of signatures, cells and perturbagens."""
    starts = plan.cell_starts[plan.pert_starts]
    in_class = [
        np.concatenate([np.arange(starts[row], starts[row + 1]) for row in members.tolist()])
        for members in plan.members
    ]
    chosen, of_class = _joined(in_class)
    found = []
    for part, runs in ((values, plan.cell_starts), (values, starts), (values[chosen], of_class)):
        numbers = {
            "median_ncs": run_median(part, runs).T.astype(np.float32),
            "n_positive": _count(part > 0, runs),
            "n_negative": _count(part < 0, runs),
        }
        if np.isnan(part).any():
            numbers["n_signatures"] = _count(~np.isnan(part), runs)
        found.append(numbers)
    if "n_signatures" in found[0]:
        found[1]["n_cells"] = _count(~np.isnan(levels[0]), plan.pert_starts)
        members, of_members = _joined(plan.members)
        found[2]["n_perturbagens"] = _count(~np.isnan(levels[1][members]), of_members)
    return found


def _count(which: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Count what is true in each run of rows, shape (queries, runs)."""
    before = np.zeros((which.shape[1], len(which) + 1), np.int64)
    np.cumsum(which.T, axis=1, out=before[:, 1:])
    return np.diff(before[:, starts], axis=1)


def _count_smaller(
    plan: RollUpPlan, levels: Sequence[np.ndarray], background: Background, smaller: Sequence[np.ndarray],
    there: Sequence[np.ndarray],
) -> None:  # fmt: skip
    """Count the background queries that score smaller, and all that score, for every entity of every level."""
    if _use_compiled(plan, background):
        _count_compiled(plan, levels, background, smaller, there)
        return
    for level, first, rolled in _rolled_portions(plan, background):
        place = slice(first, first + len(rolled))
        smaller[level][place], there[level][place] = _count_background(levels[level][place], rolled)


def _count_compiled(
    plan: RollUpPlan, levels: Sequence[np.ndarray], background: Background, smaller: Sequence[np.ndarray],
    there: Sequence[np.ndarray],
) -> None:  # fmt: skip
    """:func:`_count_smaller` in one pass: nothing that is rolled up leaves the cache."""
    from beadwork.kernels.connectivity.max_quantile_numba import RunsOfGroups

    runs = RunsOfGroups(background.size)
    order, cell_starts, pert_starts = plan.order, plan.cell_starts, plan.pert_starts
    starts = cell_starts[pert_starts]
    perts = np.empty((len(starts) - 1, background.size), np.float32)

    def count(level: int, first: int, last: int, values: np.ndarray, rows: np.ndarray, of: np.ndarray) -> np.ndarray:
        rolled, smaller[level][first:last], there[level][first:last] = runs.count(
            values, rows, of, levels[level][first:last]
        )
        return rolled

    for first, last in _portions(starts):
        one, two = pert_starts[[first, last]].tolist()
        rows = order[starts[first] : starts[last]]
        values = background.scores[0]
        if len(background.scores) > 1:
            values, rows = background.rows(rows), np.arange(len(rows))
        rolled = count(0, one, two, values, rows, cell_starts[one : two + 1] - starts[first])
        perts[first:last] = count(1, first, last, rolled, np.arange(two - one), pert_starts[first : last + 1] - one)
    if len(plan.members):
        members, of_classes = _joined(plan.members)
        count(2, 0, len(plan.members), perts, members, of_classes)


def _count_background(ncs: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray | int]:
    """Count background scores: those smaller than each of `ncs`, and all there are."""
    size = np.abs(background)
    missing = np.isnan(size).sum(axis=1, keepdims=True) if np.isnan(size.max(initial=0)) else 0
    return count_smaller(ncs.astype(size.dtype), size), size.shape[1] - missing


def _use_compiled(plan: RollUpPlan, background: Background) -> bool:
    """Whether rolling the background up by compiled kernels pays, as :func:`use_compiled` says of scores."""
    return use_compiled(len(plan.cell_of) * background.size // ROLLED_PER_SCORE)


def _rolled_portions(plan: RollUpPlan, background: Background) -> Iterator[tuple[int, int, np.ndarray]]:
    """Roll the background up: level, first entity and scores of one portion after the other.

    Perturbagens are taken a portion at a time, with all their signatures, so that memory stays small.
    """
    order, cell_starts, pert_starts = plan.order, plan.cell_starts, plan.pert_starts
    starts = cell_starts[pert_starts]
    reduce = run_max_quantile
    if _use_compiled(plan, background):
        from beadwork.kernels.connectivity.max_quantile_numba import RunsOfGroups

        reduce = RunsOfGroups(background.size).max_quantile
    perts = np.empty((len(starts) - 1, background.size), np.float32)
    for first, last in _portions(starts):
        cells = pert_starts[[first, last]]
        values = background.rows(order[starts[first] : starts[last]])
        rolled = reduce(values, cell_starts[cells[0] : cells[1] + 1] - starts[first])
        yield 0, int(cells[0]), rolled
        rolled = reduce(rolled.astype(np.float32, copy=False), pert_starts[first : last + 1] - cells[0])
        yield 1, first, rolled
        perts[first:last] = rolled
    if len(plan.members):
        rows_of, of_classes = _joined(plan.members)
        yield 2, 0, run_max_quantile(perts[rows_of], of_classes)


def _portions(starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Perturbagens that are taken together, by where the signatures of each begin: first, and first after the last."""
    first, count = 0, len(starts) - 1
    while first < count:
        full = int(np.searchsorted(starts, starts[first] + PORTION, side="right")) - 1
        last = min(max(full, first + 1), count)
        yield first, last
        first = last


def ranked_columns(level: RolledUp, query: int, rows: slice | np.ndarray = slice(None)) -> dict[str, Any]:
    """Columns of one level for one query, best connected first; `rows` takes a part of them."""
    order = descending_order(level.ncs[query])
    place = np.arange(1, len(order) + 1)[rows]
    order = order[rows]
    chosen = arrow_numbers(order)
    columns = {
        name: col[order] if isinstance(col, np.ndarray) else col.take(chosen) for name, col in level.columns.items()
    }
    behind = {name: numbers[query][order] for name, numbers in level.behind.items()}
    columns |= {name: behind.pop(name) for name in columns if name in behind}
    return {"rank": place, **columns, "ncs": level.ncs[query][order], "tau": level.tau[query][order], **behind}


def ranked(level: RolledUp, query: int) -> pd.DataFrame:
    """Table of one level for one query, best connected first."""
    return _frame(ranked_columns(level, query))


def _frame(columns: Columns) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {name: col if isinstance(col, np.ndarray) else col.to_pandas().astype(object) for name, col in columns.items()}
    )
