"""What the other wells of a plate say about one: the empirical-Bayes prior of the mixture method.

The log2 position of gene g in well w is modelled as::

    m_gw = level_g + effect_w(level_g) + sum_k loading_gk factor_kw + tau_g kappa_w t3

effect_w is a quadratic of the level (amount of RNA, calibration and its bend differ by well); the factors are what the
genes of a plate do together; tau_g is the gene's own spread, kappa_w is large in a well whose genes are strongly
regulated, so that true regulation is not pulled back to the plate.

Which of three neighbouring peaks are the two subpopulations of the hi gene and which is the lo gene cannot always be
decided at once.  So each pair of genes is carried through the plate under several hypotheses (levels, split of the
subpopulations, width factors) that compete: their evidence over all wells decides, or shares, in the end.  Arrays are
(W, H, 2) or (H, 2): wells, hypotheses, hi and lo.  Sums run in fixed order without a linear-algebra library where
threads could change the last bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture.densities import SEEK_ALWAYS, WIDTHS, Array, BeadModel, PairPrior
from beadwork.kernels.beads.mixture.fit import COLUMN, COLUMNS, SLICE, Fits
from beadwork.kernels.beads.mixture.hypotheses import (
    HYPOTHESIS_GAP,
    LATE_GAP,
    Hypotheses,
    first_hypotheses,
    fitted_share,
    learn_shape,
    over_wells,
    pick_hypotheses,
    plate_width,
    relabelled,
    shape_cost,
    usual_hypotheses,
)
from beadwork.kernels.beads.mixture.pooled import (
    SPLIT,
    bead_levels,
    carried,
    first_effects,
    pool_beads,
    pooled_starts,
)
from beadwork.kernels.beads.mixture.prior import common_factors, spreads, well_effects

FIRST_SPREAD = 0.25
"""Scale of the prior before the plate's own is known (log2)."""
LEARN_WELLS, LEARN_ROUNDS = 48, 3
"""Wells on which hypotheses learn their levels, widths and split before all wells are fitted, and rounds of it."""
ALONE_SCALE = 2.5
"""Scale of the prior without a plate: next to nothing (log2)."""
TAU_MIN = 0.05
"""Least scale of the prior (log2)."""


class Settings(NamedTuple):
    """Choices of the method; see ``DeconvolveParams`` for their meaning."""

    use_prior: bool
    outliers: float
    first_good: int
    last_good: int
    span: float
    passes: int
    n_factors: int
    spread: float
    spread_strength: float
    share_strength: float


class PlateFit(NamedTuple):
    """Fit of a plate.

    ``fit`` the columns of ``fit.COLUMNS``, shape (W, A, 13), NaN for analytes that were not fitted and for columns
    of learning; ``share`` of hi beads as fitted; ``widths`` factors (A, 2) and ``split`` (A,) of the genes; ``level``
    (A, 2), ``tau`` (A, 2) and ``kappa`` (W,) of the prior (of no meaning without it); ``prior`` of the last round,
    (W, A, 2).  Where hypotheses share a pair, shape and prior are those of the likeliest.
    """

    fit: Fits
    share: float
    widths: Array
    split: Array
    level: Array
    tau: Array
    kappa: Array
    prior: PairPrior


