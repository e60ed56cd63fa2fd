"""What the other wells of a plate tell about one: the empirical-Bayes prior of the mixture method.

The log2 position of gene g in well w is modelled as::

    m_gw = level_g + effect_w(level_g) + sum_k loading_gk factor_kw + tau_g kappa_w t3

effect_w is a quadratic of the level (amount of RNA, calibration and its bend differ by well); the factors are what the
genes of a plate do together; tau_g is the gene's own spread, kappa_w is large in a well whose genes are strongly moved,
so that true regulation is not pulled back to the plate.

Which of three neighbouring peaks are the two lots of the hi gene and which is the lo gene cannot always be seen at
once.  So each pair of genes is carried through the plate in several slots, ways to see it (levels, split of the lots,
width factors), that compete: their evidence over all wells decides, or shares, in the end.  Arrays are (W, S, 2) or
(S, 2): wells, slots, hi and lo.  Sums run in fixed order without a linear-algebra library where threads could change
the last bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from beadwork.kernels.beads.mixture import (
    AT,
    COLUMNS,
    SEEK_ALWAYS,
    T7,
    TABLE_LOW,
    TABLE_POINTS,
    TABLE_STEP,
    Array,
    BeadModel,
    Fits,
    PairPrior,
    scale_at,
)  # fmt: skip

WIDTHS = np.interp(
    TABLE_LOW + TABLE_STEP * np.arange(TABLE_POINTS),
    [4, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 15],
    [0.55, 0.50, 0.40, 0.315, 0.265, 0.232, 0.20, 0.175, 0.15, 0.14],
)
"""Widths (scale of the t on log2) of peaks by position: medians over lo genes of the separated pairs of LJP009, A375.
With the split taken out, hi genes have the same."""
WIDTH_SD = 0.12
"""Spread of the log width factors of the genes about that of the plate."""
SPLIT, SPLIT_SD, SPLIT_MOST = 0.15, 0.1, 0.42
"""Split of a hi gene (log2) that is typical, scale of its half-normal prior, and largest that a slot starts from.

Labelled beads of LJP009 (B20) and REP.A028 (B25) have a scale of .18 and a largest split of .4.  The prior is tighter,
since evidence summed over thousands of beads is too sure of itself: small misfits of the kernel add up."""

FIRST_SPREAD = 0.25
"""Scale of the prior before the plate's own is known (log2)."""
LEARN_WELLS, LEARN_ROUNDS = 48, 3
"""Wells on which slots learn their levels, widths and split before all wells are fitted, and rounds of it."""
POOLED_GAP = 0.05
"""Log-likelihood per pooled bead by which one way must win for the other not to be tried."""
SLOT_GAP, LATE_GAP, MOST_SLOTS = 40.0, 15.0, 4
"""A slot that is further behind the best of its pair (log evidence) leaves, and so many stay at most.  The second gap
holds before the last fit of the plate."""
SAME_LEVEL, SAME_SPLIT = 0.08, 0.06
"""Slots nearer to each other than this (log2) are one."""
ALONE_SCALE = 2.5
"""Scale of the prior without a plate: next to nothing (log2)."""
SHARE_APART = 1.0
"""Pairs further apart tell the mixing ratio of the plate (log2)."""
TAU_MIN = 0.05
"""Least scale of the prior (log2)."""

EFFECT_FITS = 5
FACTOR_ROUNDS = 6
BIN = 0.125
"""Width of the bins of the pooled start (log2)."""


