"""The page of a status: what is new since the last one, and what there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from beadwork.model.matrix import Level
from beadwork.views.pages import render

COLUMNS = (("what", "kind"), ("name", "name"), ("batch", "batch"), ("change", "change"), ("state", "state"),
           ("columns", "profiles or signatures"), ("version", "version"), ("reference", "reference"))  # fmt: skip
MOST_ROWS = 2000
"""Rows of the page's table of everything; the table of the status has all."""


def status_page(
    table: pd.DataFrame, removed: pd.DataFrame, lines: Iterable[str], suspected: Sequence[tuple[str, str]] = ()
) -> str:
    """Page that says what is new since the last status, and what there is, without anything from elsewhere.

    Parameters
    ----------
    table
        Status, with a column ``change`` (:func:`beadwork.io.runs.status.compare_status`) unless there was none before.
    removed
        Rows of the earlier status that are there no more.
    lines
        Summary in words.
    suspected
        Plates that may not be what the plate sheet says, and why (:func:`beadwork.io.runs.status.suspicions`).
    """
    found = _entities(table, removed)
    fresh = found[found["change"] != ""] if len(found) else found
    if "change" not in table:
        summary, fresh = f"Everything: this is the first run whose status was kept ({_counted(found)}).", fresh.head(0)
    elif fresh.empty:
        summary = "Nothing: all is as it was after the run before."
    else:
        kinds = fresh.groupby(fresh["change"].str.split(" ").str[0].str.rstrip(":"), sort=False)
        summary = "; ".join(f"{word}: {_counted(part)}" for word, part in kinds)
    return render(
        "status.html", root=None, summary=summary, lines=list(lines), suspected=suspected, columns=COLUMNS,
        changes=fresh.to_dict("records"), everything=found.head(MOST_ROWS).to_dict("records"),
        more=max(0, len(found) - MOST_ROWS),
    )  # fmt: skip


def _entities(table: pd.DataFrame, removed: pd.DataFrame) -> pd.DataFrame:
    """One row for each plate, brew and index segment: what it is, and what is new of it in words."""
    rows = []
    kinds = {Level.MODZ: "brew", "index": "index segment", "index MNZ": "index segment, cleaned"}
    first = "change" not in table
    for entity, part in table.groupby("entity", sort=False):
        changes = ["new" if row["state"] == "done" else "" for row in part.to_dict("records")] if first else list(
            part["change"])  # fmt: skip
        if "retired" in changes:
            word = "retired"
        elif "new" in changes and all(word in ("new", "") for word in changes):
            word = "new"
        else:
            changed = dict.fromkeys(name for text in changes if text.startswith("changed: ")
                                    for name in text.removeprefix("changed: ").split(", "))  # fmt: skip
            more = [level for level, text in zip(part["level"], changes, strict=True) if text == "new"]
            words = ([f"changed: {', '.join(changed)}"] if changed else []) + (
                [f"new: {', '.join(more)}"] if more else [])  # fmt: skip
            word = "; ".join(words)
        states = dict.fromkeys(state for state in part["state"] if state != "done")
        size = part[part["state"].isin(["done", "stale", "retired"])]["columns"]
        rows.append({
            "what": kinds.get(part["level"].iloc[0], "plate"), "name": entity, "batch": part["batch"].iloc[0],
            "change": word, "state": ", ".join(states) or "done", "columns": size.iloc[-1] if len(size) else "",
            "version": ", ".join(dict.fromkeys(filter(None, part["version"]))),
            "reference": ", ".join(dict.fromkeys(filter(None, part["reference"]))),
        })  # fmt: skip
    for entity, part in removed.groupby("entity", sort=False):
        if entity not in set(table["entity"]):
            rows.append({"what": kinds.get(part["level"].iloc[0], "plate"), "name": entity,
                         "batch": part["batch"].iloc[0], "change": "removed", "state": "", "columns": "", "version": "",
                         "reference": ""})  # fmt: skip
    return pd.DataFrame(rows)


def _counted(found: pd.DataFrame) -> str:
    if found.empty:
        return "nothing"
    counts = found["what"].value_counts(sort=False)
    return ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for what, count in counts.items())
