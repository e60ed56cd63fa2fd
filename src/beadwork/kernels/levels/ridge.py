"""Ridge regression of genes on landmarks from sums over studies, its low-rank form, and studies left out.

Each study has its own means.  Its profiles are taken as differences from them, x - m_s and y - m_s; a gene that a
study or profile lacks counts as no difference.  Of the differences between studies a share `study_weight` is kept, and
a study whose landmarks vary more than the others' is scaled down, by c_s = (median sd / sd_s)^scale_power::

    x~ = c_s (x - m_s + study_weight (m_s - m)),   y~ alike
    G = sum x~' x~ / (d d'),   W = (G + ridge I)^-1 sum x~' y~ / d

with d the standard deviation of each landmark within studies.  A gene that varies more in a study than it usually does
is scaled down there, by (usual sd / sd)^gene_power.  And the relation of a study is taken to differ from that of others
along every axis alike, so that axes along which it varies far say little more than others do: its products are not
x~' y~, but x~' (I + saturation K)^-1 y~ with K = x~ x~' of landmarks divided by d (generalised least squares of random
slopes), within each portion of its profiles.  So a fit needs sums only, which are added up some
profiles at a time in a fixed order; and to leave a study out is to subtract its sums.  The low-rank form is
reduced-rank ridge regression (Mukherjee and Zhu 2011, doi 10.1002/sam.10138): with R' R = G + ridge I, the leading
singular vectors U of A = R W give W = R^-1 U U' A.

What is inferred of a study left out needs no sums of it: with S the sums of all studies, differences x of landmarks
give a' S - (a' x~') y~, a' = x' (G + ridge I)^-1 / d, of which the second part is a product of few rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beadwork.kernels.numeric.threads import run_chunks

Floats = npt.NDArray[np.float64]
Portions = Callable[[], Iterable[tuple[Floats, Floats]]]
"""Profiles of a study, again at each call: pairs x (samples, landmarks), y (samples, genes), NaN where missing."""

ALL = slice(None)
COLUMNS = 1024
"""Genes of one block of sums; blocks, not sums, are shared out to threads."""
LEAST_SD = 1e-6
LEAST_SHARE = 0.1
"""A gene is taken to vary in a study at least this share of what is usual: else its noise would be blown up."""


class LinearModel(NamedTuple):
    """y = intercept + (x @ loadings) @ components."""

    intercept: Floats
    """Shape (genes,)."""
    loadings: Floats | None
    """Shape (landmarks, rank); None: the landmarks themselves."""
    components: npt.NDArray[np.number]
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
    x_scale: Floats | None = None
    """What landmarks are multiplied by where the axes along which they vary are weighed; None: all count alike."""
    y_scale: Floats | None = None
    """What differences of genes are multiplied by; None: 1."""

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

    def less(self, other: Sums) -> Sums:
        """Return the sums without those of some of the studies."""
        return Sums(self.xx - other.xx, self.xy - other.xy)

    def some(self, genes: slice) -> Sums:
        """Return the sums of some genes."""
        return Sums(self.xx, self.xy[:, genes])


class Frame(NamedTuple):
    """Landmark side of the normal equations of a set of studies, and what turns their sums into the right side.

    The shifts (studies, landmarks or genes) are the part of differences between studies.
    """

    gram: Floats
    x_sd: Floats
    x_mean: Floats
    y_mean: Floats
    factor: float
    x_shift: Floats
    y_shift: Floats


class System(NamedTuple):
    """Normal equations of a set of studies: sums of products of landmarks and genes, perhaps less those of others.

    The right side, as large as the sums, is made some genes at a time.
    """

    frame: Frame
    xy: Floats
    less: npt.NDArray[np.floating] | None = None

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Right side, (landmarks, some genes) at a time, with the places of these genes."""
        for start in range(0, self.xy.shape[1], COLUMNS):
            genes = slice(start, start + COLUMNS)
            yield genes, self.cross(genes)

    def cross(self, genes: slice = ALL) -> Floats:
        """Right side of some genes."""
        frame, products = self.frame, self.xy[:, genes]
        if self.less is not None:
            products = products - self.less[:, genes]
        whole = frame.factor * products + frame.x_shift.T @ frame.y_shift[:, genes]
        return np.asarray(whole / frame.x_sd[:, None])


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
    differences = values - mean
    np.copyto(differences, 0.0, where=np.isnan(differences))
    return differences