class Settings(NamedTuple):
    """Choices of the method; see ``MixtureParams`` for their meaning."""

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

    ``fit`` the columns of ``mixture.COLUMNS``, shape (W, A, 13), NaN for analytes that were not fitted and for columns
    of learning; ``share`` of hi beads as fitted; ``widths`` factors (A, 2) and ``split`` (A,) of the genes; ``level``
    (A, 2), ``tau`` (A, 2) and ``kappa`` (W,) of the prior (of no meaning without it); ``prior`` of the last round,
    (W, A, 2).  Where slots share a pair, shape and prior are those of the likeliest.
    """

    fit: Fits
    share: float
    widths: Array
    split: Array
    level: Array
    tau: Array
    kappa: Array
    prior: PairPrior


class Slots(NamedTuple):
    """Ways to see analytes, one row each.

    ``analyte`` (S,), whether it carries two genes ``duo`` (S,), levels of both genes (S, 2), width factors (S, 2),
    split of the hi gene (S,), and log ``evidence`` (S,).
    """

    analyte: npt.NDArray[np.int64]
    duo: npt.NDArray[np.bool_]
    level: Array
    widths: Array
    split: Array
    evidence: Array

    def take(self, rows: npt.NDArray[np.int64]) -> Slots:
        """Take some of them."""
        return Slots(*(column[rows] for column in self))  # type: ignore[arg-type]

    def join(self, *others: Slots) -> Slots:
        """Put these and others together."""
        return Slots(*(np.concatenate(columns) for columns in zip(self, *others, strict=True)))

    def best(self) -> npt.NDArray[np.bool_]:
        """Whether a slot has the largest evidence of its analyte, the first of equals."""
        order = np.lexsort((-self.evidence, self.analyte))
        first = np.ones(len(order), dtype=bool)
        first[1:] = np.diff(self.analyte[order]) > 0
        found = np.zeros(len(order), dtype=bool)
        found[order[first]] = True
        return found

    def behind(self) -> Array:
        """How far the evidence of a slot lies below the largest of its analyte."""
        top = np.full(int(self.analyte.max(initial=-1)) + 1, -np.inf)
        np.maximum.at(top, self.analyte, self.evidence)
        return np.asarray(top[self.analyte] - self.evidence)

    def weights(self) -> Array:
        """Share of each slot in its analyte, by evidence."""
        weight = np.exp(-np.minimum(self.behind(), 700.0))
        return np.asarray(weight / np.bincount(self.analyte, weights=weight)[self.analyte])


def bead_levels(
    reporter: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], first_good: int, last_good: int
) -> Array:
    """Level of the beads of each analyte: mean log2 FI of four quantiles (1/8, 3/8, ...), shape (W, A).

    NaN without beads, and where the middle one is not a good one.
    """
    counts = np.diff(starts, axis=1)
    if len(reporter) == 0:
        return np.full(counts.shape, np.nan)

    def bead(eighth: int) -> Array:
        places = np.minimum(starts[:, :-1] + counts * eighth // 8, len(reporter) - 1)
        return np.asarray(reporter[places], dtype=float)

    quantiles = np.stack([bead(eighth) for eighth in (1, 3, 5, 7)])
    level, middle = np.log2(np.clip(quantiles, first_good, last_good)).mean(axis=0), bead(4)
    return np.where((counts > 0) & (middle >= first_good) & (middle <= last_good), level, np.nan)


def carried(
    reporter: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], first_good: int, last_good: int
) -> npt.NDArray[np.bool_]:
    """Whether an analyte has good beads in any well, shape (A,)."""
    found = np.zeros(starts.shape[1] - 1, dtype=bool)
    there = starts[:, 1:] > starts[:, :-1]
    well, analyte = np.nonzero(there)
    smallest, largest = reporter[starts[well, analyte]], reporter[starts[well, analyte + 1] - 1]
    found[analyte[(largest >= first_good) & (smallest <= last_good)]] = True
    return found


def first_effects(levels: Array) -> Array:
    """Shift of each well, shape (W,): median over analytes of their levels (W, A), less the analyte's own median."""
    own = _nanmedian(levels, axis=0)
    return np.nan_to_num(_nanmedian(levels - own, axis=1))


