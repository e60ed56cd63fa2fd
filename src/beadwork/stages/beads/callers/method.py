"""What a peak caller is: a function from beads to values, and a record that describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from beadwork.model.beads.plate import BeadPlate
from beadwork.model.params import DeconvolveParams


@dataclass(frozen=True)
class PlateMetric:
    """One QC value of a plate with its bounds; ``passed`` None: passes within the bounds."""

    value: float | str
    lower: float | None = None
    upper: float | None = None
    passed: bool | None = None


@dataclass(frozen=True, eq=False)
class AnalyteCalls:
    """Values of both genes of all analytes (1..500 at 0..499) of all wells.

    Parameters
    ----------
    value
        FI, float64, shape (2, W, 500): hi, lo.  An analyte with one gene has the same value twice.
    support
        Beads behind each value, float64, same shape.
    sd
        Standard error of log2 of each value, same shape; None if the method gives no uncertainty.
    n_good
        Beads within the limits of intensity, int, shape (W, 500).
    metrics
        QC metrics of the method by name (registered in ``model.qc``), each of shape (W,).
    odds
        Odds that the two genes of an analyte are not swapped (the brighter one is the brighter one), shape
        (W, 500); None if the method gives none.
    plate_metrics
        QC metrics of the whole plate by name.
    limits
        Lower and upper bounds of `metrics`, by name, for those that have any.
    shares, widths, splits
        Share of the beads that each gene of an analyte is fitted with, width of its peaks relative to the usual at
        their position, and half the distance (log2) of the two subpopulations of its beads, 0 for one, shape (2, 500);
        None if the method fits none.
    """

    value: np.ndarray
    support: np.ndarray
    sd: np.ndarray | None
    n_good: np.ndarray
    metrics: Mapping[str, np.ndarray] = field(default_factory=dict)
    odds: np.ndarray | None = None
    plate_metrics: Mapping[str, PlateMetric] = field(default_factory=dict)
    limits: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    shares: np.ndarray | None = None
    widths: np.ndarray | None = None
    splits: np.ndarray | None = None


class Caller(Protocol):
    """Signature of a peak caller.

    `duo` says which analytes carry two genes, bool, shape (500,); `ratio` is the mixing ratio of hi to lo beads.
    Results must not depend on `threads`.
    """

    def __call__(
        self, beads: BeadPlate, duo: np.ndarray, *, ratio: float, params: DeconvolveParams, threads: int
    ) -> AnalyteCalls:
        """Call the peaks of a plate."""
        ...


@dataclass(frozen=True)
class Method:
    """A peak caller with its description; ``has_sd`` says whether it gives an uncertainty."""

    name: str
    description: str
    call: Caller
    reference: str
    has_sd: bool = False
