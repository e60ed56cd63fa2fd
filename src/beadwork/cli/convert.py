"""``beadwork convert``: change the file format of a matrix."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, log_option


@click.command("convert")
@click.argument("source", metavar="IN", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@log_option
def command(source: Path, target: Path) -> None:
    """Convert a matrix between GCT, GCTX, h5ad and parquet; the endings of the names decide.

    \b
    .gct, .gct.gz   GCT 1.3, text with four decimals; level, gene space and provenance find no place in it
    .gctx           GCTX (HDF5)
    .h5ad           AnnData; samples are obs, genes are var
    .parquet        a table: genes as rows, samples as columns; annotation, level and provenance in its metadata
    """
    from beadwork.io.matrix.formats import read_any, write_any

    check_outputs([target], [source])
    write_any(read_any(source), target)
