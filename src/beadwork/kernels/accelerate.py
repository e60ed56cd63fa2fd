"""The one place that imports numba, and the one way to run compiled kernels on threads.

Kernels release the interpreter lock, so plain threads scale; every item is computed on its own and written to its own
place, hence results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba

jit = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Decorator of all compiled kernels: nopython, cached on disk, lock released.  NUMBA_DISABLE_JIT=1 switches it off.

No fastmath: with sums reordered, a run that compiles and a run that loads from the cache differ in the last bits.
"""


def jit_disabled() -> bool:
    """Whether kernels run uncompiled (NUMBA_DISABLE_JIT=1, for coverage)."""
    return bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]


def run_chunks(function: Callable[[int, int], Any], n_items: int, *, threads: int, chunk: int = 1) -> list[Any]:
    """Call ``function(start, stop)`` over chunks of ``range(n_items)`` on `threads` threads; results in order.

    The chunks depend on `chunk` only, never on `threads`.
    """
    bounds = [(start, min(start + chunk, n_items)) for start in range(0, n_items, chunk)]
    if threads <= 1 or len(bounds) <= 1:
        return [function(*bound) for bound in bounds]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda bound: function(*bound), bounds))
