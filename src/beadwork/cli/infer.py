"""``beadwork infer``: all genes from the landmarks."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, load_pandas_alone, log_option, params_options, qc_option
from beadwork.model.params import InferParams


@click.command("infer")
@click.argument("qnorm", metavar="QNORM", type=FILE)
@click.option("-o", "--output", metavar="INF", type=FILE, required=True, help="Landmarks and inferred genes, log2.")
@click.option("--model", metavar="MODEL", type=FILE, help="A model of `beadwork train-inference`, or CMap's OLS "
              "weights (GCTX, 979 x 11,350). By default the model that ships.")  # fmt: skip
@click.option("--sd", metavar="SD", type=FILE, help="Write the uncertainty of inferred values here, of differences "
              "between the wells of a plate, log2; about 93 % of them are within 1.96 of it.")  # fmt: skip
@click.option("--measured-sd", metavar="SD", type=FILE, help="Uncertainties of the landmarks that `beadwork deconvolve "
              "--sd` wrote: they add to those of inferred genes, and are written to --sd too.")  # fmt: skip
@params_options(InferParams)
@qc_option
@log_option
def command(
    qnorm: Path, output: Path, model: Path | None, sd: Path | None, measured_sd: Path | None, params: InferParams,
    qc: Path | None,
) -> None:  # fmt: skip
    """Infer genes from the 978 landmarks of QNORM.

    The landmarks pass through. How well a gene can be inferred stands in the row field pr_inference_r: the
    correlation of inferred and measured values within studies that the model had not seen (missing for landmarks and
    for models that do not say); pr_gene_sd is the gene's standard deviation in training.
    """
    load_pandas_alone()
    from beadwork.api.matrix_files import StoredMatrix
    from beadwork.api.plate_steps import infer_step
    from beadwork.cli.files import write_made
    from beadwork.model.errors import ParameterError

    if measured_sd is not None and sd is None:
        raise ParameterError("--measured-sd: changes uncertainties only; give --sd too, or drop --measured-sd")
    check_outputs([output, sd, qc], [qnorm, model, measured_sd])
    step = infer_step(
        StoredMatrix(qnorm),
        params,
        model=model,
        with_sd=sd is not None,
        measured_sd=None if measured_sd is None else StoredMatrix(measured_sd),
    )
    write_made(step.make(), {"INF": output, "INFSD": sd}, qc)
