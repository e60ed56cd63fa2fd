"""QC rows as wide tables: one row per well, and one per plate."""

from __future__ import annotations

import pandas as pd

from beadwork.model.ids import parse_well
from beadwork.model.qc import METRICS

WELL, PLATE = "det_well", "det_plate"


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
    parts = [name.partition(":") for name in rows["entity"].astype(str)]
    plate = pd.Series([part[0] for part in parts], index=rows.index, dtype=object)
    well = pd.Series([part[2] for part in parts], index=rows.index, dtype=object)
    is_well = well.map({name: parse_well(name) is not None for name in well.unique()}).astype(bool)
    is_plate = (well == "") & plate.isin({*plate[is_well], *plate[rows["metric"] == "wells_read"]})
    keyed = rows.assign(**{PLATE: plate, WELL: well})
    wells = _wide(keyed[is_well], [PLATE, WELL])
    plates = _wide(keyed[is_plate], [PLATE])
    numbers = wells.drop(columns=[WELL, "failed"]).set_index(PLATE).apply(pd.to_numeric, errors="coerce")
    medians = numbers.groupby(level=0).median().dropna(axis=1, how="all").add_prefix("median_")
    bad = (wells["failed"] != "").groupby(wells[PLATE]).sum().rename("wells_failed")
    of_wells = medians.join(bad).rename_axis(PLATE).reset_index()
    plates = plates.merge(of_wells, "outer", on=PLATE, sort=True).fillna({"failed": "", "wells_failed": 0})
    return wells, plates.astype({"wells_failed": int}).reset_index(drop=True)


def _wide(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if not len(rows):
        return pd.DataFrame(columns=[*keys, "failed"], dtype=object)
    stages = rows[["metric", "stage"]].drop_duplicates()
    later = stages[stages["metric"].duplicated()]
    names = rows["metric"].where(
        ~pd.MultiIndex.from_frame(rows[["metric", "stage"]]).isin(pd.MultiIndex.from_frame(later)),
        rows["stage"] + "_" + rows["metric"],
    )
    order = {name: place for place, name in enumerate(METRICS)}
    columns = sorted(dict.fromkeys(zip(names, rows["metric"], strict=True)), key=lambda pair: order.get(pair[1], 999))
    values = rows["value"].where(rows["value"].notna(), rows["note"]) if "note" in rows else rows["value"]
    table = rows[keys].assign(name=names, value=values).drop_duplicates([*keys, "name"], keep="last")
    wide = table.set_index([*keys, "name"])["value"].unstack("name").reindex(columns=[name for name, _ in columns])
    for name in wide.columns:
        try:
            wide[name] = pd.to_numeric(wide[name])
        except (TypeError, ValueError):
            continue  # a text, such as a reason
    passes = rows["pass"].astype(str).str.lower().isin(["true", "1"])
    failed = rows[~passes].drop_duplicates([*keys, "metric"]).groupby(keys)["metric"].agg(", ".join)
    wide["failed"] = failed.reindex(wide.index).fillna("")
    return wide.rename_axis(columns=None).reset_index()
