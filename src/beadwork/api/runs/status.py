"""The status of a folder of results in words: what there is, and what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from beadwork.api.runs.raw_beads import compare_raw, raw_lines
from beadwork.api.runs.status_page import status_page
from beadwork.io.files.tables import read_table
from beadwork.io.runs.failures import failure_line, read_failures
from beadwork.io.runs.status import STATUS_COLUMNS, STUDY_LEVELS, compare_status, results_status, suspicions
from beadwork.model.errors import counted

HINTS = {
    "damaged": "; `snakemake -R FILE` makes it and what follows from it anew",
    "stale": "; their inputs are not what they were: where an input was damaged, `snakemake -R FILE` makes it and what "
    "follows from it anew",
}


@dataclass(frozen=True, eq=False)
class Status:
    """What a folder of results holds, and what has changed since an earlier status.

    Parameters
    ----------
    table
        See :func:`beadwork.io.runs.status.results_status`; with a column ``change`` if there was an earlier one.
    removed
        Rows of the earlier status that are there no more.
    suspected
        Plates that may not be what the plate sheet says, and why.
    failed
        What failed in the last run, and why.
    raw
        What became of raw beads, if they were read.
    """

    table: pd.DataFrame
    removed: pd.DataFrame
    suspected: list[tuple[str, str]]
    failed: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The status in words."""
        suspected = [f"suspected: {plate}: {why}" for plate, why in self.suspected[:20]]
        failed = [f"failed: {line}" for line in self.failed[:20]]
        return [*summary_lines(self.table), *self.raw, *failed, *suspected, *change_lines(self.table, self.removed)]

    def page(self) -> str:
        """Page of what is new and what there is."""
        return status_page(self.table, self.removed, summary_lines(self.table), self.suspected)


def take_status(
    results: Path,
    sheet: Iterable[Mapping[str, str]] | None = None,
    *,
    since: Path | None = None,
    verify: bool = False,
    beads: Iterable[tuple[str, Path]] | None = None,
    failed: Path | None = None,
) -> Status:
    """Take the status of a folder of results.

    Parameters
    ----------
    results
        Folder of results.
    sheet
        Rows of the plate sheet: det_plate, use, batch, brew.  Without it, the plates that are there.
    since
        Table of an earlier status to compare with.
    verify
        Read all matrices and compare their checksums with those that were recorded.
    beads
        Plates whose raw beads are to be read and compared as well, and where these are.
    failed
        Table of what failed, if it is not ``failed.tsv`` of the folder.

    Raises
    ------
    FileError
        There is no such folder, or the earlier table cannot be read.
    """
    sheet = None if sheet is None else list(sheet)
    table = results_status(results, sheet, verify=verify, failed=failed)
    raw = compare_raw(results, beads) if beads is not None else []
    changed = {item.plate for item in raw if item.state == "changed"}
    table.loc[table["entity"].isin(changed) & (table["level"] == "GEX"), "state"] = "stale"
    removed = pd.DataFrame(columns=list(STATUS_COLUMNS))
    if since is not None:
        table["change"] = compare_status(table, since)
        old = read_table(since, text_only=True).fillna("")
        old = old[old["state"] != "missing"]
        there = pd.MultiIndex.from_frame(table[["entity", "level"]])
        removed = old[~pd.MultiIndex.from_frame(old[["entity", "level"]]).isin(there)]
    suspected = suspicions(results, table.loc[table["state"] != "retired", "entity"])
    lost = tuple(failure_line(row) for row in read_failures(results, sheet, failed))
    return Status(table, removed, suspected, lost, tuple(raw_lines(raw)))


def summary_lines(table: pd.DataFrame) -> list[str]:
    """Say what there is, from the table of :func:`beadwork.io.runs.status.results_status`."""
    lines = []
    plates = table[~table["level"].isin(STUDY_LEVELS)]
    for batch, part in plates.groupby("batch", sort=False):
        states = part.groupby("entity", sort=False)["state"].agg(lambda found: _worst(set(found)))
        counts = ", ".join(f"{count} {state}" for state, count in states.value_counts().items())
        wells = part[(part["level"] == "ZSPC") & (part["state"] == "done")]["columns"].astype(int).sum()
        lines.append(
            f"batch {str(batch) or '(none)'}: {counted(len(states), 'plate')} ({counts}), "
            f"{counted(wells, 'profile')} at level 4"
        )
    signatures = table[(table["level"] == "MODZ") & (table["state"] == "done")]
    lines.append(
        f"signatures: {counted(len(signatures), 'brew')}, "
        f"{counted(signatures['columns'].astype(int).sum(), 'signature')}"
    )
    segments = table[table["level"] == "index"]
    if len(segments):
        total = sum(int(count) for count in segments["columns"] if str(count).isdigit())
        lines.append(
            f"index: {counted(len(segments), 'segment')}, {counted(total, 'signature')}; "
            f"{segments['reference'].iloc[0]}"
        )
    cleaned = table[(table["level"] == "MNZ") & (table["state"] == "done")]
    if len(cleaned):
        total = cleaned["columns"].astype(int).sum()
        lines.append(f"noise-controlled signatures: {counted(len(cleaned), 'brew')}, {counted(total, 'signature')}")
    for name, what, level in (
        ("version", "program version", "INF"), ("reference", "inference model", "INF"),
        ("reference", "noise model", "ZSNC"),
    ):  # fmt: skip
        found = sorted(set(table.loc[table["level"] == level, name]) - {""})
        if found:
            lines.append(
                f"{what}: {', '.join(found)}" + (" (more than one: they do not mix)" if len(found) > 1 else "")
            )
    for made, part in plates[plates["state"] == "done"].groupby("level", sort=False):
        codes = part["parameters"].value_counts()
        if len(codes) > 1:
            lines.append(f"{made!s}: made with {len(codes)} sets of parameters ({', '.join(codes.index)})")
    for state in ("missing", "damaged", "stale", "retired"):
        part = table[table["state"] == state]
        found = [f"{entity} {level}" for entity, level in zip(part["entity"], part["level"], strict=True)]
        if found:
            lines.append(f"{state}: {counted(len(found), 'file')}: {_first(found)}{HINTS.get(state, '')}")
    return lines


def change_lines(table: pd.DataFrame, removed: pd.DataFrame) -> list[str]:
    """Say what has changed since an earlier table; `removed` are its rows that are there no more."""
    lines = []
    if "change" in table:
        for word in ("new", "changed", "retired"):
            found = list(dict.fromkeys(table.loc[table["change"].str.startswith(word), "entity"]))
            if word == "retired" and not found:
                continue
            word = "retired since" if word == "retired" else word
            lines.append(f"{word}: {len(found)}" + (f" ({_first(found)})" if found else ""))
        lost = list(dict.fromkeys(removed["entity"])) if len(removed) else []
        lines.append(f"removed: {len(lost)}" + (f" ({_first(lost)})" if lost else ""))
    return lines


def _first(names: list[str], limit: int = 5) -> str:
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")


def _worst(states: set[str]) -> str:
    return next(state for state in ("damaged", "failed", "missing", "stale", "retired", "done") if state in states)
