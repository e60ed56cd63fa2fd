r"""Deconvolution of an analyte by a mixture of heavy-tailed peaks: the definitions.

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
steps of 1.44 standard deviations the trapezoid rule gives those of a normal within 0.2 %), rather than the mode itself.

The noise model follows Qiu et al. 2020 (doi 10.1093/bioinformatics/btaa064) in its known shares and t kernel; lots,
lean, plate prior and integration are our own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Fits = npt.NDArray[np.float32]

T7 = math.gamma(4.0) / (math.gamma(3.5) * math.sqrt(7.0 * math.pi))
"""Student's density with 7 degrees of freedom at 0."""
LOG_T3 = math.log(math.gamma(2.0) / (math.gamma(1.5) * math.sqrt(3.0 * math.pi)))
"""Log of Student's density with 3 degrees of freedom at 0."""
TABLE_LOW, TABLE_STEP = 4.0, 0.5
TABLE_POINTS = 23
"""The width table holds scales at log2 FI 4, 4.5, ... 15."""
CLIMBS = 25
"""Most steps to a mode."""
TOLERANCE, SAME_MODE = 0.04, 0.1
"""A mode is found when a step is smaller (log2), and it is another one's if nearer to it than this.  Steps shrink fast,
and what is reported depends on the integral."""
STEP_EARLY, STEP_LATE = 0.5, 0.25
"""Largest step, in the first three and later (log2)."""
SEEK, SEEK_ALWAYS = 0.85, 2.0
"""If the mode explains a smaller share of the beads, peaks are sought without the prior's help too."""
STRAINED = 1.6
"""Likewise if the beads lie further from their peaks than widths allow: summed squares, 1 a bead if all is well."""
UNEVEN = 4.0
"""Likewise if the beads of the two genes are further from their shares than so many standard deviations: a gene whose
prior misleads it ends on no beads at all, or on one stray, while the other gene has them all."""
RATIO_MAX = 1e30
"""Largest likelihood in a box, relative to its mode: beyond, that was no mode."""
SWAP_GAP, SWAP_APART = 14.0, 0.8
"""The swapped genes are not tried if they lie further apart and would cost more (log posterior)."""
MODE_GAP = 10.0
"""A second mode that lies further below (log posterior) is not integrated."""
HALF_BOX = 3.6
"""Half side of the box about a mode, in standard deviations."""
CURVATURE_MIN = 0.08
"""Least curvature that sizes a box, as a share of that of labelled beads."""
GRID, BIG_GRID = 6, 12
"""Grid points along each side of a box, and where modes merge or positions are strongly tied; even, 16 at most."""
LEAST_KNOWN = 0.3
"""Least information on the split, as a share of that of labelled beads."""
COLUMNS = (
    "hi", "lo", "sd_hi", "sd_lo", "hi_above", "evidence", "beads_hi", "beads_lo", "square_hi", "square_lo", "n_good",
    "split_slope", "split_known",
)  # fmt: skip
"""What a fit gives: means and standard deviations (log2); probability that hi lies above lo; log evidence; expected
beads of each peak; their summed squared deviations in units of the width; good beads; slope of the log-likelihood by
the split and the information on it (both only if they are to be learned)."""


class At(NamedTuple):
    """Where the columns of a fit stand, single ones and those of both genes; made from :data:`COLUMNS`."""

    level: slice
    sd: slice
    beads: slice
    square: slice
    hi_above: int
    evidence: int
    n_good: int
    split_slope: int
    split_known: int
    kept: slice
    """What a pair keeps of the best of its slots: all between the standard deviations and the split."""


def _both(hi: str, lo: str) -> slice:
    first = COLUMNS.index(hi)
    assert COLUMNS[first + 1] == lo
    return slice(first, first + 2)


AT = At(
    level=_both("hi", "lo"), sd=_both("sd_hi", "sd_lo"), beads=_both("beads_hi", "beads_lo"),
    square=_both("square_hi", "square_lo"), hi_above=COLUMNS.index("hi_above"), evidence=COLUMNS.index("evidence"),
    n_good=COLUMNS.index("n_good"), split_slope=COLUMNS.index("split_slope"),
    split_known=COLUMNS.index("split_known"), kept=slice(COLUMNS.index("hi_above"), COLUMNS.index("n_good") + 1),
)  # fmt: skip


