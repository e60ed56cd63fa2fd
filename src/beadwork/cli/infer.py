"""``beadwork infer``: all genes from the landmarks."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, log_option, params_options, qc_option, write_qc
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
    from beadwork.cli.files import input_record, load_matrix, save_matrix
    from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
    from beadwork.io.platform.inference_model import default_model_path, read_inference_model
    from beadwork.model.matrix import Level
    from beadwork.stages.levels.infer import infer

    check_outputs([output, qc], [qnorm, model])
    matrix = with_entrez_ids(load_matrix(qnorm, level=Level.QNORM))
    model = model or default_model_path()
    result = infer(matrix, read_inference_model(model), gene_table(), params=params, what=str(qnorm))
    save_matrix(
        result.matrix, output, command="infer", params=params,
        inputs={"matrix": [input_record(qnorm)], "model": [input_record(model)]}, sources=[matrix],
    )  # fmt: skip
    write_qc(result.qc, qc)
