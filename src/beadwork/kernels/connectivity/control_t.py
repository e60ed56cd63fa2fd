"""p of a score against scores of controls: one-sided t for one more draw from their distribution.

With n scores s_c of the query with controls, mean m and standard deviation d (n - 1), a score s has

    t = (s - m) / (d sqrt(1 + 1/n)),    p = P(T_{n-1} >= t)

A control is judged against the n - 1 others.  Beside it Benjamini-Hochberg: q_(i) = min_{j >= i} p_(j) N / j.
Benjamini and Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def control_p(scores: npt.NDArray[np.floating], controls: npt.NDArray[np.integer]) -> Floats:
    """One-sided p of each score against those of the controls.

    Parameters
    ----------
    scores
        Scores of one query, shape (signatures,).
    controls
        Positions of the controls, three or more.

    Returns
    -------
    float64; NaN where a score is NaN, or where all control scores are equal.
    """
    from scipy.special import stdtr

    scores = np.asarray(scores, np.float64)
    null = scores[controls]
    n = np.full(len(scores), float(len(null)))
    total, square = np.full(len(scores), null.sum()), np.full(len(scores), (null * null).sum())
    n[controls] -= 1
    total[controls] -= null
    square[controls] -= null * null
    mean = total / n
    spread = np.sqrt(np.maximum(square - n * mean * mean, 0.0) / (n - 1))
    size = spread * np.sqrt(1 + 1 / n)
    t = np.divide(scores - mean, size, out=np.full(len(scores), np.nan), where=size > 0)
    return np.asarray(stdtr(n - 1, -t))


def benjamini_hochberg(p: npt.NDArray[np.floating]) -> Floats:
    """Return false discovery rates of p-values; NaN stays NaN and does not count."""
    p = np.asarray(p, np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(-p[known], kind="stable")]
    rank = np.arange(len(order), 0, -1)
    found = np.full(len(p), np.nan)
    found[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * len(order) / rank))
    return found
