"""Ridge regression of genes on landmarks from sums over studies, its low-rank form, and studies left out.

Each study has its own means.  Its profiles are taken as differences from them, x - m_s and y - m_s; a gene that a
study or profile lacks counts as no difference.  Of the differences between studies a share `study_weight` is kept, and
a study whose landmarks vary more than the others' is scaled down, by c_s = (median sd / sd_s)^scale_power::

    x~ = c_s (x - m_s + study_weight (m_s - m)),   y~ alike
    G = sum x~' x~ / (d d'),   W = (G + ridge I)^-1 sum x~' y~ / d

with d the standard deviation of each landmark within studies.  So a fit needs sums only, which are added up some
profiles at a time in a fixed order; and to leave a study out is to subtract its sums.  The low-rank form is
reduced-rank ridge regression (Mukherjee and Zhu 2011, doi 10.1002/sam.10138): with R' R = G + ridge I, the leading
singular vectors U of A = R W give W = R^-1 U U' A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beadwork.kernels.numeric.threads import run_chunks

Floats = npt.NDArray[np.float64]
Portions = Callable[[], Iterable[tuple[Floats, Floats]]]
"""Profiles of a study, again at each call: pairs x (samples, landmarks), y (samples, genes), NaN where missing."""

COLUMNS = 1024
"""Genes of one block of sums; blocks, not sums, are shared out to threads."""
LEAST_SD = 1e-6


class LinearModel(NamedTuple):
    """y = intercept + (x @ loadings) @ components."""

    intercept: Floats
    """Shape (genes,)."""
    loadings: Floats
    """Shape (landmarks, rank)."""
    components: Floats
    """Shape (rank, genes)."""


class StudyMoments(NamedTuple):
    """Counts, means and sums of squared differences of a study, of landmarks (x) and genes (y); 0 where it has none."""

    n: int
    two_colour: bool
    x_count: Floats
    x_mean: Floats
    x_square: Floats
    y_count: Floats
    y_mean: Floats
    y_square: Floats

    @property
    def spread(self) -> float:
        """Median standard deviation of the landmarks, NaN where nothing varies."""
        seen = self.x_count > 1
        sd = float(np.median(np.sqrt(self.x_square[seen] / self.x_count[seen]))) if seen.any() else 0.0
        return sd if sd > LEAST_SD else np.nan


class Sums(NamedTuple):
    """Sums of products within studies, each study divided by its landmarks' spread^(2 scale_power)."""

    xx: Floats
    xy: Floats

    def add(self, other: Sums) -> None:
        """Add the sums of other studies, in place."""
        np.add(self.xx, other.xx, out=self.xx)
        np.add(self.xy, other.xy, out=self.xy)

    def take_from(self, whole: Sums) -> Sums:
        """Turn these sums into what `whole` has without them, in place."""
        np.subtract(whole.xx, self.xx, out=self.xx)
        np.subtract(whole.xy, self.xy, out=self.xy)
        return self

    def less(self, other: Sums) -> Sums:
        """Return the sums without those of some of the studies."""
        return Sums(self.xx - other.xx, self.xy - other.xy)


class System(NamedTuple):
    """Normal equations of a set of studies."""

    gram: Floats
    cross: Floats
    x_sd: Floats
    x_mean: Floats
    y_mean: Floats


def study_moments(portions: Portions, two_colour: bool, reference: float) -> StudyMoments:
    """Moments of a study, summed about `reference` (a number near the values)."""
    n, sums = 0, None
    for x, y in portions():
        n += len(x)
        parts = [part for values in (x, y) for part in _power_sums(values - reference)]
        sums = parts if sums is None else [before + part for before, part in zip(sums, parts, strict=True)]
    assert sums is not None, "a study has profiles"
    found = []
    for count, total, square in (sums[:3], sums[3:]):
        mean = total / np.maximum(count, 1)
        found += [count, np.where(count > 0, mean + reference, 0.0), np.maximum(square - count * mean**2, 0.0)]
    return StudyMoments(n, two_colour, *found)


