"""``beadwork denoise``: z-scores without the noise that wells share."""

from __future__ import annotations

from pathlib import Path

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
from beadwork.model.params import DenoiseParams


@click.command("denoise")
@click.argument("z", metavar="Z", type=FILE)
@click.option("-o", "--output", metavar="OUT", type=FILE, required=True, help="Cleaned z-scores of the landmarks.")
@click.option("--noise", metavar="NOISE", type=FILE, help="Model of `beadwork train-noise`; without it the one that "
              "ships.")  # fmt: skip
@click.option("--infer", "qnorm", metavar="QNORM", type=FILE, help="Also inferred genes: the plate's QNORM, whose "
              "landmarks are cleaned, inferred from and scored.")  # fmt: skip
@click.option("--model", metavar="MODEL", type=FILE, help="Inference model for --infer; by default the one that ships.")
@instinfo_option
@params_options(DenoiseParams)
@qc_option
@log_option
def command(
    z: Path, output: Path, noise: Path | None, qnorm: Path | None, model: Path | None, instinfo: Path | None,
    params: DenoiseParams, qc: Path | None,
) -> None:  # fmt: skip
    """Take the noise that wells share out of z-scores: level 4 becomes ZSNC, level 5 becomes MNZ.

    Z holds ZSPC or ZSVC of one plate or several, or signatures: MODZ, also of clue.io and LINCS; rows by Entrez id,
    HG-U133A probe id or the row field pr_gene_id. OUT holds the landmarks, with --infer also inferred genes. No well
    is cleaned by a part of the model that used its own treatment; where nothing else is left it is refused.
    """
    if instinfo is None:
        load_pandas_alone()
    from beadwork.api.matrix_files import StoredMatrix
    from beadwork.api.plate_steps import denoise_step
    from beadwork.cli.files import write_made
    from beadwork.model.errors import ParameterError

    check_outputs([output, qc], [z, noise, qnorm, model, instinfo])
    if model is not None and qnorm is None:
        raise ParameterError("--model: is used with --infer only; give --infer the plate's QNORM")
    step = denoise_step(
        StoredMatrix(z),
        params,
        noise=noise,
        qnorm=None if qnorm is None else StoredMatrix(qnorm),
        model=model,
        instinfo=instinfo,
    )
    write_made(step.make(), {"ZSNC": output}, qc)
