"""``beadwork introspect``: every signature of an index against all."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Literal

import click

from beadwork.cli.options import FILE, common_options, log, matrices_option, params_options, write_qc
from beadwork.model.params import QueryParams


def _share(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of:
        raise click.BadParameter(f"{text!r} is no share; give I/N, I from 1 to N, as 3/100")
    return number, of


@click.command("introspect")
@click.argument("index", metavar="INDEX", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="Folder of the answers.")
@click.option("--where", multiple=True, metavar="FILTER", help="Only signatures that pass, e.g. pert_type=trt_cp.")
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="Connections listed of each.")
@click.option(
    "--share", metavar="I/N", callback=_share,
    help="Do the I-th of N shares only, as one job of an array; --merge joins them.",
)  # fmt: skip
@click.option(
    "--merge", is_flag=True,
    help="Join the shares that stand in DIR, given the same options, to the answer that one job would have written.",
)  # fmt: skip
@matrices_option
@params_options(QueryParams)
@common_options
def command(
    index: Path, output: Path, where: tuple[str, ...], top: int, share: tuple[int, int] | None, merge: bool,
    matrices: Literal["auto", "all", "none"], params: QueryParams, threads: int, qc: Path | None,
) -> None:  # fmt: skip
    """Ask INDEX with its own signatures, by their most positive and most negative genes.

    \b
    Written to DIR:
      connections.tsv                           the closest signatures of each
      recall.tsv                                per perturbagen: how its signatures rank each other
      wtcs.gctx, ncs.gctx, tau.gctx, fdr.gctx   signatures x signatures (by default only up to 50 MB together)
      shares/                                   what --share leaves, until --merge

    Memory grows with the signatures, not with their pairs. With more than 20,000 signatures, ranks among the asking
    signatures are taken from histograms of 1,024 bins.
    """
    from beadwork.api import ConnectivityIndex
    from beadwork.api.index.introspect import introspect
    from beadwork.model.qc import join_qc, qc_rows

    if merge and share is not None:
        raise click.UsageError("--share and --merge: give one of them; --merge comes when all shares are there")
    report = (
        (lambda text: click.echo(f"\r\x1b[K{text}", nl=False, err=True)) if sys.stderr.isatty() else lambda text: None
    )
    summary = introspect(
        ConnectivityIndex.open(index, threads=threads), output, params=params, filters=where, top=top,
        matrices=matrices, share=share, merge=merge, progress=report,
    )  # fmt: skip
    log.info("%s", ", ".join(f"{name.replace('_', ' ')} {value:,.4g}" for name, value in summary.items()))
    if share is None and "median_rank" not in summary:
        log.warning("recall.tsv is not written: too many pairs of signatures of one perturbagen; use --where")
    write_qc(join_qc([qc_rows("introspect", "n_signatures", {index.name: summary["signatures"]}, lower=1)]), qc)