class BeadModel(NamedTuple):
    """What is known of the beads before a well is seen.

    Most is given by slot, a slot being one way to see an analyte: ``share`` of hi beads, shape (S,), 1 for an analyte
    with one gene; ``widths`` factors of the genes, shape (S, 2); ``split`` of the hi gene's lots, shape (S,).
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
    """Prior of the positions: mean and scale (log2), shape (W, S, 2) each."""

    mean: Array
    scale: Array


class Mode(NamedTuple):
    """A mode of the posterior of one pair, with its curvature and what the beads say there.

    ``split`` is what :func:`split_score` gives.  All but position and likelihood are of the last step's start.
    """

    m: Array
    curvature: Array
    labelled: Array
    beads: Array
    square: Array
    split: tuple[float, float]
    log_like: float
    log_posterior: float


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


def log_prior(m: Array, mean: Array, scale: Array) -> float:
    """Log density of the prior of both positions."""
    z = (m - mean) / scale
    return float(np.sum(LOG_T3 - 2.0 * np.log1p(z * z / 3.0) - np.log(scale)))


class Peaks(NamedTuple):
    """Three peaks: the hi gene's upper and lower lot, the lo gene.

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


def climb(y: Array, start: Array, mean: Array, scale: Array, pair: Pair, model: BeadModel) -> Mode:
    """Climb to a mode by Newton steps, or by those of expectation-maximisation where the surface is not convex.

    With responsibilities r of the beads, the score of a labelled bead with respect to its peak's position is
    ``ln2/2 (8/7 u (z w + z^2) - 1)``, u = 1 / (1 + z^2/7), w = 1 / (s ln2/2); the observed information is that of
    labelled beads less the variance of the score over the unknown labels (Louis 1982).
    """
    half, eight = 0.5 * math.log(2.0), 8.0 / 7.0
    m = np.array(start, dtype=float)
    gene = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    curvature, labelled, beads, square, last = np.eye(2), np.ones(2), np.zeros(2), np.zeros(2), m
    for turn in range(CLIMBS):
        peaks = three_peaks(y, m, pair, model)
        r = peaks.density / (peaks.density.sum(axis=0) + model.outliers / model.span)
        beads, square = gene @ r.sum(axis=1), gene @ (eight * (r * peaks.u * peaks.z**2).sum(axis=1))
        score = eight * half * (peaks.u * peaks.z * (peaks.z + peaks.wide[:, None]) - 0.875)
        by_gene = gene @ (r * score)
        labelled = gene @ (eight * (half * peaks.wide) ** 2 * (r * peaks.u).sum(axis=1))
        pull = 4.0 / (3.0 * scale**2 + (m - mean) ** 2)
        slope, labelled = by_gene.sum(axis=1) - pull * (m - mean), labelled + pull
        curvature = np.diag(labelled - gene @ (r * score**2).sum(axis=1)) + by_gene @ by_gene.T
        step = slope / labelled
        det = float(np.linalg.det(curvature))
        diagonal = np.diag(curvature)
        if (diagonal > 0.1 * labelled).all() and det > 0.1 * diagonal.prod():
            newton = np.linalg.solve(curvature, slope)
            if newton @ slope >= 0.0:
                step = newton
        limit = STEP_EARLY if turn < 3 else STEP_LATE
        step = np.clip(step, -limit, limit)
        last, m = m, m + step
        if np.abs(step).max() < TOLERANCE:
            break
    log_like = float(np.log(pair_density(y, m, pair, model)).sum())
    split = split_score(y, last, pair, model)
    return Mode(m, curvature, labelled, beads, square, split, log_like, log_like + log_prior(m, mean, scale))


