"""``beadwork introspect``: every signature of an index against all."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from beadwork.cli.options import FILE, common_options, log, params_options, write_qc
from beadwork.model.params import QueryParams


@click.command("introspect")
@click.argument("index", metavar="INDEX", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="Folder of the answers.")
@click.option("--where", multiple=True, metavar="FILTER", help="Only signatures that pass, e.g. pert_type=trt_cp.")
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="Connections listed of each.")
@params_options(QueryParams)
@common_options
def command(
    index: Path, output: Path, where: tuple[str, ...], top: int, params: QueryParams, threads: int, qc: Path | None
) -> None:
    """Ask INDEX with its own signatures, by their most positive and most negative genes.

    \b
    Written to DIR:
      wtcs.gctx, ncs.gctx, tau.gctx, fdr.gctx   signatures x signatures
      connections.tsv                           the closest signatures of each
      recall.tsv                                per perturbagen: how its signatures rank each other
    """
    from beadwork.api import ConnectivityIndex
    from beadwork.api.index.introspect import introspect
    from beadwork.model.qc import join_qc, qc_rows

    tell = (
        (lambda text: click.echo(f"\r\x1b[K{text}", nl=False, err=True)) if sys.stderr.isatty() else lambda text: None
    )
    summary = introspect(
        ConnectivityIndex.open(index, threads=threads), output, params=params, filters=where, top=top, progress=tell
    )
    log.info("%s", ", ".join(f"{name.replace('_', ' ')} {value:,.4g}" for name, value in summary.items()))
    if "median_rank" not in summary:
        log.warning("recall.tsv is not written: too many signatures for all pairs in memory; use --where")
    write_qc(join_qc([qc_rows("introspect", "n_signatures", {index.name: summary["signatures"]}, lower=1)]), qc)
