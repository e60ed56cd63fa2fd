"""What failed in the last run: ``failed.tsv`` in the folder of results, which the workflow writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from beadwork.io.files.tables import read_table

FAILED_COLUMNS = ("plate", "stage", "message", "log", "attempt")


def read_failures(
    folder: Path, sheet: Iterable[Mapping[str, str]] | None = None, failed: Path | None = None
) -> list[dict[str, str]]:
    """Rows of ``failed.tsv``; a step of the whole study has no plate.  None if there is no such file.

    Parameters
    ----------
    sheet
        Rows of the plate sheet: det_plate, use.  A plate that it says is not to be used has not failed.
    failed
        The table, if it is not the one of the folder.
    """
    retired = {row["det_plate"] for row in sheet or () if row["use"] != "yes"}
    path = failed or folder / "failed.tsv"
    if not path.is_file():
        return []
    table = read_table(path, required=FAILED_COLUMNS, text_only=True).fillna("")
    rows = [{name: str(row[name]) for name in FAILED_COLUMNS} for row in table.to_dict("records")]
    return [row for row in rows if row["plate"] not in retired]


def failed_plates(folder: Path, failed: Path | None = None) -> dict[str, dict[str, str]]:
    """Plates that the study went on without; one whose figures failed is not among them."""
    rows = read_failures(folder, failed=failed)
    return {row["plate"]: row for row in rows if row["plate"] and not row["stage"].startswith("figures_")}


def failure_line(row: dict[str, str]) -> str:
    """Say what failed, why, and where the log is."""
    tried = f", {row['attempt']} attempts" if row["attempt"] not in ("", "1") else ""
    return f"{row['plate'] or 'study'}: {row['stage']}: {row['message']} ({row['log']}{tried})"
