"""``beadwork query``: ask an index which signatures connect to gene sets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from beadwork.cli.options import FILE, common_options, matrices_option, params_options, starter, write_qc
from beadwork.model.params import QueryParams, RepurposingParams, SignatureParams

if TYPE_CHECKING:
    from beadwork.model.connectivity.perturbagen_classes import PerturbagenClasses


@click.command("query")
@click.argument("index", metavar="[INDEX]...", type=FILE, nargs=-1)
@click.option(
    "--up",
    type=FILE,
    multiple=True,
    metavar="GMT",
    help="Gene sets that go up: GMT, GMX, GRP, TSV or CSV, also gzipped; - is standard input.",
)
@click.option(
    "--down", type=FILE, multiple=True, metavar="GMT", help="Gene sets that go down; each pairs with an up set."
)
@click.option(
    "--signature",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Full signatures: tables of differential expression (DESeq2, edgeR, limma, GEO2R, Seurat, scanpy, CSV), "
    "ranked lists, or columns of a GCT or GCTX.",
)
@click.option(
    "--denoise",
    is_flag=True,
    help="Clean full signatures before they are asked of a noise-controlled index, as `beadwork denoise` does.",
)
@click.option("--noise", type=FILE, metavar="NOISE", help="Noise model for --denoise; without it the one that ships.")
@click.option(
    "--like",
    multiple=True,
    metavar="SIG_ID|PERT|CLASS",
    help="Ask with a signature of INDEX, by its id, with a perturbagen, the mean of its signatures, or with a "
    "mechanism, the mean of its perturbagens.",
)
@click.option(
    "--direction",
    type=click.Choice(["mimic", "reverse"]),
    help="What is wanted: what does the same, or the opposite (up and down are exchanged). Writes repurposing.tsv too: "
    "compounds that do so in --min-cells cells, up to --max-dose, consistently, and what is against each.",
)
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="Folder of the answers.")
@click.option(
    "--library",
    is_flag=True,
    help="Of many queries, such as a library of diseases: one matrix of perturbagens by queries, and of classes and "
    "cells, with tau against the index and against the other queries; nothing for single queries.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="FILTER",
    help="Show only signatures that pass, e.g. cell_id=A375,MCF7 or tas>=0.2. Their scores stay those against the "
    "whole index; perturbagens, cells and classes are rolled up from them alone, with the background of their tau.",
)
@click.option(
    "--gene-names",
    type=FILE,
    metavar="TSV",
    help="Further names of genes, of your own: columns name and gene_id (Entrez).",
)
@click.option(
    "--classes",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Mechanism classes of the roll-up: a GMT of perturbagens, or a table with pert_iname (or pert_id) and moa, "
    "such as compoundinfo_beta and the Repurposing Hub's as they are; its table of samples adds ids.",
)
@click.option(
    "--layout",
    type=click.Choice(["own", "clue"]),
    default="own",
    show_default=True,
    help="clue: folders and names of clue.io's sig_queryl1k_tool and sig_gutc_tool (arfs/, matrices/query, "
    "matrices/gutc), for scripts that read them.",
)
@click.option("--rollup/--no-rollup", default=True, show_default=True, help="Write scores of perturbagens and classes.")
@click.option("--html/--no-html", default=True, show_default=True, help="Write an HTML page per query.")
@click.option("--gct/--no-gct", default=True, show_default=True, help="Write query_result.gct per query.")
@matrices_option
@click.option(
    "--top",
    type=click.IntRange(min=0),
    metavar="N",
    help="Signatures of each end of the ranked tables; 0: all. By default all, but 1000 where the tables had more than "
    "150,000 rows together. Where they are not whole, answers.parquet has all scores.",
)
@params_options(RepurposingParams, "limits")
@params_options(SignatureParams, "table_params")
@params_options(QueryParams)
@common_options
def command(
    index: tuple[Path, ...],
    up: tuple[Path, ...],
    down: tuple[Path, ...],
    signature: tuple[Path, ...],
    denoise: bool,
    noise: Path | None,
    like: tuple[str, ...],
    direction: Literal["mimic", "reverse"] | None,
    output: Path,
    library: bool,
    where: tuple[str, ...],
    gene_names: Path | None,
    classes: tuple[Path, ...],
    layout: Literal["own", "clue"],
    rollup: bool,
    html: bool,
    gct: bool,
    matrices: Literal["auto", "all", "none"],
    top: int | None,
    limits: RepurposingParams,
    table_params: SignatureParams,
    params: QueryParams,
    threads: int,
    qc: Path | None,
) -> None:  # fmt: skip
    """Rank the signatures of INDEX by how they connect to gene sets or signatures.

    Without INDEX the small library that ships is asked.
    Several INDEX folders of the same genes and level are asked as one: scores, ncs, fdr and roll-ups are those of one
    index of all. Tau needs one background of all: parts of one index have it (copies of it, each cut down by
    `beadwork index sync`); where backgrounds were learned apart, tau is missing, and that is said.

    Up and down sets pair by name without their _UP or _DN suffix, else by order. Genes are Entrez ids, symbols
    of today or older ones, Ensembl, UniProt or RefSeq ids, or HG-U133A probe sets; docs/methods/query.md says more.

    \b
    Written to DIR:
      {query}.tsv          signatures ranked by ncs, best connected first
      wtcs.gctx, ncs.gctx, tau.gctx, fdr.gctx
                           signatures x queries; one file more for each --metric
                           (by default only up to 50 MB together)
      answers.parquet      all scores, where the ranked tables hold their ends only
      missing_genes.tsv    genes that are not used: not in the index, or no genes, and why
      queries.tsv          per query: genes found, sizes of null and background, notes
      skipped.tsv          queries that could not be used, and why (only where there are some)
      groups.tsv           groups that scores were normalised within
      up.gmt, dn.gmt       the sets as they were scored
      {query}/             index.html (open it in a browser), query_result.gct, and the roll-ups:
                           perturbagens.tsv, cells.tsv (perturbagens by cell), classes.tsv, with
                           ncs (max-quantile), tau, median_ncs, n_positive, n_negative;
                           repurposing.tsv with --direction
    With --library instead of tables and folders of single queries:
      perturbagens_ncs.gctx, perturbagens_tau.gctx, perturbagens_tau_own.gctx, and classes_*, cells_*
                           roll-ups by queries; tau against the background of the index, tau_own
                           against the other queries
      library_top.tsv      the best 25 perturbagens of each query
      repurposing.tsv      with --direction: those of all queries that pass the limits
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads are ours; making those of BLAS takes time
    from beadwork.api.index.asking.gather import gather_queries
    from beadwork.api.index.asking.query_files import Outputs, answer_to_files, query_qc
    from beadwork.api.index.opened import ConnectivityIndex

    known_classes = read_classes(classes)
    store = ConnectivityIndex.open(index or [starter(threads)], threads=threads, gene_names=gene_names)
    queries = gather_queries(
        store, up, down, signature, like, denoise=denoise, noise=noise, reverse=direction == "reverse", params=params,
        table_params=table_params,
    )  # fmt: skip
    if layout == "clue":
        from beadwork.api.index.asking.clue_layout import write_clue_layout
        from beadwork.model.errors import ParameterError

        named = unused_by_clue_layout()
        if named:
            raise ParameterError(f"--layout clue has files of its own; leave {', '.join(named)} out")
        report = write_clue_layout(store, queries, output, params=params, filters=where, classes=known_classes)
        if qc is not None:
            write_qc(query_qc(report, params), qc)
        return
    report = answer_to_files(
        store,
        queries,
        output,
        params=params,
        table_params=table_params if signature else None,
        filters=where,
        classes=known_classes,
        outputs=Outputs(rollup, html, gct, matrices, top, limits if direction else None, library),
        files={
            "up": up,
            "down": down,
            "signature": signature,
            "classes": classes,
            "gene_names": [gene_names] if gene_names else [],
            "noise": [noise] if noise else [],
        },
    )
    if qc is not None:
        write_qc(query_qc(report, params), qc)


def unused_by_clue_layout() -> list[str]:
    """Options of the command line that choose files, which the layout of clue.io has of its own."""
    context = click.get_current_context()
    given = (
        option
        for option in context.command.params
        if option.name in ("library", "direction", "rollup", "html", "gct", "matrices", "top")
        and context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    )
    return [option.opts[0] for option in given]


def read_classes(paths: tuple[Path, ...]) -> PerturbagenClasses | None:
    """Classes of perturbagens, or None."""
    if not paths:
        return None
    from beadwork.io.connectivity import perturbagen_classes

    return perturbagen_classes.read_classes(paths)
