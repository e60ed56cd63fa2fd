"""A simulated study twice: as it should be, and with bad wells, wrong maps and swapped plates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.beads.lxb import lxb_bytes
from beadwork.io.files.tables import write_table
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.ids import WELLS_384
from beadwork.model.params import SimulateParams
from beadwork.simulate.bad_wells import bad_beads, choose_bad_wells, misplaced_map
from beadwork.simulate.draw import Platform, draw_well, make_platform
from beadwork.simulate.study import SimulatedPlate, Study, plan_study


def write_bad_study(
    folder: Path,
    *,
    sets: int = 3,
    wells: int = 384,
    beads_mean: float = 40.0,
    share: float = 0.03,
    seed: int = 23,
    threads: int = 2,
) -> None:
    """Write a study of two cell lines in three replicates, ``sound`` and ``bad``.

    ``wells.tsv`` says which wells are bad in which way, ``plates.tsv`` which plates carry a mistake.

    Parameters
    ----------
    sets
        Sets of compounds; six plates each.
    share
        Share of bad wells on each plate.
    """
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].tolist()
    params = SimulateParams(plates=sets * 6, replicates=3, cells=("A375", "MCF7"), wells=wells, beads_mean=beads_mean,
                            seed=seed)  # fmt: skip
    study = plan_study(read_bead_set("epsilon-r2"), 2.0, levels, params)
    platform, faults = make_platform(study), choose_bad_wells(study, share, seed)
    for plate in study.plates:
        _write_wells(study, plate, platform, faults[plate.det_plate], folder, seed, threads)
    planted = [(plate, well, fault) for plate, own in faults.items() for well, fault in own.items()]
    write_table(pd.DataFrame(planted, columns=["det_plate", "det_well", "fault"]), folder / "wells.tsv")
    sheet = pd.DataFrame({"det_plate": [plate.det_plate for plate in study.plates]}).set_index("det_plate", drop=False)
    sheet["lxb"], sheet["map"] = "lxb/" + sheet.index, "maps/" + sheet.index + ".map"
    sheet["bead_set"] = "epsilon-r2"
    write_table(sheet, folder / "sound/plates.tsv")
    sheet, mistakes = _plant_mistakes(study, folder / "bad/maps", sheet.copy())
    write_table(sheet, folder / "bad/plates.tsv")
    write_table(pd.DataFrame(list(mistakes.items()), columns=["det_plate", "mistake"]), folder / "plates.tsv")


def _write_wells(
    study: Study, plate: SimulatedPlate, platform: Platform, faults: Mapping[str, str], folder: Path, seed: int,
    threads: int,
) -> None:  # fmt: skip
    """Write the wells of a plate as they should be, and the bad ones beside."""
    sound, bad = (folder / kind / "lxb" / plate.det_plate for kind in ("sound", "bad"))
    for path in (sound, bad):
        path.mkdir(parents=True, exist_ok=True)

    def write(at: int, _stop: int) -> None:
        well = plate.wells[at]
        name, fault = f"{plate.det_plate}_{well}.lxb", faults.get(well)
        data = lxb_bytes(*draw_well(study, plate, at, platform), well, rng=np.random.default_rng(at))
        (sound / name).write_bytes(data)
        if fault is None:
            os.link(sound / name, bad / name)
            return
        own = np.random.default_rng([seed, plate.number, WELLS_384.index(well)])
        if fault == "truncated":
            data = data[: len(data) * 2 // 3 + 1]
        elif fault == "not an LXB file":
            data = own.bytes(30_000)
        elif fault != "absent":
            data = lxb_bytes(*bad_beads(study, plate, at, fault, platform, own), well, rng=own)
        if fault != "absent":
            (bad / name).write_bytes(data)

    run_chunks(write, len(plate.wells), threads=threads)
    for kind in ("sound", "bad"):
        write_table(plate.plate_map, folder / kind / "maps" / f"{plate.det_plate}.map")


def _plant_mistakes(study: Study, maps: Path, sheet: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Plant one mistake in each brew as far as they go; returns the sheet, and mistakes by plate."""
    names: dict[str, list[str]] = {}  # of the plates of each brew: SIM001_A375, SIM001_MCF7, SIM002_A375, ...
    for plate in study.plates:
        names.setdefault(plate.brew_prefix, []).append(plate.det_plate)
    brews = list(names.values())
    plate_maps = {plate.det_plate: plate.plate_map for plate in study.plates}
    full = len(plate_maps[brews[0][0]]) == len(WELLS_384)  # a small plate, rotated, shares no well with its map
    carried = {}
    for name, place in [(brews[0][0], "shifted one row down")] + [(brews[1][1], "rotated by 180 degrees")] * full:
        write_table(misplaced_map(plate_maps[name], place), maps / f"{name}.map")
        carried[name] = place
    if len(brews) > 2:
        one, two = brews[2][2], brews[3][0]  # another cell line
        sheet.loc[[one, two], "lxb"] = sheet.loc[[two, one], "lxb"].to_numpy()
        carried |= {one: f"swapped with {two}", two: f"swapped with {one}"}
    if len(brews) > 4:
        wrong = brews[4][1]
        sheet.loc[wrong, "bead_set"] = "epsilon-r1"
        carried[wrong] = "bead set epsilon-r1 for epsilon-r2"
    if brews[-1][1] not in carried:  # the beads of a plate of the other cell line, under both names
        mate = brews[-2][1 if len(brews) < 4 else 0]
        sheet.at[brews[-1][2], "lxb"] = str(sheet.at[mate, "lxb"])  # noqa: PD008 (one cell)
        carried[brews[-1][2]] = "a replicate from another cell line"
    return sheet, carried
