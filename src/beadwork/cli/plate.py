"""``beadwork plate``: LXB beads of a plate to z-scores, in one process."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import (
    FILE,
    Command,
    load_pandas_alone,
    log_cost,
    log_option,
    params_options,
    plate_fields_options,
    plate_inputs,
    threads_option,
)
from beadwork.model.params import (
    PLATE_STEPS,
    DeconvolveParams,
    DenoiseParams,
    InferParams,
    NormalizeParams,
    ZscoreParams,
    plate_names,
)


def steps_options(function: Command) -> Command:
    """Add the parameters of all steps; those that two steps have are named after the step as well."""
    for section, model in reversed(PLATE_STEPS.items()):
        function = params_options(model, section, plate_names(section))(function)
    return function


@click.command("plate")
@plate_inputs
@click.option("-o", "--output", type=FILE, required=True, metavar="FOLDER", help="Folder of the plate to write.")
@plate_fields_options
@click.option(
    "--zsvc/--no-zsvc", default=True, show_default=True, help="Also make ZSVC if the map has --min-population vehicle "
    "wells."
)  # fmt: skip
@click.option(
    "--zscore-sd/--no-zscore-sd",
    default=False,
    show_default=True,
    help="Make z-scores of values less sure than their gene usually is smaller (methods with uncertainty).",
)
@click.option(
    "--reliability/--no-reliability",
    default=False,
    show_default=True,
    help="Also write the reliability of the scores, for `beadwork consensus --reliability`.",
)
@click.option(
    "--noise",
    metavar="NOISE",
    default="off",
    show_default=True,
    help="Also make ZSNC: default takes the noise model that ships, else give a file of `beadwork train-noise`.",
)
@click.option(
    "--archived",
    is_flag=True,
    help="The beads need not be there: level 2 in FOLDER, made of them, is taken, and changed labels are joined to it.",
)
@click.option(
    "--on-upgrade",
    type=click.Choice(["keep", "rerun"]),
    default="rerun",
    show_default=True,
    envvar="BEADWORK_ON_UPGRADE",
    help="What becomes of files in FOLDER that a version made whose bytes differ from those of this one.",
)
@click.option("--reference", metavar="TSV", type=FILE, help="Your own reference levels of LISS.")
@click.option("--model", metavar="MODEL", type=FILE, help="Your own inference model, or CMap's OLS weights.")
@steps_options
@threads_option
@log_option
def command(
    lxb: Path,
    map_path: Path,
    output: Path,
    plate: str | None,
    bead_batch: str | None,
    beadset: str | None,
    ratio: float | None,
    cell_id: str | None,
    brew_prefix: str | None,
    label: str | None,
    zsvc: bool,
    zscore_sd: bool,
    reliability: bool,
    noise: str,
    archived: bool,
    on_upgrade: str,
    reference: Path | None,
    model: Path | None,
    deconvolve: DeconvolveParams,
    normalize: NormalizeParams,
    infer: InferParams,
    zscore: ZscoreParams,
    denoise: DenoiseParams,
    threads: int,
) -> None:  # fmt: skip
    """Turn the LXB files of a plate into z-scores: all that deconvolve, normalize, infer and zscore do, at once.

    FOLDER gets the files of the single commands, to the byte: PLATE_GEX.gctx, CAL, SUPPORT, SD and ODDS (if the method
    gives them), NORM, QNORM, CURVES.tsv, INF, ZSPC, ZSVC (and ZSNC, RELIABILITY, INFSD where asked for), and
    qc/STEP.tsv.  A step whose files are there and whole, made of the same inputs with the same parameters, is not done
    again (qc/plate.json keeps the checksums).  Options are those of the single commands; one that two of them have
    carries the name of the command, as --normalize-min-wells.
    """
    load_pandas_alone()
    from beadwork.api.plates import PlateParams, process_plate

    process_plate(
        lxb,
        map_path,
        folder=output,
        params=PlateParams(
            deconvolve, normalize, infer, zscore, denoise,
            zsvc=zsvc, zsnc=noise != "off", zscore_sd=zscore_sd, reliability=reliability,
            reference=reference, model=model, noise=Path(noise) if noise not in ("off", "default") else None,
        ),
        threads=threads,
        archived=archived,
        keep_older=on_upgrade == "keep",
        plate=plate,
        bead_batch=bead_batch,
        beadset=beadset,
        ratio=ratio,
        cell_id=cell_id,
        brew_prefix=brew_prefix,
        batch=label,
    )  # fmt: skip
    log_cost()
