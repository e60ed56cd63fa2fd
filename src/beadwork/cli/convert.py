"""``beadwork convert``: change the file format of a matrix."""

from pathlib import Path

import click

from beadwork.cli.options import FILE, check_outputs, common_options, write_qc


@click.command("convert")
@click.argument("source", metavar="IN", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@common_options
def command(source: Path, target: Path, threads: int, qc: Path | None) -> None:
    """Convert a matrix between GCT, GCTX, h5ad and parquet; the endings of the names decide.

    \b
    .gct, .gct.gz   GCT 1.3, text with four decimals; level, gene space and provenance find no place in it
    .gctx           GCTX (HDF5)
    .h5ad           AnnData; samples are obs, genes are var
    .parquet        a table: genes as rows, samples as columns; annotation, level and provenance in its metadata
    """
    from beadwork.io.matrix.formats import read_any, write_any
    from beadwork.model.qc import join_qc

    check_outputs([target, qc], [source])
    write_any(read_any(source), target)
    write_qc(join_qc([]), qc)
