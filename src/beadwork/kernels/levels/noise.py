"""Technical noise that wells share, and its removal: within-class covariance, its top directions shrunk to the floor.

Wells that hold the same thing (replicates, vehicles) differ by noise only.  With y the clipped z-scores of a plate,
centred gene by gene, the residuals of a group of n such wells are::

    r_i = (y_i - mean of the group) sqrt(n / (n - 1))            n - 1 degrees of freedom (df)
    S_p = sum r r' / sum |r|^2 * genes * df_p                    scatter of a plate, whatever its units
    M   = sum_p S_p / sum_p df_p                                 the model: a covariance with mean variance 1

With U, e the first k eigenvectors and eigenvalues of M and f = (tr M - sum e) / (genes - k), what M has elsewhere on
average, a profile is cleaned by ::

    y' = y - U diag(1 - sqrt(min(1, f / e))) U' y

Known as within-class covariance normalisation in speaker recognition (Hatch, Kajarekar, Stolcke 2006) and as
regularised linear discriminant analysis in statistics.

A scatter is kept as rows whose products sum to it (:class:`Scatter`), on a grid on which products of rows are exact,
so that they depend neither on the order of summation nor on threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LARGEST = 2047
"""Rows are whole numbers up to this (twelve bits) times a power of two."""
_ROUNDS = 1
"""Rounds of subspace iteration beyond the first: the kept directions stand far above the rest."""


class Scatter(NamedTuple):
    """Sum of outer products of rows, plus `rest`, a trace spread evenly; it rests on `df` degrees of freedom."""

    rows: Floats
    """Shape (rows, genes), on the grid of :func:`to_grid`."""
    rest: float
    df: float


class AnyScatter(Protocol):
    """What is asked of a scatter, whoever holds it."""

    @property
    def rows(self) -> Floats:
        """As :class:`Scatter`."""

    @property
    def rest(self) -> float:
        """As :class:`Scatter`."""

    @property
    def df(self) -> float:
        """As :class:`Scatter`."""


class Directions(NamedTuple):
    """What is taken out of a profile: along each axis (directions, genes) the share `taken` (directions,)."""

    axes: Floats
    taken: Floats


def empty_scatter(n_genes: int) -> Scatter:
    """Scatter of nothing."""
    return Scatter(np.zeros((0, n_genes)), 0.0, 0.0)


def clip_and_centre(z: npt.NDArray[np.floating], clip: float, over: npt.NDArray[np.bool_] | None) -> Floats:
    """Clip profiles (wells, genes) to +-clip and take the mean over the wells `over` from each gene; None: no mean."""
    y = np.clip(np.asarray(z, np.float64), -clip, clip)
    if over is not None and over.any():
        y -= y[over].mean(axis=0)
    return y


def group_residuals(y: Floats, members: npt.NDArray[np.integer]) -> Floats:
    """Residuals of one group of two or more wells, shape (members, genes), scaled for the mean that was taken off."""
    own = y[members]
    return np.asarray((own - own.mean(axis=0)) * np.sqrt(len(own) / (len(own) - 1)))


def to_grid(rows: npt.NDArray[np.floating]) -> Floats:
    """Round each row to whole numbers of at most twelve bits times a power of two."""
    rows = np.asarray(rows, np.float64)
    largest = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
    step = np.exp2(np.ceil(np.log2(np.where(largest > 0, largest, 1.0) / LARGEST)))
    return np.asarray(np.round(rows / step) * step)


def join_scatters(parts: Sequence[AnyScatter], max_rows: int) -> Scatter:
    """Sum of scatters in the order given; more than `max_rows` rows are replaced by the main axes of the sum.

    What these leave out is kept as a trace.
    """
    rows = np.concatenate([part.rows for part in parts])
    rest, df = sum(part.rest for part in parts), sum(part.df for part in parts)
    if len(rows) <= max_rows:
        return Scatter(rows, float(rest), float(df))
    trace = float((rows * rows).sum())
    kept = to_grid(_main_rows(rows, max_rows))
    return Scatter(kept, float(rest) + max(trace - float((kept * kept).sum()), 0.0), float(df))


def _main_rows(rows: Floats, count: int) -> Floats:
    """At most `count` rows, orthogonal, whose products sum to nearly the same: main axes by subspace iteration."""
    width = min(count + 16, *rows.shape)
    basis = rows.T @ _start(len(rows), width)
    for _ in range(_ROUNDS):
        basis = rows.T @ (rows @ np.linalg.qr(basis)[0])
    basis = np.linalg.qr(basis)[0]
    inside = rows @ basis
    values, vectors = _top_eigen(inside.T @ inside, min(count, width))
    found = (basis @ (vectors * np.sqrt(np.maximum(values, 0.0)))).T
    sign = np.sign(found[np.arange(len(found)), np.abs(found).argmax(axis=1)])
    return np.asarray(found * sign[:, None])


def _start(length: int, width: int) -> Floats:
    """Make the fixed start of the iteration."""
    return np.random.default_rng(0).standard_normal((length, width))


Products = dict[tuple[int, int], Floats]
"""Products of the rows of pairs of scatters, by their ids, so that they are made once."""


def noise_directions(
    parts: Sequence[AnyScatter], weights: Sequence[float], factors: int, products: Products | None = None
) -> Directions:
    """Directions of shared noise, and how much of each is taken out, from weighted scatters.

    At most `factors`, and at most one fewer than the degrees of freedom; none if there are none.

    Parameters
    ----------
    products
        Kept between calls with the same scatters (which must live on), to save time.
    """
    products = {} if products is None else products
    used = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight > 0]
    n_genes = parts[0].rows.shape[1]
    scale = np.concatenate([np.zeros(0), *(np.full(len(part.rows), np.sqrt(weight)) for part, weight in used)])
    kept = min(factors, int(sum(part.df for part, _ in used)) - 1, len(scale), n_genes - 1)
    if kept < 1:
        return Directions(np.zeros((0, n_genes)), np.zeros(0))
    rows = np.concatenate([part.rows for part, _ in used])
    if len(rows) <= n_genes:
        gram = np.block([[_product(one, other, products) for other, _ in used] for one, _ in used])
        square = np.diagonal(gram)
        values, vectors = _top_eigen(gram * scale[:, None] * scale, kept)
        values = np.maximum(values, 0.0)
        length = np.sqrt(values)[:, None]
        axes = np.divide(vectors.T @ (rows * scale[:, None]), length, out=np.zeros((kept, n_genes)), where=length > 0)
    else:
        square = np.square(rows).sum(axis=1)
        rows = rows * scale[:, None]
        values, vectors = _top_eigen(rows.T @ rows, kept)
        values, axes = np.maximum(values, 0.0), vectors.T
    trace = float((square * scale**2).sum()) + sum(weight * part.rest for part, weight in used)
    floor = max(trace - float(values.sum()), 0.0) / (n_genes - kept)
    ratio = np.divide(floor, values, out=np.ones(kept), where=values > 0)
    return Directions(axes, 1.0 - np.sqrt(np.minimum(1.0, ratio)))


def _product(one: AnyScatter, other: AnyScatter, products: Products) -> Floats:
    key = (id(one), id(other))
    if key not in products:
        products[key] = one.rows @ other.rows.T
        products[id(other), id(one)] = products[key].T
    return products[key]


def _top_eigen(square: Floats, count: int) -> tuple[Floats, Floats]:
    """Largest eigenvalues of a symmetric matrix, descending, and their eigenvectors as columns."""
    from scipy.linalg import eigh

    values, vectors = eigh(square, subset_by_index=(len(square) - count, len(square) - 1), check_finite=False)
    return values[::-1], vectors[:, ::-1]


def remove_noise(y: Floats, directions: Directions) -> Floats:
    """Clean profiles (wells, genes)."""
    return np.asarray(y - ((y @ directions.axes.T) * directions.taken) @ directions.axes)