def fit_mixtures(
    beads: GroupedBeads,
    analytes: npt.NDArray[np.int64],
    duo: npt.NDArray[np.bool_],
    share: float,
    settings: Settings,
    fit: Callable[..., None],
    *,
    threads: int = 1,
) -> PlateFit:
    """Fit all wells of a plate, each with what the others say.

    An analyte without good beads in any well is not fitted, unless no pair has any.

    Parameters
    ----------
    beads
        Beads of all analytes.
    analytes
        Analytes to fit, 0..499.
    duo
        Which analytes carry two genes, shape (500,).
    share
        Share of hi beads that the mixing ratio promises.
    fit
        ``fit_plate`` of :mod:`beadwork.kernels.beads.mixture.fit` or of its compiled twin.
    """
    levels = bead_levels(beads, settings.first_good, settings.last_good)
    seen = carried(beads, settings.first_good, settings.last_good)[analytes]
    if seen[duo[analytes]].any():
        analytes = analytes[seen]
    nobody = np.zeros(0)
    model = BeadModel(
        WIDTHS, nobody, nobody, nobody, settings.outliers, settings.first_good, settings.last_good, settings.span
    )
    plate = _Plate(beads, first_effects(levels[:, analytes]), model, fit, threads)
    middle = np.where(np.isnan(levels), 7.0, levels)
    if not settings.use_prior:
        return _fit_alone(plate, analytes, duo, share, middle)

    n_wells = len(beads.starts)
    pairs, single = analytes[duo[analytes]], analytes[~duo[analytes]]
    chosen = np.unique(np.linspace(0, n_wells - 1, min(LEARN_WELLS, n_wells)).astype(np.int64))
    counts, centres = pool_beads(beads, chosen, plate.shift, settings.first_good, settings.last_good)
    starts = pooled_starts(counts[pairs], centres, WIDTHS, np.full(len(pairs), share), FIRST_SPREAD)
    hypotheses = first_hypotheses(pairs, *starts)
    hypotheses = pick_hypotheses(learn_hypotheses(plate, hypotheses, chosen, share, 0.0))
    centre = plate_width(hypotheses)
    others = learn_hypotheses(plate, relabelled(hypotheses), chosen, share, centre)
    hypotheses = pick_hypotheses(hypotheses.join(others))
    level = np.median(middle[:, single] - plate.shift[:, None], axis=0)
    alone = usual_hypotheses(single, np.zeros(len(single), dtype=bool), np.stack([level, level], axis=1), 0.0)
    hypotheses = hypotheses.join(alone)
    return _fit_passes(plate, hypotheses, share, centre, settings)


class _Plate(NamedTuple):
    """What all fits of a plate share: beads, shift of each well (W,), model, kernel and threads."""

    beads: GroupedBeads
    shift: Array
    model: BeadModel
    kernel: Callable[..., None]
    threads: int

    @property
    def n_analytes(self) -> int:
        """Analytes of the plate, fitted or not."""
        return int(self.beads.starts.shape[1]) - 1

    def fit(
        self,
        hypotheses: Hypotheses,
        wells: npt.NDArray[np.int64],
        mean: Array,
        scale: Array,
        share: float,
        **changes: Any,
    ) -> Fits:
        """Fit hypotheses in chosen wells, shape (wells, H, 13); mean and scale of the prior are (W, H, 2)."""
        shape = len(self.beads.starts), len(hypotheses.analyte), len(COLUMNS)
        out = np.empty(shape, dtype=np.float32)  # rows of other wells are never touched
        model = self.model._replace(
            share=np.where(hypotheses.duo, share, 1.0), widths=hypotheses.widths, split=hypotheses.split, **changes
        )
        prior = PairPrior(np.ascontiguousarray(mean), np.ascontiguousarray(scale))
        self.kernel(self.beads, wells, hypotheses.analyte, prior, model, out, threads=self.threads)
        return out if len(wells) == len(out) else out[wells]


def learn_hypotheses(
    plate: _Plate, hypotheses: Hypotheses, wells: npt.NDArray[np.int64], share: float, centre: float
) -> Hypotheses:
    """Let hypotheses find their levels, widths and splits in some wells, and the evidence for them there."""
    scale = np.full((len(plate.beads.starts), len(hypotheses.analyte), 2), FIRST_SPREAD)
    for turn in range(LEARN_ROUNDS):
        last = turn == LEARN_ROUNDS - 1
        mean = hypotheses.level + plate.shift[:, None, None]
        found = plate.fit(hypotheses, wells, mean, scale, share, learn=not last, modes_only=not last)
        if last:
            break
        hypotheses = hypotheses._replace(
            level=np.median(found[:, :, SLICE.level].astype(float) - plate.shift[wells, None, None], axis=0)
        )
        hypotheses = learn_shape(found, hypotheses, centre)
    return hypotheses._replace(evidence=over_wells(found[:, :, COLUMN.evidence]) - shape_cost(hypotheses, centre))


