"""What the other wells of a plate tell about one: the empirical-Bayes prior of the mixture method.

The log2 position of gene g in well w is modelled as::

    m_gw = level_g + effect_w(level_g) + sum_k loading_gk factor_kw + tau_g kappa_w t3

effect_w is a quadratic of the level (amount of RNA, calibration and its bend differ by well); the factors are what the
genes of a plate do together; tau_g is the gene's own spread, kappa_w is large in a well whose genes are strongly moved,
so that true regulation is not pulled back to the plate.  All arrays are (W, A, 2) or (A, 2): wells, analytes, hi and
lo.  Sums run in fixed order without a linear-algebra library where threads could change the last bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beadwork.kernels.mixture import (
    COLUMNS,
    SEEK_ALWAYS,
    T7,
    TABLE_LOW,
    TABLE_POINTS,
    TABLE_STEP,
    Array,
    BeadModel,
    PairPrior,
    scale_at,
)  # fmt: skip

_AT = TABLE_LOW + TABLE_STEP * np.arange(TABLE_POINTS)
WIDTHS = np.stack(
    [
        np.interp(_AT, [4, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 15], row)
        for row in (
            [0.55, 0.50, 0.42, 0.345, 0.315, 0.285, 0.28, 0.26, 0.22, 0.20],
            [0.55, 0.50, 0.40, 0.315, 0.265, 0.232, 0.20, 0.175, 0.15, 0.14],
        )
    ]
)
"""Widths (scale of the t on log2) of hi and lo peaks by position: medians over the separated genes of LJP009, A375."""

FIRST_SPREAD = 0.25
"""Scale of the prior before the plate's own is known (log2)."""
ORIENT_WELLS, ORIENT_ROUNDS = 48, 3
"""Wells that decide which gene of a close pair is which, and rounds of fits in which levels and widths settle."""
POOLED_GAP = 0.05
"""Log-likelihood per pooled bead by which one way must win to need no such decision."""
WIDTH_SD = (0.2, 0.12)
"""Spread of the log width factors of hi and lo genes about the table."""
ALONE_SCALE = 2.5
"""Scale of the prior without a plate: next to nothing (log2)."""
SHARE_APART = 1.0
"""Pairs further apart tell the mixing ratio of the plate (log2)."""
TAU_MIN = 0.05
"""Least scale of the prior (log2)."""

EFFECT_ROUNDS, EFFECT_FITS = 2, 4
FACTOR_ROUNDS = 8
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

    ``fit`` the columns of ``mixture.COLUMNS``, shape (W, A, 11), NaN for analytes that were not fitted; ``share`` of hi
    beads as fitted; ``widths`` factors of the genes, shape (A, 2); ``level`` (A, 2), ``tau`` (A, 2) and ``kappa`` (W,)
    of the prior (of no meaning without it); ``prior`` of the last round.
    """

    fit: Array
    share: float
    widths: Array
    level: Array
    tau: Array
    kappa: Array
    prior: PairPrior


class WellSummary(NamedTuple):
    """Good beads of each analyte: their number and mean log2 FI, shape (W, A) each."""

    n_good: npt.NDArray[np.int64]
    mean: Array


def summarise_wells(
    reporter: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], first_good: int, last_good: int
) -> WellSummary:
    """Count good beads and average their log2 FI; a mean of no beads is NaN."""
    table = np.zeros(last_good + 2, dtype=np.float32)
    table[1 : last_good + 1] = np.log2(np.arange(1, last_good + 1))
    table[:first_good] = 0.0
    good = np.zeros(last_good + 2, dtype=np.int64)
    good[first_good : last_good + 1] = 1
    n_wells, n_analytes = starts.shape[0], starts.shape[1] - 1
    count = np.zeros((n_wells, n_analytes), dtype=np.int64)
    total = np.zeros((n_wells, n_analytes))
    for w in range(n_wells):
        first, last = starts[w, 0], starts[w, -1]
        if first == last:
            continue
        beads = np.minimum(reporter[first:last], last_good + 1).astype(np.intp)
        bounds = starts[w] - first
        running = np.concatenate([[0.0], np.cumsum(table[beads], dtype=np.float64)])
        counted = np.concatenate([[0], np.cumsum(good[beads])])
        total[w] = running[bounds[1:]] - running[bounds[:-1]]
        count[w] = counted[bounds[1:]] - counted[bounds[:-1]]
    with np.errstate(invalid="ignore"):
        return WellSummary(count, np.where(count > 0, total / np.maximum(count, 1), np.nan))


def first_effects(mean: Array) -> Array:
    """Shift of each well, shape (W,): median over analytes of their mean log2 FI, less the analyte's own median."""
    with np.errstate(all="ignore"):
        own = _nanmedian(mean, axis=0)
        return np.nan_to_num(_nanmedian(mean - own, axis=1))


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
    counts: Array, centres: Array, table: Array, share: Array, spread: float, rounds: int = 30
) -> tuple[Array, Array]:
    """Levels of both genes from pooled beads, once with hi above lo and once below: (2, A, 2), (2, A).

    The second is the log-likelihood per bead.

    Expectation-maximisation of the mixture with widths from the table, widened by `spread` of the wells, from two
    starts each way.  Where both ways lead to one and the same, the other is its mirror image of equal mean and spread.
    """
    n_analytes = len(counts)
    total = np.maximum(counts.sum(axis=1), 1.0)
    quantile = np.cumsum(counts, axis=1) / total[:, None]

    def at(q: float) -> Array:
        return np.asarray(centres[np.minimum((quantile < q).sum(axis=1), len(centres) - 1)])

    y = 2.0 ** (0.5 * centres)
    half = 0.5 * np.log(2.0)
    best = np.full((2, n_analytes), -np.inf)
    levels = np.zeros((2, n_analytes, 2))
    shares = np.stack([share, 1.0 - share], axis=1)[:, :, None]
    for q_hi, q_lo in ((0.67, 0.15), (0.53, 0.47), (0.33, 0.85), (0.47, 0.53)):
        m = np.stack([at(q_hi), at(q_lo)], axis=1)
        like = np.zeros(n_analytes)
        for _ in range(rounds):
            width = np.sqrt(np.stack([scale_at(m[:, c], table[c], 1.0) for c in (0, 1)], axis=1) ** 2 + spread**2)
            lean = y * 2.0 ** (-0.5 * m)[:, :, None]
            z = (lean - 1.0) / (half * width)[:, :, None]
            u = 1.0 / (1.0 + z * z / 7.0)
            density = shares * T7 * (u * u) ** 2 * lean / width[:, :, None]
            whole = density.sum(axis=1) + 0.002
            weight = density * (counts / whole)[:, None, :]
            like = (counts * np.log(whole)).sum(axis=1)
            pull = weight * u
            m = m + np.clip((pull * z).sum(axis=2) / np.maximum(pull.sum(axis=2), 1e-9) * width, -0.5, 0.5)
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


