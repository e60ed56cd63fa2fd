"""Tau: how rarely a background query reaches this far from zero on the same signature.

    tau = sign(NCS) * 100 * P(|NCS of background queries| < |NCS|)

with the probability over the background queries of that one signature, strictly smaller.  CMap stores it as a table
over a grid of NCS; here it is counted, which is what the table approximates.
Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049.
"""

from __future__ import annotations

import numpy as np

from beadwork.kernels.numeric.threads import run_chunks

ROWS = 1024
"""Signatures that :func:`fill_tau` takes together, so that they stay in the cache."""


def tau_score(ncs: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Signed percentile of scores against a background.

    Parameters
    ----------
    ncs
        Shape (signatures, queries).
    background
        Scores of the background queries, shape (signatures, background queries); NaN counts as not there.

    Returns
    -------
    float64, shape (signatures, queries), -100 .. 100; NaN where `ncs` is, or without background.

    Examples
    --------
    >>> tau_score(np.array([[1.5], [-1.5]]), np.array([[0.5, 1.0, -2.0, 1.0], [0.5, 1.0, -2.0, 1.0]])).tolist()
    [[75.0], [-75.0]]
    """
    return tau_of_counts(ncs, count_smaller(ncs, np.abs(background)), count_there(background))


def count_smaller(ncs: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Count the background scores of `size`, shape (signatures, background queries), that are smaller than `ncs`.

    One query after the other, so that what is compared stays in the cache.
    """
    smaller = np.empty(ncs.shape, np.int32)
    for query in range(ncs.shape[1]):
        smaller[:, query] = _count_rows(size < np.abs(ncs[:, [query]]))
    return smaller


def count_below(ascending: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Count what is smaller than a limit in each row of sorted numbers, by halving: :func:`count_smaller` of one query.

    Parameters
    ----------
    ascending
        Shape (rows, numbers), NaN last.
    limits
        One for each row; below NaN there is nothing.
    """
    rows, width = ascending.shape
    flat, base = ascending.reshape(-1), np.arange(rows, dtype=np.int64) * width
    low, high = np.zeros(rows, np.int64), np.full(rows, width, np.int64)
    for _ in range(int(width).bit_length()):
        middle = (low + high) // 2
        below = flat.take(base + np.minimum(middle, width - 1)) < limits
        below &= low < high
        low = np.where(below, middle + 1, low)
        high = np.where(below, high, middle)
    return low


def count_there(background: np.ndarray) -> np.ndarray:
    """Count the scores of each signature that are not missing, shape (signatures, 1)."""
    return _count_rows(background == background)[:, None]


def _count_rows(which: np.ndarray) -> np.ndarray:
    """Count what is true in each row; exact, and faster than counting bits as integers."""
    counts: np.ndarray = which.astype(np.float32).sum(axis=1).astype(np.int64)
    return counts


def tau_of_counts(ncs: np.ndarray, smaller: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Tau of scores from how many background scores are smaller, and how many there are."""
    share = np.divide(smaller, there, out=np.full(ncs.shape, np.nan), where=there > 0)
    tau: np.ndarray = np.sign(ncs).astype(np.float64) * 100.0 * share  # the sign of a missing score is missing
    return tau


def fill_tau(ncs: np.ndarray, background: np.ndarray, tau: np.ndarray, offset: int = 0, threads: int = 1) -> None:
    """Tau of a few queries against a portion of the signatures; the compiled twin serves many.

    Parameters
    ----------
    ncs, tau
        float32, shape (queries, signatures); scores, and where their tau goes.
    background
        float32, shape (signatures of the portion, background queries).
    offset
        Position of the portion's first signature.
    """

    def work(start: int, stop: int) -> None:
        place = slice(offset + start, offset + stop)
        tau[:, place] = tau_score(ncs[:, place].T, background[start:stop]).T

    run_chunks(work, len(background), threads=threads, chunk=ROWS)