def balance(
    studies: Sequence[StudyMoments], scale_power: float, gene_power: float, saturation: float
) -> list[StudyMoments]:
    """Say how far each study counts: less where a gene varies more than it does elsewhere, and along its largest axes.

    What is usual is that of all studies, also of those that are left out later: that is one factor a gene or landmark.
    """
    spreads = np.array([study.spread for study in studies])
    median = float(np.nanmedian(spreads)) if np.isfinite(spreads).any() else 1.0
    scales = np.nan_to_num(median / spreads, nan=1.0) ** scale_power
    usual = _pooled([study.y_square for study in studies], [study.y_count for study in studies])
    x_sd = _pooled(
        [study.x_square * scale**2 for study, scale in zip(studies, scales, strict=True)],
        [study.x_count for study in studies],
    )
    found = []
    for study, scale in zip(studies, scales, strict=True):
        own = np.maximum(_pooled([study.y_square], [study.y_count]), LEAST_SHARE * usual)
        factor = np.where(own > LEAST_SD, usual / np.maximum(own, LEAST_SD), 1.0) ** gene_power
        of_x = scale * np.sqrt(saturation) / np.where(x_sd > LEAST_SD, x_sd, 1.0)
        found.append(study._replace(x_scale=of_x if saturation else None, y_scale=factor if gene_power else None))
    return found


def _pooled(squares: Sequence[Floats], counts: Sequence[Floats]) -> Floats:
    """Give the standard deviation of sums of squares."""
    return np.asarray(np.sqrt(np.sum(squares, axis=0) / np.maximum(np.sum(counts, axis=0), 1)))


def study_sums(
    studies: Iterable[tuple[StudyMoments, Portions]], shape: tuple[int, int], scale_power: float, threads: int = 1
) -> Sums:
    """Sum the products of studies; the order of the sums is that of the studies and portions, whatever the threads."""
    sums = Sums(np.zeros((shape[0], shape[0])), np.zeros(shape))
    for half, left, y in _weighted(studies, scale_power):
        np.add(sums.xx, half.T @ half, out=sums.xx)  # a product with itself takes half of the time
        _add_products(sums.xy, np.ascontiguousarray(left.T), y, threads)
    return sums


