"""``beadwork status``: what a folder of results holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from beadwork.cli.options import FILE, log_option

if TYPE_CHECKING:
    import pandas as pd


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
@click.option(
    "--data", metavar="FOLDER", default="", help="Folder from which relative paths in the sheet start (--raw)."
)
@log_option
def command(
    results: Path, plates: tuple[Path, ...], output: Path | None, since: Path | None, record: Path | None,
    page: Path | None, verify: bool, raw: bool, data: str,
) -> None:  # fmt: skip
    """Say what is there, per plate and level: state, wells, program version, parameters, frozen reference.

    The table has one row for each plate and level, each brew, and each index segment. The columns parameters and inputs
    are short codes that differ where the parameters, or the content of the input files, differ. States: done, missing,
    failed (missing because its plate failed; why is said), damaged, retired (there, but the plate sheet says use: no or
    does not list it), stale (with --verify: its input is not any more what it was made from).
    """
    import pandas as pd

    from beadwork.api.runs.status import change_lines, summary_lines
    from beadwork.io.files.atomic import write_text
    from beadwork.io.files.tables import read_table, write_table
    from beadwork.io.runs.failures import failure_line, read_failures
    from beadwork.io.runs.status import STATUS_COLUMNS, compare_status, results_status, status_page, suspicions
    from beadwork.model.errors import ParameterError

    if record is not None and (since is not None or output is not None):
        raise ParameterError("--record: stands for --since and -o; drop these")
    if raw and not (verify and plates):
        raise ParameterError("--raw: reads the beads that the plate sheet names; give --verify and --plates as well")
    since = record if record is not None and record.exists() else since
    table = results_status(results, read_sheets(plates) if plates else None, verify=verify)
    beads = _compare_raw(results, plates, data, table) if raw else []
    removed = pd.DataFrame(columns=list(STATUS_COLUMNS))
    if since is not None:
        table["change"] = compare_status(table, since)
        old = read_table(since, text_only=True).fillna("")
        old = old[old["state"] != "missing"]
        removed = old[~pd.MultiIndex.from_frame(old[["entity", "level"]]).isin(
            pd.MultiIndex.from_frame(table[["entity", "level"]]))]  # fmt: skip
    there, changes = summary_lines(table), change_lines(table, removed)
    suspected_plates = suspicions(results, table.loc[table["state"] != "retired", "entity"])
    if page is not None:
        write_text(page, status_page(table, removed, there, suspected_plates))
    if target := output or record:
        write_table(table, target)
    suspected = [f"{plate}: {why}" for plate, why in suspected_plates]
    failed = [f"failed: {failure_line(row)}" for row in read_failures(results)]
    for line in [*there, *beads, *failed[:20], *(f"suspected: {line}" for line in suspected[:20]), *changes]:
        click.echo(line)


def _compare_raw(results: Path, plates: tuple[Path, ...], data: str, table: pd.DataFrame) -> list[str]:
    """Lines about raw beads; GEX of plates whose beads have changed become stale in the table."""
    from beadwork.api.runs.raw_beads import compare_raw
    from beadwork.model.plates.sheet import parse_plate_sheets

    rows = parse_plate_sheets([(sheet_text(path), str(path)) for path in plates], data=data, files=False)
    found = compare_raw(results, [(row.det_plate, Path(row.lxb)) for row in rows if row.archived == "no"])
    changed = {item.plate for item in found if item.state == "changed"}
    table.loc[table["entity"].isin(changed) & (table["level"] == "GEX"), "state"] = "stale"
    kept = len(rows) - len(found)
    lines = [f"raw beads: {sum(item.state == 'same' for item in found)} plates as recorded, {kept} archived"]
    return lines + [f"raw beads {item.state}: {item.plate}: {item.why}" for item in found if item.state != "same"]


def read_sheets(paths: tuple[Path, ...]) -> list[dict[str, str]]:
    """Rows of plate sheets, also of the plates that are not to be used."""
    from beadwork.model.plates.sheet import parse_plate_sheets

    rows = parse_plate_sheets([(sheet_text(path), str(path)) for path in paths], files=False, unused=True)
    return [
        {"det_plate": row.det_plate, "use": row.use, "batch": row.batch or "", "brew": row.brew} for row in rows
    ]  # fmt: skip


def sheet_text(path: Path) -> str:
    """Text of a plate sheet."""
    from beadwork.io.files.text import read_text

    return read_text(path, "a plate sheet is tab-separated text")