def _power_sums(values: Floats) -> tuple[Floats, Floats, Floats]:
    seen = np.isfinite(values)
    plain = np.where(seen, values, 0.0)
    return seen.sum(axis=0).astype(np.float64), plain.sum(axis=0), (plain * plain).sum(axis=0)


def within(values: Floats, mean: Floats) -> Floats:
    """Differences from the study's means; a missing value is no difference."""
    return np.nan_to_num(values - mean)


def study_sums(
    studies: Iterable[tuple[StudyMoments, Portions]], shape: tuple[int, int], scale_power: float, threads: int = 1
) -> Sums:
    """Sum the products of studies; the order of the sums is that of the studies and portions, whatever the threads."""
    xx, xy = np.zeros((shape[0], shape[0])), np.zeros(shape)
    for moments, portions in studies:
        weight = moments.spread ** (-2 * scale_power)
        if not np.isfinite(weight):
            continue  # nothing varies within it
        for x_values, y_values in portions():
            x, y = within(x_values, moments.x_mean), within(y_values, moments.y_mean)
            left = np.ascontiguousarray(x.T) * weight
            xx += left @ x

            def add(start: int, stop: int, left: Floats = left, y: Floats = y) -> None:
                xy[:, start:stop] += left @ y[:, start:stop]

            run_chunks(add, shape[1], threads=threads, chunk=COLUMNS)
    return Sums(xx, xy)


def make_system(
    sums: Sums, studies: Sequence[StudyMoments], study_weight: float, scale_power: float, *, overwrite: bool = False
) -> System:
    """Set up the normal equations of `studies`, whose sums these are (and become the equations with `overwrite`).

    Means of two-colour studies, whose values are ratios to a reference, are left out.
    """
    spreads = np.array([study.spread for study in studies])
    median = float(np.nanmedian(spreads)) if np.isfinite(spreads).any() else 1.0
    scale = np.nan_to_num(median / spreads, nan=1.0) ** (2 * scale_power)
    factor = median ** (2 * scale_power)
    gram, cross = (np.multiply(part, factor, out=part if overwrite else None) for part in sums)
    count = np.sum([study.x_count for study in studies], axis=0)
    x_sd = np.sqrt(np.maximum(np.diag(gram), 0.0) / np.maximum(count, 1))
    x_sd = np.where(x_sd > LEAST_SD, x_sd, 1.0)
    x_mean, x_shift = _between(studies, "x")
    y_mean, y_shift = _between(studies, "y")
    weights = np.array([study.n for study in studies])[:, None] * scale[:, None] * study_weight**2
    gram += x_shift.T @ (weights * x_shift)
    cross += x_shift.T @ (weights * y_shift)
    gram /= x_sd[:, None] * x_sd
    cross /= x_sd[:, None]
    return System((gram + gram.T) / 2, cross, x_sd, x_mean, y_mean)


def _between(studies: Sequence[StudyMoments], side: str) -> tuple[Floats, Floats]:
    """Mean of all profiles, of one colour where there are some, and each study's difference from it (0: has none)."""
    count, mean = (np.array([getattr(study, f"{side}_{what}") for study in studies]) for what in ("count", "mean"))
    plain = np.array([not study.two_colour for study in studies])[:, None]
    used = np.where((plain & (count > 0)).any(axis=0), count * plain, count)
    overall = (used * mean).sum(axis=0) / np.maximum(used.sum(axis=0), 1)
    return overall, np.where(plain & (count > 0), mean - overall, 0.0)


def ridge_root(system: System, ridge: float) -> Floats:
    """Upper triangle R of R' R = gram + ridge I."""
    from scipy.linalg import cholesky  # 0.1 s, which applying a model need not wait for

    return np.asarray(cholesky(system.gram + ridge * np.eye(len(system.gram)), check_finite=False))


