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
"""Signatures that :func:`tau_scores` takes together, so that they stay in the cache."""


def tau_scores(ncs: np.ndarray, background: np.ndarray, tau: np.ndarray, offset: int = 0, threads: int = 1) -> None:
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
        part = background[start:stop]
        place = slice(offset + start, offset + stop)
        size, there = np.abs(part), count_rows(part == part)
        for query in range(len(ncs)):
            score = ncs[query, place]
            smaller = count_rows(size < np.abs(score)[:, None])
            share = np.divide(smaller, there, out=np.full(len(score), np.nan), where=there > 0)
            tau[query, place] = np.sign(score).astype(np.float64) * 100.0 * share

    run_chunks(work, len(background), threads=threads, chunk=ROWS)


def count_rows(which: np.ndarray) -> np.ndarray:
    """Count what is true in each row; exact, and faster than counting bits as integers."""
    counts: np.ndarray = which.astype(np.float32).sum(axis=1).astype(np.int64)
    return counts


def count_below(ascending: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Count what is smaller than a limit in each row of sorted numbers, by halving.

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


def tau_score(ncs: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Signed percentile of scores against a background.

    Parameters
    ----------
    ncs
        Shape (signatures,).
    background
        Scores of the background queries, shape (signatures, background queries); NaN counts as not there.

    Returns
    -------
    float64, shape (signatures,), -100 .. 100; NaN where `ncs` is, or without background.

    Examples
    --------
    >>> tau_score(np.array([1.5, -1.5]), np.array([[0.5, 1.0, -2.0, 1.0], [0.5, 1.0, -2.0, 1.0]])).tolist()
    [75.0, -75.0]
    """
    ncs = np.asarray(ncs, np.float64)
    smaller = (np.abs(background) < np.abs(ncs)[:, None]).sum(axis=1)
    there = np.isfinite(background).sum(axis=1)
    share = np.divide(smaller, there, out=np.full(len(ncs), np.nan), where=there > 0)
    result: np.ndarray = np.where(np.isnan(ncs), np.nan, np.sign(ncs) * 100.0 * share)
    return result
