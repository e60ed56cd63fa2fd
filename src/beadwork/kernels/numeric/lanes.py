"""Sixteen single-precision numbers side by side, plainly: slices of NumPy arrays.

These are the definitions of :mod:`beadwork.kernels.numeric.lanes_numba`, and run in its place without compilation.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

Lanes = Any
"""LANES numbers, or an array of float32."""
LANES = 16
"""Numbers side by side."""


def load(array: Lanes, start: int) -> Lanes:
    """LANES consecutive numbers of a float32 array of one dimension."""
    return array[start : start + LANES].copy()


def store(array: Lanes, start: int, lanes: Lanes) -> None:
    """Write lanes into a float32 array of one dimension."""
    array[start : start + LANES] = lanes


def spread(number: Any) -> Lanes:
    """One number in all lanes."""
    return np.full(LANES, number, dtype=np.float32)


def fused(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """Give a b + c, rounded once (here from double precision, which very rarely differs in the last bit)."""
    return (a.astype(np.float64) * b + c).astype(np.float32)


def least(a: Lanes, b: Lanes) -> Lanes:
    """Lane by lane the smaller one; of a NaN and a number compiled lanes give the second."""
    return np.minimum(a, b)


def most(a: Lanes, b: Lanes) -> Lanes:
    """Lane by lane the larger one."""
    return np.maximum(a, b)


def _halved(lanes: Lanes, join: Any) -> Lanes:
    while len(lanes) > 1:
        lanes = join(lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :])
    return lanes[0]


def natural_log(lanes: Lanes) -> Lanes:
    """Logarithm of positive lanes."""
    return np.log(lanes)


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