def _weighted(
    studies: Iterable[tuple[StudyMoments, Portions]], scale_power: float
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Differences h, l and y of each portion of studies within which something varies: their sums are h' h and l' y."""
    from scipy.linalg import cholesky, solve_triangular  # 0.1 s, which applying a model need not wait for

    for moments, portions in studies:
        root_weight = moments.spread**-scale_power
        if not np.isfinite(root_weight):
            continue
        for x_values, y_values in portions():
            x, y = within(x_values, moments.x_mean), within(y_values, moments.y_mean)
            if moments.y_scale is not None:
                y *= moments.y_scale
            half = left = x * root_weight
            if moments.x_scale is not None:
                scaled = x * moments.x_scale
                root = cholesky(np.eye(len(x)) + scaled @ scaled.T, lower=True, check_finite=False)
                half = solve_triangular(root, half, lower=True, check_finite=False)
                left = solve_triangular(root, half, lower=True, trans="T", check_finite=False)
            yield half, left * root_weight, y


def _add_products(total: Floats, left: Floats, right: Floats, threads: int) -> None:
    """Add left @ right to `total`, in place."""

    def add(start: int, stop: int) -> None:
        total[:, start:stop] += left @ right[:, start:stop]

    run_chunks(add, total.shape[1], threads=threads, chunk=COLUMNS)


def make_frame(xx: Floats, studies: Sequence[StudyMoments], study_weight: float, scale_power: float) -> Frame:
    """Set up the landmark side of `studies`, whose sums of products of landmarks are `xx`.

    Means of two-colour studies, whose values are ratios to a reference, are left out.
    """
    spreads = np.array([study.spread for study in studies])
    median = float(np.nanmedian(spreads)) if np.isfinite(spreads).any() else 1.0
    scale = np.nan_to_num(median / spreads, nan=1.0) ** (2 * scale_power)
    factor = median ** (2 * scale_power)
    gram = xx * factor
    count = np.sum([study.x_count for study in studies], axis=0)
    x_sd = np.sqrt(np.maximum(np.diag(gram), 0.0) / np.maximum(count, 1))
    x_sd = np.where(x_sd > LEAST_SD, x_sd, 1.0)
    x_mean, x_shift = _between(studies, "x")
    y_mean, y_shift = _between(studies, "y")
    weights = np.array([study.n for study in studies])[:, None] * scale[:, None] * study_weight**2
    gram += x_shift.T @ (weights * x_shift)
    gram /= x_sd[:, None] * x_sd
    return Frame((gram + gram.T) / 2, x_sd, x_mean, y_mean, factor, x_shift, weights * y_shift)


def make_system(
    sums: Sums,
    studies: Sequence[StudyMoments],
    study_weight: float,
    scale_power: float,
    less: Sums | None = None,
) -> System:
    """Set up the normal equations of `studies`, whose sums these are, less those of other studies."""
    xx = sums.xx if less is None else sums.xx - less.xx
    frame = make_frame(xx, studies, study_weight, scale_power)
    return System(frame, sums.xy, None if less is None else less.xy)


def _between(studies: Sequence[StudyMoments], side: str) -> tuple[Floats, Floats]:
    """Mean of all profiles, of one colour where there are some, and each study's difference from it (0: has none)."""
    count, mean = (np.array([getattr(study, f"{side}_{what}") for study in studies]) for what in ("count", "mean"))
    plain = np.array([not study.two_colour for study in studies])[:, None]
    used = np.where((plain & (count > 0)).any(axis=0), count * plain, count)
    overall = (used * mean).sum(axis=0) / np.maximum(used.sum(axis=0), 1)
    return overall, np.where(plain & (count > 0), mean - overall, 0.0)


def ridge_root(frame: Frame, ridge: float) -> Floats:
    """Upper triangle R of R' R = gram + ridge I."""
    from scipy.linalg import cholesky  # 0.1 s, which applying a model need not wait for

    return np.asarray(cholesky(frame.gram + ridge * np.eye(len(frame.gram)), check_finite=False))


def leading_axes(system: System, root: Floats, rank: int) -> Floats | None:
    """Axes U (landmarks, rank) of the low-rank form, in the coordinates of `root`; None if the rank is full."""
    from scipy.linalg import eigh, solve_triangular  # 0.1 s, which applying a model need not wait for

    n = len(root)
    if rank >= n:
        return None
    square = np.zeros((n, n))
    for _, cross in system.blocks():
        half = solve_triangular(root, cross, trans="T", check_finite=False)
        square += half @ half.T
    _, vectors = eigh(square, subset_by_index=(n - rank, n - 1), check_finite=False)
    return np.ascontiguousarray(vectors[:, ::-1])


def solve_ridge(system: System, ridge: float, rank: int | None = None) -> LinearModel:
    """Ridge solution for one penalty, of rank at most `rank` (None: all)."""
    from scipy.linalg import solve_triangular  # 0.1 s, which applying a model need not wait for

    frame = system.frame
    root = ridge_root(frame, ridge)
    axes = leading_axes(system, root, len(root) if rank is None else rank)
    components = np.empty((len(root) if axes is None else axes.shape[1], system.xy.shape[1]))
    for genes, cross in system.blocks():
        half = solve_triangular(root, cross, trans="T", check_finite=False)
        components[:, genes] = solve_triangular(root, half, check_finite=False) if axes is None else axes.T @ half
    if axes is None:
        loadings = np.diag(1 / frame.x_sd)
    else:
        loadings = solve_triangular(root, axes, check_finite=False) / frame.x_sd[:, None]
    peak = np.abs(loadings).argmax(axis=0)
    sign = np.where(loadings[peak, np.arange(loadings.shape[1])] < 0, -1.0, 1.0)  # what a product leaves open
    loadings *= sign
    components *= sign[:, None]
    return LinearModel(frame.y_mean - (frame.x_mean @ loadings) @ components, loadings, components)


def ridge_weights(system: System, ridge: float) -> Floats:
    """Weights (landmarks, genes) of full rank, for a system of few genes."""
    from scipy.linalg import cho_solve  # 0.1 s, which applying a model need not wait for

    weights = cho_solve((ridge_root(system.frame, ridge), False), system.cross(), check_finite=False)
    return np.asarray(weights / system.frame.x_sd[:, None])


def predict_differences(x: Floats, system: System, root: Floats, axes: Floats | None = None) -> Floats:
    """Differences of genes that follow from differences of landmarks, x (samples, landmarks) -> (samples, genes).

    axes : those of :func:`leading_axes`, perhaps of fewer studies, for the low-rank form.
    """
    solved = _solve(x, system.frame, root, axes)
    return np.concatenate([solved @ cross for _, cross in system.blocks()], axis=1)


def _solve(x: Floats, frame: Frame, root: Floats, axes: Floats | None) -> Floats:
    """Rows that the right side of the equations is to be multiplied by."""
    from scipy.linalg import solve_triangular  # 0.1 s, which applying a model need not wait for

    half = solve_triangular(root, (x / frame.x_sd).T, trans="T", check_finite=False)
    if axes is not None:
        half = axes @ (axes.T @ half)
    return np.asarray(solve_triangular(root, half, check_finite=False).T)


def predict_left_out(
    x: Floats,
    system: System,
    root: Floats,
    axes: Floats | None,
    left_out: Iterable[tuple[StudyMoments, Portions]],
    scale_power: float,
    threads: int = 1,
) -> Floats:
    """Differences of genes as a fit without some studies has them, from sums that these studies are part of.

    system : with the frame of the studies that are left, and the sums of all.
    """
    frame, n_genes = system.frame, system.xy.shape[1]
    rows = _solve(x, frame, root, axes) / frame.x_sd
    few = len(rows) < len(frame.x_sd)  # else the sums of what is left out take no longer
    minus = np.zeros((len(rows) if few else len(frame.x_sd), n_genes))
    for _, own, genes in _weighted(left_out, scale_power):
        _add_products(minus, rows @ own.T if few else np.ascontiguousarray(own.T), genes, threads)
    shift = rows @ frame.x_shift.T
    found = minus if few else np.empty((len(rows), n_genes))

    def fill(start: int, stop: int) -> None:
        at = slice(start, stop)
        less = minus[:, at] if few else rows @ minus[:, at]
        found[:, at] = frame.factor * (rows @ system.xy[:, at] - less) + shift @ frame.y_shift[:, at]

    run_chunks(fill, n_genes, threads=threads, chunk=COLUMNS)
    return found


def infer_genes(landmarks: npt.NDArray[np.floating], model: LinearModel) -> Floats:
    """Apply a model: landmarks (landmarks, samples) -> genes (genes, samples), float64, not clipped."""
    x = np.asarray(landmarks, dtype=np.float64)
    inner = x if model.loadings is None else model.loadings.T @ x
    found = np.empty((model.components.shape[1], x.shape[1]))
    for start in range(0, len(found), COLUMNS):  # weights may be small integers: not all as float64 at once
        genes = slice(start, start + COLUMNS)
        np.matmul(model.components[:, genes].astype(np.float64).T, inner, out=found[genes])
        found[genes] += model.intercept[genes, None]
    return found


class Agreement:
    """Correlation of inferred and measured differences of one study, added up some profiles at a time."""

    def __init__(self, n_genes: int) -> None:
        self.sums = np.zeros((6, n_genes))

    def add(self, inferred: Floats, measured: Floats) -> None:
        """Add profiles; a missing measured value (NaN) counts for nothing."""
        seen = np.isfinite(measured)
        a, b = np.where(seen, inferred, 0.0), np.where(seen, measured, 0.0)
        self.sums[0] += seen.sum(axis=0)
        for number, (one, other) in enumerate(((a, None), (b, None), (a, a), (b, b), (a, b)), 1):
            self.sums[number] += (one if other is None else one * other).sum(axis=0)

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
