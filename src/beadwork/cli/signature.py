"""``beadwork signature``: from differential data to a query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from beadwork.cli.options import FILE, log_option, params_options, show_progress
from beadwork.model.errors import counted
from beadwork.model.params import ContrastParams, SignatureParams

if TYPE_CHECKING:
    import pandas as pd

MOST_NOTES = 10


@click.command("signature")
@click.argument("inputs", metavar="TABLE|VALUES...", type=FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=FILE, required=True, metavar="OUT", help="Folder of the signatures.")
@click.option("--groupby", metavar="FIELD", help="Field of the samples that names their group: INPUT holds values.")
@click.option("--case", "cases", multiple=True, metavar="A", help="Group that is compared; may be given again. Without "
              "it each other group is.")  # fmt: skip
@click.option("--control", "controls", multiple=True, metavar="B", help="Group that is compared with, one for all "
              "cases or one for each; rest: all samples of the other groups.")  # fmt: skip
@click.option("--contrasts", type=FILE, metavar="TABLE", help="Contrasts by columns case, control and perhaps name.")
@click.option("--design", type=FILE, metavar="TABLE", help="Table of the samples, a row each, for fields that VALUES "
              "lack.")  # fmt: skip
@click.option("--sample", metavar="FIELD", help="Field that says which sample a cell is of: cells are summed by sample "
              "and group (pseudobulk).")  # fmt: skip
@click.option("--covariate", "covariates", multiple=True, metavar="FIELD", help="What else differs between samples, "
              "such as batch or donor; may be given again.")  # fmt: skip
@click.option("--where", multiple=True, metavar="FILTER", help="Only samples that pass, e.g. dataset=nakayama or "
              "age>=50; may be given again.")  # fmt: skip
@click.option("--values", type=click.Choice(["auto", "counts", "log", "linear"]), default="auto", show_default=True,
              help="What the values are; linear (TPM, intensities): log2(x + 1) is taken.")  # fmt: skip
@click.option("--layer", metavar="NAME", help="Layer of an h5ad, such as counts or raw, instead of X.")
@click.option("--probe-map", type=FILE, metavar="TSV", help="Row that stands for each gene: pr_gene_id and pr_id.")
@click.option("--index", type=FILE, metavar="INDEX", help="Index that will be asked: how many genes reach it.")
@params_options(SignatureParams, "table_params")
@params_options(ContrastParams)
@log_option
def command(
    inputs: tuple[Path, ...],
    output: Path,
    groupby: str | None,
    cases: tuple[str, ...],
    controls: tuple[str, ...],
    contrasts: Path | None,
    design: Path | None,
    sample: str | None,
    covariates: tuple[str, ...],
    where: tuple[str, ...],
    values: Literal["auto", "counts", "log", "linear"],
    layer: str | None,
    probe_map: Path | None,
    index: Path | None,
    table_params: SignatureParams,
    params: ContrastParams,
) -> None:
    """Make signatures that `beadwork query` takes of any differential data.

    Either TABLEs of differential expression (DESeq2, edgeR, limma, GEO2R, Seurat, scanpy, CSV, Excel), or with
    --groupby VALUES of samples: counts or logarithms in h5ad, GCT, GCTX, parquet, npz or TSV. Counts are compared by
    the Wald statistic of pydeseq2, logarithms by the moderated t of pylimma; both come with beadwork[signature].

    \b
    Written to OUT:
      {contrast}.tsv     gene (Entrez), symbol, log2_fold_change, statistic, p, fdr: query --signature takes it
      up.gmt, dn.gmt     genes that go up and down: query --up --down
      signatures.gctx    statistics of all contrasts: query --signature takes it, too
      quality.tsv        samples a group, genes that reach the index, split-half agreement, and why a signature
                         should not be trusted
      skipped.tsv        contrasts that could not be made, and why (only where there are some)
    """
    from beadwork.api.signature import make
    from beadwork.io.files.provenance import input_record
    from beadwork.model.errors import ParameterError

    only_values = {
        "--case": cases,
        "--control": controls,
        "--contrasts": contrasts,
        "--design": design,
        "--sample": sample,
        "--covariate": covariates,
        "--where": where,
        "--layer": layer,
        "--probe-map": probe_map,
    }
    index_genes = None
    if index is not None:
        from beadwork.api import ConnectivityIndex

        index_genes = ConnectivityIndex.open(index).store.gene_ids
    skipped: list[dict[str, str]] = []
    if groupby is None:
        if given := [name for name, value in only_values.items() if value]:
            raise ParameterError(f"{given[0]} needs --groupby FIELD, which says that values of samples are compared")
        found = make.read_tables(inputs, table_params)
    else:
        if len(inputs) > 1:
            raise ParameterError("with --groupby one file of values is read; give one")
        data, listed = make.read_contrast_values(
            inputs[0], groupby, cases, controls, contrasts, design=design, sample=sample, covariates=covariates,
            filters=where, layer=layer, kind=None if values == "auto" else values, probe_map=probe_map,
            min_cells=params.min_cells,
        )  # fmt: skip
        with show_progress() as progress:
            found, skipped = make.signatures_of_values(data, listed, params, progress)
    records = {"input": [input_record(path) for path in inputs]}
    quality = make.write_signatures(
        found, output, skipped=skipped, index_genes=index_genes, params=params, inputs=records
    )
    _warn([note for signature in found for note in signature.notes])
    _say(quality, skipped)


def _warn(notes: list[str]) -> None:
    """Say once what was left out or chosen, whatever the number of contrasts."""
    from beadwork.cli.options import log

    distinct = list(dict.fromkeys(notes))
    for note in distinct[:MOST_NOTES]:
        log.warning("%s", note)
    if len(distinct) > MOST_NOTES:
        log.warning("%s in quality.tsv", counted(len(distinct) - MOST_NOTES, "more note stands", "more notes stand"))


def _say(quality: pd.DataFrame, skipped: list[dict[str, str]]) -> None:
    for row in quality.to_dict("records"):
        sizes = f"{row['n_case']} against {row['n_control']} samples, " if row["case"] else ""
        half = f", halves agree at {row['split_half']:.2f}" if row["split_half"] == row["split_half"] else ""
        click.echo(
            f"{row['contrast']}: {sizes}{row['n_genes_index']:,} genes reach the index "
            f"({row['n_landmarks']} measured), {row['n_significant']:,} significant{half}; sets of {row['n_up']} and "
            f"{row['n_down']}"
        )
        if row["warnings"]:
            click.echo(f"{row['contrast']}: do not trust it as it is: {row['warnings']}")
    for item in skipped:
        click.echo(f"{item['contrast']}: skipped: {item['reason']}")
