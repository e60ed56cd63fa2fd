"""Embeddings of perturbagens: directions in which signatures differ most, by a factorisation of all of them.

The second moment of all signatures, C = X'X / n, has eigenvectors V and eigenvalues s^2; strong signatures count more,
as they have less noise.  A signature x is embedded as x V s^(-w), scaled to length 1.  With w = 0 cosines are those of
x in a smaller space; larger w weighs down what most signatures share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from beadwork.model.connectivity.query import SignatureBlock


class Factors(NamedTuple):
    """Directions (genes by dimensions), and what each is multiplied by."""

    directions: np.ndarray
    weights: np.ndarray

    @property
    def n(self) -> int:
        """Number of dimensions."""
        return len(self.weights)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of zeros stay."""
    rows = np.asarray(rows, np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def factorise(blocks: Sequence[SignatureBlock], used: np.ndarray, dimensions: int, whiten: float) -> Factors:
    """Find the directions of the signatures that count, at most as many as are possible.

    The sign of a direction is that of its largest entry.
    """
    from scipy.linalg import eigh

    n_genes, n = blocks[0].z.shape[0], int(used.sum())
    moment = np.zeros((n_genes, n_genes))
    for block in blocks:
        part = np.asarray(block.z[:, used[block.start : block.stop]], np.float64)
        moment += part @ part.T
    moment /= max(1, n)
    count = min(dimensions, n_genes, n)
    values, vectors = eigh(moment, subset_by_index=[n_genes - count, n_genes - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    possible = values > 1e-10 * max(values[0], 1e-300)
    values, vectors = values[possible], vectors[:, possible]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return Factors(vectors, values ** (-whiten / 2.0))


def embed(rows: np.ndarray, factors: Factors) -> np.ndarray:
    """Embed signatures: float64, shape (signatures, dimensions), rows of length 1."""
    return unit_rows((unit_rows(rows) @ factors.directions) * factors.weights)


def embed_owners(cells: np.ndarray, owner: np.ndarray, factors: Factors) -> np.ndarray:
    """Embed perturbagens: the mean of the embeddings in their cells, of length 1; float32."""
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    result = np.empty((len(starts), factors.n))
    ends = np.r_[starts, len(owner)]
    step = max(1, (64 << 20) // (8 * cells.shape[1]))
    at = 0
    while at < len(starts):
        stop = at + 1
        while stop < len(starts) and ends[stop + 1] - ends[at] <= step:
            stop += 1
        part = embed(cells[ends[at] : ends[stop]], factors)
        result[at:stop] = np.add.reduceat(part, ends[at:stop] - ends[at], axis=0)
        at = stop
    return unit_rows(result).astype(np.float32)


def nearest(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the nearest other rows, nearest first, and their cosines."""
    count = min(count, len(vectors) - 1)
    places = np.empty((len(vectors), max(count, 0)), np.int64)
    cosines = np.empty(places.shape)
    if count <= 0:
        return places, cosines
    step = max(1, (64 << 20) // (8 * len(vectors)))
    for at in range(0, len(vectors), step):
        cosine = (vectors[at : at + step] @ vectors.T).astype(np.float64)
        cosine[np.arange(len(cosine)), np.arange(at, at + len(cosine))] = -np.inf
        order = np.argsort(-cosine, axis=1, kind="stable")[:, :count]
        places[at : at + step] = order
        cosines[at : at + step] = np.take_along_axis(cosine, order, axis=1)
    return places, cosines
