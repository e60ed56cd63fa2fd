"""``beadwork sheet``: from folders and archives of LXB files to a plate sheet and maps."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, log, log_option
from beadwork.model.errors import counted

_MAX_WARNINGS = 10


@click.command("sheet")
@click.argument("folder", metavar="FOLDER", type=FILE)
@click.option(
    "--inst-info",
    type=FILE,
    metavar="TABLE",
    help="Table of the wells of all plates: inst_info of LINCS, instinfo_beta, or one with det_plate and det_well.",
)
@click.option(
    "-o", "--output", type=FILE, default=Path("."), metavar="DIR",
    help="Folder of plates.tsv and maps/; by default the working directory.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a plate sheet that is there.")
@log_option
def command(folder: Path, inst_info: Path | None, output: Path, overwrite: bool) -> None:
    """Write the plate sheet of the LXB files in FOLDER, and the maps of their plates.

    FOLDER, with all folders in it, holds LXB files (PLATE_A01.lxb, GEO's GSM123_PLATE_A01.lxb.gz, or A01.lxb in a
    folder called after the plate) or archives of them, also archives of archives; it may be one archive. A plate gets
    its map from TABLE, else from a file in FOLDER that is called after it (PLATE.map, PLATE.txt, or the first parts of
    PLATE).

    \b
    Written to DIR:
      plates.tsv     one row per plate that has files and a map
      maps/          maps from TABLE; maps that lie in FOLDER stay there
      left_out.tsv   names that cannot be read, plates without a map, and why (only where there are some)
    """
    from beadwork.api.plate_sheet import LEFT_OUT, SHEET, write_sheet

    report = write_sheet(folder, output, inst_info, overwrite=overwrite)
    for note in report.notes:
        log.info("%s", note)
    for name, reason in report.left_out[:_MAX_WARNINGS]:
        log.warning("%s: %s", name, reason)
    if len(report.left_out) > _MAX_WARNINGS:
        more = len(report.left_out) - _MAX_WARNINGS
        log.warning("%d more are listed in %s", more, output / LEFT_OUT)
    log.info("%s: %s, %s seen", output / SHEET, counted(len(report.plates), "plate"), counted(report.wells, "LXB file"))
