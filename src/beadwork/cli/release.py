"""``beadwork release``: results under the names that LINCS users know."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log, log_option, progress


@click.command("release")
@click.argument("results", metavar="RESULTS", type=FILE)
@click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="Folder to write; made if absent.")
@click.option("--name", metavar="NAME", default="beadwork", show_default=True, help="First part of all file names.")
@click.option("--plates", metavar="SHEET", type=FILE, multiple=True,
              help="Plate sheet: only its plates and their brews; may be given again.")  # fmt: skip
@click.option("--levels", metavar="2,3,4,4vc,4nc,5,5nc", default="2,3,4,5", show_default=True, help="Levels to write.")
@log_option
def command(results: Path, output: Path, name: str, plates: tuple[Path, ...], levels: str) -> None:
    """Write a folder for others: matrices named ..._n{columns}x{rows}.gctx, inst_info, sig_info, gene_info, checksums.

    Names and columns are those of the LINCS releases on GEO (GSE92742, GSE70138). Matrices are joined in portions, so
    they may be larger than memory. The folder must be empty or absent; it appears when it is complete.
    """
    from beadwork.api.runs.release import Scope, check_levels, release
    from beadwork.cli.status import read_sheets

    chosen = check_levels(levels.split(","))
    scope = None
    if plates:
        used = [row for row in read_sheets(plates) if row["use"] == "yes"]
        scope = Scope([row["det_plate"] for row in used], frozenset(row["brew"] for row in used))
    written = release(
        results, output, name=name, levels=chosen, scope=scope,
        progress=lambda items: progress(list(items), "levels", len(items)),
    )  # fmt: skip
    log.info("%s: %s", output, ", ".join(written))
