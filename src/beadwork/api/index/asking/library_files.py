"""Answers to a library of queries, such as thousands of diseases: one matrix for each level of the roll-up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.io.connectivity.ranked_tables import write_records
from beadwork.io.matrix.gctx.writer import frame_fields, gctx_columns
from beadwork.kernels.connectivity.tau import tau_of_counts
from beadwork.model.params import QueryParams, RepurposingParams
from beadwork.stages.connectivity.library.repurposing import repurposing_table
from beadwork.stages.connectivity.roll_up import RolledUp

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.asking.answers import QueryResult

log = logging.getLogger("beadwork")
LEVELS = ("cells", "perturbagens", "classes")
NAMES = {"cells": ("pert_iname", "pert_type", "cell_id"), "perturbagens": ("pert_iname", "pert_type"),
         "classes": ("class", "pert_type")}  # fmt: skip
BEST = 25
"""Perturbagens of each query in ``library_top.tsv``; of them come the candidates of the repurposing table."""


class LibraryFiles:
    """Writes ``{level}_ncs.gctx``, ``{level}_tau.gctx`` and ``{level}_tau_own.gctx``, some queries at a time.

    ``tau_own`` compares the score of a perturbagen with its scores in all other queries of the library: how special it
    is to this one.
    """

    def __init__(
        self, output: Path, scratch: Path, stack: ExitStack, names: Sequence[str], provenance: Mapping[str, Any],
        params: QueryParams, repurposing: RepurposingParams | None,
    ) -> None:  # fmt: skip
        self.output, self.scratch, self.stack, self.names = output, scratch, stack, list(names)
        self.provenance, self.params, self.repurposing = provenance, params, repurposing
        self.rows: dict[str, pd.DataFrame] = {}
        self.scores: dict[str, np.ndarray] = {}
        self._write: dict[str, Callable[[int, np.ndarray], None]] = {}
        self._candidates: list[dict[str, Any]] = []
        self._fields: tuple[str, ...] = ()

    def add(self, first: int, rolled: Sequence[RolledUp], result: QueryResult) -> None:
        """Add the roll-ups of the queries from position `first` on."""
        for level, scores in zip(LEVELS, rolled, strict=True):
            if level not in self.rows:
                self._begin(level, scores)
            if len(self.rows[level]):
                self._write[f"{level}_ncs"](first, scores.ncs)
                self._write[f"{level}_tau"](first, scores.tau)
                self.scores[level][:, first : first + len(scores.ncs)] = scores.ncs.T
        if self.repurposing is not None:
            for place, scores in enumerate(rolled[1].ncs):
                self._add_candidates(self.names[first + place], result, place, scores)

    def _begin(self, level: str, scores: RolledUp) -> None:
        table = scores.table
        fields = [name for name in NAMES[level] if name in table]
        if not len(table):
            self.rows[level] = table
            return
        ids = table[fields].astype(object).fillna("").astype(str).agg(":".join, axis=1)
        self.rows[level] = table.set_index(ids).rename_axis(index=None)
        shape = (len(table), len(self.names))
        self.scores[level] = np.memmap(self.scratch / f"{level}.bin", np.float32, "w+", shape=shape)
        for kind in ("ncs", "tau"):
            self._write[f"{level}_{kind}"] = self._matrix(level, kind)

    def _matrix(self, level: str, kind: str) -> Callable[[int, np.ndarray], None]:
        path = self.output / f"{level}_{kind}.gctx"
        return self.stack.enter_context(gctx_columns(path, frame_fields(self.rows[level]), self.names, self.provenance))

    def _add_candidates(self, query: str, result: QueryResult, place: int, scores: np.ndarray) -> None:
        assert self.repurposing is not None
        table = self.rows["perturbagens"]
        known = np.where(np.isnan(scores), -np.inf, scores)
        order = [row for row in np.argsort(-known, kind="stable")[: 2 * BEST].tolist() if known[row] > 0]
        names = table["pert_iname"].iloc[order].astype(str).tolist()
        ncs = result.connections.ncs[place].astype(np.float64)
        found = repurposing_table(result.index.annotation, ncs, result.shown, self.repurposing, names)
        self._fields = tuple(str(name) for name in found)
        for row in found[found["passes"] == 1].head(BEST).to_dict("records"):
            self._candidates.append({"query": query, **{str(name): value for name, value in row.items()}})

    def finish(self) -> list[str]:
        """Write what needs all queries; returns the names of the files."""
        own = len(self.names) > self.params.min_background
        if not own:
            log.warning(
                "%s: %d queries are too few for tau within the library (%d others are needed)",
                self.output, len(self.names), self.params.min_background,
            )  # fmt: skip
        written = list(self._write)
        for level, scores in self.scores.items():
            path = self.output / f"{level}_tau_own.gctx"
            if not own:
                path.unlink(missing_ok=True)
                continue
            tau = np.memmap(self.scratch / f"{level}_own.bin", np.float32, "w+", shape=scores.shape)
            step = max(1, (64 << 20) // (8 * scores.shape[1]))
            for at in range(0, len(scores), step):
                tau[at : at + step] = tau_within(np.asarray(scores[at : at + step]))
            write = self._matrix(level, "tau_own")
            step = max(1, (64 << 20) // (4 * max(1, scores.shape[0])))
            for at in range(0, len(self.names), step):
                write(at, np.ascontiguousarray(tau[:, at : at + step].T))
            written.append(f"{level}_tau_own")
        self._write_top(own)
        if self.repurposing is not None:
            path, limits = self.output / "repurposing.tsv", self.repurposing
            if not self._candidates:
                log.warning(
                    "%s: no compound passes in any query (%d cells and a share of %g must agree, up to %g uM)",
                    path, limits.min_cells, limits.min_share, limits.max_dose,
                )  # fmt: skip
            write_records(self._candidates, path, ("query", *(self._fields or ("pert_iname",))))
        return [f"{name}.gctx" for name in written]

    def _write_top(self, own: bool) -> None:
        rows = []
        table, scores = self.rows.get("perturbagens"), self.scores.get("perturbagens")
        if table is None or scores is None:
            return
        facts = table[[name for name in ("pert_iname", "pert_type", "n_signatures", "n_cells") if name in table]]
        for place, query in enumerate(self.names):
            column = np.asarray(scores[:, place])
            order = [row for row in np.argsort(-np.nan_to_num(column, nan=-np.inf), kind="stable")[:BEST].tolist()
                     if column[row] == column[row]]  # fmt: skip
            special = tau_within(np.asarray(scores[order]))[:, place] if own else np.full(len(order), np.nan)
            for rank, (row, tau) in enumerate(zip(order, special.tolist(), strict=True), start=1):
                named = {str(name): value for name, value in facts.iloc[row].items()}
                rows.append({"query": query, "rank": rank, **named, "ncs": f"{column[row]:.6g}",
                             "tau_own": f"{tau:.6g}" if tau == tau else None})  # fmt: skip
        write_records(rows, self.output / "library_top.tsv", ("query", "rank", "pert_iname"))


def tau_within(scores: np.ndarray) -> np.ndarray:
    """Tau of each score against all others of its row: sign times the percentage of others that are nearer to zero.

    Parameters
    ----------
    scores
        Shape (entities, queries); NaN is missing, and counts nowhere.

    Examples
    --------
    >>> tau_within(np.array([[3.0, -1.0, 2.0, np.nan]])).tolist()
    [[100.0, -0.0, 50.0, nan]]
    """
    size = np.abs(scores)
    order = np.argsort(size, axis=1, kind="stable")
    ascending = np.take_along_axis(size, order, axis=1)
    below = np.empty(scores.shape)
    for row, (values, places) in enumerate(zip(ascending, order, strict=True)):
        below[row, places] = np.searchsorted(values, values, side="left")
    others = np.maximum((~np.isnan(size)).sum(axis=1, keepdims=True) - 1, 1)
    return tau_of_counts(scores, below, others).astype(np.float32)