def split_score(y: Array, m: Array, pair: Pair, model: BeadModel) -> tuple[float, float]:
    """Slope of the log-likelihood by the split, and the information on it (at least LEAST_KNOWN of labelled beads)."""
    half, eight = 0.5 * math.log(2.0), 8.0 / 7.0
    peaks = three_peaks(y, m, pair, model)
    r = (peaks.density / (peaks.density.sum(axis=0) + model.outliers / model.span))[:2]
    u, z, wide = peaks.u[:2], peaks.z[:2], peaks.wide[:2]
    score = eight * half * (u * z * (z + wide[:, None]) - 0.875)
    signed = r[0] * score[0] - r[1] * score[1]
    labelled = float((eight * (half * wide) ** 2 * (r * u).sum(axis=1)).sum())
    known = labelled - float((r * score**2).sum() - (signed**2).sum())
    return float(signed.sum()), max(known, LEAST_KNOWN * labelled)


def pair_density(y: Array, m: Array, pair: Pair, model: BeadModel) -> Array:
    """Density f of the beads at positions m."""
    return np.asarray(three_peaks(y, m, pair, model).density.sum(axis=0) + model.outliers / model.span)


def box_sides(mode: Mode) -> Array:
    """Half sides of the box about a mode: HALF_BOX standard deviations of the curvature there."""
    least = np.maximum(np.diag(mode.curvature), CURVATURE_MIN * mode.labelled)
    tied = min(mode.curvature[0, 1] ** 2 / least.prod(), 0.9)
    return np.asarray(HALF_BOX / np.sqrt(least * (1.0 - tied)))


def fit_pair(y: Array, mean: Array, scale: Array, pair: Pair, model: BeadModel) -> Array:
    """Posterior of the two positions of one analyte in one well.

    Climbs from the prior mean and from its result with the genes swapped; where many beads stay unexplained, also from
    quantiles of the beads.  The best two modes are integrated: in one box if they run into each other, else each in its
    own.

    Parameters
    ----------
    y
        Square root of the good beads' FI, ascending, shape (n,); n may be 0: the prior is the answer.
    mean, scale, widths
        Of the two genes, shape (2,).

    Returns
    -------
    ndarray
        Values named in :data:`COLUMNS`, shape (13,); NaN for what is not wanted.
    """
    n = len(y)
    modes = [climb(y, mean, mean, scale, pair, model)]
    explained = modes[0].beads.sum()
    uneven = modes[0].beads[0] - pair.share * explained
    lost = n > 0 and (
        explained < model.seek * n
        or modes[0].square.sum() > STRAINED * explained
        or uneven**2 > UNEVEN**2 * pair.share * (1.0 - pair.share) * explained
    )
    for start in range(3 if lost else 1):
        if start == 0:
            if not lost and _swap_is_hopeless(modes[0], mean, scale, pair.share):
                continue
            origin = modes[0].m[::-1]
        else:
            at = (0.33, 0.84) if start == 1 else (0.67, 0.16)
            origin = np.array([2.0 * math.log2(y[int(n * at[0])]), 2.0 * math.log2(y[int(n * at[1])])])
        found = climb(y, origin, mean, scale, pair, model)
        if np.abs(found.m - modes[0].m).sum() >= SAME_MODE:
            modes = sorted([*modes, found], key=lambda mode: -mode.log_posterior)[:2]
    mode, side = modes[0], box_sides(modes[0])
    out = np.full(len(COLUMNS), np.nan)
    out[6:11] = *mode.beads, *mode.square, n
    if model.learn:
        out[11:13] = mode.split
    if model.modes_only:
        out[0:2] = mode.m
        return out
    low, high = mode.m - side, mode.m + side
    diagonal = np.diag(mode.curvature)
    hard = mode.curvature[0, 1] ** 2 > 0.5 * diagonal.prod() or bool((diagonal < 0.3 * mode.labelled).any())
    sums = np.zeros(6)
    if len(modes) > 1 and modes[1].log_posterior > mode.log_posterior - MODE_GAP:
        other, far = modes[1], box_sides(modes[1])
        if (np.abs(mode.m - other.m) < side + far).all():
            hard = True
            low, high = np.minimum(low, other.m - far), np.maximum(high, other.m + far)
        else:
            box = (other.m - far, other.m + far, GRID)
            sums += integrate_box(y, *box, mode, mean, scale, pair, model)
    sums += integrate_box(y, low, high, BIG_GRID if hard else GRID, mode, mean, scale, pair, model)
    if not 0.0 < sums[0] < RATIO_MAX:
        mass = math.exp(mode.log_posterior - mode.log_like) * 2.0 * math.pi / math.sqrt(mode.labelled.prod())
        sums = mass * np.array([1.0, 0.0, 0.0, *(1.0 / mode.labelled), 0.5])
    mass, shift = sums[0], sums[1:3] / sums[0]
    variance = np.maximum(sums[3:5] / mass - shift**2, 1e-8)
    out[0:6] = *(mode.m + shift), *np.sqrt(variance), sums[5] / mass, mode.log_like + math.log(mass)
    return out


