"""States of an index: what it held when it was opened. Every answer is wholly of one of them."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from beadwork.api.index.asking.answers import TABLE_FIELDS
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.io.files.digest import PREFIX, digest_bytes
from beadwork.kernels.numeric.groups import stable_order
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers
from beadwork.model.errors import BeadworkError, counted
from beadwork.model.params import QueryParams
from beadwork.serve.lookup.lists import card_lists
from beadwork.serve.lookup.memory import give_back, mapped_array
from beadwork.serve.lookup.search import Search
from beadwork.stages.connectivity.perturbagens import RollUpPlan
from beadwork.stages.connectivity.roll_up import RolledBackground

log = logging.getLogger("beadwork")
KEPT_STATES = 2
"""Older states that stay open for answers made from them."""
MOST_BACKGROUND = 64 << 20
"""Bytes of a rolled-up background that are kept in memory; that of a larger index is kept in a file without a name."""
NULL_FLAG = "is_null_sig"
PERT = "_pert"
"""Column of the perturbagen of each signature in what is kept of a state."""
LOOK_SECONDS = 0.5
"""How often it is looked whether a writer has changed the index."""


class IndexState:
    """An open index and what is derived from it once: roll-up plan, search, lists."""

    def __init__(self, index: ConnectivityIndex, folder: Path | None = None) -> None:
        self.index, self.folder = index, folder
        self.key = digest_bytes(index.store.digest.encode()).removeprefix(PREFIX)[:16]
        self.kept: dict[str, Any] = {}
        """What routes have made of it, by name."""
        self._lock = threading.RLock()

    def warm(self) -> None:
        """Make what the first query would wait for."""
        self.index.warm()
        _ = self.plan, self.pert_places, self._rolled_background

    @cached_property
    def plan(self) -> RollUpPlan:
        """Roll-up of all signatures."""
        with self._lock:
            return self.index.roll_up_plan()

    def rolled_background(self, params: QueryParams) -> RolledBackground | None:
        """Background of tau by the plan; None where there is none, or it takes too much memory."""
        usual, names = QueryParams(), ("group_by", "min_reference", "min_background", "perturbagen", "min_class")
        if any(getattr(params, name) != getattr(usual, name) for name in names):
            return None
        return self._rolled_background

    @cached_property
    def _rolled_background(self) -> RolledBackground | None:
        with self._lock:
            try:
                return self.index.rolled_background(self.plan, empty=self._empty)
            except OSError as error:
                log.warning("no space for the background of tau of %d signatures, rolled up with each answer: %s",
                            len(self.index), error.strerror)  # fmt: skip
                return None

    def _empty(self, shape: tuple[int, int]) -> np.ndarray:
        """Array in memory, in a file where it is large."""
        return np.empty(shape) if 8 * shape[0] * shape[1] <= MOST_BACKGROUND else mapped_array(shape, self.folder)

    @property
    def signatures(self) -> Any:
        """Arrow table that is kept with answers: what tables show, and the perturbagen of each signature."""
        known = self.index.annotation
        columns = {name: known.column(name) for name in (*TABLE_FIELDS, NULL_FLAG) if name in known}
        return arrow_rows({**columns, PERT: perturbagen_of(self.plan).astype(np.int32)})

    @cached_property
    def pert_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Signatures by perturbagen, and where those of each begin."""
        return places_by_perturbagen(self.plan)

    @cached_property
    def search(self) -> Search:
        """Search over everything that has a name."""
        with self._lock:
            return Search(self.index, self.lists)

    @cached_property
    def lists(self) -> dict[str, SignatureTable]:
        """Perturbagens, genes, cells and classes as tables."""
        with self._lock:
            return card_lists(self.index, self.plan)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Facts about the index, without its path."""
        facts = self.index.info()
        return {**facts, "path": Path(facts["path"]).name, "state": self.key}


def places_by_perturbagen(plan: RollUpPlan) -> tuple[np.ndarray, np.ndarray]:
    """Signatures in the order of their perturbagens, and where those of each begin (one more than perturbagens)."""
    return places_of(perturbagen_of(plan), len(plan.perts["n_signatures"]))


def perturbagen_of(plan: RollUpPlan) -> np.ndarray:
    """Perturbagen of each signature, -1 where it is not rolled up."""
    found: np.ndarray = np.append(plan.pert_of, np.int32(-1))[plan.cell_of]
    return found


def places_of(pert_of: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """:func:`places_by_perturbagen` of the perturbagen of each signature, -1 for none."""
    there = np.flatnonzero(pert_of >= 0)
    order = there[stable_order(pert_of[there])]
    return order, np.searchsorted(pert_of[order], np.arange(count + 1))


class States:
    """The state that questions are asked of now, and a few older ones.

    Parameters
    ----------
    index
        Index as it is open.
    reopen
        Opens it as it is then; None: it stays as it was opened.
    folder
        Where what is large is put down, in files without a name; None: where the system puts its temporary files.
    """

    def __init__(
        self,
        index: ConnectivityIndex,
        reopen: Callable[[], ConnectivityIndex] | None = None,
        folder: Path | None = None,
    ) -> None:
        state = IndexState(index, folder)
        self._folder = folder
        self._states: OrderedDict[str, IndexState] = OrderedDict({state.key: state})
        self._reopen, self._lock, self._looked = reopen, threading.Lock(), time.monotonic()
        self._opening = False

    @property
    def current(self) -> IndexState:
        """State that is asked now; a changed index is opened meanwhile, and takes its place when it is ready."""
        if self._reopen is not None and time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self.look()
        with self._lock:
            return next(reversed(self._states.values()))

    def look(self, *, wait: bool = False) -> None:
        """Look whether a writer has changed the index, and open it anew if so."""
        with self._lock:
            newest = next(reversed(self._states.values()))
            if self._reopen is None or self._opening or not newest.index.store.is_replaced():
                return
            self._opening = True
        if wait:
            self._open()
        else:
            threading.Thread(target=self._open, name="reopen", daemon=True).start()

    def _open(self) -> None:
        try:
            assert self._reopen is not None
            state = IndexState(self._reopen(), self._folder)
            state.warm()
            with self._lock:
                self._states[state.key] = state
                self._states.move_to_end(state.key)
                while len(self._states) > 1 + KEPT_STATES:
                    self._states.popitem(last=False)
            give_back()
            log.info("the index has changed and was opened anew: %s", counted(len(state.index), "signature"))
        except BeadworkError as error:
            log.warning("the index has changed but cannot be opened; answers are of its older state: %s", error)
        finally:
            with self._lock:
                self._opening = False

    def find(self, key: str) -> IndexState | None:
        """State by its key, if it is open."""
        with self._lock:
            return self._states.get(key)


def pert_strips(
    ncs: np.ndarray, places: tuple[np.ndarray, np.ndarray], rows: Sequence[int], limit: float, bins: int = 64
) -> list[tuple[list[int], list[float | None]]]:
    """Histogram and quartiles of the scores behind each of some perturbagens, between -limit and limit."""
    order, starts = places
    found = []
    for row in rows:
        values = ncs[order[starts[row] : starts[row + 1]]]
        values = values[np.isfinite(values)]
        counts, _ = np.histogram(values, bins, (-limit, limit))
        quartiles: list[float | None] = [None] * 3
        if len(values):
            quartiles = [float(item) for item in np.percentile(values, [25, 50, 75])]
        found.append((counts.tolist(), quartiles))
    return found


def arrow_rows(columns: dict[str, Any]) -> Any:
    """Arrow table of NumPy and Arrow columns."""
    import pyarrow as pa

    arrays = {name: arrow_numbers(col) if isinstance(col, np.ndarray) else col for name, col in columns.items()}
    return pa.table(arrays)
