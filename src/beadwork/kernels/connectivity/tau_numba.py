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


def fill_tau(ncs: np.ndarray, background: np.ndarray, tau: np.ndarray, offset: int = 0, threads: int = 1) -> None:
    """Compiled twin of :func:`beadwork.kernels.connectivity.tau.fill_tau`; `ncs` and `tau` in C order."""
    background = np.ascontiguousarray(background, np.float32).view()
    background.flags.writeable = False
    run_chunks(lambda a, b: _tau(ncs, background, tau, offset, a, b), len(background), threads=threads, chunk=CHUNK)
