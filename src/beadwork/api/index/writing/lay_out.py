"""Make the map of an index: all its signatures in the plane."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from beadwork.io.connectivity.index.plane_map import write_map
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.model.params import LayoutParams
from beadwork.stages.connectivity.graph.embedding import embed, factorise
from beadwork.stages.connectivity.graph.plane import lay_out


def lay_out_index(
    path: str | Path,
    params: LayoutParams = LayoutParams(),  # noqa: B008 (frozen)
    progress: Callable[[str], None] = lambda text: None,
) -> int:
    """Lay all signatures of an index out in the plane; returns how many there are.

    Raises
    ------
    IndexStoreError
        There is no index, or it is damaged.
    """
    store = IndexStore(path)
    blocks = store.blocks
    progress("directions in which signatures differ")
    factors = factorise(blocks, np.ones(store.n_signatures, bool), params.dimensions, params.whiten)
    vectors = np.empty((store.n_signatures, factors.n), np.float32)
    for block in blocks:
        vectors[block.start : block.stop] = embed(np.ascontiguousarray(block.z.T), factors)
    places = lay_out(vectors, params, progress)
    sig_ids = [str(item) for item in store.signature_table(["sig_id"]).column("sig_id").to_pylist()]
    write_map(store.path, places, sig_ids, params.model_dump())
    return len(places)