def well_effects(fit: Array, sd: Array, tau: Array) -> tuple[Array, Array]:
    """Levels (A, 2) and smooth effects (W, A, 2) of the wells: robust quadratics of the level.

    `fit` and `sd` are (W, A, 2).  Genes weigh by 1 / (sd^2 + tau^2), less the further they lie from the curve.
    """
    n_wells = len(fit)
    values = fit.reshape(n_wells, -1)
    weights = 1.0 / (sd.reshape(n_wells, -1) ** 2 + tau.reshape(-1) ** 2)
    effect = np.zeros_like(values)
    level = np.median(values, axis=0)
    for _ in range(EFFECT_ROUNDS):
        x = (level - 9.0) / 2.0
        basis = np.stack([np.ones_like(x), x, x * x])
        products = np.stack([basis[i] * basis[j] for i in range(3) for j in range(3)])
        rest = values - level
        error = rest - np.median(rest, axis=1, keepdims=True)
        for _ in range(EFFECT_FITS):
            width = 1.2533 * np.abs(error).mean(axis=1, keepdims=True) + 1e-6
            robust = weights / (1.0 + (error / (2.0 * width)) ** 2)
            normal = np.einsum("wg,kg->wk", robust, products).reshape(n_wells, 3, 3)
            right = np.einsum("wg,kg->wk", robust * rest, basis)
            ridge = 1e-3 * normal[:, :1, :1] * np.eye(3)
            weight = np.linalg.solve(normal + ridge, right[:, :, None])[:, :, 0]
            effect = np.einsum("wk,kg->wg", weight, basis)
            error = rest - effect
        effect -= np.median(effect, axis=0)
        level = np.median(values - effect, axis=0)
    shape = fit.shape
    return level.reshape(shape[1:]), effect.reshape(shape)


