"""The one place that imports numba; compiled kernels run on threads by :mod:`beadwork.kernels.threads`."""

from __future__ import annotations

import numba
from numba.np import linalg


def _no_blas() -> None:
    raise ImportError("kernels need no linear algebra")


linalg.ensure_blas = _no_blas
"""numba looks for SciPy's BLAS as soon as it loads a kernel, a third of a second of every command; none needs it."""

jit = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Decorator of all compiled kernels: nopython, cached on disk, lock released.  NUMBA_DISABLE_JIT=1 switches it off.

No fastmath: with sums reordered, a run that compiles and a run that loads from the cache differ in the last bits.
"""


def jit_disabled() -> bool:
    """Whether kernels run uncompiled (NUMBA_DISABLE_JIT=1, for coverage)."""
    return bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
