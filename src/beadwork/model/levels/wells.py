"""Which plate and which well a column of a matrix is: from its fields, else from its id ``{det_plate}:{well}``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from beadwork.model.ids import WELLS_384, parse_well

MAX_WELLS = len(WELLS_384)


def plain_text(item: Any) -> str:
    """Text of a name: without blanks around it, a whole number without ``.0``, empty where it is missing."""
    if item is None or item is pd.NA or item != item:
        return ""
    if isinstance(item, float | np.floating) and float(item).is_integer():
        return f"{item:.0f}"
    return str(item).strip()


def plates_of_ids(ids: pd.Index) -> pd.Series:
    """Plate that each id ``{det_plate}:{well}`` names; empty where it names none."""
    parts = [str(name).rpartition(":") for name in ids]
    return pd.Series([plate if parse_well(well) else "" for plate, _, well in parts], index=ids, dtype=object)


def plate_names(cols: pd.DataFrame) -> pd.Series:
    """Plate of each column: its det_plate, else what its id says; empty where neither does."""
    named = plates_of_ids(cols.index)
    if "det_plate" not in cols:
        return named
    fields = cols["det_plate"].map(plain_text).astype(object)
    return fields.where(fields != "", named)


def well_names(cols: pd.DataFrame) -> pd.Series:
    """Well of each column as ``A01``: det_well, else rna_well, else the end of its id; as it is if it is no well."""
    wells = pd.Series([str(name).rpartition(":")[2] for name in cols.index], index=cols.index, dtype=object)
    for name in ("det_well", "rna_well"):
        if name in cols:
            texts = cols[name].map(plain_text).astype(object)
            wells = texts.where(texts != "", wells)
    return wells.map(lambda text: parse_well(text) or text).astype(object)


def are_wells_of_one_plate(ids: pd.Index) -> bool:
    """Whether ids are bare names of wells, each once, as a matrix of one plate may have them."""
    wells = [parse_well(str(name)) for name in ids]
    return None not in wells and len(set(wells)) == len(wells)
