"""A map of all signatures: near each other where they are alike.

Fifty principal components of the signatures, each of unit length, then t-SNE (van der Maaten and Hinton 2008) of some
of them, the landmarks, from their first two components; every other signature stands at the mean of its nearest
landmarks, the nearer the more it counts.  Distances on the map are no scores.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.io.connectivity.index.positions import write_positions
from beadwork.model.errors import ParameterError, counted
from beadwork.model.params import MapParams

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex

PORTION = 4096
"""Signatures that are placed at a time."""
FEWEST = 10


def map_signatures(
    index: ConnectivityIndex,
    params: MapParams = MapParams(),  # noqa: B008 (frozen)
    progress: Callable[[str], None] = lambda text: None,
) -> Path:
    """Make the map of an index, a file beside it that the page shows; the scores of the index are not touched.

    Raises
    ------
    ParameterError
        scikit-learn is not installed, or the index has too few signatures.
    """
    positions = embed(index, params, progress)
    low, high = positions.min(axis=0), positions.max(axis=0)
    scaled = (positions - low) / np.maximum(high - low, 1e-12) * np.iinfo(np.uint16).max
    made = {"method": "50 principal components, t-SNE of landmarks", **params.model_dump(mode="json")}
    return write_positions(index.store, np.round(scaled).astype(np.uint16), made)


def embed(
    index: ConnectivityIndex, params: MapParams, progress: Callable[[str], None] = lambda text: None
) -> np.ndarray:
    """Positions of all signatures, float64, shape (signatures, 2)."""
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise ParameterError("index layout needs the package scikit-learn; install beadwork[layout]") from None
    count = len(index)
    if count < FEWEST:
        raise ParameterError(f"{index.store.path}: {counted(count, 'signature')}; a map needs {FEWEST}")
    chosen = np.unique(np.linspace(0, count - 1, min(count, params.landmarks)).astype(np.int64))
    with threadpool_limits(1):  # sums in another order would give another map
        progress(f"principal components of {len(chosen):,} landmarks")
        unit = _unit(index.store.read_signatures(chosen))
        size = min(params.components, *unit.shape) if min(unit.shape) > params.components else min(unit.shape) - 1
        parts = PCA(size, svd_solver="randomized" if size < min(unit.shape) // 2 else "full", random_state=params.seed)
        landmarks = parts.fit_transform(unit)
        progress("t-SNE of the landmarks")
        perplexity = min(params.perplexity, (len(chosen) - 1) / 3)
        start = landmarks[:, :2] / max(float(landmarks[:, 0].std()), 1e-12) * 1e-4
        if start.shape[1] < 2:
            start = np.column_stack([start, np.zeros(len(start))])
        model = TSNE(2, perplexity=perplexity, init=start.astype(np.float32), random_state=params.seed, n_jobs=1)
        placed = np.asarray(model.fit_transform(landmarks.astype(np.float32)), np.float64)
        positions = np.empty((count, 2))
        for first in range(0, count, PORTION):
            rows = np.arange(first, min(first + PORTION, count))
            own = parts.transform(_unit(index.store.read_signatures(rows)))
            positions[rows] = place_by_neighbours(own, landmarks, placed, params.neighbours)
            progress(f"{rows[-1] + 1:,} of {count:,} signatures are placed")
        positions[chosen] = placed
    return positions


def place_by_neighbours(points: np.ndarray, landmarks: np.ndarray, placed: np.ndarray, count: int) -> np.ndarray:
    """Mean of the positions of the nearest landmarks, weighted by one over their squared distances."""
    squares = (points**2).sum(axis=1)[:, None] - 2 * points @ landmarks.T + (landmarks**2).sum(axis=1)
    count = min(count, len(landmarks))
    near = np.argpartition(squares, count - 1, axis=1)[:, :count]
    near.sort(axis=1)
    weights = 1 / np.maximum(np.take_along_axis(squares, near, axis=1), 1e-9)
    found: np.ndarray = (weights[:, :, None] * placed[near]).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    return found


def _unit(rows: np.ndarray) -> np.ndarray:
    values = np.asarray(rows, np.float32)
    size: Any = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(size, 1e-12), np.float32)
