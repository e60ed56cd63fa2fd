"""A simulated study as files: plates as a laboratory has them, and what was planted."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.api.matrix_files import save_matrix
from beadwork.io.beads.lxb import lxb_bytes
from beadwork.io.files.atomic import atomic_path, write_text
from beadwork.io.files.tables import write_table
from beadwork.io.platform.bead_sets import find_bead_batch, read_bead_set, read_liss_reference
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.beads.plate import BeadBatch
from beadwork.model.errors import FileError, ParameterError
from beadwork.model.ids import WELLS_384
from beadwork.model.params import SimulateParams
from beadwork.model.qc import join_qc, qc_rows
from beadwork.simulate.draw import Platform, draw_well, make_platform
from beadwork.simulate.study import SimulatedPlate, Study, plan_study

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


def write_study(
    output: Path,
    params: SimulateParams = SimulateParams(),  # noqa: B008 (frozen)
    *,
    compress: bool = False,
    threads: int = 1,
    progress: Progress = lambda items, label, length: items,
) -> pd.DataFrame:
    """Simulate a study and write it: LXB files, maps, plate sheet, truth.

    Parameters
    ----------
    output
        Folder to fill: new or empty.
    compress
        Write ``.lxb.gz``.
    progress
        Goes through the plates and shows how far it is.

    Returns
    -------
    pandas.DataFrame
        QC rows: wells of each plate.

    Raises
    ------
    ParameterError
        The bead batch is unknown, or of another bead set than epsilon.
    FileError
        The folder holds something.
    """
    batch = _batch(params)
    if output.exists() and not output.is_dir():
        raise FileError(f"{output}: is a file, but a folder is needed; choose another name")
    if output.is_dir() and any(output.iterdir()):
        raise FileError(f"{output}: is not empty; old and new plates would mix: remove it or choose another name")
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].tolist()
    study = plan_study(read_bead_set(batch.key), batch.ratio, levels, params)
    platform = make_platform(study)
    beads = {}
    for plate in progress(study.plates, "plates", len(study.plates)):
        beads[plate.det_plate] = _write_beads(study, plate, platform, output / "lxb", compress, threads)
        write_table(plate.plate_map, output / "maps" / f"{plate.det_plate}.map")
        save_matrix(study.true_gex(plate), output / "truth" / f"{plate.det_plate}_GEX.gctx", command="simulate",
                    params=params, inputs={})  # fmt: skip
    _write_truth(study, beads, output / "truth")
    write_table(_sheet(study, batch), output / "plates.tsv")
    read = {plate.det_plate: sum(fault != "absent" for fault in plate.faults) for plate in study.plates}
    return join_qc([qc_rows("simulate", "wells_read", read)])


def _batch(params: SimulateParams) -> BeadBatch:
    batch = find_bead_batch(params.bead_batch)
    if batch is None:
        raise ParameterError(f"parameter bead_batch: {params.bead_batch!r} is not in the batch table; B20, for example")
    if batch.bead_set != "epsilon":
        raise ParameterError(
            f"parameter bead_batch: {params.bead_batch!r} is of bead set {batch.bead_set}, "
            "whose landmarks are others; choose a batch of epsilon, such as B20"
        )
    return batch


def _write_beads(
    study: Study, plate: SimulatedPlate, platform: Platform, folder: Path, compress: bool, threads: int
) -> list[int]:
    """Write the LXB files of a plate; returns the number of beads of each well."""
    ending = ".lxb.gz" if compress else ".lxb"

    def write_well(at: int, _stop: int) -> int:
        well, fault = plate.wells[at], plate.faults[at]
        if fault == "absent":
            return 0
        analyte, reporter = draw_well(study, plate, at, platform)
        order = np.random.default_rng([study.params.seed, 1, plate.number, WELLS_384.index(well)])
        data = lxb_bytes(analyte, reporter, well, rng=order)
        if fault == "truncated":
            data = data[: len(data) * 2 // 3 + 1]
        with atomic_path(folder / plate.det_plate / f"{plate.det_plate}_{well}{ending}") as temporary:
            temporary.write_bytes(gzip.compress(data, 1, mtime=0) if compress else data)
        return len(analyte)

    return run_chunks(write_well, len(plate.wells), threads=threads)


def _write_truth(study: Study, beads: Mapping[str, Sequence[int]], folder: Path) -> None:
    """Write what was planted: signatures, mechanisms, faults of wells."""
    save_matrix(study.signatures, folder / "signatures.gctx", command="simulate", params=study.params, inputs={})
    write_table(study.siginfo, folder / "siginfo.tsv")
    for name, sign in (("up", 1), ("dn", -1)):
        write_text(folder / f"mechanisms_{name}.gmt", _gmt(study.markers(sign), f"planted, {name}"))
    planted = study.siginfo.dropna(subset=["moa"]).groupby("moa", sort=False)["pert_id"].unique()
    write_text(folder / "moa.gmt", _gmt({str(moa): list(ids) for moa, ids in planted.items()}, "planted perturbagens"))
    wells = [
        {"det_plate": plate.det_plate, "det_well": well, "beads": count, "fault": fault,
         "beads_mean": round(float(mean), 3)}
        for plate in study.plates
        for well, count, fault, mean in zip(
            plate.wells, beads[plate.det_plate], plate.faults, plate.beads_mean, strict=True)
    ]  # fmt: skip
    write_table(pd.DataFrame(wells), folder / "wells.tsv")


def _sheet(study: Study, batch: BeadBatch) -> pd.DataFrame:
    """Plate sheet, with paths relative to its folder."""
    rows = [
        {"det_plate": plate.det_plate, "lxb": f"lxb/{plate.det_plate}", "map": f"maps/{plate.det_plate}.map",
         "bead_batch": study.params.bead_batch, "bead_set": batch.key, "cell_id": plate.cell_id,
         "brew_prefix": plate.brew_prefix, "batch": "simulated", "use": "yes"}
        for plate in study.plates
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _gmt(sets: Mapping[str, Sequence[str]], description: str) -> str:
    return "".join("\t".join([name, description, *members]) + "\n" for name, members in sets.items())
