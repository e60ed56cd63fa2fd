"""Plates that several benchmarks read, plan or write."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from beadwork.io.beads.lxb import lxb_bytes, read_plate
from beadwork.io.files.tables import write_table
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.kernels.beads.grouping import group_beads
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.beads.plate import N_ANALYTES, BeadPlate
from beadwork.model.params import SimulateParams
from beadwork.simulate.draw import draw_well, make_platform
from beadwork.simulate.study import Study, plan_study


def read_packed(path: Path) -> BeadPlate:
    """Read a packed plate: beads by well and analyte."""
    packed = np.load(path)
    counts = packed["count"].astype(np.int64)
    analyte = np.tile(np.arange(1, N_ANALYTES + 1), len(counts)).repeat(counts.ravel())
    bounds = np.concatenate([[0], np.cumsum(counts.sum(1))])
    wells = [group_beads(analyte[a:b], packed["rp1"][a:b], N_ANALYTES) for a, b in itertools.pairwise(bounds)]
    return BeadPlate.from_wells(path.parent.name, packed["well"].tolist(), wells)


def read_beads(path: Path) -> BeadPlate:
    """Read a packed plate, or a folder or archive of LXB files."""
    return read_packed(path) if path.suffix == ".npz" else read_plate(path, threads=2)


def plan_plates(params: SimulateParams, bead_set: str = "epsilon-r2", ratio: float = 2.0) -> Study:
    """Plan simulated plates; by default of a bead set and ratio as those of the real ones here."""
    levels = read_liss_reference().dropna(subset="calibrator")["log2_level"].tolist()
    return plan_study(read_bead_set(bead_set), ratio, levels, params)


def write_raw(study, plates, folder: Path, threads: int) -> None:
    """Write the LXB files of some plates."""
    platform = make_platform(study)
    for plate in plates:
        target = folder / "lxb" / plate.det_plate
        target.mkdir(parents=True, exist_ok=True)

        def write(start: int, stop: int, plate=plate, target=target) -> None:
            well = plate.wells[start]
            beads = draw_well(study, plate, start, platform)
            data = lxb_bytes(*beads, well, rng=np.random.default_rng(start))
            (target / f"{plate.det_plate}_{well}.lxb").write_bytes(data)

        run_chunks(write, len(plate.wells), threads=threads)
        write_table(plate.plate_map, folder / "maps" / f"{plate.det_plate}.map")
