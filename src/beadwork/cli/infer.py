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
@click.option("--sd", metavar="SD", type=FILE, help="Write the uncertainty of inferred values here, of differences "
              "between the wells of a plate, log2; about 93 % of them are within 1.96 of it.")  # fmt: skip
@click.option("--measured-sd", metavar="SD", type=FILE, help="Uncertainties of the landmarks that `beadwork deconvolve "
              "--sd` wrote: they add to those of inferred genes, and stand in --sd too.")  # fmt: skip
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
    from beadwork.cli.files import input_record, load_matrix, save_matrix
    from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
    from beadwork.io.platform.inference_model import default_model_path, read_inference_model
    from beadwork.model.errors import ParameterError
    from beadwork.model.matrix import Level
    from beadwork.stages.levels.infer import infer

    if measured_sd is not None and sd is None:
        raise ParameterError("--measured-sd: changes uncertainties only; give --sd too, or drop --measured-sd")
    check_outputs([output, sd, qc], [qnorm, model, measured_sd])
    matrix = with_entrez_ids(load_matrix(qnorm, level=Level.QNORM))
    model = model or default_model_path()
    noise = None if measured_sd is None else with_entrez_ids(load_matrix(measured_sd))
    result = infer(
        matrix, read_inference_model(model), gene_table(), with_sd=sd is not None, measured_sd=noise, params=params,
        what=str(qnorm),
    )  # fmt: skip
    inputs = {"matrix": [input_record(qnorm)], "model": [input_record(model)]}
    save_matrix(result.matrix, output, command="infer", params=params, inputs=inputs, sources=[matrix])
    if result.sd is not None and sd is not None:
        if measured_sd is not None:
            inputs["measured_sd"] = [input_record(measured_sd)]
        save_matrix(result.sd, sd, command="infer", params=params, inputs=inputs, sources=[matrix])
    write_qc(result.qc, qc)
