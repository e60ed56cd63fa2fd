"""A plate in brief, and a metric over the plates of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

FAR = 5.0
"""A plate stands out if it is farther from the median of all plates than this many robust standard deviations."""


@dataclass(frozen=True, eq=False)
class PlateOverview:
    """QC of one plate in brief.

    Parameters
    ----------
    plate
        det_plate.
    metrics
        By metric: the plate's own value, or the median over its wells; metrics without numbers are left out.
    failed
        QC rows that do not pass, with ``well`` (empty: the plate itself), stage, metric, value, lower, upper.
    n_wells, n_kept
        Wells read, and wells left after outlier removal; -1 where it is not known.
    """

    plate: str
    metrics: Mapping[str, float]
    failed: pd.DataFrame
    n_wells: int
    n_kept: int


@dataclass(frozen=True, eq=False)
class Strip:
    """One metric over the plates of a study.

    Parameters
    ----------
    metric, unit, doc
        As registered.
    names, values
        Plates that have the metric, and their values.
    median
        Of the plates.
    far
        Positions of plates that stand out, the farthest first.
    """

    metric: str
    unit: str
    doc: str
    names: Sequence[str]
    values: np.ndarray
    median: float
    far: np.ndarray
