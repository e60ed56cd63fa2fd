"""``beadwork normalize``: level 2 to level 3."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, load_pandas_alone, log_option, params_options, qc_option
from beadwork.model.params import NormalizeParams


@click.command("normalize")
@click.argument("gex", metavar="GEX", type=FILE)
@click.option("--calibrators", metavar="CAL", type=FILE, help="Calibrators of the plate; needed by LISS.")
@click.option("-o", "--output", metavar="QNORM", type=FILE, required=True, help="Write quantile-normalised wells here.")
@click.option("--norm", metavar="NORM", type=FILE, help="Write the scaled wells before quantile normalisation here.")
@click.option("--curves", metavar="TSV", type=FILE, help="Write the calibration curves here.")
@click.option(
    "--reference",
    metavar="TSV",
    type=FILE,
    help="Your own reference levels (columns point, calibrator, log2_level); needed for bead sets other than epsilon.",
)
@click.option(
    "--beadset",
    "bead_set",
    metavar="NAME",
    help="Bead set of a GEX whose rows do not say their analytes; by default epsilon of the wells' bead_revision.",
)
@params_options(NormalizeParams)
@qc_option
@log_option
def command(
    gex: Path,
    calibrators: Path | None,
    output: Path,
    norm: Path | None,
    curves: Path | None,
    reference: Path | None,
    bead_set: str | None,
    params: NormalizeParams,
    qc: Path | None,
) -> None:
    """Scale the wells of a plate by their calibrators (LISS), drop outliers, give all wells one distribution.

    Failed wells, outliers and empty wells (pert_type lma_...) leave here; the QC rows say which and why.  NORM and
    QNORM hold the wells that are left.
    """
    load_pandas_alone()
    from beadwork.api.matrix_files import StoredMatrix
    from beadwork.api.plate_steps import normalize_step
    from beadwork.cli.files import write_made

    check_outputs([output, norm, curves, qc], [gex, calibrators, reference])
    step = normalize_step(
        StoredMatrix(gex),
        None if calibrators is None else StoredMatrix(calibrators),
        params,
        reference=reference,
        bead_set=bead_set,
    )
    write_made(step.make(), {"NORM": norm, "QNORM": output, "CURVES": curves}, qc)
