"""``beadwork train-inference``: fit an inference model on expression profiles."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, log, log_option, params_options, qc_option, write_qc
from beadwork.model.params import TrainInferenceParams


@click.command("train-inference")
@click.argument("expression", metavar="EXPRESSION", type=FILE)
@click.option("-o", "--output", metavar="MODEL", type=FILE, required=True, help="The model (HDF5).")
@click.option("--probe-map", metavar="TSV", type=FILE, help="Table (pr_gene_id, pr_id) of the row that stands for each "
              "gene; not needed for Entrez ids and for probe sets of HG-U133A.")  # fmt: skip
@click.option("--source", default="", help="Where the profiles come from; kept in the model.")
@click.option("--licence", default="", help="Licence of the profiles; kept in the model.")
@params_options(TrainInferenceParams)
@qc_option
@log_option
def command(
    expression: Path, output: Path, probe_map: Path | None, source: str, licence: str, params: TrainInferenceParams,
    qc: Path | None,
) -> None:  # fmt: skip
    """Fit a linear model of all genes on the 978 landmarks, and say how good it is.

    EXPRESSION is GCT or GCTX, genes (Entrez ids) by samples, with the study of each sample in the column field
    `dataset`; or an .npz with the arrays expr, gene (or probe), sample and dataset. Any scale will do: only the order
    of genes within a profile is used. The accuracy printed is that of left-out studies, judged within each study.
    """
    from dataclasses import replace

    from beadwork import __version__
    from beadwork.io.files.provenance import input_record, make_provenance
    from beadwork.io.matrix.expression import read_expression
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.io.platform.inference_model import write_inference_model
    from beadwork.stages.levels.train_inference import train_inference

    check_outputs([output, qc], [expression, probe_map])
    matrix = read_expression(expression, probe_map, study_field=params.study_field)
    result = train_inference(matrix, gene_table(), params=params, what=str(expression))
    inputs = {"expression": [input_record(expression)]}
    if probe_map is not None:
        inputs["probe_map"] = [input_record(probe_map)]
    metadata = {
        **result.model.metadata,
        "name": output.stem,
        "source": source,
        "licence": licence,
        "version": __version__,
        "provenance": make_provenance("train-inference", params.model_dump(mode="json"), inputs),
    }
    write_inference_model(replace(result.model, metadata=metadata), output)
    write_qc(result.qc, qc)
    for row in result.accuracy.itertuples():
        log.info("left out %-12s n %4d: median gene correlation %.3f (BING %.3f, others %.3f)",
                 row.study, row.n, row.all, row.bing, row.other)  # fmt: skip
