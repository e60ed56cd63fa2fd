"""Compiled twin of :mod:`beadwork.kernels.connectivity.tau`, for many queries."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.threads import run_chunks

CHUNK = 4096


@jit
def _tau(ncs: Any, background: Any, tau: Any, offset: int, start: int, stop: int) -> None:
    width = background.shape[1]
    for signature in range(start, stop):
        there = 0
        for item in range(width):
            there += background[signature, item] == background[signature, item]
        for query in range(ncs.shape[0]):
            score = ncs[query, offset + signature]
            size = abs(score)
            smaller = 0
            for item in range(width):
                smaller += abs(background[signature, item]) < size
            if there == 0 or score != score:
                tau[query, offset + signature] = np.nan
            else:
                tau[query, offset + signature] = np.sign(score) * 100.0 * (np.float64(smaller) / there)


@jit
def _count(ncs: Any, background: Any, smaller: Any, there: Any) -> None:
    width = background.shape[1]
    for row in range(background.shape[0]):
        known = 0
        for item in range(width):
            known += background[row, item] == background[row, item]
        there[row, 0] = known
        for query in range(ncs.shape[1]):
            size = abs(ncs[row, query])
            below = 0
            for item in range(width):
                below += abs(background[row, item]) < size
            smaller[row, query] = below


def count_background(ncs: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count background scores: those smaller than each of `ncs`, and all there are.

    Parameters
    ----------
    ncs, background
        float64, shape (entities, queries) and (entities, background queries).

    Returns
    -------
    (smaller, there), int32, shape (entities, queries) and (entities, 1).
    """
    smaller, there = np.empty(ncs.shape, np.int32), np.empty((len(ncs), 1), np.int32)
    _count(np.ascontiguousarray(ncs, np.float64), np.ascontiguousarray(background, np.float64), smaller, there)
    return smaller, there


def fill_tau(ncs: np.ndarray, background: np.ndarray, tau: np.ndarray, offset: int = 0, threads: int = 1) -> None:
    """Compiled twin of :func:`beadwork.kernels.connectivity.tau.fill_tau`; `ncs` and `tau` in C order."""
    background = np.ascontiguousarray(background, np.float32).view()
    background.flags.writeable = False
    run_chunks(lambda a, b: _tau(ncs, background, tau, offset, a, b), len(background), threads=threads, chunk=CHUNK)
