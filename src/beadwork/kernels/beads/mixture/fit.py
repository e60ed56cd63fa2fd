"""Posterior of the two positions of every analyte in every well: the definition."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture.box import BIG_GRID, GRID, Box, Integrals, half_sides, integrate_box
from beadwork.kernels.beads.mixture.climb import Mode, climb
from beadwork.kernels.beads.mixture.densities import Array, BeadModel, Pair, PairPrior, log_prior

Fits = npt.NDArray[np.float32]

SAME_MODE = 0.1
"""A mode is another one's if nearer to it than this (log2)."""
STRAINED = 1.6
"""Peaks are sought without the prior's help if the beads lie further from their peaks than widths allow: summed
squares, 1 a bead if all is well."""
UNEVEN = 4.0
"""Likewise if the beads of the two genes are further from their shares than so many standard deviations: a gene whose
prior misleads it ends on no beads at all, or on one stray, while the other gene has them all."""
RATIO_MAX = 1e30
"""Largest likelihood in a box, relative to its mode: beyond, that was no mode."""
SWAP_GAP, SWAP_APART = 14.0, 0.8
"""The swapped genes are not tried if they lie further apart and would cost more (log posterior)."""
MODE_GAP = 10.0
"""A second mode that lies further below (log posterior) is not integrated."""


class Columns(NamedTuple):
    """What a fit gives; as :data:`COLUMN`, where each stands."""

    hi: int
    lo: int
    """Means (log2)."""
    sd_hi: int
    sd_lo: int
    """Standard deviations (log2)."""
    hi_above: int
    """Probability that hi lies above lo."""
    evidence: int
    """Log evidence."""
    beads_hi: int
    beads_lo: int
    """Expected beads of each peak."""
    square_hi: int
    square_lo: int
    """Their summed squared deviations in units of the width."""
    n_good: int
    """Good beads."""
    split_slope: int
    """Slope of the log-likelihood by the split, only if it is to be learned."""
    split_known: int
    """Information on the split, likewise."""


COLUMNS = Columns._fields
COLUMN = Columns(*range(len(COLUMNS)))


class Slices(NamedTuple):
    """Columns that stand side by side: those of both genes, and what a pair keeps of the best of its hypotheses."""

    level: slice
    sd: slice
    beads: slice
    square: slice
    kept: slice
    """All between the standard deviations and the split."""


SLICE = Slices(
    level=slice(COLUMN.hi, COLUMN.lo + 1), sd=slice(COLUMN.sd_hi, COLUMN.sd_lo + 1),
    beads=slice(COLUMN.beads_hi, COLUMN.beads_lo + 1), square=slice(COLUMN.square_hi, COLUMN.square_lo + 1),
    kept=slice(COLUMN.hi_above, COLUMN.n_good + 1),
)  # fmt: skip


def fit_pair(y: Array, prior: PairPrior, pair: Pair, model: BeadModel) -> Array:
    """Posterior of the two positions of one analyte in one well.

    Climbs from the prior mean and from its result with the genes swapped; where many beads stay unexplained, also from
    quantiles of the beads.  The best two modes are integrated: in one box if they run into each other, else each in its
    own.

    Parameters
    ----------
    y
        Square root of the good beads' FI, ascending, shape (n,); n may be 0: the prior is the answer.
    prior
        Of the two genes, shape (2,).

    Returns
    -------
    ndarray
        Values named in :data:`COLUMNS`, shape (13,); NaN for what is not wanted.
    """
    modes = find_modes(y, prior, pair, model)
    mode = modes[0]
    out = np.full(len(COLUMNS), np.nan)
    out[SLICE.beads], out[SLICE.square], out[COLUMN.n_good] = mode.beads, mode.square, len(y)
    if model.learn:
        out[COLUMN.split_slope], out[COLUMN.split_known] = mode.split
    if model.modes_only:
        out[SLICE.level] = mode.m
        return out
    sums = _integrate(y, modes, prior, pair, model)
    if not 0.0 < sums.mass < RATIO_MAX:
        mass = math.exp(mode.log_posterior - mode.log_like) * 2.0 * math.pi / math.sqrt(mode.labelled.prod())
        sums = Integrals(mass, np.zeros(2), mass / mode.labelled, 0.5 * mass)
    shift = sums.distance / sums.mass
    variance = np.maximum(sums.square / sums.mass - shift**2, 1e-8)
    out[SLICE.level], out[SLICE.sd] = mode.m + shift, np.sqrt(variance)
    out[COLUMN.hi_above], out[COLUMN.evidence] = sums.above / sums.mass, mode.log_like + math.log(sums.mass)
    return out


