"""kspeak: maxima of a kernel density per analyte; the older official method, deterministic."""

from __future__ import annotations

import numpy as np

from beadwork.kernels.beads.peaks import PeakRules, good_range, log2_table
from beadwork.model.beads.plate import BeadPlate
from beadwork.model.params import SUBRAMANIAN_2017, DeconvolveParams
from beadwork.stages.beads.callers.kmeans import single_peak_share
from beadwork.stages.beads.callers.method import AnalyteCalls, Method


def call_kspeak(
    beads: BeadPlate, duo: np.ndarray, *, ratio: float, params: DeconvolveParams, threads: int
) -> AnalyteCalls:
    """Call peaks as the official ``kspeak`` does (:mod:`beadwork.kernels.beads.peaks`); `ratio` plays no part."""
    from beadwork.kernels.beads.peaks_numba import call_plate

    table = log2_table(int(2**params.kspeak_high_exp) + 1)
    first, last = good_range(params.low_exp, params.kspeak_high_exp, table)
    rules = PeakRules(first, last, params.min_bead, params.min_peak_support, params.min_peak_support_pct)
    calls = call_plate(beads.reporter, beads.starts, duo, table, rules, kspeak=True, threads=threads)
    metrics = {"single_peak": single_peak_share(calls.n_peaks, duo)}
    return AnalyteCalls(calls.value, calls.support, None, calls.n_good, metrics)


METHOD = Method(
    name="kspeak",
    description="maxima of a kernel density per analyte (the older official method)",
    call=call_kspeak,
    reference=SUBRAMANIAN_2017,
)
