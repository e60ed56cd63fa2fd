"""``beadwork graph``: an index as relations and vectors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import click

from beadwork.cli.options import FILE, log_option, params_options, show_progress, starter
from beadwork.model.params import GraphParams


@click.command("graph")
@click.argument("index", metavar="[INDEX]", type=FILE, required=False)
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="Folder of the graph.")
@click.option("--where", multiple=True, metavar="FILTER", help="Only signatures that pass, e.g. is_exemplar_sig=1 or "
              "tas>=0.2.")  # fmt: skip
@click.option("--genes", type=click.Choice(["entrez", "uniprot"]), default="entrez", show_default=True,
              help="Ids of genes in bioteque/; a gene without a UniProt accession keeps its Entrez id.")  # fmt: skip
@click.option("--source", default="infores:beadwork", show_default=True, metavar="INFORES",
              help="Primary knowledge source in kgx/.")  # fmt: skip
@params_options(GraphParams)
@log_option
def command(
    index: Path | None,
    output: Path,
    where: tuple[str, ...],
    genes: Literal["entrez", "uniprot"],
    source: str,
    params: GraphParams,
) -> None:
    """Write INDEX, or the small library that ships, as a graph of compounds and genes, and as vectors.

    \b
    kgx/nodes.tsv, kgx/edges.tsv   KGX with Biolink categories, scores, FDR, support and provenance
    bioteque/CPD-upr-GEN.tsv ...   Bioteque's pairs, n1 and n2, one file for each relation
    nodes.parquet, edges.parquet   the same with names and evidence
    embeddings.parquet, .npy       a vector of each perturbagen, of length 1
    neighbours.tsv                 the nearest perturbagens by their vectors
    consensus.gctx                 consensus signature of each compound and of each gene's loss and gain
    consensus_cells.gctx           the same in each cell
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the same bytes, whatever the number of cores
    from beadwork.api import ConnectivityIndex
    from beadwork.api.graph.build import graph_to_files

    opened = ConnectivityIndex.open(index if index is not None else starter(1))
    with show_progress() as progress:
        lines = graph_to_files(
            opened, output, filters=where, genes=genes, source=source, params=params, progress=progress
        )
    for line in lines:
        click.echo(line)
