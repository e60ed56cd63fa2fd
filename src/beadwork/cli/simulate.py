"""``beadwork simulate``: plates with known truth, as LXB files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from beadwork.cli.options import FILE, common_options, params_options, progress, write_qc
from beadwork.model.params import SimulateParams

if TYPE_CHECKING:
    import numpy as np

    from beadwork.simulate.study import SimulatedPlate


@click.command("simulate")
@click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="Folder to fill; made if absent.")
@params_options(SimulateParams)
@click.option("--compress/--no-compress", default=False, show_default=True, help="Write .lxb.gz.")
@common_options
def command(output: Path, params: SimulateParams, compress: bool, threads: int, qc: Path | None) -> None:
    """Make L1000 plates whose truth is known: beads as LXB files, plate maps, and what was planted.

    \b
    DIR/plates.tsv                 one row per plate, ready for the workflow; paths are relative to DIR
    DIR/lxb/{plate}/               one LXB file per well
    DIR/maps/{plate}.map           plate maps
    DIR/truth/{plate}_GEX.gctx     level 2: linear FI of every gene and well
    DIR/truth/signatures.gctx      level 5: log2 fold changes of the 978 landmarks by sig_id
    DIR/truth/siginfo.tsv          what each signature is, with its planted mechanism (moa)
    DIR/truth/mechanisms_up.gmt, mechanisms_dn.gmt    the 50 genes each mechanism moves most, Entrez ids: queries
    DIR/truth/moa.gmt              the perturbagens of each mechanism
    DIR/truth/wells.tsv            bead count and fault of every well
    """
    import gzip
    import logging

    from beadwork.cli.files import save_matrix
    from beadwork.io.beads.lxb import lxb_bytes
    from beadwork.io.files.atomic import atomic_path, write_text
    from beadwork.io.files.tables import write_table
    from beadwork.io.platform.bead_sets import find_bead_batch, read_bead_set, read_liss_reference
    from beadwork.kernels.numeric.threads import run_chunks
    from beadwork.model.errors import FileError, ParameterError
    from beadwork.model.ids import WELLS_384
    from beadwork.model.qc import join_qc, qc_rows
    from beadwork.simulate.draw import draw_well, make_platform
    from beadwork.simulate.study import plan_study

    batch = find_bead_batch(params.bead_batch)
    if batch is None:
        raise ParameterError(f"parameter bead_batch: {params.bead_batch!r} is not in the batch table; B20, for example")
    if batch.bead_set != "epsilon":
        raise ParameterError(
            f"parameter bead_batch: {params.bead_batch!r} is of bead set {batch.bead_set}, "
            "whose landmarks are others; choose a batch of epsilon, such as B20"
        )
    if output.exists() and not output.is_dir():
        raise FileError(f"{output}: is a file, but a folder is needed; choose another name")
    if output.is_dir() and any(output.iterdir()):
        raise FileError(f"{output}: is not empty; old and new plates would mix: remove it or choose another name")
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].tolist()
    study = plan_study(read_bead_set(batch.key), batch.ratio, levels, params)
    platform = make_platform(study)

    ending = ".lxb.gz" if compress else ".lxb"
    written = {}
    for plate in progress(study.plates, "plates", len(study.plates)):
        folder = output / "lxb" / plate.det_plate

        def write_well(start: int, stop: int, plate: SimulatedPlate = plate, folder: Path = folder) -> int:
            well, fault = plate.wells[start], plate.faults[start]
            if fault == "absent":
                return 0
            rng_order = [params.seed, 1, plate.number, WELLS_384.index(well)]
            analyte, reporter = draw_well(study, plate, start, platform)
            data = lxb_bytes(analyte, reporter, well, rng=_generator(rng_order))
            if fault == "truncated":
                data = data[: len(data) * 2 // 3 + 1]
            with atomic_path(folder / f"{plate.det_plate}_{well}{ending}") as temporary:
                temporary.write_bytes(gzip.compress(data, 1, mtime=0) if compress else data)
            return len(analyte)

        counts = run_chunks(write_well, len(plate.wells), threads=threads)
        written[plate.det_plate] = dict(zip(plate.wells, counts, strict=True))
        write_table(plate.plate_map, output / "maps" / f"{plate.det_plate}.map")
        save_matrix(study.true_gex(plate), output / "truth" / f"{plate.det_plate}_GEX.gctx", command="simulate",
                    params=params, inputs={})  # fmt: skip

    truth = output / "truth"
    save_matrix(study.signatures, truth / "signatures.gctx", command="simulate", params=params, inputs={})
    write_table(study.siginfo, truth / "siginfo.tsv")
    for name, sign in (("up", 1), ("dn", -1)):
        write_text(truth / f"mechanisms_{name}.gmt", _gmt(study.markers(sign), f"planted, {name}"))
    planted = study.siginfo.dropna(subset=["moa"]).groupby("moa", sort=False)["pert_id"].unique()
    write_text(truth / "moa.gmt", _gmt({str(moa): list(ids) for moa, ids in planted.items()}, "planted perturbagens"))
    import pandas as pd

    wells = [
        {"det_plate": plate.det_plate, "det_well": well, "beads": written[plate.det_plate][well], "fault": fault,
         "beads_mean": round(float(mean), 3)}
        for plate in study.plates
        for well, fault, mean in zip(plate.wells, plate.faults, plate.beads_mean, strict=True)
    ]  # fmt: skip
    write_table(pd.DataFrame(wells), truth / "wells.tsv")
    sheet = [
        {"det_plate": plate.det_plate, "lxb": f"lxb/{plate.det_plate}", "map": f"maps/{plate.det_plate}.map",
         "bead_batch": params.bead_batch, "bead_set": batch.key, "cell_id": plate.cell_id,
         "brew_prefix": plate.brew_prefix, "batch": "simulated", "use": "yes"}
        for plate in study.plates
    ]  # fmt: skip
    write_table(pd.DataFrame(sheet), output / "plates.tsv")
    read = {plate.det_plate: sum(fault != "absent" for fault in plate.faults) for plate in study.plates}
    write_qc(join_qc([qc_rows("simulate", "wells_read", read)]), qc)
    logging.getLogger("beadwork").info("%d plates of %d wells in %s", params.plates, params.wells, output)


def _generator(seed: list[int]) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng(seed)


def _gmt(sets: dict[str, list[str]], description: str) -> str:
    return "".join("\t".join([name, description, *members]) + "\n" for name, members in sets.items())