def common_factors(rest: Array, sd: Array, prior_scale: Array, n_factors: int) -> Array:
    """Find what genes do together: low-rank part of the residuals (W, A, 2), shrunken to what rises above the noise.

    Residuals count by their reliability 1 - sd^2 / prior variance; the unreliable part is filled from the low-rank fit
    of the round before.  Singular values shrink by what noise alone would give.  What a well itself contributes to its
    own fit is taken out in the end, so that its beads do not count twice and a well unlike all others is not explained
    by itself.
    """
    n_wells = len(rest)
    values = rest.reshape(n_wells, -1)
    if n_factors == 0:
        return np.zeros_like(rest)
    trust = np.clip(1.0 - (sd / (1.5 * prior_scale)) ** 2, 0.02, 1.0).reshape(n_wells, -1)
    cap = 9.0 * np.median(np.abs(values), axis=0) + 0.6
    raw = np.clip(values / trust, -cap, cap) * trust
    low = own = np.zeros_like(values)
    at = (np.arange(n_wells) + 0.5) / n_wells
    side = np.stack([np.cos(np.pi * (k + 1) * at) for k in range(n_factors)], axis=1)
    edge = (np.sqrt(values.shape[1]) + np.sqrt(n_wells)) ** 2
    for _ in range(FACTOR_ROUNDS):
        filled = raw + (1.0 - trust) * low
        loading = np.einsum("wg,wk->gk", filled, side)
        side = np.linalg.qr(np.einsum("wg,gk->wk", filled, loading))[0]
        loading = np.einsum("wg,wk->gk", filled, side)
        strength = (loading**2).sum(axis=0)
        noise = max(float((filled**2).sum() - strength.sum()), 1e-12) / filled.size
        kept = np.maximum(0.0, 1.0 - noise * edge / np.maximum(strength, 1e-12))
        low = np.einsum("wk,gk->wg", side * kept, loading)
        own = (side**2 * kept).sum(axis=1, keepdims=True) * filled
    return np.asarray(low - own).reshape(rest.shape)


