"""QC of noise control: how much was taken out of a plate, of what kind it is, and what is left of its place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beadwork.kernels.levels.noise import Floats
from beadwork.kernels.levels.noise_measures import block_auc, effective_dimension, explained, morans_i
from beadwork.model.ids import well_position
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.levels.noise.noise_wells import control_places

QC_FIELDS = ("qc_slope", "qc_f_logp", "qc_iqr", "count_mean", "count_cv")
"""Fields of wells that noise may follow."""
FEWEST = 5
"""Wells that a measure needs."""
LIMITS: dict[str, tuple[float | None, float | None]] = {
    "noise_share": (None, 0.75), "noise_dimension": (1.5, None), "noise_follows_qc": (None, 0.85),
    "noise_neighbours": (None, 0.65), "control_block_auc_nc": (None, 0.9),
}  # fmt: skip
"""Bounds beyond what real plates showed (LJP009AH, CPC006, REP.A028, TEST: 0.15-0.54, 2.0-10.5, 0.22-0.65, 0.03-0.49,
0.43-0.71)."""


def plate_qc(
    plate: str, before: Floats, after: Floats, factor: Floats, facts: pd.DataFrame, cols: pd.DataFrame
) -> pd.DataFrame:
    """QC rows of a plate.

    Parameters
    ----------
    before, after
        Profiles (wells, genes) as they were centred, and cleaned.
    factor
        Score of each well on the first direction of noise.
    facts
        Of the wells (:func:`beadwork.stages.levels.noise.noise_wells.well_facts`).
    cols
        Annotation of the wells, of which the fields of QC_FIELDS are used.
    """
    total = float((before * before).sum())
    found = {"noise_share": 1 - float((after * after).sum()) / total if total > 0 else np.nan}
    control = (facts["kind"] == "control").to_numpy()
    place = control_places(facts["well"][control])
    found |= {"noise_controls": int(control.sum()), "noise_places": len(set(place) - {""})}
    if control.sum() >= FEWEST:
        own = before[control]
        found["noise_dimension"] = effective_dimension(own - own.mean(axis=0))
        block = pd.factorize(place)[0]
        found["control_block_auc"] = block_auc(before[control], block)
        found["control_block_auc_nc"] = block_auc(after[control], block)
    known = [name for name in QC_FIELDS if name in cols and pd.to_numeric(cols[name], errors="coerce").notna().all()]
    if known:
        found["noise_follows_qc"] = explained(factor, cols[known].to_numpy(np.float64))
    wells = (facts["well"] != "").to_numpy()
    if wells.sum() >= FEWEST:
        at = np.array([well_position(well) for well in facts["well"][wells]])
        found["noise_neighbours"] = morans_i(factor[wells], at)
    rows = []
    for name, value in found.items():
        if value == value:
            lower, upper = LIMITS.get(name, (None, None))
            rows.append(qc_rows("denoise", name, {plate: value}, lower=lower, upper=upper))
    return join_qc(rows)
