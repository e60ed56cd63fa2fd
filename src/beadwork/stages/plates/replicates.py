"""How alike the profiles of one treatment are: correlations between wells, as a check of a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.modz import standard_ranks
from beadwork.kernels.numeric.ranks import mean_ranks
from beadwork.model.errors import AlignmentError, ParameterError, name_some
from beadwork.model.matrix import Matrix
from beadwork.model.pert_types import is_treatment, type_mask


@dataclass(frozen=True)
class ReplicateResult:
    """Spearman correlations of pairs of treated wells.

    Parameters
    ----------
    same, different
        Pairs of one treatment, and of different treatments; float64, any order.
    auc
        Probability that a pair of one treatment is the higher of the two; NaN without pairs.
    within
        Whether pairs lie within one plate (one plate only: same perturbagen, other dose) or between plates.
    """

    same: np.ndarray
    different: np.ndarray
    auc: float
    within: bool


def correlate_replicates(plates: Sequence[Matrix], landmarks: pd.Index, fields: Sequence[str]) -> ReplicateResult:
    """Correlate the treated wells of replicate plates.

    Parameters
    ----------
    plates
        ZSPC of each plate, no missing values in the landmarks.
    landmarks
        Rows to correlate over.
    fields
        Column fields whose equal values make one treatment.

    Raises
    ------
    ParameterError
        A field is in none of the plates.
    AlignmentError
        Landmarks are absent or have missing values.
    """
    absent = [field for field in fields if not any(field in plate.cols for plate in plates)]
    if absent:
        raise ParameterError(f"the columns have no field {name_some(absent)}; they have "
                             f"{name_some(plates[0].cols.columns, 12)}")  # fmt: skip
    within = len(plates) == 1
    keys, profiles = [], []
    for plate in plates:
        treated = plate.take_cols(_treated(plate.cols))
        if within:
            keys.append(treated.cols["pert_id"].fillna("").astype(str).to_numpy())
        else:
            texts = treated.cols.reindex(columns=list(fields)).astype(object).astype(str)
            keys.append(texts.agg("\t".join, axis=1).to_numpy() if len(texts) else np.array([], dtype=object))
        values = treated.take_rows(landmarks).values.astype(np.float64)
        if not np.isfinite(values).all():
            raise AlignmentError("missing values in the landmarks; a correlation needs all of them")
        profiles.append(standard_ranks(values.T))
    same, different = [], []
    pairs = [(0, 0)] if within else [(i, j) for i in range(len(plates)) for j in range(i + 1, len(plates))]
    for first, second in pairs:
        correlation = profiles[first] @ profiles[second].T
        alike = keys[first][:, None] == keys[second][None, :]
        counted = np.triu(np.ones(alike.shape, bool), 1) if within else np.ones(alike.shape, bool)
        same.append(correlation[alike & counted])
        different.append(correlation[~alike & counted])
    one, other = (np.concatenate(parts) if parts else np.array([]) for parts in (same, different))
    return ReplicateResult(one, other, area_under_curve(one, other), within)


def area_under_curve(higher: np.ndarray, lower: np.ndarray) -> float:
    """Probability that a value of `higher` exceeds one of `lower`, ties counting half; NaN if either is empty."""
    if not len(higher) or not len(lower):
        return float("nan")
    ranks = mean_ranks(np.concatenate([higher, lower]))
    rank_sum = ranks[: len(higher)].sum()
    return float((rank_sum - len(higher) * (len(higher) + 1) / 2) / (len(higher) * len(lower)))


def _treated(cols: pd.DataFrame) -> np.ndarray:
    if "pert_type" not in cols:
        return np.ones(len(cols), bool)
    return type_mask(cols["pert_type"], is_treatment)
