"""mixture: heavy-tailed peaks of two genes per analyte, each well with what the other wells of the plate show."""

from __future__ import annotations

import numpy as np

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture.fit import COLUMN, SLICE
from beadwork.kernels.beads.mixture.plate import PlateFit, Settings, fit_mixtures
from beadwork.model.beads.plate import CALIBRATORS, BeadPlate
from beadwork.model.params import DeconvolveParams
from beadwork.stages.beads.callers.method import AnalyteCalls, Method, PlateMetric


def call_mixture(
    beads: BeadPlate, duo: np.ndarray, *, ratio: float, params: DeconvolveParams, threads: int
) -> AnalyteCalls:
    """Fit the mixtures of a plate (:mod:`beadwork.kernels.beads.mixture.plate`).

    Values are posterior means on log2, sd posterior standard deviations.  Calibrators, which many beads measure and
    which carry several genes, are medians as in the other methods.
    """
    from beadwork.kernels.beads.mixture.fit_numba import fit_plate

    settings = mixture_settings(params, beads.n_wells)
    n_calibrators = len(CALIBRATORS)
    analytes = np.arange(n_calibrators, len(duo))
    share = ratio / (1.0 + ratio)
    grouped = GroupedBeads(beads.reporter, beads.starts)
    found = fit_mixtures(grouped, analytes, duo, share, settings, fit_plate, threads=threads)
    fit = found.fit
    single = ~duo
    single[:n_calibrators] = False
    log2 = fit[:, :, SLICE.level].transpose(2, 0, 1).astype(float)
    sd = fit[:, :, SLICE.sd].transpose(2, 0, 1).astype(float) * params.sd_factor
    support = fit[:, :, SLICE.beads].transpose(2, 0, 1).astype(float)
    for values in (log2, sd, support):
        values[1, :, single] = values[0, :, single]
    # nothing is known of an analyte without beads: in a well if there is no plate, in the plate if there is one
    empty = np.isnan(fit[:, :, COLUMN.n_good]) if settings.use_prior else ~(fit[:, :, COLUMN.n_good] > 0)
    log2[:, empty], sd[:, empty], support[:, empty] = 0.0, np.nan, 0.0
    value = np.exp2(log2)
    n_good = np.nan_to_num(fit[:, :, COLUMN.n_good]).astype(np.int64)
    for w in range(beads.n_wells):
        for a in range(n_calibrators):
            group = beads.reporter[beads.starts[w, a] : beads.starts[w, a + 1]]  # ascending
            begin, end = np.searchsorted(group, (settings.first_good, settings.last_good + 1))
            n = n_good[w, a] = end - begin
            middle = group[begin + (n - 1) // 2] + group[begin + n // 2] if n else 2.0
            value[:, w, a], support[:, w, a] = 0.5 * middle, n
    above = fit[:, :, COLUMN.hi_above].astype(float)
    seen = duo & ~np.isnan(fit[:, :, COLUMN.n_good]).all(axis=0)
    sure = np.maximum(above, 1.0 - above)
    odds = sure / np.maximum(1.0 - sure, 1e-6)
    odds[:, ~duo] = np.nan
    ambiguous = (odds[:, seen] < params.ambiguous_odds).mean(axis=1)
    good_beads = np.maximum(fit[:, seen, COLUMN.n_good].sum(axis=1, dtype=float), 1.0)
    explained = support[:, :, seen].sum(axis=(0, 2)) / good_beads
    metrics = {
        "ambiguous": ambiguous,
        "effective_beads": effective_beads(log2, sd, found, seen),
        "outlier_beads": 1.0 - explained,
        "perturbation": found.kappa,
    }
    limits = {
        "ambiguous": (None, params.max_ambiguous),
        "effective_beads": (params.min_effective_beads, None),
        "outlier_beads": (None, params.max_outlier_beads),
    }
    return AnalyteCalls(
        value,
        support,
        sd,
        n_good,
        metrics,
        odds=odds,
        plate_metrics=plate_metrics(found, settings, seen, share, params),
        limits=limits,
        shares=np.where(duo, [[found.share], [1.0 - found.share]], 1.0),
        widths=found.widths.T.copy(),
        splits=np.stack([found.split, np.zeros(len(duo))]),
    )


def mixture_settings(params: DeconvolveParams, n_wells: int) -> Settings:
    """Make the settings of the kernels; a plate with too few wells has no prior."""
    first, last = int(np.ceil(2.0**params.low_exp)), int(np.floor(2.0**params.high_exp))
    return Settings(
        use_prior=params.prior and n_wells >= params.prior_min_wells,
        outliers=params.outliers,
        first_good=first,
        last_good=last,
        span=params.high_exp - params.low_exp,
        passes=params.prior_passes,
        n_factors=params.prior_factors,
        spread=params.prior_spread,
        spread_strength=params.prior_strength,
        share_strength=params.ratio_strength,
    )


def effective_beads(log2: np.ndarray, sd: np.ndarray, found: PlateFit, duo: np.ndarray) -> np.ndarray:
    """Beads of a known gene that would give as much as the well's posterior does: median over genes, shape (W,).

    n beads of a t7 peak of width s give a position with variance s^2 / (0.8 n).
    """
    from beadwork.kernels.beads.mixture.densities import WIDTHS, scale_at

    width = np.stack([scale_at(log2[c][:, duo], WIDTHS, 1.0) * found.widths[duo, c] for c in (0, 1)])
    return np.asarray(np.median(width**2 / (0.8 * sd[:, :, duo] ** 2), axis=(0, 2)))


def plate_metrics(
    found: PlateFit, settings: Settings, duo: np.ndarray, share: float, params: DeconvolveParams
) -> dict[str, PlateMetric]:
    """Hold what was fitted of the plate against what its bead batch promises."""
    ratio = found.share / (1.0 - found.share)
    promised = share / (1.0 - share)
    metrics = {
        "prior_used": PlateMetric(
            "yes" if settings.use_prior else ("too few wells" if params.prior else "switched off"),
            passed=settings.use_prior or not params.prior,
        )
    }
    if not settings.use_prior:
        return metrics
    tolerance = params.ratio_tolerance
    metrics["ratio_fitted"] = PlateMetric(ratio, promised / tolerance, promised * tolerance)
    for half, name in enumerate(("width_hi", "width_lo")):
        typical = float(np.exp(np.median(np.log(found.widths[duo, half]))))
        metrics[name] = PlateMetric(typical, 1 / params.width_tolerance, params.width_tolerance)
    return metrics


METHOD = Method(
    name="mixture",
    description="mixture of heavy-tailed peaks with known shares and a prior from the other wells of the plate",
    call=call_mixture,
    reference="docs/decisions/0006-mixture.md",
    has_sd=True,
)
