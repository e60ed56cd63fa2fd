"""``beadwork zscore``: level 3 to level 4."""

from pathlib import Path
from typing import Literal

import click

from beadwork.cli.options import (
    FILE,
    check_outputs,
    instinfo_option,
    load_pandas_alone,
    log_option,
    params_options,
    qc_option,
)
from beadwork.model.params import ZscoreParams


@click.command("zscore")
@click.argument("matrix", metavar="X", type=FILE)
@click.option("-o", "--output", metavar="Z", type=FILE, required=True, help="Write the z-scores here.")
@click.option(
    "--population",
    type=click.Choice(["plate", "vehicle"]),
    default="plate",
    show_default=True,
    help="Score against all wells of the plate (ZSPC) or against its vehicle wells, pert_type ctl_vehicle (ZSVC).",
)
@click.option(
    "--if-few",
    type=click.Choice(["error", "missing"]),
    default="error",
    show_default=True,
    help="With fewer wells than --min-population: refuse, or write missing scores and say so in the QC rows.",
)
@click.option(
    "--sd",
    metavar="SD",
    type=FILE,
    help="Uncertainties that `beadwork deconvolve --sd` wrote: values less sure than their gene usually is get smaller "
    "scores.",
)
@click.option(
    "--shrink/--no-shrink",
    default=True,
    show_default=True,
    help="Whether --sd makes scores smaller; --no-shrink leaves them, for --reliability alone.",
)
@click.option(
    "--reliability",
    metavar="R",
    type=FILE,
    help="Write the reliability of each measured score here (0 to 1, from --sd), for `beadwork consensus "
    "--reliability`.",
)
@instinfo_option
@params_options(ZscoreParams)
@qc_option
@log_option
def command(
    matrix: Path,
    output: Path,
    population: Literal["plate", "vehicle"],
    if_few: Literal["error", "missing"],
    sd: Path | None,
    shrink: bool,
    reliability: Path | None,
    instinfo: Path | None,
    params: ZscoreParams,
    qc: Path | None,
) -> None:  # fmt: skip
    """Robust z-scores: how far each gene stands from its median over the wells of the plate.

    X holds INF, QNORM or NORM (GCT or GCTX, any row ids) of one plate or of several: each det_plate is scored by
    itself. The field det_plate says which plate a column is of, else its id PLATE:WELL. Z is GCTX, or GCT if its name
    ends in .gct.
    """
    if instinfo is None:
        load_pandas_alone()
    from beadwork.api.matrix_files import StoredMatrix
    from beadwork.api.plate_steps import zscore_step
    from beadwork.cli.files import write_made
    from beadwork.model.errors import ParameterError

    if sd is None and (reliability is not None or not shrink):
        flag = "--no-shrink" if reliability is None else "--reliability"
        raise ParameterError(f"{flag}: needs the uncertainties of the values; give --sd, or drop {flag}")
    check_outputs([output, reliability, qc], [matrix, sd, instinfo])
    step = zscore_step(
        StoredMatrix(matrix),
        params,
        population=population,
        if_few=if_few,
        sd=None if sd is None else StoredMatrix(sd),
        shrink=shrink,
        instinfo=instinfo,
    )
    write_made(step.make(), {"ZSPC": output, "ZSVC": output, "RELIABILITY": reliability}, qc)
