"""How much signatures resemble a profile, and the perturbagens that do most and least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beadwork.api.index.cards.card import TOP
from beadwork.api.index.cards.rows import treated_mask
from beadwork.kernels.numeric.groups import first_and_last, sort_within

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
    several = len(kinds[1]) + 1
    joint = names[0][rows].astype(np.int64) * several + kinds[0][rows] + 1
    counts = np.bincount(joint)
    keys = np.flatnonzero(counts)
    count = counts[keys]
    ordered = sort_within(joint, values[rows])
    starts = np.concatenate([[0], np.cumsum(count)])[:-1]
    middle = (ordered[starts + (count - 1) // 2].astype(np.float64) + ordered[starts + count // 2]) / 2
    positive = np.add.reduceat(ordered > 0, starts, dtype=np.int64)
    ends = first_and_last(middle, TOP)
    return pd.DataFrame(
        {
            "pert_iname": [names[1][key // several] for key in keys[ends]],
            "pert_type": [kinds[1][key] if (key := one % several - 1) >= 0 else None for one in keys[ends]],
            f"median_{what}": middle[ends], "n_signatures": count[ends], "n_positive": positive[ends],
        }
    )  # fmt: skip


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of zeros stay."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
