"""Bad wells of a simulated study: which wells are bad in which way, and their beads; maps that lie wrongly."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beadwork.kernels.plates.placements import placements
from beadwork.model.beads.plate import N_ANALYTES
from beadwork.model.ids import WELLS_384
from beadwork.simulate.draw import Platform, draw_well
from beadwork.simulate.layout import REFERENCE_RNA
from beadwork.simulate.study import SimulatedPlate, Study

WELL_FAULTS = ("truncated", "empty", "few beads", "dark", "absent", "not an LXB file", "another cell line",
               "another bead set")  # fmt: skip
"""Ways in which a well is bad; the last two are wells of beads that are sound in themselves."""
FEW = 0.01
"""Share of its beads that is left to a well with few beads."""


def choose_bad_wells(study: Study, share: float, seed: int) -> dict[str, dict[str, str]]:
    """Choose a share of the wells of each plate, wells of reference RNA apart: fault by well, by plate."""
    rng = np.random.default_rng(seed)
    chosen: dict[str, dict[str, str]] = {}
    count = 0
    for plate in study.plates:
        able = [well for well in plate.wells if well not in REFERENCE_RNA]
        wells = rng.choice(able, round(share * len(plate.wells)), replace=False)
        faults = {str(well): WELL_FAULTS[(count + at) % len(WELL_FAULTS)] for at, well in enumerate(wells)}
        count += len(faults)
        chosen[plate.det_plate] = faults
    return chosen


def bad_beads(
    study: Study, plate: SimulatedPlate, well: int, fault: str, platform: Platform, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Beads of a well that is bad: analytes and intensities.  Faults of files leave its beads as they are."""
    analyte, reporter = draw_well(study, plate, well, platform)
    if fault == "empty":
        return analyte[:0], reporter[:0]
    if fault == "few beads":
        kept = rng.random(len(analyte)) < FEW
        return analyte[kept], reporter[kept]
    if fault == "dark":
        return analyte, np.maximum(1, np.exp2(rng.normal(6, 0.3, len(analyte)))).astype(np.uint32)
    if fault == "another cell line":
        mate = next(mate for mate in study.plates if mate.cell_id != plate.cell_id)
        return draw_well(study, mate, mate.wells.index(plate.wells[well]), platform)
    if fault == "another bead set":  # analytes carry the genes of others
        order = np.arange(N_ANALYTES + 1)
        order[11:] = 11 + rng.permutation(N_ANALYTES - 10)
        return order[analyte].astype(np.uint16), reporter
    return analyte, reporter


def misplaced_map(plate_map: pd.DataFrame, place: str) -> pd.DataFrame:
    """Plate map that lies wrongly (a key of ``placements()``): each well has the row of another."""
    own = plate_map.set_index("rna_well")
    source = placements()[place]
    rows = {
        well: own.loc[WELLS_384[source[at]]]
        for at, well in enumerate(WELLS_384)
        if well in own.index and source[at] >= 0 and WELLS_384[source[at]] in own.index
    }
    return pd.DataFrame(rows).T.rename_axis("rna_well").reset_index()
