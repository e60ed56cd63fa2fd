"""Compiled twin of :mod:`beadwork.kernels.tau`, for many queries."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.accelerate import jit, run_chunks

CHUNK = 4096


@jit
def _tau(ncs: Any, background: Any, tau: Any, start: int, stop: int) -> None:
    width = background.shape[1]
    for signature in range(start, stop):
        there = 0
        for item in range(width):
            there += background[signature, item] == background[signature, item]
        for query in range(ncs.shape[0]):
            score = ncs[query, signature]
            size = abs(score)
            smaller = 0
            for item in range(width):
                smaller += abs(background[signature, item]) < size
            if there == 0 or score != score:
                tau[query, signature] = np.nan
            else:
                tau[query, signature] = np.sign(score) * 100.0 * (np.float64(smaller) / there)


def tau_scores(ncs: np.ndarray, background: np.ndarray, tau: np.ndarray, threads: int = 1) -> None:
    """Tau of many queries: `ncs` and `tau` float32 (queries, signatures), `background` float32 (signatures, B)."""
    background = np.ascontiguousarray(background, np.float32).view()
    background.flags.writeable = False
    run_chunks(lambda a, b: _tau(ncs, background, tau, a, b), ncs.shape[1], threads=threads, chunk=CHUNK)
