"""Sixteen numbers side by side, plainly: slices of NumPy arrays.

These are the definitions of :mod:`beadwork.kernels.numeric.lanes_numba`, and run in its place without compilation.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

Lanes = Any
"""LANES numbers of one type (float32, float64, uint16 or uint32), or an array of them."""
LANES = 16
"""Numbers side by side."""
_WIDER = {"uint16": np.uint32, "float32": np.float64}


def load(array: Lanes, start: int) -> Lanes:
    """LANES consecutive numbers of an array of one dimension."""
    return array[start : start + LANES].copy()


def store(array: Lanes, start: int, lanes: Lanes) -> None:
    """Write lanes into an array of one dimension."""
    array[start : start + LANES] = lanes


def prefetch(array: Lanes, start: int) -> None:
    """Ask for numbers of an array that are loaded soon."""


def gather(array: Lanes, rows: Lanes) -> Lanes:
    """Lane by lane the number of its own column in a row of an array that has rows of LANES numbers."""
    return array[rows.astype(np.int64) * LANES + np.arange(LANES)]


def spread(number: Any) -> Lanes:
    """One number in all lanes."""
    return np.full(LANES, number)


def widen(lanes: Lanes) -> Lanes:
    """Give the same numbers with twice the bits."""
    return lanes.astype(_WIDER[lanes.dtype.name])


def to_float64(lanes: Lanes) -> Lanes:
    """Give differences of uint32 lanes, which may be below 0, as float64."""
    return lanes.view(np.int32).astype(np.float64)


def fused(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """Give a b + c, rounded once (here from double precision, which very rarely differs in the last bit)."""
    return (a.astype(np.float64) * b + c).astype(np.float32)


def least(a: Lanes, b: Lanes) -> Lanes:
    """Lane by lane the smaller one; of a NaN and a number the second."""
    return np.where(a < b, a, b)


def most(a: Lanes, b: Lanes) -> Lanes:
    """Lane by lane the larger one; of a NaN and a number the second."""
    return np.where(a > b, a, b)


def absolute(lanes: Lanes) -> Lanes:
    """Size without sign."""
    return np.abs(lanes)


def natural_log(lanes: Lanes) -> Lanes:
    """Logarithm of positive lanes."""
    return np.log(lanes)


def sort_rows(array: Lanes, start: int) -> None:
    """Sort LANES consecutive rows of lanes, each lane by itself, smallest first."""
    array[start : start + LANES * LANES].reshape(LANES, LANES).sort(axis=0)


def _halved(lanes: Lanes, join: Any) -> Lanes:
    while len(lanes) > 1:
        lanes = join(lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :])
    return lanes[0]


def store_sums(array: Lanes, start: int, a: Lanes, b: Lanes, c: Lanes, d: Lanes) -> None:
    """Write the sums of the lanes of a, b, c and d, halves first, to four consecutive numbers of an array."""
    for k, lanes in enumerate((a, b, c, d)):
        array[start + k] = _halved(lanes, operator.add)


def store_products(array: Lanes, start: int, below: int, a: Lanes, b: Lanes, c: Lanes, d: Lanes) -> None:
    """Write the products of the lanes of a and b, halves first, to two numbers, and those of c and d below them."""
    for k, lanes in enumerate((a, b, c, d)):
        array[(start, start + 1, below, below + 1)[k]] = _halved(lanes, operator.mul)


def scratch(size: int) -> Lanes:
    """Zeros, float32, of one dimension, that begin where a cache line does: lanes then never lie across two."""
    numbers = np.zeros(size + LANES, np.float32)
    skip = -(numbers.ctypes.data // 4) % LANES
    return numbers[skip : skip + size]