def find_modes(y: Array, prior: PairPrior, pair: Pair, model: BeadModel) -> list[Mode]:
    """Climb from several starts; the best mode, and the second best if there is one."""
    n = len(y)
    modes = [climb(y, prior.mean, prior, pair, model)]
    explained = modes[0].beads.sum()
    uneven = modes[0].beads[0] - pair.share * explained
    lost = n > 0 and (
        explained < model.seek * n
        or modes[0].square.sum() > STRAINED * explained
        or uneven**2 > UNEVEN**2 * pair.share * (1.0 - pair.share) * explained
    )
    for start in range(3 if lost else 1):
        if start == 0:
            if not lost and _swap_is_hopeless(modes[0], prior, pair.share):
                continue
            origin = modes[0].m[::-1]
        else:
            at = (0.33, 0.84) if start == 1 else (0.67, 0.16)
            origin = np.array([2.0 * math.log2(y[int(n * at[0])]), 2.0 * math.log2(y[int(n * at[1])])])
        found = climb(y, origin, prior, pair, model)
        if np.abs(found.m - modes[0].m).sum() >= SAME_MODE:
            modes = sorted([*modes, found], key=lambda mode: -mode.log_posterior)[:2]
    return modes


def _swap_is_hopeless(mode: Mode, prior: PairPrior, share: float) -> bool:
    """Whether the swapped genes would cost more than SWAP_GAP: by their prior, and by the shares of the beads."""
    gap = mode.log_posterior - mode.log_like - log_prior(mode.m[::-1], prior)
    gap += (mode.beads[0] - mode.beads[1]) * math.log(share / max(1.0 - share, 1e-9))
    return bool(gap > SWAP_GAP and abs(mode.m[0] - mode.m[1]) > SWAP_APART)


def _integrate(y: Array, modes: list[Mode], prior: PairPrior, pair: Pair, model: BeadModel) -> Integrals:
    """Integrals about the best modes: in one box if they run into each other, else each in its own."""
    mode, side = modes[0], half_sides(modes[0])
    low, high = mode.m - side, mode.m + side
    diagonal = np.diag(mode.curvature)
    hard = mode.curvature[0, 1] ** 2 > 0.5 * diagonal.prod() or bool((diagonal < 0.3 * mode.labelled).any())
    apart: list[Box] = []
    if len(modes) > 1 and modes[1].log_posterior > mode.log_posterior - MODE_GAP:
        other, far = modes[1], half_sides(modes[1])
        if (np.abs(mode.m - other.m) < side + far).all():
            hard = True
            low, high = np.minimum(low, other.m - far), np.maximum(high, other.m + far)
        else:
            apart = [Box(other.m - far, other.m + far, GRID)]
    sums = integrate_box(y, Box(low, high, BIG_GRID if hard else GRID), mode, prior, pair, model)
    for box in apart:
        sums = sums.add(integrate_box(y, box, mode, prior, pair, model))
    return sums


def fit_plate(
    beads: GroupedBeads,
    wells: npt.NDArray[np.int64],
    analytes: npt.NDArray[np.int64],
    prior: PairPrior,
    model: BeadModel,
    out: Fits,
    *,
    threads: int = 1,
) -> None:
    """Fit chosen wells, all hypotheses in them, into ``out``, float32 of shape (W, H, 13); rows of other wells stay.

    `analytes` has the analyte (0..499) of each hypothesis.
    """
    for w in wells:
        for h, a in enumerate(analytes):
            group = beads.reporter[beads.starts[w, a] : beads.starts[w, a + 1]]
            good = np.sqrt(group[(group >= model.first_good) & (group <= model.last_good)].astype(float))
            pair = Pair(float(model.share[h]), model.widths[h], float(model.split[h]))
            out[w, h] = fit_pair(good, PairPrior(prior.mean[w, h], prior.scale[w, h]), pair, model)
