"""Normalised connectivity score (NCS): a score in units of the mean score of its group and sign.

    NCS = score / max(mean of the group's positive reference scores, floor)      for scores above 0
    NCS = score / max(-mean of the group's negative reference scores, floor)     for scores below 0;  0 stays 0

Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049.
"""

from __future__ import annotations

import numpy as np


def signed_means(scores: np.ndarray, groups: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the positive, and minus the mean of the negative scores of each group; NaN where there is none.

    Parameters
    ----------
    scores
        Shape (reference rows,).
    groups
        Group of each row, 0 .. n_groups - 1; negative: the row is left out.

    Returns
    -------
    (positive, negative), float64, shape (n_groups,) each.
    """
    found = []
    for sign in (1.0, -1.0):
        signed = np.asarray(scores, np.float64) * sign
        chosen = (signed > 0) & (groups >= 0)
        count = np.bincount(groups[chosen], minlength=n_groups)
        total = np.bincount(groups[chosen], weights=signed[chosen], minlength=n_groups)
        found.append(np.divide(total, count, out=np.full(n_groups, np.nan), where=count > 0))
    return found[0], found[1]


def scale_scores(scores: np.ndarray, positive: np.ndarray, negative: np.ndarray, floor: float) -> np.ndarray:
    """Divide scores by the mean of their sign.

    Parameters
    ----------
    scores, positive, negative
        Score of each row, and the two means of its group; a mean of NaN gives NaN, but 0 stays 0.
    floor
        Smallest mean that is divided by.
    """
    scores = np.asarray(scores, np.float64)
    scale = np.maximum(np.where(scores > 0, positive, negative), floor)
    result: np.ndarray = np.where(scores == 0, 0.0, scores / scale)
    return result