def pool_beads(
    reporter: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    wells: npt.NDArray[np.int64],
    shift: Array,
    first_good: int,
    last_good: int,
) -> tuple[Array, Array]:
    """Histogram of the beads of each analyte over chosen wells, each less the shift of its well; and bin centres."""
    low, n_bins = 3.0, int(13.0 / BIN)
    n_analytes = starts.shape[1] - 1
    counts = np.zeros(n_analytes * n_bins)
    for w in wells:
        beads = reporter[starts[w, 0] : starts[w, -1]]
        analyte = np.repeat(np.arange(n_analytes), np.diff(starts[w]))
        keep = (beads >= first_good) & (beads <= last_good)
        at = ((np.log2(beads[keep].astype(np.float64)) - shift[w] - low) / BIN).astype(np.intp)
        at = np.clip(at, 0, n_bins - 1)
        counts += np.bincount(analyte[keep] * n_bins + at, minlength=len(counts))
    centres = low + BIN * (np.arange(n_bins, dtype=np.float64) + 0.5)
    return np.asarray(counts.reshape(n_analytes, n_bins)), np.asarray(centres)


def pooled_starts(
    counts: Array, centres: Array, table: Array, share: Array, spread: float, rounds: int = 15
) -> tuple[Array, Array]:
    """Levels of both genes from pooled beads, once with hi above lo and once below: (2, A, 2), (2, A).

    The second is the log-likelihood per bead.

    Expectation-maximisation of a mixture of two with widths from the table, widened by `spread` of the wells and, for
    hi, by the typical split, from two starts each way.  Where both ways lead to one and the same, the other is its
    mirror image of equal mean and spread.
    """
    n_analytes = len(counts)
    total = np.maximum(counts.sum(axis=1), 1.0)
    quantile = np.cumsum(counts, axis=1) / total[:, None]

    def at(q: float) -> Array:
        return np.asarray(centres[np.minimum((quantile < q).sum(axis=1), len(centres) - 1)])

    y, beads = (2.0 ** (0.5 * centres)).astype(np.float32), counts.astype(np.float32)
    half = 0.5 * np.log(2.0)
    best = np.full((2, n_analytes), -np.inf)
    levels = np.zeros((2, n_analytes, 2))
    shares = np.stack([share, 1.0 - share], axis=1)
    wider = spread**2 + np.array([1.3 * SPLIT**2, 0.0])

    def column(values: Array) -> npt.NDArray[np.float32]:
        return values.astype(np.float32)[:, :, None]

    for q_hi, q_lo in ((0.67, 0.15), (0.53, 0.47), (0.33, 0.85), (0.47, 0.53)):
        m = np.stack([at(q_hi), at(q_lo)], axis=1)
        for turn in range(rounds + 1):
            width = np.sqrt(scale_at(m, table, 1.0) ** 2 + wider)
            back = 2.0 ** (-0.5 * m)
            z = y * column(back / (half * width)) - column(1.0 / (half * width))
            u = 1.0 / (1.0 + z * z * np.float32(1.0 / 7.0))
            density = (u * u) ** 2 * (y * column(shares * T7 * back / width))
            whole = density.sum(axis=1) + np.float32(0.002)
            if turn == rounds:
                break
            pull = density * u * (beads / whole)[:, None, :]
            step = (pull * z).sum(axis=2) / np.maximum(pull.sum(axis=2), 1e-9) * width
            m = m + np.clip(step, -0.5, 0.5)
        like = (counts * np.log(whole)).sum(axis=1)
        way = (m[:, 0] < m[:, 1]).astype(int)
        better = like > best[way, np.arange(n_analytes)]
        best[way[better], np.flatnonzero(better)] = like[better]
        levels[way[better], np.flatnonzero(better)] = m[better]
    for side in (0, 1):
        none = np.isinf(best[side])
        other = levels[1 - side, none]
        middle = share[none] * other[:, 0] + (1.0 - share[none]) * other[:, 1]
        apart = other[:, 1] - other[:, 0]
        levels[side, none, 0] = middle + (1.0 - share[none]) * apart
        levels[side, none, 1] = middle - share[none] * apart
    # the mirror image of the better way has not been tried as such: no verdict against it unless far apart
    worse = np.where(np.isinf(best), np.where(np.abs(levels[..., 0] - levels[..., 1]) > 1.6, -np.inf, 0.0), best)
    return levels, np.where(np.isinf(best) & (worse == 0.0), best[::-1], worse) / total


