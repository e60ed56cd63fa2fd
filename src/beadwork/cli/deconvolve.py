"""``beadwork deconvolve``: LXB beads of a plate -> GEX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from beadwork.cli.options import FILE, check_outputs, common_options, log, params_options, write_qc
from beadwork.model.params import DeconvolveParams

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.model.beads.plate import BeadSet

DEFAULT_BEAD_SET, DEFAULT_RATIO = "epsilon-r2", 2.0
"""What is taken for a bead batch that the batch table does not know: by far the most frequent pair."""
_MAX_WARNINGS = 10


@click.command("deconvolve")
@click.argument("lxb", type=FILE)
@click.option(
    "--map",
    "map_path",
    type=FILE,
    required=True,
    metavar="MAP",
    help="Plate map: tab-separated, one row per well; needs rna_well, pert_id and pert_type.",
)
@click.option("-o", "--output", type=FILE, required=True, metavar="GEX", help="Matrix to write: genes x wells.")
@click.option("--plate", metavar="DET_PLATE", help="Name of the plate; by default what the file names have in common.")
@click.option(
    "--calibrators", type=FILE, metavar="CAL", help="Write the ten calibrators here, which `beadwork normalize` needs."
)
@click.option("--support", type=FILE, metavar="S", help="Write the number of beads behind each value here.")
@click.option("--sd", type=FILE, metavar="SD", help="Write the uncertainty of each value here, if the method has one.")
@click.option("--odds", type=FILE, metavar="O", help="Write the odds that a gene is not its partner here, likewise.")
@click.option("--bead-batch", metavar="B", help="Bead batch; by default the last part of the plate's name.")
@click.option("--beadset", metavar="NAME", help="Bead set, for example epsilon-r2; by default that of the bead batch.")
@click.option(
    "--ratio",
    type=click.FloatRange(min=0, min_open=True),
    metavar="R",
    help="Mixing ratio, hi beads for each lo bead; by default that of the bead batch.",
)
@click.option(
    "--cell-id", metavar="CELL", help="Cell line; by default that of the map, or the plate name's second part."
)
@click.option(
    "--brew-prefix",
    metavar="BREW",
    help="What replicate plates share; by default the first three parts of the plate's name.",
)
@click.option("--batch", "label", metavar="LABEL", help="Your own label of the batch that the plate came with.")
@params_options(DeconvolveParams)
@common_options
def command(
    lxb: Path,
    map_path: Path,
    output: Path,
    plate: str | None,
    calibrators: Path | None,
    support: Path | None,
    sd: Path | None,
    odds: Path | None,
    bead_batch: str | None,
    beadset: str | None,
    ratio: float | None,
    cell_id: str | None,
    brew_prefix: str | None,
    label: str | None,
    params: DeconvolveParams,
    threads: int,
    qc: Path | None,
) -> None:  # fmt: skip
    """Turn the LXB files of a plate into GEX: one fluorescence intensity for each gene and well (level 2).

    LXB is a folder, .tar, .tar.gz or .zip of .lxb or .lxb.gz files, named PLATE_A01.lxb, GSM123_PLATE_A01.lxb (GEO)
    or A01.lxb; archives may hold archives, and several plates if --plate says which.  A well whose file
    cannot be used, or that has no row in the map, is reported and left out.
    """
    from beadwork.cli.files import input_record, save_matrix
    from beadwork.io.beads.lxb import read_plate
    from beadwork.io.beads.maps import read_map
    from beadwork.io.files.digest import digest_bytes
    from beadwork.model.errors import ParameterError
    from beadwork.stages.beads.callers import METHODS
    from beadwork.stages.beads.deconvolve import deconvolve

    flag = "--sd" if sd is not None else "--odds" if odds is not None else None
    if flag and not METHODS[params.method].has_sd:
        able = ", ".join(name for name, method in METHODS.items() if method.has_sd)
        raise ParameterError(
            f"{flag}: method {params.method} gives no uncertainty (methods that do: {able}); drop {flag}"
        )
    if beadset is not None:
        _bead_set(beadset)
    check_outputs([output, calibrators, support, sd, odds, qc], [lxb, map_path])
    read_map(map_path)
    beads = read_plate(lxb, plate, threads=threads)
    plate_map = read_map(map_path, beads.det_plate)
    bead_set, ratio, batch = _platform(beads.det_plate, bead_batch, beadset, ratio)
    given = {"bead_batch": batch, "cell_id": cell_id, "brew_prefix": brew_prefix, "batch": label}
    fields = {key: value for key, value in given.items() if value is not None}
    result = deconvolve(beads, bead_set, plate_map, ratio=ratio, fields=fields, params=params, threads=threads)
    _warn(result.qc)
    _warn_plate(result.qc)

    files = digest_bytes("\n".join(f"{well} {digest}" for well, digest in sorted(beads.digests.items())).encode())
    inputs = {"lxb": [input_record(lxb, files)], "map": [input_record(map_path)]}
    if beadset is not None and beadset.endswith(".tsv"):
        inputs["bead_set"] = [input_record(beadset)]
    options = {"det_plate": beads.det_plate, "bead_set": bead_set.name, "ratio": ratio, **fields}
    outputs = (
        (result.gex, output),
        (result.calibrators, calibrators),
        (result.support, support),
        (result.sd, sd),
        (result.odds, odds),
    )
    for matrix, path in outputs:
        if matrix is not None and path is not None:
            save_matrix(matrix, path, command="deconvolve", params=params, options=options, inputs=inputs)
    write_qc(result.qc, qc)


def _bead_set(name: str) -> BeadSet:
    from beadwork.io.platform.bead_sets import read_bead_set

    return read_bead_set(name)


def _platform(
    det_plate: str, bead_batch: str | None, beadset: str | None, ratio: float | None
) -> tuple[BeadSet, float, str | None]:
    """Bead set, mixing ratio and bead batch of a plate."""
    from beadwork.io.platform.bead_sets import find_bead_batch
    from beadwork.model.ids import parse_det_plate

    name = bead_batch or parse_det_plate(det_plate).bead_batch
    batch = find_bead_batch(name) if name else None
    if batch is None:
        if beadset is None:
            what = f"bead batch {name} is not in the batch table" if name else "the plate's name has no bead batch"
            log.warning(
                "%s: %s; taking bead set %s and ratio %g (else give --bead-batch, or --beadset and --ratio)",
                det_plate, what, DEFAULT_BEAD_SET, ratio or DEFAULT_RATIO,
            )  # fmt: skip
        return _bead_set(beadset or DEFAULT_BEAD_SET), ratio or DEFAULT_RATIO, name or None
    if beadset is not None and beadset != batch.key:
        log.warning("%s: bead batch %s has bead set %s, but %s was asked for", det_plate, name, batch.key, beadset)
    return _bead_set(beadset or batch.key), ratio or batch.ratio, batch.name


def _warn(qc: pd.DataFrame) -> None:
    """Say on standard error what was left out; the QC rows have all of it."""
    unusable = qc[qc["metric"] == "well_unusable"]
    for row in unusable.head(_MAX_WARNINGS).itertuples():
        log.warning("%s: %s; the well is left out", row.entity, row.value)
    if len(unusable) > _MAX_WARNINGS:
        log.warning("%d more wells cannot be used; the QC rows say why", len(unusable) - _MAX_WARNINGS)
    texts = {
        "well_without_map": "wells without a row in the plate map are left out",
        "map_without_well": "rows of the plate map without an LXB file",
        "calibrators_missing": "wells with calibrators without beads, which become NaN",
    }
    for metric, text in texts.items():
        rows = qc[(qc["metric"] == metric) & ~qc["pass"].astype(bool)]
        if len(rows):
            log.warning("%s: %s", text, _some(rows["entity"]))


def _warn_plate(qc: pd.DataFrame) -> None:
    """Say where the beads do not look like those of the bead batch or bead set, and where there was no prior."""
    failed = qc[~qc["pass"].astype(bool)]
    for metric, more in (
        ("beads_suspected", ""),
        ("prior_used", " for a prior from the other wells; each well is fitted alone"),
    ):
        for row in failed[failed["metric"] == metric].itertuples():
            log.warning("%s: %s%s", row.entity, row.value, more)


def _some(entities: pd.Series) -> str:
    from beadwork.model.errors import name_some

    return name_some(entities)
