"""False discovery rate against null signatures, sign by sign as in GSEA.

For a positive score x, among positive scores only:

    q = P(null >= x) / P(treatment >= x)

and with <= among negative scores for a negative x; q is clipped to [eps, 1] and made monotone: a score farther from
zero never has the larger q.  Without enough null or treatment scores of a sign its q is missing.

Beyond the farthest of n null scores the ratio is 0, which n scores cannot show.  There the tail is taken as 1 / (n + 1)
(``bounded``), so that q never claims more than the number of null signatures allows; without it q is eps, as in CMap.
Subramanian et al. 2005, doi 10.1073/pnas.0506580102.
"""

from __future__ import annotations

import numpy as np

EPS = float(np.finfo(np.float64).eps)


def fdr_score(
    scores: np.ndarray, null: np.ndarray, treatment: np.ndarray, min_count: int, *, bounded: bool = True
) -> np.ndarray:
    """Q-values of scores.

    Parameters
    ----------
    scores
        Scores to judge, shape (signatures,).
    null, treatment
        Which of them are null signatures, and which are treatments; bool, same shape.
    min_count
        Fewest null scores and fewest treatment scores of a sign.
    bounded
        Whether the tail of n null scores is at least 1 / (n + 1).

    Returns
    -------
    float64; 1 where the score is 0, NaN where it is NaN or its sign has too few scores to compare with.

    Examples
    --------
    >>> scores = np.array([2.0, 1.0, 0.5, 0.4])
    >>> null = np.array([False, False, False, True])
    >>> fdr_score(scores, null, ~null, 1).round(2).tolist()
    [0.5, 0.5, 0.5, 1.0]
    """
    scores = np.asarray(scores, np.float64)
    result = np.where(scores == 0, 1.0, np.nan)
    for sign in (1.0, -1.0):
        signed = scores * sign
        chosen = np.flatnonzero(signed > 0)
        counts = [int(kind[chosen].sum()) for kind in (null, treatment)]
        if min(counts) < min_count:
            continue
        order = chosen[np.argsort(signed[chosen])]
        values = signed[order]
        # equal scores have equal tails: each counts from the first of its run
        first = np.maximum.accumulate(np.where(np.diff(values, prepend=-1.0) > 0, np.arange(len(values)), 0))
        tails = []
        for kind, count in zip((null, treatment), counts, strict=True):
            below = np.concatenate([[0], np.cumsum(kind[order])])[first]
            tails.append((count - below) / count)
        if bounded:
            tails[0] = np.maximum(tails[0], 1.0 / (counts[0] + 1))
        ratio = np.clip(tails[0] / (tails[1] + EPS), EPS, 1.0)
        result[order] = np.minimum.accumulate(ratio)
    return result


def signed_counts(scores: np.ndarray, kind: np.ndarray) -> tuple[int, int]:
    """Numbers of positive and of negative scores among the rows of a kind."""
    chosen = np.asarray(scores)[kind]
    return int((chosen > 0).sum()), int((chosen < 0).sum())