def leading_axes(system: System, root: Floats, rank: int) -> Floats | None:
    """Axes U (landmarks, rank) of the low-rank form, in the coordinates of `root`; None if the rank is full."""
    from scipy.linalg import eigh, solve_triangular  # 0.1 s, which applying a model need not wait for

    n = len(root)
    if rank >= n:
        return None
    half = solve_triangular(root, system.cross, trans="T", check_finite=False)
    _, vectors = eigh(half @ half.T, subset_by_index=(n - rank, n - 1), check_finite=False)
    return np.ascontiguousarray(vectors[:, ::-1])


def solve_ridge(system: System, ridge: float, rank: int | None = None) -> LinearModel:
    """Ridge solution for one penalty, of rank at most `rank` (None: all)."""
    from scipy.linalg import solve_triangular  # 0.1 s, which applying a model need not wait for

    root = ridge_root(system, ridge)
    axes = leading_axes(system, root, len(root) if rank is None else rank)
    half = solve_triangular(root, system.cross, trans="T", check_finite=False)
    if axes is None:
        loadings, components = np.diag(1 / system.x_sd), solve_triangular(root, half, check_finite=False)
    else:
        components = axes.T @ half
        loadings = solve_triangular(root, axes, check_finite=False) / system.x_sd[:, None]
    peak = np.abs(loadings).argmax(axis=0)
    sign = np.where(loadings[peak, np.arange(loadings.shape[1])] < 0, -1.0, 1.0)  # what a product leaves open
    loadings, components = loadings * sign, components * sign[:, None]
    return LinearModel(system.y_mean - (system.x_mean @ loadings) @ components, loadings, components)


def predict_differences(x: Floats, system: System, root: Floats, axes: Floats | None = None) -> Floats:
    """Differences of genes that follow from differences of landmarks, x (samples, landmarks) -> (samples, genes).

    axes : those of :func:`leading_axes`, perhaps of fewer studies, for the low-rank form.
    """
    from scipy.linalg import solve_triangular  # 0.1 s, which applying a model need not wait for

    half = solve_triangular(root, (x / system.x_sd).T, trans="T", check_finite=False)
    if axes is not None:
        half = axes @ (axes.T @ half)
    return np.asarray(solve_triangular(root, half, check_finite=False).T @ system.cross)


def infer_genes(landmarks: npt.NDArray[np.floating], model: LinearModel) -> Floats:
    """Apply a model: landmarks (landmarks, samples) -> genes (genes, samples), float64, not clipped."""
    x = np.asarray(landmarks, dtype=np.float64)
    return np.asarray(model.intercept[:, None] + model.components.T @ (model.loadings.T @ x))


class Agreement:
    """Correlation of inferred and measured differences of one study, added up some profiles at a time."""

    def __init__(self, n_genes: int) -> None:
        self.sums = np.zeros((6, n_genes))

    def add(self, inferred: Floats, measured: Floats) -> None:
        """Add profiles; a missing measured value (NaN) counts for nothing."""
        seen = np.isfinite(measured)
        a, b = np.where(seen, inferred, 0.0), np.where(seen, measured, 0.0)
        for number, part in enumerate((seen, a, b, a * a, b * b, a * b)):
            self.sums[number] += part.sum(axis=0)

    def correlation(self) -> Floats:
        """Pearson correlation per gene; 0 where one of the two does not vary, NaN where fewer than 3 are measured."""
        n, a, b, aa, bb, ab = self.sums
        count = np.maximum(n, 1)
        size = np.sqrt(np.maximum(aa - a * a / count, 0.0) * np.maximum(bb - b * b / count, 0.0))
        found = np.where(size > 1e-12, (ab - a * b / count) / np.where(size > 1e-12, size, 1.0), 0.0)
        return np.where(n > 2, found, np.nan)

    def residual_square(self) -> Floats:
        """Sum of squared differences of measured from inferred values, both about their means, per gene."""
        n, a, b, aa, bb, ab = self.sums
        return np.maximum(aa + bb - 2 * ab - (a - b) ** 2 / np.maximum(n, 1), 0.0)

    @property
    def count(self) -> Floats:
        """Measured values per gene."""
        return np.asarray(self.sums[0])
