"""``beadwork library``: an index from a folder of downloads, in one command."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, Command, common_options, log_option, params_options, show_progress, write_qc
from beadwork.model.params import IndexParams

_TABLES = (
    click.option("--where", multiple=True, metavar="FILTER", help="Take only signatures that pass, e.g. "
                 "is_exemplar_sig=1, cell_id=A375,MCF7, tas>=0.2 or clinical_phase=Launched; decided before values are "
                 "read."),
    click.option("--compounds", type=FILE, multiple=True, metavar="T", help="Table of compounds beside those of "
                 "FOLDER: pert_id or pert_iname, with moa, target, inchi_key ..."),
    click.option("--repurposing", type=FILE, multiple=True, metavar="T", help="Your copy of the Repurposing Hub's "
                 "table of drugs, and of samples (non-commercial use)."),
    click.option("--cells", type=FILE, multiple=True, metavar="T", help="Table of cells: cell_id, cell_lineage, "
                 "primary_site."),
    click.option("--genes", type=FILE, multiple=True, metavar="T", help="Table of genes: gene_id, gene_symbol; says "
                 "the symbols of genes that are not known here."),
)  # fmt: skip


def _tables(function: Command) -> Command:
    for option in reversed(_TABLES):
        function = option(function)
    return function


@click.group("library")
def command() -> None:
    """Make a reference index of public or own files, whatever they are called.

    FOLDER may hold LINCS 2020, GSE92742, GSE70138, our `beadwork release`, or any matrices with their tables.
    """


@command.command("build")
@click.argument("folder", metavar="FOLDER", type=FILE)
@click.option("-o", "--output", metavar="INDEX", type=FILE, required=True, help="Folder of the index.")
@click.option("--append", is_flag=True, help="Add to the index that is there; what it holds already is not repeated.")
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
@_tables
@params_options(IndexParams)
@common_options
def build(
    folder: Path,
    output: Path,
    append: bool,
    overwrite: bool,
    where: tuple[str, ...],
    compounds: tuple[Path, ...],
    repurposing: tuple[Path, ...],
    cells: tuple[Path, ...],
    genes: tuple[Path, ...],
    params: IndexParams,
    threads: int,
    qc: Path | None,
) -> None:
    """Make INDEX of what lies in FOLDER, and say what was taken for what.

    Level 5 is taken as it is. Of levels 3 and 4, with inst_info beside them, each plate is scored and replicates make
    signatures. Values are read in portions; a build that was stopped goes on where it was when it is started again.
    """
    from beadwork.api import ConnectivityIndex
    from beadwork.api.library.build import Tables, build_library

    tables = Tables((*compounds, *repurposing), cells, genes)
    with show_progress() as progress:
        build_library(
            folder, output, filters=where, tables=tables, params=params, overwrite=overwrite, append=append,
            threads=threads, progress=progress, said=click.echo,
        )  # fmt: skip
    from beadwork.cli.index import index_qc, print_facts

    print_facts(ConnectivityIndex.open(output).info())
    if qc is not None:
        write_qc(index_qc(output), qc)


@command.command("plan")
@click.argument("folder", metavar="FOLDER", type=FILE)
@_tables
@params_options(IndexParams)
@log_option
def plan(
    folder: Path,
    where: tuple[str, ...],
    compounds: tuple[Path, ...],
    repurposing: tuple[Path, ...],
    cells: tuple[Path, ...],
    genes: tuple[Path, ...],
    params: IndexParams,
) -> None:
    """Say what `library build` would take, how large the index would be, and what memory and time it needs."""
    from beadwork.api.library.build import Tables
    from beadwork.api.library.plan import plan_library

    tables = Tables((*compounds, *repurposing), cells, genes)
    for line in plan_library(folder, filters=where, tables=tables, params=params):
        click.echo(line)