def _fit_passes(plate: _Plate, hypotheses: Hypotheses, share: float, centre: float, settings: Settings) -> PlateFit:
    """Fit all wells again and again, each time with a prior learned from the fit before; hypotheses compete."""
    n_wells = len(plate.beads.starts)
    wells = np.arange(n_wells)
    mean = hypotheses.level + plate.shift[:, None, None]
    scale = np.full(mean.shape, FIRST_SPREAD)
    tau, kappa = np.full(hypotheses.level.shape, FIRST_SPREAD), np.ones(n_wells)
    n_factors = min(settings.n_factors, n_wells // 8)
    for turn in range(settings.passes):
        last = turn == settings.passes - 1
        found = plate.fit(hypotheses, wells, mean, scale, share, learn=not last)
        evidence = over_wells(found[:, :, COLUMN.evidence]) - shape_cost(hypotheses, centre)
        hypotheses = hypotheses._replace(evidence=evidence)
        if last:
            break
        if turn == 0:
            best = np.flatnonzero(hypotheses.best())
            apart = hypotheses.take(best)
            share = fitted_share(found[:, best], apart.level, apart.duo, share, settings.share_strength)
        rows = np.flatnonzero(hypotheses.behind() <= (LATE_GAP if turn == settings.passes - 2 else HYPOTHESIS_GAP))
        hypotheses, found, scale, tau = hypotheses.take(rows), found[:, rows], scale[:, rows], tau[rows]
        used = hypotheses.best()
        hypotheses = learn_shape(found, hypotheses, centre)
        value, sd = found[:, :, SLICE.level].astype(float), found[:, :, SLICE.sd].astype(float)
        level, effect = well_effects(value, sd, tau, used)
        hypotheses = hypotheses._replace(level=level)
        rest = value - level - effect
        common = common_factors(rest, sd, scale, n_factors, used)
        first = np.full(tau.shape, settings.spread) if turn == 0 else tau
        tau, kappa = spreads(rest - common, sd, first, kappa, settings.spread, settings.spread_strength, used)
        mean = level + effect + common
        scale = np.maximum(TAU_MIN, tau * kappa[:, None, None])
    return _join_hypotheses(found, hypotheses, share, tau, kappa, PairPrior(mean, scale), plate.n_analytes)


def _join_hypotheses(
    found: Fits, hypotheses: Hypotheses, share: float, tau: Array, kappa: Array, prior: PairPrior, n_analytes: int
) -> PlateFit:
    """One answer an analyte: positions, deviations and odds averaged over its hypotheses by their evidence."""
    order = np.argsort(hypotheses.analyte, kind="stable")
    first = np.flatnonzero(np.diff(hypotheses.analyte[order], prepend=-1))
    best = order[hypotheses.best()[order]]
    at = hypotheses.analyte[best]
    value, sd = found[:, :, SLICE.level].astype(float), found[:, :, SLICE.sd].astype(float)
    weight = hypotheses.weights()[order, None]

    def joined(values: Array) -> Array:
        return np.asarray(np.add.reduceat(values[:, order] * weight, first, axis=1))

    mean = joined(value)
    fit = np.full((len(found), n_analytes, len(COLUMNS)), np.nan, dtype=np.float32)
    fit[:, at, SLICE.kept] = found[:, best, SLICE.kept]
    fit[:, at, SLICE.level] = mean
    fit[:, at, SLICE.sd] = np.sqrt(np.maximum(joined(sd**2 + value**2) - mean**2, 1e-8))
    fit[:, at, COLUMN.hi_above] = joined(found[:, :, [COLUMN.hi_above]].astype(float))[:, :, 0]

    def by_analyte(values: Array, empty: float) -> Array:
        spread_out = np.full((n_analytes, *values.shape[1:]), empty)
        spread_out[at] = values[best]
        return spread_out

    of_wells = [by_analyte(x.transpose(1, 0, 2), np.nan).transpose(1, 0, 2) for x in prior]
    return PlateFit(
        fit, share, by_analyte(hypotheses.widths, 1.0), by_analyte(hypotheses.split, 0.0),
        by_analyte(hypotheses.level, np.nan), by_analyte(tau, np.nan), kappa, PairPrior(*of_wells),
    )  # fmt: skip


def _fit_alone(
    plate: _Plate, analytes: npt.NDArray[np.int64], duo: npt.NDArray[np.bool_], share: float, middle: Array
) -> PlateFit:
    """Fit each well without the others, all pairs with the typical split."""
    mean = np.stack([middle, middle], axis=2)
    hypotheses = usual_hypotheses(analytes, duo[analytes], np.median(mean[:, analytes], axis=0), SPLIT)
    prior = PairPrior(mean[:, analytes], np.full((len(middle), len(analytes), 2), ALONE_SCALE))
    found = plate.fit(hypotheses, np.arange(len(middle)), *prior, share, seek=SEEK_ALWAYS)
    tau = np.full(hypotheses.level.shape, FIRST_SPREAD)
    return _join_hypotheses(found, hypotheses, share, tau, np.ones(len(middle)), prior, plate.n_analytes)