def spreads(
    rest: Array, sd: Array, tau: Array, kappa: Array, tau0: float, strength: float, rounds: int = 5
) -> tuple[Array, Array]:
    """Spread tau (A, 2) of each gene and kappa (W,) of each well, by expectation-maximisation of the t3 prior.

    Posterior moments rest^2 + sd^2 stand for the squared deviations.  Each tau leans on `tau0` as if that had been seen
    in `strength` wells; kappa has geometric mean 1.
    """
    square = rest**2 + sd**2
    n_wells, n_genes = len(rest), rest[0].size
    for _ in range(rounds):
        weight = 4.0 / (3.0 + square / (tau * kappa[:, None, None]) ** 2)
        scaled = weight * square
        tau = np.sqrt(((scaled / kappa[:, None, None] ** 2).sum(axis=0) + strength * tau0**2) / (n_wells + strength))
        weight = 4.0 / (3.0 + square / (tau * kappa[:, None, None]) ** 2)
        kappa = np.sqrt(((weight * square / tau**2).sum(axis=(1, 2)) + 30.0) / (n_genes + 30.0))
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
        ``fit_plate`` of :mod:`beadwork.kernels.mixture` or of its compiled twin.
    """
    n_wells, n_analytes = starts.shape[0], starts.shape[1] - 1
    wells = np.arange(n_wells)
    out = np.full((n_wells, n_analytes, len(COLUMNS)), np.nan)
    shares = np.where(duo, share, 1.0)
    model = BeadModel(
        WIDTHS, np.ones((n_analytes, 2)), shares, settings.outliers, settings.first_good, settings.last_good,
        settings.span,
    )  # fmt: skip
    beads = summarise_wells(reporter, starts, settings.first_good, settings.last_good)
    middle = np.where(np.isnan(beads.mean), 7.0, beads.mean)
    tau, kappa = np.full((n_analytes, 2), FIRST_SPREAD), np.ones(n_wells)
    if not settings.use_prior:
        prior = PairPrior(np.stack([middle, middle], axis=2), np.full((n_wells, n_analytes, 2), ALONE_SCALE))
        model = model._replace(seek=SEEK_ALWAYS)
        fit(reporter, starts, wells, analytes, prior, model, out, threads=threads)
        return PlateFit(out, share, model.widths, np.nanmedian(prior.mean, axis=0), tau, kappa, prior)

    shift = first_effects(beads.mean[:, analytes])
    chosen = np.unique(np.linspace(0, n_wells - 1, min(ORIENT_WELLS, n_wells)).astype(np.int64))
    counts, centres = pool_beads(reporter, starts, chosen, shift, settings.first_good, settings.last_good)
    ways = np.tile(np.median(middle, axis=0)[None, :, None], (2, 1, 2))
    pooled = np.zeros((2, n_analytes))
    ways[:, analytes], pooled[:, analytes] = pooled_starts(
        counts[analytes], centres, WIDTHS, shares[analytes], FIRST_SPREAD
    )
    level, factors = orient_pairs(
        reporter, starts, chosen, analytes[duo[analytes]], ways, pooled, shift, model, fit, threads=threads
    )
    one = analytes[~duo[analytes]]
    level[one] = np.median(middle[:, one] - shift[:, None], axis=0)[:, None]
    model = model._replace(widths=factors)
    mean = level + shift[:, None, None]
    scale = np.full(mean.shape, FIRST_SPREAD)
    for turn in range(settings.passes):
        prior = PairPrior(np.ascontiguousarray(mean), np.ascontiguousarray(scale))
        fit(reporter, starts, wells, analytes, prior, model, out, threads=threads)
        if turn == settings.passes - 1:
            break
        value, sd = out[:, analytes, 0:2], out[:, analytes, 2:4]
        if turn == 0:
            share = fitted_share(out[:, analytes], level[analytes], duo[analytes], share, settings.share_strength)
            model = model._replace(share=np.where(duo, share, 1.0))
        level[analytes], effect = well_effects(value, sd, tau[analytes])
        rest = value - level[analytes] - effect
        n_factors = min(settings.n_factors, n_wells // 8)
        common = common_factors(rest, sd, scale[:, analytes], n_factors)
        first = np.full((len(analytes), 2), settings.spread) if turn == 0 else tau[analytes]
        tau[analytes], kappa = spreads(rest - common, sd, first, kappa, settings.spread, settings.spread_strength)
        mean[:, analytes] = level[analytes] + effect + common
        scale[:, analytes] = np.maximum(TAU_MIN, tau[analytes] * kappa[:, None, None])
    return PlateFit(out, share, model.widths, level, tau, kappa, prior)


def orient_pairs(
    reporter: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    wells: npt.NDArray[np.int64],
    analytes: npt.NDArray[np.int64],
    ways: Array,
    pooled: Array,
    shift: Array,
    model: BeadModel,
    fit: Callable[..., None],
    *,
    threads: int = 1,
) -> tuple[Array, Array]:
    """Decide which gene of a pair is the brighter one: both ways are fitted to some wells, and evidence decides.

    Levels and width factors settle in a few rounds each way; without free widths an unusually wide peak passes for a
    second one.  Returns levels (A, 2), averaged by the odds where these are even, and width factors (A, 2).
    """
    n_wells, n_analytes = starts.shape[0], starts.shape[1] - 1
    spread = np.asarray(WIDTH_SD)
    evidence = np.zeros((2, n_analytes))
    factors = np.ones((2, n_analytes, 2))
    levels = ways.copy()
    out = np.full((n_wells, n_analytes, len(COLUMNS)), np.nan)
    doubt = pooled > pooled[::-1] - POOLED_GAP
    both = doubt[0] & doubt[1]
    # the pooled beads leave no doubt about pairs that lie far apart: those are fitted one way only, and to fewer wells
    jobs = [(way, analytes[both[analytes]], wells) for way in (0, 1)]
    jobs += [(way, analytes[doubt[way, analytes] & ~both[analytes]], wells[::2]) for way in (0, 1)]
    for way, these, some in jobs:
        for turn in range(ORIENT_ROUNDS):
            mean = np.ascontiguousarray(np.broadcast_to(levels[way] + shift[:, None, None], (n_wells, n_analytes, 2)))
            prior = PairPrior(mean, np.full(mean.shape, FIRST_SPREAD))
            fit(reporter, starts, some, these, prior, model._replace(widths=factors[way].copy()), out, threads=threads)
            found = out[np.ix_(some, these)]
            logs = np.log(factors[way, these])
            evidence[way, these] = found[:, :, 5].sum(axis=0) - 0.5 * ((logs / spread) ** 2).sum(axis=1)
            if turn == ORIENT_ROUNDS - 1:
                break
            levels[way, these] = np.median(found[:, :, 0:2] - shift[some, None, None], axis=0)
            beads, square = found[:, :, 6:8].sum(axis=0), found[:, :, 8:10].sum(axis=0)
            step = 0.8 * np.log(np.maximum(square, 1e-3) / np.maximum(beads, 1e-3))
            logs = (logs + step) * beads / (beads + spread**-2.0)
            factors[way, these] = np.exp(np.clip(logs, -0.6, 0.6))
    odds = np.where(both, evidence[0] - evidence[1], np.where(doubt[0], 50.0, -50.0))
    first = 1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0)))[:, None]
    return first * levels[0] + (1.0 - first) * levels[1], np.where(first > 0.5, factors[0], factors[1])


def fitted_share(found: Array, level: Array, duo: npt.NDArray[np.bool_], share: float, strength: float) -> float:
    """Share of hi beads of the plate, from its separated pairs, with a Beta prior about the promised one."""
    apart = duo & (np.abs(level[:, 0] - level[:, 1]) > SHARE_APART)
    hi, lo = (float(found[:, apart, c].sum()) for c in (6, 7))
    return (hi + strength * share) / (hi + lo + strength)
