"""Plate maps: what was in each well."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.model.errors import MapError, name_some
from beadwork.model.ids import parse_well
from beadwork.model.pert_types import plain_pert_type
from beadwork.model.quantities import read_quantities

log = logging.getLogger("beadwork.maps")

WELL_COLUMNS = ("det_well", "rna_well", "well_position")
"""Columns that may name the well; the first one there is taken."""
REQUIRED = ("pert_id", "pert_type")


def read_map(path: str | Path, det_plate: str | None = None) -> pd.DataFrame:
    """Read a plate map: tab-separated, one row per well.

    Required are one of det_well, rna_well, well_position (``A01`` or ``A1``), pert_id and pert_type; every other column
    is carried along.  Empty, ``-666``, NA and the like mean missing; pert_type is put in lower case; pert_desc serves
    as pert_iname where that column is absent.  Where a column det_plate names several plates, the rows of `det_plate`
    are taken.

    Returns
    -------
    pandas.DataFrame
        Index: wells ``A01``; columns as in the file.

    Raises
    ------
    FileError
        No such file, or not a table.
    MapError
        A column is missing, a well is unknown or stands twice, a dose or time is no plain number, or no row is left.
    """
    table = read_table(path)
    named = [name for name in WELL_COLUMNS if name in table.columns]
    lacking = ([] if named else ["rna_well"]) + [name for name in REQUIRED if name not in table.columns]
    if lacking:
        hint = "; columns must be separated by tabs" if len(table.columns) == 1 else ""
        raise MapError(
            f"{path}: lacks the column(s) {', '.join(lacking)}; a map needs one of {', '.join(WELL_COLUMNS)}, "
            f"and {' and '.join(REQUIRED)}; it has {name_some(table.columns, 12)}{hint}"
        )
    if table.empty:
        raise MapError(f"{path}: has a header line but no wells")
    if det_plate is not None and "det_plate" in table.columns:
        table = _rows_of_plate(table, det_plate, path)
    given = table[named[0]].map(lambda text: "" if pd.isna(text) else str(text))
    wells = given.map(lambda text: parse_well(text))
    unknown = given[wells.isna()]
    if len(unknown):
        raise MapError(
            f"{path}: {named[0]} {name_some(repr(text) for text in unknown)}: no well of a 384-well plate; "
            "A01 to P24 are"
        )
    twice = wells[wells.duplicated()].unique()
    if len(twice):
        raise MapError(f"{path}: wells stand twice: {name_some(sorted(twice))}; keep one row for each")
    table = table.set_axis(pd.Index(wells, dtype=object, name=None), axis=0)
    table[named[0]] = table.index
    plate = "" if det_plate is None else f"{det_plate}: "
    table, read = read_quantities(
        table, [f"{plate}well {well}" for well in table.index], error=MapError, what=str(path)
    )
    if read and det_plate is not None:  # a map is read once without a plate, to see early whether it can be
        log.warning("%s: texts read as numbers: %s", path, name_some(read))
    table["pert_type"] = [kind if pd.isna(kind) else plain_pert_type(kind) for kind in table["pert_type"]]
    if "pert_iname" not in table.columns and "pert_desc" in table.columns:
        table.insert(list(table.columns).index("pert_desc"), "pert_iname", table["pert_desc"])
    return table


def _rows_of_plate(table: pd.DataFrame, det_plate: str, path: str | Path) -> pd.DataFrame:
    mine = (table["det_plate"] == det_plate) | table["det_plate"].isna()
    if not mine.any():
        others = name_some(table["det_plate"].unique())
        raise MapError(f"{path}: its det_plate is {others}, not {det_plate}; give the map of this plate")
    return table[mine]
