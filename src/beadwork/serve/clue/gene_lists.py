"""Fields ``up100_bing``, ``dn50_lm`` ...: genes that a signature changes most, as clue.io gave them with each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from beadwork.serve.clue.names import GENE_LISTS
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.refusals import RefusedError

MOST_SIGNATURES = 2000
"""Signatures whose genes are listed at a time."""


def gene_lists(state: IndexState, places: Sequence[int], names: Sequence[str]) -> dict[str, list[Any]]:
    """Entrez ids by field, most changed first, of the genes that the index has.

    Parameters
    ----------
    places
        Signatures, by their places in the index.
    names
        Fields; those that are no lists of genes are passed over.

    Raises
    ------
    RefusedError
        Too many signatures at a time.
    """
    wanted = [name for name in dict.fromkeys(names) if name in GENE_LISTS]
    if not wanted:
        return {}
    if len(places) > MOST_SIGNATURES:
        words = (
            f"{len(places):,} signatures; {wanted[0]} is made for {MOST_SIGNATURES:,} at a time, with limit and skip"
        )
        raise RefusedError(words, 413, "too_large", "filter")
    ids = np.array(state.index.store.gene_ids, object)
    spaces = {space: _rows_of(state, space) for space in {GENE_LISTS[name][2] for name in wanted}}
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    for place in places:
        z = state.index.store.read_signatures([place])[0]
        for name in wanted:
            count, is_up, space = GENE_LISTS[name]
            rows = spaces[space]
            order = np.argsort(-z[rows] if is_up else z[rows], kind="stable")[:count]
            found[name].append(ids[rows[order]].tolist())
    return found


def _rows_of(state: IndexState, space: str) -> np.ndarray:
    """Genes of the index that are of a space: measured (lm), these and the well inferred (bing), or all (full)."""
    from beadwork.io.platform.gene_table import gene_table

    ids = list(state.index.store.gene_ids)
    if space == "full":
        return np.arange(len(ids))
    known = gene_table()
    inside = set(known.index[known[f"pr_is_{space}"] == 1])
    return np.array([row for row, gene in enumerate(ids) if gene in inside], np.int64)
