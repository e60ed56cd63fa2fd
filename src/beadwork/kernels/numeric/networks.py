"""Sorting networks: comparisons whose order does not depend on the data, so that many columns are sorted at once.

Batcher 1968, doi 10.1145/1468075.1468121.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def _merge_layers(size: int, run: int) -> list[np.ndarray]:
    """List the comparators of Batcher's merge of sorted runs of length `run`, one array (pairs, 2) a layer."""
    layers = []
    step = run
    while step >= 1:
        lower = (np.arange(step % run, size - step, 2 * step)[:, None] + np.arange(step)).ravel()
        lower = lower[(lower + step < size) & (lower // (2 * run) == (lower + step) // (2 * run))]
        layers.append(np.stack([lower, lower + step], axis=1))
        step //= 2
    return layers


@lru_cache(maxsize=256)
def sorting_network(size: int, run: int = 1) -> np.ndarray:
    """List the comparators of Batcher's odd-even merge sort for `size` items, uint16, shape (comparators, 2).

    Comparing and exchanging items (a, b) in this order, smaller first, sorts any input whose runs of length `run`
    (a power of 2) are sorted; the order does not depend on the data, so that many lanes are sorted at once.
    """
    layers = [np.empty((0, 2), np.int64)]
    while run < size:
        layers += _merge_layers(size, run)
        run *= 2
    return np.ascontiguousarray(np.concatenate(layers).astype(np.uint16))


@lru_cache(maxsize=256)
def fused_network(size: int, run: int) -> tuple[np.ndarray, np.ndarray]:
    """Group the comparators of :func:`sorting_network`, two layers at a time where they close on four items.

    Layer k compares (a, c) and (b, d), layer k/2 then (b, c): done together they load and store four items for three
    comparisons.

    Returns
    -------
    (items, phases): items uint16, shape (operations, 4), a single comparator being (a, c, 0, 0); phases int64, shape
    (phases, 3): 1 for four items or 0 for two, first operation, operation after the last.
    """
    items: list[np.ndarray] = [np.empty((0, 4), np.int64)]
    phases: list[tuple[int, int, int]] = []
    done = 0

    def add(kind: int, operations: np.ndarray) -> None:
        nonlocal done
        if len(operations):
            padded = np.zeros((len(operations), 4), np.int64)
            padded[:, : operations.shape[1]] = operations
            items.append(padded)
            phases.append((kind, done, done + len(operations)))
            done += len(operations)

    while run < size:
        layers = _merge_layers(size, run)
        while layers:
            first = layers.pop(0)
            second = layers.pop(0) if layers else np.empty((0, 2), np.int64)
            step = int(first[0, 1] - first[0, 0]) if len(first) else 0
            pairs, inner = set(map(tuple, first.tolist())), set(map(tuple, second.tolist()))
            quads = [
                (a, a + step // 2, c, c + step // 2)
                for a, c in first.tolist()
                if step > 1 and (a + step // 2, c + step // 2) in pairs and (a + step // 2, c) in inner
            ]
            add(1, np.array(quads, np.int64).reshape(-1, 4))
            pairs -= {pair for a, b, c, d in quads for pair in ((a, c), (b, d))}
            inner -= {(b, c) for _, b, c, _ in quads}
            add(0, np.array(sorted(pairs), np.int64).reshape(-1, 2))
            add(0, np.array(sorted(inner), np.int64).reshape(-1, 2))
        run *= 2
    return np.concatenate(items).astype(np.uint16), np.array(phases, np.int64).reshape(-1, 3)
