"""Places of signatures in the plane: those that are alike stand near each other.

A sample of signatures (landmarks) is laid out by its graph of nearest neighbours, as UMAP does: neighbours attract,
drawn pairs repel, with the curve of a minimal distance of 0.1.  All forces of a round are added up before a point
moves, so the result depends on the seed alone.  Every other signature stands between the landmarks nearest to it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from beadwork.model.params import LayoutParams

CURVE = (1.577, 0.895)
"""Of UMAP's attraction, 1 / (1 + a d^(2b)), for a minimal distance of 0.1."""
REPULSIONS = 10
"""Pairs that are drawn for each point and round."""
BETWEEN = 5
"""Landmarks that another signature stands between."""
SOFT = 0.05
"""Difference of cosines by which the weight of a landmark falls to 1/e."""
PORTION = 4096


def nearest_rows(vectors: np.ndarray, among: np.ndarray, count: int, skip: bool) -> tuple[np.ndarray, np.ndarray]:
    """Nearest rows of `among` and their cosines, best first; `skip` leaves out each row itself (the same place)."""
    count = min(count, len(among) - int(skip))
    places, cosines = np.empty((len(vectors), count), np.int64), np.empty((len(vectors), count), np.float32)
    for first in range(0, len(vectors), PORTION):
        part = vectors[first : first + PORTION] @ among.T
        if skip:
            rows = np.arange(len(part))
            part[rows, rows + first] = -np.inf
        chosen = np.argpartition(-part, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(part, chosen, axis=1)
        order = np.lexsort([chosen, -values], axis=1)
        places[first : first + len(part)] = np.take_along_axis(chosen, order, axis=1)
        cosines[first : first + len(part)] = np.take_along_axis(values, order, axis=1)
    return places, cosines


def lay_out(
    vectors: np.ndarray, params: LayoutParams, progress: Callable[[str], None] = lambda text: None
) -> np.ndarray:
    """Lay signatures out in the plane: float32, shape (signatures, 2).

    Parameters
    ----------
    vectors
        A row of length 1 for each signature.
    """
    n = len(vectors)
    vectors = np.asarray(vectors, np.float32)
    chosen = np.unique(np.linspace(0, max(0, n - 1), min(n, params.landmarks)).astype(np.int64))
    landmarks = vectors[chosen]
    progress(f"neighbours of {len(chosen):,} signatures")
    places = np.zeros((len(chosen), 2), np.float64)
    if len(chosen) > 2:
        rows, cols, weights = _graph(landmarks, params.neighbours)
        places = _arrange(_start(landmarks), rows, cols, weights, params, progress)
    result = np.empty((n, 2), np.float32)
    rest = np.setdiff1d(np.arange(n), chosen)
    if len(rest):
        progress(f"{len(rest):,} more between them")
        for first in range(0, len(rest), PORTION):
            part = rest[first : first + PORTION]
            near, cosines = nearest_rows(vectors[part], landmarks, BETWEEN, skip=False)
            weights = np.exp((cosines - cosines[:, :1]) / SOFT)[:, :, None]
            result[part] = (places[near] * weights).sum(axis=1) / weights.sum(axis=1)
    result[chosen] = places
    return result


def _graph(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the graph of nearest neighbours, each once, and their weights, 0 to 1."""
    from scipy import sparse

    near, cosines = nearest_rows(vectors, vectors, count, skip=True)
    far = np.maximum(0.0, cosines[:, :1] - cosines)
    scale = np.maximum(far.mean(axis=1, keepdims=True), 1e-6)
    n = len(vectors)
    rows = np.repeat(np.arange(n), near.shape[1])
    graph = sparse.csr_array((np.exp(-far / scale).ravel().astype(np.float64), (rows, near.ravel())), shape=(n, n))
    other = graph.T.tocsr()
    both = sparse.triu(graph + other - graph * other, k=1).tocoo()
    return both.row.astype(np.int64), both.col.astype(np.int64), both.data


def _start(vectors: np.ndarray) -> np.ndarray:
    """Take the two first directions of the vectors, which are sorted by strength, 10 wide."""
    start = np.zeros((len(vectors), 2))
    start[:, : min(2, vectors.shape[1])] = vectors[:, :2]
    start -= start.mean(axis=0)
    return start * (10 / max(1e-9, float(np.abs(start).max())))


def _arrange(
    places: np.ndarray, rows: np.ndarray, cols: np.ndarray, weights: np.ndarray, params: LayoutParams,
    progress: Callable[[str], None],
) -> np.ndarray:  # fmt: skip
    n = len(places)
    rng = np.random.default_rng(params.seed)
    places = places + rng.normal(scale=1e-3, size=places.shape)  # the same profile twice must be able to part
    degree = np.maximum(1e-9, np.bincount(rows, weights, n) + np.bincount(cols, weights, n))
    a, b = CURVE
    for turn in range(params.rounds):
        if turn % 50 == 0:
            progress(f"round {turn} of {params.rounds}")
        step = 1.0 - turn / params.rounds
        difference = places[rows] - places[cols]
        square = np.maximum((difference**2).sum(axis=1), 1e-9)
        pull = weights * (2 * a * b * square ** (b - 1)) / (1 + a * square**b)
        force = np.clip(pull[:, None] * difference, -4, 4)
        move = np.stack([np.bincount(cols, force[:, k], n) - np.bincount(rows, force[:, k], n) for k in (0, 1)], axis=1)
        move /= np.maximum(1.0, degree / 4)[:, None]
        for _ in range(REPULSIONS):
            other = rng.integers(0, n, n)
            difference = places - places[other]
            square = (difference**2).sum(axis=1)
            push = 2 * b / ((0.001 + square) * (1 + a * square**b))
            move += np.clip(push[:, None] * difference, -4, 4) * (4 / REPULSIONS)
        places = places + 0.25 * step * np.clip(move, -8, 8)
    return places
