"""Logarithms, exponentials and powers that round the same whatever vector unit NumPy uses.

NumPy takes its own for wide vectors (AVX-512) and the C library's elsewhere, and the two differ in the last bit of some
values.  Here it is always the C library's, element by element, where results are compared by checksum.  Sums, products,
quotients and roots are the same everywhere.  The compiled twin, which calls the same functions, runs where compiled
kernels are loaded anyhow: loading them takes longer than they save in a single step.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def _each(function: Callable[[float], float], values: ArrayLike, compiled: str, *numbers: float) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    result = np.empty_like(array)  # laid out as the values are, since sums depend on it
    flat = array.ravel(order="K")
    if "numba" in sys.modules:
        from beadwork.kernels.numeric import elementary_numba

        found = np.empty(flat.size)
        # a whole number would be compiled to products, which round otherwise than the C library's power
        getattr(elementary_numba, compiled)(flat, *map(float, numbers), found)
    else:
        found = np.fromiter(map(function, flat.tolist()), np.float64, flat.size)
    result.ravel(order="K")[:] = found
    return result


def log2(values: ArrayLike) -> Floats:
    """Logarithm to the base 2 of positive values."""
    return _each(math.log2, values, "log2_each")


def log(values: ArrayLike) -> Floats:
    """Natural logarithm of positive values."""
    return _each(math.log, values, "log_each")


def log10(values: ArrayLike) -> Floats:
    """Logarithm to the base 10 of positive values."""
    return _each(math.log10, values, "log10_each")


def exp(values: ArrayLike) -> Floats:
    """E to the power of values, which must not exceed 709."""
    return _each(math.exp, values, "exp_each")


def expm1(values: ArrayLike) -> Floats:
    """E to the power of values, which must not exceed 709, less 1."""
    return _each(math.expm1, values, "expm1_each")


def arctan(values: ArrayLike) -> Floats:
    """Inverse tangent, radians."""
    return _each(math.atan, values, "arctan_each")


def power(values: ArrayLike, exponent: float) -> Floats:
    """Positive values to the power of a number."""
    return _each(lambda value: math.pow(value, exponent), values, "power_each", exponent)


def exp2(values: ArrayLike) -> Floats:
    """2 to the power of values, which must be below 1024."""
    return _each(lambda value: math.pow(2.0, value), values, "power_of_each", 2.0)