def well_effects(fit: Array, sd: Array, tau: Array, used: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Levels (S, 2) and smooth effects (W, S, 2) of the wells: robust quadratics of the level.

    `fit` and `sd` are (W, S, 2).  Genes weigh by 1 / (sd^2 + tau^2), less the further they lie from the curve; slots
    that are not `used` (S,) not at all.
    """
    n_wells = len(fit)
    values = fit.reshape(n_wells, -1)
    weights = np.repeat(used, 2) / (sd.reshape(n_wells, -1) ** 2 + tau.reshape(-1) ** 2)
    level = np.median(values, axis=0)
    x = (level - 9.0) / 2.0
    basis = np.stack([np.ones_like(x), x, x * x])
    products = np.stack([basis[i] * basis[j] for i in range(3) for j in range(3)])
    rest = values - level
    effect = np.median(rest, axis=1, keepdims=True)
    for _ in range(EFFECT_FITS):
        error = rest - effect
        width = 1.2533 * np.abs(error).mean(axis=1, keepdims=True) + 1e-6
        robust = weights / (1.0 + (error / (2.0 * width)) ** 2)
        normal = np.einsum("wg,kg->wk", robust, products).reshape(n_wells, 3, 3)
        right = np.einsum("wg,kg->wk", robust * rest, basis)
        ridge = 1e-3 * normal[:, :1, :1] * np.eye(3)
        weight = np.linalg.solve(normal + ridge, right[:, :, None])[:, :, 0]
        effect = np.einsum("wk,kg->wg", weight, basis)
    effect -= np.median(effect, axis=0)
    level = np.median(values - effect, axis=0)
    shape = fit.shape
    return level.reshape(shape[1:]), effect.reshape(shape)


def common_factors(rest: Array, sd: Array, prior_scale: Array, n_factors: int, used: npt.NDArray[np.bool_]) -> Array:
    """Find what genes do together: low-rank part of the residuals (W, S, 2), shrunken to what rises above the noise.

    Residuals count by their reliability 1 - sd^2 / prior variance; the unreliable part is filled from the low-rank fit
    of the round before.  Singular values shrink by what noise alone would give.  What a well itself contributes to its
    own fit is taken out in the end, so that its beads do not count twice and a well unlike all others is not explained
    by itself.  Slots that are not `used` (S,) have no say in the factors but get their part in them.
    """
    n_wells = len(rest)
    values = rest.reshape(n_wells, -1)
    if n_factors == 0:
        return np.zeros_like(rest)
    trust = np.clip(1.0 - (sd / (1.5 * prior_scale)) ** 2, 0.02, 1.0).reshape(n_wells, -1)
    cap = 9.0 * np.median(np.abs(values), axis=0) + 0.6
    raw = np.clip(values / trust, -cap, cap) * trust
    low = filled = np.zeros_like(values)
    kept = np.zeros(n_factors)
    at = (np.arange(n_wells) + 0.5) / n_wells
    side = np.stack([np.cos(np.pi * (k + 1) * at) for k in range(n_factors)])
    use = np.repeat(used, 2).astype(float)
    edge = (np.sqrt(use.sum()) + np.sqrt(n_wells)) ** 2
    for _ in range(FACTOR_ROUNDS):
        filled = raw + (1.0 - trust) * low
        loading = use * np.einsum("kw,wg->kg", side, filled)
        side = np.ascontiguousarray(np.linalg.qr(np.einsum("kg,wg->wk", loading, filled))[0].T)
        loading = np.einsum("kw,wg->kg", side, filled)
        strength = (use * loading**2).sum(axis=1)
        noise = max(float((use * (filled**2).sum(axis=0)).sum() - strength.sum()), 1e-12) / (n_wells * use.sum())
        kept = np.maximum(0.0, 1.0 - noise * edge / np.maximum(strength, 1e-12))
        low = np.einsum("kw,kg->wg", side * kept[:, None], loading)
    own = (side**2 * kept[:, None]).sum(axis=0)[:, None] * filled
    return np.asarray(low - own).reshape(rest.shape)


def spreads(
    rest: Array,
    sd: Array,
    tau: Array,
    kappa: Array,
    tau0: float,
    strength: float,
    used: npt.NDArray[np.bool_],
    rounds: int = 4,
) -> tuple[Array, Array]:
    """Spread tau (S, 2) of each gene and kappa (W,) of each well, by expectation-maximisation of the t3 prior.

    Posterior moments rest^2 + sd^2 stand for the squared deviations.  Each tau leans on `tau0` as if that had been seen
    in `strength` wells; kappa has geometric mean 1 and comes from slots that are `used` (S,).
    """
    square = rest**2 + sd**2
    use = used.astype(float)[:, None]
    n_wells, n_genes = len(rest), 2.0 * use.sum()
    for _ in range(rounds):
        weight = 4.0 / (3.0 + square / (tau * kappa[:, None, None]) ** 2)
        scaled = weight * square
        tau = np.sqrt(((scaled / kappa[:, None, None] ** 2).sum(axis=0) + strength * tau0**2) / (n_wells + strength))
        weight = 4.0 / (3.0 + square / (tau * kappa[:, None, None]) ** 2)
        kappa = np.sqrt(((use * weight * square / tau**2).sum(axis=(1, 2)) + 30.0) / (n_genes + 30.0))
        kappa = kappa / np.exp(np.mean(np.log(kappa)))
    return tau, kappa


def _nanmedian(values: Array, axis: int) -> Array:
    """Median without missing values; NaN if there are no others."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(values, axis=axis))


def fit_mixtures(
    reporter: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    analytes: npt.NDArray[np.int64],
    duo: npt.NDArray[np.bool_],
    share: float,
    settings: Settings,
    fit: Callable[..., None],
    *,
    threads: int = 1,
) -> PlateFit:
    """Fit all wells of a plate, each with what the others tell.

    An analyte without good beads in any well is not fitted, unless no pair has any.

    Parameters
    ----------
    reporter, starts
        Beads, as in ``BeadPlate``.
    analytes
        Analytes to fit, 0..499.
    duo
        Which analytes carry two genes, shape (500,).
    share
        Share of hi beads that the mixing ratio promises.
    fit
        ``fit_plate`` of :mod:`beadwork.kernels.beads.mixture` or of its compiled twin.
    """
    levels = bead_levels(reporter, starts, settings.first_good, settings.last_good)
    seen = carried(reporter, starts, settings.first_good, settings.last_good)[analytes]
    if seen[duo[analytes]].any():
        analytes = analytes[seen]
    nobody = np.zeros(0)
    model = BeadModel(
        WIDTHS, nobody, nobody, nobody, settings.outliers, settings.first_good, settings.last_good, settings.span
    )
    plate = _Plate(reporter, starts, first_effects(levels[:, analytes]), model, fit, threads)
    middle = np.where(np.isnan(levels), 7.0, levels)
    if not settings.use_prior:
        return _fit_alone(plate, analytes, duo, share, middle)

    pairs, single = analytes[duo[analytes]], analytes[~duo[analytes]]
    chosen = np.unique(np.linspace(0, len(starts) - 1, min(LEARN_WELLS, len(starts))).astype(np.int64))
    counts, centres = pool_beads(reporter, starts, chosen, plate.shift, settings.first_good, settings.last_good)
    slots = first_slots(pairs, *pooled_starts(counts[pairs], centres, WIDTHS, np.full(len(pairs), share), FIRST_SPREAD))
    slots = pick_slots(learn_slots(plate, slots, chosen, share, 0.0))
    centre = plate_width(slots)
    slots = pick_slots(slots.join(learn_slots(plate, relabelled(slots), chosen, share, centre)))
    level = np.median(middle[:, single] - plate.shift[:, None], axis=0)
    slots = slots.join(_slots(single, np.zeros(len(single), dtype=bool), np.stack([level, level], axis=1), 0.0))
    return _fit_passes(plate, slots, share, centre, settings)


class _Plate(NamedTuple):
    """What all fits of a plate share: beads, shift of each well (W,), model, kernel and threads."""

    reporter: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    shift: Array
    model: BeadModel
    kernel: Callable[..., None]
    threads: int

    def fit(
        self, slots: Slots, wells: npt.NDArray[np.int64], mean: Array, scale: Array, share: float, **changes: Any
    ) -> Fits:
        """Fit slots in chosen wells, shape (wells, S, 13); mean and scale of the prior are (W, S, 2)."""
        shape = len(self.starts), len(slots.analyte), len(COLUMNS)
        out = np.empty(shape, dtype=np.float32)  # rows of other wells are never touched
        model = self.model._replace(
            share=np.where(slots.duo, share, 1.0), widths=slots.widths, split=slots.split, **changes
        )
        prior = PairPrior(np.ascontiguousarray(mean), np.ascontiguousarray(scale))
        self.kernel(self.reporter, self.starts, wells, slots.analyte, prior, model, out, threads=self.threads)
        return out if len(wells) == len(out) else out[wells]


def _slots(analyte: npt.NDArray[np.int64], duo: npt.NDArray[np.bool_], level: Array, split: float) -> Slots:
    """Slots with the usual widths and one split for pairs."""
    n = len(analyte)
    return Slots(analyte, duo, level, np.ones((n, 2)), np.where(duo, split, 0.0), np.zeros(n))


def first_slots(pairs: npt.NDArray[np.int64], levels: Array, like: Array) -> Slots:
    """Slots from the pooled beads: both ways, hi above and below lo, unless one is much likelier.

    `levels` (2, pairs, 2) and `like` (2, pairs) are those of :func:`pooled_starts`.
    """
    tried = like > like[::-1] - POOLED_GAP
    parts = [
        _slots(pairs[tried[way]], np.ones(int(tried[way].sum()), dtype=bool), levels[way, tried[way]], SPLIT)
        for way in (0, 1)
    ]
    return parts[0].join(parts[1])


def relabelled(slots: Slots) -> Slots:
    """See the same three peaks otherwise: the lo gene trades places with either lot of the hi gene."""
    hi, lo = slots.level[:, 0], slots.level[:, 1]
    parts = []
    for sign in (1.0, -1.0):
        traded, kept = hi + sign * slots.split, hi - sign * slots.split
        split = 0.5 * np.abs(kept - lo)
        level = np.stack([0.5 * (lo + kept), traded], axis=1)
        rows = np.flatnonzero(slots.duo & (split < SPLIT_MOST))
        parts.append(slots._replace(level=level, split=np.maximum(split, SAME_SPLIT)).take(rows))
    return parts[0].join(parts[1])


def pick_slots(slots: Slots) -> Slots:
    """Keep the slots whose evidence comes near the best of their analyte, of those that are alike the better one."""
    order = np.lexsort((-slots.evidence, slots.analyte))
    kept: list[int] = []
    mine: list[int] = []
    for k in order.tolist():
        if mine and slots.analyte[mine[0]] != slots.analyte[k]:
            mine = []
        if len(mine) == MOST_SLOTS or (mine and slots.evidence[k] < slots.evidence[mine[0]] - SLOT_GAP):
            continue
        if any(
            np.abs(slots.level[k] - slots.level[j]).max() < SAME_LEVEL
            and abs(slots.split[k] - slots.split[j]) < SAME_SPLIT
            for j in mine
        ):
            continue
        mine.append(k)
        kept.append(k)
    return slots.take(np.array(kept, dtype=np.int64))


def plate_width(slots: Slots) -> float:
    """Log of the width factor that is typical of the plate: median over genes of pairs that lie well apart."""
    sure = slots.best() & (np.abs(slots.level[:, 0] - slots.level[:, 1]) > SHARE_APART)
    return float(np.median(np.log(slots.widths[sure]))) if sure.any() else 0.0


def shape_cost(slots: Slots, centre: float) -> Array:
    """Cost of widths and splits by their priors (minus log density, less a constant), shape (S,)."""
    wide = ((np.log(slots.widths) - centre) / WIDTH_SD) ** 2
    return np.asarray(0.5 * wide.sum(axis=1) + 0.5 * (slots.split / SPLIT_SD) ** 2)


def over_wells(column: Fits) -> Array:
    """Sum over wells, in double precision."""
    return np.asarray(column.sum(axis=0, dtype=float))


def learn_shape(found: Fits, slots: Slots, centre: float) -> Slots:
    """Widths and splits of pairs a step nearer to what the wells say; `found` has the columns of a fit, (W, S, 13)."""
    beads, square = over_wells(found[:, :, AT.beads]), over_wells(found[:, :, AT.square])
    step = 0.8 * np.log(np.maximum(square, 1e-3) / np.maximum(beads, 1e-3))
    logs = centre + (np.log(slots.widths) + step - centre) * beads / (beads + WIDTH_SD**-2.0)
    slope = over_wells(found[:, :, AT.split_slope]) - slots.split / SPLIT_SD**2
    known = over_wells(found[:, :, AT.split_known]) + SPLIT_SD**-2.0
    split = np.clip(slots.split + np.clip(slope / known, -0.15, 0.15), 0.0, 0.6)
    return slots._replace(
        widths=np.where(slots.duo[:, None], np.exp(np.clip(logs, -0.6, 0.6)), 1.0),
        split=np.where(slots.duo, split, 0.0),
    )


def learn_slots(plate: _Plate, slots: Slots, wells: npt.NDArray[np.int64], share: float, centre: float) -> Slots:
    """Let slots find their levels, widths and splits in some wells, and the evidence for them there."""
    scale = np.full((len(plate.starts), len(slots.analyte), 2), FIRST_SPREAD)
    for turn in range(LEARN_ROUNDS):
        last = turn == LEARN_ROUNDS - 1
        mean = slots.level + plate.shift[:, None, None]
        found = plate.fit(slots, wells, mean, scale, share, learn=not last, modes_only=not last)
        if last:
            break
        slots = slots._replace(
            level=np.median(found[:, :, AT.level].astype(float) - plate.shift[wells, None, None], axis=0)
        )
        slots = learn_shape(found, slots, centre)
    return slots._replace(evidence=over_wells(found[:, :, AT.evidence]) - shape_cost(slots, centre))


def _fit_passes(plate: _Plate, slots: Slots, share: float, centre: float, settings: Settings) -> PlateFit:
    """Fit all wells again and again, each time with a prior learned from the fit before; slots compete."""
    n_wells = len(plate.starts)
    wells = np.arange(n_wells)
    mean = slots.level + plate.shift[:, None, None]
    scale = np.full(mean.shape, FIRST_SPREAD)
    tau, kappa = np.full(slots.level.shape, FIRST_SPREAD), np.ones(n_wells)
    n_factors = min(settings.n_factors, n_wells // 8)
    for turn in range(settings.passes):
        last = turn == settings.passes - 1
        found = plate.fit(slots, wells, mean, scale, share, learn=not last)
        slots = slots._replace(evidence=over_wells(found[:, :, AT.evidence]) - shape_cost(slots, centre))
        if last:
            break
        if turn == 0:
            best = np.flatnonzero(slots.best())
            apart = slots.take(best)
            share = fitted_share(found[:, best], apart.level, apart.duo, share, settings.share_strength)
        rows = np.flatnonzero(slots.behind() <= (LATE_GAP if turn == settings.passes - 2 else SLOT_GAP))
        slots, found, scale, tau = slots.take(rows), found[:, rows], scale[:, rows], tau[rows]
        used = slots.best()
        slots = learn_shape(found, slots, centre)
        value, sd = found[:, :, AT.level].astype(float), found[:, :, AT.sd].astype(float)
        level, effect = well_effects(value, sd, tau, used)
        slots = slots._replace(level=level)
        rest = value - level - effect
        common = common_factors(rest, sd, scale, n_factors, used)
        first = np.full(tau.shape, settings.spread) if turn == 0 else tau
        tau, kappa = spreads(rest - common, sd, first, kappa, settings.spread, settings.spread_strength, used)
        mean = level + effect + common
        scale = np.maximum(TAU_MIN, tau * kappa[:, None, None])
    return _join_slots(found, slots, share, tau, kappa, PairPrior(mean, scale), plate.starts.shape[1] - 1)


def _join_slots(
    found: Fits, slots: Slots, share: float, tau: Array, kappa: Array, prior: PairPrior, n_analytes: int
) -> PlateFit:
    """One answer an analyte: positions, deviations and odds averaged over its slots by their evidence."""
    weight = slots.weights()
    order = np.argsort(slots.analyte, kind="stable")
    first = np.flatnonzero(np.diff(slots.analyte[order], prepend=-1))
    best = order[slots.best()[order]]
    at = slots.analyte[best]
    value, sd = found[:, :, AT.level].astype(float), found[:, :, AT.sd].astype(float)
    moments = np.concatenate([value, sd**2 + value**2, found[:, :, AT.hi_above, None]], axis=2)
    joined = np.add.reduceat(moments[:, order] * weight[order, None], first, axis=1)
    fit = np.full((len(found), n_analytes, len(COLUMNS)), np.nan, dtype=np.float32)
    fit[:, at, AT.kept] = found[:, best, AT.kept]
    fit[:, at, AT.level] = joined[:, :, 0:2]
    fit[:, at, AT.sd] = np.sqrt(np.maximum(joined[:, :, 2:4] - joined[:, :, 0:2] ** 2, 1e-8))
    fit[:, at, AT.hi_above] = joined[:, :, 4]

    def by_analyte(values: Array, empty: float) -> Array:
        spread_out = np.full((n_analytes, *values.shape[1:]), empty)
        spread_out[at] = values[best]
        return spread_out

    of_wells = [by_analyte(x.transpose(1, 0, 2), np.nan).transpose(1, 0, 2) for x in prior]
    return PlateFit(
        fit, share, by_analyte(slots.widths, 1.0), by_analyte(slots.split, 0.0), by_analyte(slots.level, np.nan),
        by_analyte(tau, np.nan), kappa, PairPrior(*of_wells),
    )  # fmt: skip


def _fit_alone(
    plate: _Plate, analytes: npt.NDArray[np.int64], duo: npt.NDArray[np.bool_], share: float, middle: Array
) -> PlateFit:
    """Fit each well without the others, all pairs with the typical split."""
    mean = np.stack([middle, middle], axis=2)
    slots = _slots(analytes, duo[analytes], np.median(mean[:, analytes], axis=0), SPLIT)
    prior = PairPrior(mean[:, analytes], np.full((len(middle), len(analytes), 2), ALONE_SCALE))
    found = plate.fit(slots, np.arange(len(middle)), *prior, share, seek=SEEK_ALWAYS)
    tau = np.full(slots.level.shape, FIRST_SPREAD)
    return _join_slots(found, slots, share, tau, np.ones(len(middle)), prior, plate.starts.shape[1] - 1)


def fitted_share(found: Fits, level: Array, duo: npt.NDArray[np.bool_], share: float, strength: float) -> float:
    """Share of hi beads of the plate, from its separated pairs, with a Beta prior about the promised one."""
    apart = duo & (np.abs(level[:, 0] - level[:, 1]) > SHARE_APART)
    hi, lo = (float(found[:, apart, c].sum(dtype=float)) for c in (6, 7))
    return (hi + strength * share) / (hi + lo + strength)