def _swap_is_hopeless(mode: Mode, mean: Array, scale: Array, share: float) -> bool:
    """Whether the swapped genes would cost more than SWAP_GAP: by their prior, and by the shares of the beads."""
    gap = mode.log_posterior - mode.log_like - log_prior(mode.m[::-1], mean, scale)
    gap += (mode.beads[0] - mode.beads[1]) * math.log(share / max(1.0 - share, 1e-9))
    return bool(gap > SWAP_GAP and abs(mode.m[0] - mode.m[1]) > SWAP_APART)


def integrate_box(
    y: Array,
    low: Array,
    high: Array,
    points: int,
    mode: Mode,
    mean: Array,
    scale: Array,
    pair: Pair,
    model: BeadModel,
) -> Array:
    """Integrals over a box, relative to the likelihood at `mode`: 1, d0, d1, d0^2, d1^2, (hi above lo); d from it."""
    at = [np.linspace(low[c], high[c], points) for c in (0, 1)]
    here = [three_peaks(y, np.array([at[0][g], at[1][g]]), pair, model).density for g in range(points)]
    hi_rows, lo_rows = np.stack([peaks[0] + peaks[1] for peaks in here]), np.stack([peaks[2] for peaks in here])
    density = hi_rows[:, None, :] + lo_rows[None, :, :] + model.outliers / model.span
    log_ratio = np.log(density).sum(axis=2) - mode.log_like
    z = [(at[c] - mean[c]) / scale[c] for c in (0, 1)]
    prior = [np.exp(LOG_T3) * (1.0 + z[c] ** 2 / 3.0) ** -2 / scale[c] for c in (0, 1)]
    cell = float(np.prod((high - low) / (points - 1)))
    mass = np.exp(log_ratio) * prior[0][:, None] * prior[1] * cell
    d0, d1 = at[0] - mode.m[0], at[1] - mode.m[1]
    cells = (high - low).sum() / (points - 1)
    above = np.clip(0.5 + (at[0][:, None] - at[1]) / cells, 0.0, 1.0)  # a cell on the diagonal counts in part
    hi, lo = mass.sum(axis=1), mass.sum(axis=0)
    return np.array([mass.sum(), hi @ d0, lo @ d1, hi @ d0**2, lo @ d1**2, (mass * above).sum()])


def fit_plate(
    reporter: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    wells: npt.NDArray[np.int64],
    analytes: npt.NDArray[np.int64],
    prior: PairPrior,
    model: BeadModel,
    out: Fits,
    *,
    threads: int = 1,
) -> None:
    """Fit chosen wells, and all slots in them, into ``out``, float32 of shape (W, S, 13); rows of other wells stay.

    `analytes` has the analyte (0..499) of each slot.
    """
    for w in wells:
        for s, a in enumerate(analytes):
            beads = reporter[starts[w, a] : starts[w, a + 1]]
            good = np.sqrt(beads[(beads >= model.first_good) & (beads <= model.last_good)].astype(float))
            pair = Pair(float(model.share[s]), model.widths[s], float(model.split[s]))
            out[w, s] = fit_pair(good, prior.mean[w, s], prior.scale[w, s], pair, model)
