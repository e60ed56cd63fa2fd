"""kmeans: optimal one-dimensional k-means per analyte, then the plate-wide adjustment of swapped genes."""

from __future__ import annotations

import numpy as np

from beadwork.kernels.beads.peaks import PeakRules, adjust_flips, good_range, log2_table
from beadwork.model.beads.plate import BeadPlate
from beadwork.model.params import SUBRAMANIAN_2017, DeconvolveParams
from beadwork.stages.beads.callers.method import AnalyteCalls, Method


def call_kmeans(
    beads: BeadPlate, duo: np.ndarray, *, ratio: float, params: DeconvolveParams, threads: int
) -> AnalyteCalls:
    """Call peaks as the official ``kmeans_viable`` and ``flipadjust`` do (:mod:`beadwork.kernels.beads.peaks`).

    The expected shares are those of ``params.opt_support_hi``, as in the official program, whatever `ratio` says.
    """
    from beadwork.kernels.beads.peaks_numba import call_plate

    table = log2_table(int(2**params.high_exp) + 1)
    first, last = good_range(params.low_exp, params.high_exp, table)
    rules = PeakRules(
        first,
        last,
        params.min_bead,
        params.min_peak_support,
        params.min_peak_support_pct,
        params.max_k,
        params.opt_support_hi,
    )
    calls = call_plate(beads.reporter, beads.starts, duo, table, rules, kspeak=False, threads=threads)
    value, support = calls.value, calls.support
    metrics = {"single_peak": single_peak_share(calls.n_peaks, duo)}
    if params.flip:
        value, support, flips = adjust_flips(
            value, support, duo, threshold=params.flip_threshold, flip_max=params.flip_max, rounds=params.flip_rounds
        )
        metrics["flipped"] = (flips[:, duo] % 2).mean(axis=1)
    return AnalyteCalls(value, support, None, calls.n_good, metrics)


def single_peak_share(n_peaks: np.ndarray, duo: np.ndarray) -> np.ndarray:
    """Share of duo analytes of each well with one peak only, shape (W,), from peaks of shape (W, 500)."""
    return np.asarray((n_peaks[:, duo] == 1).mean(axis=1))


METHOD = Method(
    name="kmeans",
    description="optimal one-dimensional k-means per analyte, then plate-wide adjustment of swapped genes",
    call=call_kmeans,
    reference=SUBRAMANIAN_2017,
)
