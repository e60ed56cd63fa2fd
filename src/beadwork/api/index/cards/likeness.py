"""How much signatures resemble a profile, and the perturbagens that do most and least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beadwork.api.index.cards.card import TOP
from beadwork.api.index.cards.rows import treated_mask

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import ConnectivityIndex


def nearest(index: ConnectivityIndex, z: np.ndarray, without: np.ndarray) -> pd.DataFrame:
    """Perturbagens whose signatures are most like, and unlike, the mean of some signatures: medians of cosines."""
    cosine = cosines(index, z.mean(axis=0))
    mask = treated_mask(index)
    mask[without] = False
    return rank_perturbagens(index, cosine, mask, "cosine")


def cosines(index: ConnectivityIndex, profile: np.ndarray) -> np.ndarray:
    """Cosine of all signatures with a profile, block by block."""
    values = np.empty(len(index), np.float32)
    size = max(float(np.linalg.norm(profile)), 1e-12)
    for block in index.store.blocks:
        norms = np.sqrt(np.einsum("gs,gs->s", block.z, block.z))
        values[block.start : block.stop] = (profile @ block.z) / np.maximum(norms * size, 1e-12)
    return values


def rank_perturbagens(index: ConnectivityIndex, values: np.ndarray, mask: np.ndarray, what: str = "z") -> pd.DataFrame:
    """Perturbagens by the median of a number over their signatures, from both ends."""
    import pandas as pd

    names, kinds = (index.annotation.texts(one) for one in ("pert_iname", "pert_type"))
    rows = np.flatnonzero(mask & (names[0] >= 0))
    if not len(rows):
        return pd.DataFrame(columns=["pert_iname", "pert_type", f"median_{what}", "n_signatures", "n_positive"])
    joint = names[0][rows].astype(np.int64) * (len(kinds[1]) + 1) + kinds[0][rows] + 1
    keys, code = np.unique(joint, return_inverse=True)
    code = code.reshape(-1)
    order = np.lexsort([values[rows], code])
    starts = np.searchsorted(code[order], np.arange(len(keys) + 1))
    count = np.diff(starts)
    sorted_values = values[rows][order].astype(np.float64)
    middle = (sorted_values[starts[:-1] + (count - 1) // 2] + sorted_values[starts[:-1] + count // 2]) / 2
    positive = np.bincount(code, values[rows] > 0).astype(int)
    table = pd.DataFrame(
        {
            "pert_iname": [names[1][key // (len(kinds[1]) + 1)] for key in keys],
            "pert_type": [kinds[1][key] if (key := one % (len(kinds[1]) + 1) - 1) >= 0 else None for one in keys],
            f"median_{what}": middle, "n_signatures": count, "n_positive": positive,
        }
    ).sort_values(f"median_{what}", ascending=False, kind="stable")  # fmt: skip
    ends = table if len(table) <= 2 * TOP else pd.concat([table.head(TOP), table.tail(TOP)])
    return ends.reset_index(drop=True)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of zeros stay."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
