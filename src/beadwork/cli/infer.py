"""``beadwork infer``: all genes from the landmarks."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, log_option, params_options, qc_option
from beadwork.model.params import InferParams


@click.command("infer")
@click.argument("qnorm", metavar="QNORM", type=FILE)
@click.option("-o", "--output", metavar="INF", type=FILE, required=True, help="Landmarks and inferred genes, log2.")
@click.option("--model", metavar="MODEL", type=FILE, help="A model of `beadwork train-inference`, or CMap's OLS "
              "weights (GCTX, 979 x 11,350). By default the model that ships.")  # fmt: skip
@params_options(InferParams)
@qc_option
@log_option
def command(qnorm: Path, output: Path, model: Path | None, params: InferParams, qc: Path | None) -> None:
    """Infer genes from the 978 landmarks of QNORM.

    The landmarks pass through. How well a gene can be inferred stands in the row field pr_inference_r: the
    correlation of inferred and measured values within studies that the model had not seen (missing for landmarks and
    for models that do not say).
    """
    from beadwork.api.matrix_files import StoredMatrix
    from beadwork.api.plate_steps import infer_step
    from beadwork.cli.files import write_made

    check_outputs([output, qc], [qnorm, model])
    write_made(infer_step(StoredMatrix(qnorm), params, model=model).make(), {"INF": output}, qc)
