"""``beadwork zscore``: level 3 to level 4."""

from pathlib import Path
from typing import Literal

import click

from beadwork.cli.options import (
    FILE,
    check_outputs,
    instinfo_option,
    log,
    log_option,
    params_options,
    qc_option,
    write_qc,
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
    from beadwork.cli.files import input_record, load_matrix, save_matrix, with_inst_info
    from beadwork.model.errors import ParameterError
    from beadwork.stages.levels.zscore import INPUT_LEVELS, zscore

    if sd is None and (reliability is not None or not shrink):
        flag = "--no-shrink" if reliability is None else "--reliability"
        raise ParameterError(f"{flag}: needs the uncertainties of the values; give --sd, or drop {flag}")
    check_outputs([output, reliability, qc], [matrix, sd, instinfo])
    source = with_inst_info([load_matrix(matrix, level=INPUT_LEVELS)], [matrix], instinfo)[0]
    doubt = None if sd is None else load_matrix(sd)
    result = zscore(
        source,
        population=population,
        if_few=if_few,
        sd=doubt,
        shrink=shrink,
        params=params,
        what=str(matrix),
    )
    small = result.qc[(result.qc["metric"] == "n_population") & ~result.qc["pass"].astype(bool)]
    for row in small.itertuples():
        log.warning("%s: %s: too few %s wells are left; its scores are missing", matrix, row.entity, population)
    given = {"matrix": matrix, "sd": sd, "instinfo": instinfo}
    inputs = {role: [input_record(path)] for role, path in given.items() if path is not None}
    options: dict[str, object] = {"population": population} | ({} if sd is None else {"shrink": shrink})
    for scores, path in ((result.matrix, output), (result.reliability, reliability)):
        if scores is not None and path is not None:
            save_matrix(
                scores, path, command="zscore", params=params, options=options, inputs=inputs, sources=[source]
            )  # fmt: skip
    write_qc(result.qc, qc)
