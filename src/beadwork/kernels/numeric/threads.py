"""How all kernels run on threads.

Kernels release the interpreter lock, so plain threads scale; every item is computed on its own and written to its own
place, hence results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_chunks(function: Callable[[int, int], Any], n_items: int, *, threads: int, chunk: int = 1) -> list[Any]:
    """Call ``function(start, stop)`` over chunks of ``range(n_items)`` on `threads` threads; results in order.

    The chunks depend on `chunk` only, never on `threads`.
    """
    bounds = [(start, min(start + chunk, n_items)) for start in range(0, n_items, chunk)]
    if threads <= 1 or len(bounds) <= 1:
        return [function(*bound) for bound in bounds]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda bound: function(*bound), bounds))
