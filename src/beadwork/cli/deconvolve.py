"""``beadwork deconvolve``: LXB beads of a plate -> GEX."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import (
    FILE,
    check_outputs,
    common_options,
    load_pandas_alone,
    params_options,
    plate_fields_options,
    plate_inputs,
)
from beadwork.model.params import DeconvolveParams


@click.command("deconvolve")
@plate_inputs
@click.option("-o", "--output", type=FILE, required=True, metavar="GEX", help="Matrix to write: genes x wells.")
@click.option(
    "--calibrators", type=FILE, metavar="CAL", help="Write the ten calibrators here, which `beadwork normalize` needs."
)
@click.option("--support", type=FILE, metavar="S", help="Write the number of beads behind each value here.")
@click.option("--sd", type=FILE, metavar="SD", help="Write the uncertainty of each value here, if the method has one.")
@click.option("--odds", type=FILE, metavar="O", help="Write the odds that a gene is not its partner here, likewise.")
@plate_fields_options
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
    load_pandas_alone()
    from beadwork.api.plate_level_2 import PlateFields, deconvolve_step
    from beadwork.cli.files import write_made
    from beadwork.model.errors import ParameterError
    from beadwork.stages.beads.callers import METHODS

    flag = "--sd" if sd is not None else "--odds" if odds is not None else None
    if flag and not METHODS[params.method].has_sd:
        able = ", ".join(name for name, method in METHODS.items() if method.has_sd)
        raise ParameterError(
            f"{flag}: method {params.method} gives no uncertainty (methods that do: {able}); drop {flag}"
        )
    check_outputs([output, calibrators, support, sd, odds, qc], [lxb, map_path])
    given = PlateFields(plate, bead_batch, beadset, ratio, cell_id, brew_prefix, label)
    _, step = deconvolve_step(lxb, map_path, given, params, threads=threads)
    paths = {"GEX": output, "CAL": calibrators, "SUPPORT": support, "SD": sd, "ODDS": odds}
    write_made(step.make(), paths, qc)
