"""Normalised connectivity score (NCS): a score in units of the mean score of its group and sign.

    NCS = score / max(mean of the group's positive reference scores, floor)      for scores above 0
    NCS = score / max(-mean of the group's negative reference scores, floor)     for scores below 0;  0 stays 0

Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049.
"""

from __future__ import annotations

import numpy as np


def signed_sums(scores: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Sum and count the positive and the negative scores of each group.

    Parameters
    ----------
    scores
        Shape (reference rows,).
    groups
        Group of each row, 0 .. n_groups - 1.

    Returns
    -------
    float64, shape (4, n_groups): sum and count of positive scores, minus the sum and count of negative ones.
    """
    scores = np.asarray(scores, np.float64)
    # one pass: a group's scores below, at and above 0 fall into three neighbouring bins
    place = 3 * groups + 1 + np.sign(scores).astype(np.int64)
    count = np.bincount(place, minlength=3 * n_groups).reshape(n_groups, 3)
    total = np.bincount(place, weights=scores, minlength=3 * n_groups).reshape(n_groups, 3)
    result: np.ndarray = np.stack([total[:, 2], count[:, 2], -total[:, 0], count[:, 0]]).astype(np.float64)
    return result


def signed_means(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of positive scores, and minus those of negative ones, from :func:`signed_sums`; NaN where there is none."""
    found = []
    for total, count in ((sums[0], sums[1]), (sums[2], sums[3])):
        found.append(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
    return found[0], found[1]


def scale_scores(scores: np.ndarray, positive: np.ndarray, negative: np.ndarray, floor: float) -> np.ndarray:
    """Divide scores by the mean of their sign.

    Parameters
    ----------
    scores, positive, negative
        Score of each row, and the two means of its group; a mean of NaN gives NaN, but 0 stays 0.
    floor
        Smallest mean that is divided by.

    Examples
    --------
    >>> scale_scores(np.array([0.5, -0.4, 0.0]), np.full(3, 0.25), np.full(3, 0.2), 0.01).tolist()
    [2.0, -2.0, 0.0]
    """
    scores = np.asarray(scores, np.float64)
    scale = np.maximum(np.where(scores > 0, positive, negative), floor)
    result: np.ndarray = np.where(scores == 0, 0.0, scores / scale)
    return result
