"""A study at a glance: QC rows of a plate in one row, and which plates stand out among the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.plates.overview import FAR, PlateOverview, Strip
from beadwork.model.qc import METRICS

FEWEST = 8
"""Plates from which on one may stand out from the others."""


def plate_overview(plate: str, rows: pd.DataFrame) -> PlateOverview:
    """Sum up the QC rows of one plate.

    Parameters
    ----------
    rows
        Tidy QC rows (:data:`beadwork.model.qc.COLUMNS`) of the plate and its wells, of any stages.
    """
    entity = rows["entity"].astype(str)
    well = entity.str.removeprefix(plate).str.removeprefix(":")
    numbers = pd.to_numeric(rows["value"], errors="coerce")
    metrics = numbers.groupby(rows["metric"], sort=False).median().dropna()
    bad = rows.assign(well=well)[~rows["pass"].astype(str).str.lower().isin(["true", "1"])]

    def count(metric: str) -> int:
        found = numbers[(rows["metric"] == metric) & (well == "")].dropna()
        return int(found.iloc[-1]) if len(found) else -1

    return PlateOverview(
        plate,
        {str(name): float(value) for name, value in metrics.items()},
        bad[["well", "stage", "metric", "value", "lower", "upper"]].reset_index(drop=True),
        count("wells_read"),
        count("wells_kept"),
    )


def metric_strips(
    plates: Sequence[PlateOverview], extra: Mapping[str, Mapping[str, float]] | None = None
) -> list[Strip]:
    """One strip for each metric that differs between plates, in the order of the registry.

    Parameters
    ----------
    extra
        Values by plate of metrics that no QC row of the plate holds, by metric.
    """
    table: dict[str, dict[str, float]] = {}
    for plate in plates:
        for name, value in plate.metrics.items():
            table.setdefault(name, {})[plate.plate] = value
    for name, values in (extra or {}).items():
        table.setdefault(name, {}).update({plate: value for plate, value in values.items() if value == value})
    strips = []
    for name in [*(name for name in METRICS if name in table), *(name for name in table if name not in METRICS)]:
        names, of_plates = list(table[name]), np.array(list(table[name].values()), np.float64)
        if len(names) < 2 or np.ptp(of_plates) == 0:
            continue
        known = METRICS.get(name)
        unit, doc = (known.unit, known.doc) if known else ("", "")
        strips.append(Strip(name, unit, doc, names, of_plates, *outliers(of_plates)))
    return strips


def outliers(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Median, and positions of the values that stand out, the farthest first; none among fewer than :data:`FEWEST`."""
    median = float(np.median(values))
    distance = np.abs(values - median)
    spread = MAD_TO_SD * float(np.median(distance))
    if len(values) < FEWEST or spread == 0:
        return median, np.empty(0, np.int64)
    far = np.flatnonzero(distance > FAR * spread)
    return median, far[np.argsort(-distance[far], kind="stable")]
