"""QC rows as wide tables: one row per well, and one per plate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from beadwork.model.ids import parse_well
from beadwork.model.qc import METRICS

WELL, PLATE = "det_well", "det_plate"
Names = Mapping[tuple[str, str], str]
"""Name of the column of each pair of metric and stage, in the order of the columns."""


def wide_tables(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn tidy QC rows into a table of wells and one of plates; rows of signatures, genes and queries are left out.

    A metric that two stages give of one thing has the name of the later stage before it, as
    ``zscore_vehicle_n_population``.  Column ``failed`` names the metrics that do not pass.

    Parameters
    ----------
    rows
        QC rows of any stages (:data:`beadwork.model.qc.COLUMNS`), texts in ``value`` or in ``note``.

    Returns
    -------
    wells, plates
        Columns det_plate (and det_well), the metrics in the order of the registry, failed.  Plates also have
        ``median_{metric}`` of their wells, and how many wells fail a check (``wells_failed``).
    """
    found = rows_of_plates(rows)
    is_well = found[WELL] != ""
    of_plates = found[~is_well & found[PLATE].isin(known_plates(found))]
    wells = wide_wells(found[is_well], column_names(stage_pairs(found[is_well])))
    plates = wide_plates(of_plates, column_names(stage_pairs(of_plates)))
    return typed(wells), finish_plates(plates, of_wells(wells))


def rows_of_plates(rows: pd.DataFrame) -> pd.DataFrame:
    """QC rows of wells, and of what may be a plate (its well is then empty), with columns det_plate and det_well."""
    parts = (
        rows["entity"].astype(str).str.partition(":") if len(rows) else pd.DataFrame(columns=[0, 1, 2], dtype=object)
    )
    is_well = parts[2].map({name: parse_well(name) is not None for name in parts[2].unique()}).astype(bool)
    return rows.assign(**{PLATE: parts[0], WELL: parts[2]})[is_well | (parts[2] == "")]


def known_plates(rows: pd.DataFrame) -> set[str]:
    """Plates among the rows of :func:`rows_of_plates`: what has wells, or had wells read."""
    return {*rows.loc[(rows[WELL] != "") | (rows["metric"] == "wells_read"), PLATE]}


def stage_pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Metrics with the stages that give them, in order of their first row."""
    return list(rows[["metric", "stage"]].drop_duplicates().itertuples(index=False, name=None))


def column_names(pairs: Iterable[tuple[str, str]]) -> Names:
    """Columns of metrics and stages: by the metric, and of a second stage that gives it, by the stage before it."""
    order = {name: place for place, name in enumerate(METRICS)}
    names: dict[tuple[str, str], str] = {}
    known: set[str] = set()
    for metric, stage in pairs:
        names[metric, stage] = f"{stage}_{metric}" if metric in known else metric
        known.add(metric)
    return dict(sorted(names.items(), key=lambda item: order.get(item[0][0], 999)))


def wide_wells(rows: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Rows of wells (:func:`rows_of_plates`) as one row a well, with cells as they are."""
    return _wide(rows, [PLATE, WELL], names)


def wide_plates(rows: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Rows of plates (:func:`rows_of_plates`) as one row a plate, with cells as they are."""
    return _wide(rows, [PLATE], names)


def of_wells(wells: pd.DataFrame) -> pd.DataFrame:
    """One row for each plate of :func:`wide_wells`: medians of its wells, and how many fail a check."""
    numbers = wells.drop(columns=[WELL, "failed"]).set_index(PLATE).apply(pd.to_numeric, errors="coerce")
    medians = numbers.groupby(level=0).median().add_prefix("median_")
    bad = (wells["failed"] != "").groupby(wells[PLATE]).sum().rename("wells_failed")
    found: pd.DataFrame = medians.join(bad).rename_axis(PLATE).reset_index()
    return found


def finish_plates(plates: pd.DataFrame, wells: pd.DataFrame) -> pd.DataFrame:
    """Table of plates, of all that :func:`wide_plates` and :func:`of_wells` gave."""
    unknown = [name for name in wells if str(name).startswith("median_") and wells[name].isna().all()]
    known = wells.drop(columns=unknown)
    joined = typed(plates).merge(known, "outer", on=PLATE, sort=True).fillna({"failed": "", "wells_failed": 0})
    return joined.astype({"wells_failed": int}).reset_index(drop=True)


def typed(wide: pd.DataFrame) -> pd.DataFrame:
    """Wide table whose metrics are numbers where all cells are."""
    return wide.assign(
        **{name: as_numbers(wide[name]) for name in map(str, wide) if name not in (PLATE, WELL, "failed")}
    )


def as_numbers(cells: pd.Series) -> pd.Series:
    """Cells as numbers, or as they are if one is a text, such as a reason."""
    try:
        return pd.to_numeric(cells)
    except (TypeError, ValueError):
        return cells


def _wide(rows: pd.DataFrame, keys: list[str], names: Names) -> pd.DataFrame:
    if not len(rows):
        return pd.DataFrame(columns=[*keys, "failed"], dtype=object)
    values = rows["value"].where(rows["value"].notna(), rows["note"]) if "note" in rows else rows["value"]
    columns = [names[pair] for pair in zip(rows["metric"], rows["stage"], strict=True)]
    table = rows[keys].assign(name=columns, value=values).drop_duplicates([*keys, "name"], keep="last")
    wide = table.set_index([*keys, "name"])["value"].unstack("name").reindex(columns=list(names.values()))
    passes = rows["pass"].astype(str).str.lower().isin(["true", "1"])
    failed = rows[~passes].drop_duplicates([*keys, "metric"]).groupby(keys)["metric"].agg(", ".join)
    wide["failed"] = failed.reindex(wide.index).fillna("")
    return wide.rename_axis(columns=None).reset_index()
