"""``beadwork train-inference``: fit an inference model on expression profiles."""

import os
from pathlib import Path

import click

from beadwork.cli.options import (
    FILE,
    check_outputs,
    log,
    log_option,
    params_options,
    qc_option,
    threads_option,
    write_qc,
)
from beadwork.model.params import TrainInferenceParams


@click.command("train-inference")
@click.argument("expression", metavar="EXPRESSION...", type=FILE, nargs=-1, required=True)
@click.option("-o", "--output", metavar="MODEL", type=FILE, required=True, help="The model (HDF5).")
@click.option("--studies", metavar="TSV", type=FILE, help="Facts of studies: a table with the column dataset, and "
              "two_colour (1: ratios to a reference) or study_group (studies that share patients).")  # fmt: skip
@click.option("--probe-map", metavar="TSV", type=FILE, help="Table (pr_gene_id, pr_id) of the row that stands for each "
              "gene; not needed for names and ids of genes and for probe sets of HG-U133A.")  # fmt: skip
@click.option("--source", default="", help="Where the profiles come from; kept in the model.")
@click.option("--licence", default="", help="Licence of the profiles; kept in the model. By default those of the table "
              "of studies, column licence.")  # fmt: skip
@params_options(TrainInferenceParams)
@threads_option
@qc_option
@log_option
def command(
    expression: tuple[Path, ...], output: Path, studies: Path | None, probe_map: Path | None, source: str, licence: str,
    params: TrainInferenceParams, threads: int, qc: Path | None,
) -> None:  # fmt: skip
    """Fit a linear model of all genes on the 978 landmarks, and say how good it is.

    EXPRESSION are files of profiles from any number of studies: h5ad, GCTX, GCT, parquet, a text table (genes in rows),
    or an .npz with the arrays expr, gene (or probe), sample and dataset. Genes are named by Entrez id, symbol or
    Ensembl id; a study may lack some. The study of each sample stands in the column field `dataset`; without it each
    file is a study. Counts, TPM or logarithms will do: only the order of genes within a profile is used. The accuracy
    printed is that of left-out studies, judged within each study.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads are ours: those of BLAS would change the last bits
    from beadwork.api.training.inference import learn_inference
    from beadwork.io.platform.inference_model import write_inference_model

    check_outputs([output, qc], [*expression, studies, probe_map])
    result = learn_inference(
        expression, params, name=output.stem, studies=studies, probe_map=probe_map, source=source, licence=licence,
        threads=threads,
    )  # fmt: skip
    write_inference_model(result.model, output, precision=params.precision)
    write_qc(result.qc, qc)
    if len(result.choice):
        log.info("penalty that the other studies choose for each fold of studies (nested): %s; correlation there %.3f, "
                 "and %.3f with %g", ", ".join(f"{ridge:g}" for ridge in result.choice["ridge"]),
                 result.choice["nested"].mean(), result.choice["fixed"].mean(), params.ridge)  # fmt: skip
    for row in result.accuracy.itertuples():
        log.info("left out %-12s n %4d: median gene correlation %.3f (BING %.3f, others %.3f)",
                 row.study, row.n, row.all, row.bing, row.other)  # fmt: skip
