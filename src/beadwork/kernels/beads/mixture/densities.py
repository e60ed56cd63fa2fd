r"""The model of the mixture method: two genes of an analyte as heavy-tailed peaks.

The hi gene's beads are two subpopulations in equal parts, coupled apart from each other: on labelled beads of two
plates (two bead batches) the hi gene has two peaks of equal size, 0 to 0.8 log2 apart and the same distance in every
well, where the lo gene has one.  With x = log2 FI, y = sqrt(FI) = 2^(x/2), the beads of one analyte in one well are
independent draws from::

    f(x | m0, m1) = e / span + (1 - e) [p/2 k(x; m0 + d) + p/2 k(x; m0 - d) + (1 - p) k(x; m1)]
    k(x; m)       = t7(z) y 2^(-m/2) / s(m)        z = (y 2^(-m/2) - 1) / (s(m) ln2/2)

with m0, m1 the positions of the hi and lo gene, d the split (half the distance of the two subpopulations, by gene), p
the share of hi beads that the mixing ratio of the bead batch promises, e the share of outliers and t7 Student's
density. The kernel is a t on the square root of the intensity: real peaks lean to the left on the log scale and to the
right on the linear one, and near-coinciding peaks can only be distinguished if that lean is not mistaken for a second
peak. The width s depends on the position (one table) times a factor of the gene. Positions have a prior, Student's t
with 3 degrees of freedom, mean and scale by gene and well.

The result is the posterior mean and standard deviation of both positions, integrated over a grid about the modes (with
steps of 1.44 standard deviations the trapezoid rule gives those of a normal within 0.2 %), rather than the mode itself:
:mod:`~beadwork.kernels.beads.mixture.climb` finds the modes, :mod:`~beadwork.kernels.beads.mixture.box` integrates,
:mod:`~beadwork.kernels.beads.mixture.fit` joins them.

The noise model follows Qiu et al. 2020 (doi 10.1093/bioinformatics/btaa064) in its known shares and t kernel;
subpopulations, lean, plate prior and integration are our own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

T7 = math.gamma(4.0) / (math.gamma(3.5) * math.sqrt(7.0 * math.pi))
"""Student's density with 7 degrees of freedom at 0."""
LOG_T3 = math.log(math.gamma(2.0) / (math.gamma(1.5) * math.sqrt(3.0 * math.pi)))
"""Log of Student's density with 3 degrees of freedom at 0."""
TABLE_LOW, TABLE_STEP = 4.0, 0.5
TABLE_POINTS = 23
"""The width table holds scales at log2 FI 4, 4.5, ... 15."""
WIDTHS = np.interp(
    TABLE_LOW + TABLE_STEP * np.arange(TABLE_POINTS),
    [4, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 15],
    [0.55, 0.50, 0.40, 0.315, 0.265, 0.232, 0.20, 0.175, 0.15, 0.14],
)
"""Widths (scale of the t on log2) of peaks by position: medians over lo genes of the separated pairs of LJP009, A375.
With the split taken out, hi genes have the same."""
SEEK, SEEK_ALWAYS = 0.85, 2.0
"""If the mode explains a smaller share of the beads, peaks are sought without the prior's help too."""


class BeadModel(NamedTuple):
    """What is known of the beads before a well is seen.

    Most is given by hypothesis, which is one reading of an analyte: ``share`` of hi beads, shape (H,), 1 for an analyte
    with one gene; ``widths`` factors of the genes, shape (H, 2); ``split`` of the hi gene's subpopulations, shape (H,).
    ``table`` has widths by position, shape (23,); ``outliers`` are spread evenly over ``span`` (log2); ``seek``: see
    :data:`SEEK`; ``learn``: whether slope and information of the split are wanted; ``modes_only``: give the best mode
    as positions and leave out what the integral gives.
    """

    table: Array
    share: Array
    widths: Array
    split: Array
    outliers: float
    first_good: int
    last_good: int
    span: float
    seek: float = SEEK
    learn: bool = False
    modes_only: bool = False


class Pair(NamedTuple):
    """What is known of one pair of genes: share of hi beads, width factors (2,) and split of the hi gene."""

    share: float
    widths: Array
    split: float


class PairPrior(NamedTuple):
    """Prior of the positions: mean and scale (log2), shape (W, H, 2) each, or (2,) of one pair in one well."""

    mean: Array
    scale: Array


def scale_at(position: Array | float, table: Array, factor: float) -> Array:
    """Width of a peak at a position: the table, linearly between its points and flat beyond, times the factor."""
    grid = TABLE_LOW + TABLE_STEP * np.arange(len(table))
    return np.asarray(np.interp(position, grid, table) * factor, dtype=float)


def peak_density(y: Array, position: float, table: Array, factor: float) -> tuple[Array, Array, float]:
    """Density of beads in a peak, their z and 1 / (width ln2/2)."""
    width = float(scale_at(position, table, factor))
    wide = 1.0 / (0.5 * math.log(2.0) * width)
    z = (y * 2.0 ** (-0.5 * position) - 1.0) * wide
    return T7 * (1.0 + z * z / 7.0) ** -4 * y * 2.0 ** (-0.5 * position) / width, z, wide


def log_prior(m: Array, prior: PairPrior) -> float:
    """Log density of the prior of both positions."""
    z = (m - prior.mean) / prior.scale
    return float(np.sum(LOG_T3 - 2.0 * np.log1p(z * z / 3.0) - np.log(prior.scale)))


class Peaks(NamedTuple):
    """Three peaks: the hi gene's upper and lower subpopulation, the lo gene.

    Density times share, z, u = 1 / (1 + z^2/7), shape (3, n) each, and ``wide`` = 1 / (width ln2/2), shape (3,).
    """

    density: Array
    z: Array
    u: Array
    wide: Array


def three_peaks(y: Array, m: Array, pair: Pair, model: BeadModel) -> Peaks:
    """Evaluate the three peaks of the genes at positions m for each bead."""
    kept = 1.0 - model.outliers
    at = (
        (0.5 * pair.share, m[0] + pair.split, pair.widths[0]),
        (0.5 * pair.share, m[0] - pair.split, pair.widths[0]),
        (1.0 - pair.share, m[1], pair.widths[1]),
    )
    parts = [peak_density(y, position, model.table, factor) for _, position, factor in at]
    density = np.stack([kept * part * found[0] for (part, _, _), found in zip(at, parts, strict=True)])
    z = np.stack([found[1] for found in parts])
    return Peaks(density, z, 1.0 / (1.0 + z * z / 7.0), np.array([found[2] for found in parts]))


def pair_density(y: Array, m: Array, pair: Pair, model: BeadModel) -> Array:
    """Density f of the beads at positions m."""
    return np.asarray(three_peaks(y, m, pair, model).density.sum(axis=0) + model.outliers / model.span)


def log_likelihood(y: Array, m: Array, pair: Pair, model: BeadModel) -> float:
    """Log-likelihood of positions m."""
    return float(np.log(pair_density(y, m, pair, model)).sum())
