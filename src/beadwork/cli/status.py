"""``beadwork status``: what a folder of results holds."""

from __future__ import annotations

from pathlib import Path

import click

from beadwork.cli.options import FILE, failed_option, log_option


@click.command("status")
@click.argument("results", metavar="RESULTS", type=FILE)
@click.option("--plates", metavar="SHEET", type=FILE, multiple=True,
              help="Plate sheet: says what should be there, and the batches; may be given again.")  # fmt: skip
@click.option("-o", "--output", metavar="TSV", type=FILE, help="Write the whole table here.")
@click.option("--since", metavar="TSV", type=FILE, help="An earlier table: say what is new, changed or removed since.")
@click.option("--record", metavar="TSV", type=FILE, help="Both: say what is new since this table, then write it anew.")
@click.option("--page", metavar="HTML", type=FILE, help="Write what is new, and all plates and brews, as a page.")
@click.option("--verify", is_flag=True, help="Read all matrices and compare their checksums with what was recorded.")
@click.option("--raw", is_flag=True, help="With --verify and --plates: read the raw beads too, and compare theirs.")
@click.option("--data", metavar="FOLDER", default="", help="Where relative paths in the sheet start (--raw).")
@failed_option
@log_option
def command(
    results: Path, plates: tuple[Path, ...], output: Path | None, since: Path | None, record: Path | None,
    page: Path | None, verify: bool, raw: bool, data: str, failed: Path | None,
) -> None:  # fmt: skip
    """Say what is there, per plate and level: state, wells, program version, parameters, frozen reference.

    The table has one row for each plate and level, each brew, and each index segment. The columns parameters and inputs
    are short codes that differ where the parameters, or the content of the input files, differ. States: done, missing,
    failed (missing because its plate failed; why is said), damaged, retired (there, but the plate sheet says use: no or
    does not list it), stale (with --verify: its input is not any more what it was made from).
    """
    from beadwork.api.runs.status import take_status
    from beadwork.io.files.atomic import write_text
    from beadwork.io.files.tables import write_table
    from beadwork.model.errors import ParameterError

    if record is not None and (since is not None or output is not None):
        raise ParameterError("--record: stands for --since and -o; drop these")
    since = record if record is not None and record.exists() else since
    if raw and not (verify and plates):
        raise ParameterError("--raw: reads the beads that the plate sheet names; give --verify and --plates as well")
    beads = beads_of_sheets(plates, data) if raw else None
    sheet = read_sheets(plates) if plates else None
    status = take_status(results, sheet, since=since, verify=verify, beads=beads, failed=failed)
    if page is not None:
        write_text(page, status.page())
    if target := output or record:
        write_table(status.table, target)
    for line in status.lines:
        click.echo(line)


def read_sheets(paths: tuple[Path, ...]) -> list[dict[str, str]]:
    """Rows of plate sheets, also of the plates that are not to be used."""
    from beadwork.model.plates.sheet import parse_plate_sheets

    rows = parse_plate_sheets([(sheet_text(path), str(path)) for path in paths], files=False, unused=True)
    return [
        {"det_plate": row.det_plate, "use": row.use, "batch": row.batch or "", "brew": row.brew} for row in rows
    ]  # fmt: skip


def beads_of_sheets(paths: tuple[Path, ...], data: str) -> list[tuple[str, Path]]:
    """Plates of plate sheets whose beads should be there, and where these are."""
    from beadwork.model.plates.sheet import parse_plate_sheets

    rows = parse_plate_sheets([(sheet_text(path), str(path)) for path in paths], data=data, files=False)
    return [(row.det_plate, Path(row.lxb)) for row in rows if row.archived == "no"]


def sheet_text(path: Path) -> str:
    """Text of a plate sheet."""
    from beadwork.io.files.text import read_text

    return read_text(path, "a plate sheet is tab-separated text")
