"""Annotation of the signatures of an index, from siginfo or from the columns of a matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from beadwork.model.connectivity.flags import read_flags
from beadwork.model.connectivity.query import SIGNATURE_FIELDS
from beadwork.model.errors import AlignmentError, name_some
from beadwork.model.fields import field_kind
from beadwork.model.pert_types import plain_pert_type

ALIASES = {
    "pert_iname": ("pert_desc", "cmap_name", "pert_name"),
    "cell_id": ("cell_iname", "cell_mfc_name", "cell"),
    "distil_nsample": ("nsample", "n_replicates"),
    "distil_cc_q75": ("cc_q75",),
    "is_gold": ("is_hiq",),
    "is_exemplar_sig": ("is_exemplar",),
}
"""Other names of fields, as they stand in older or newer public releases."""


def signature_table(
    sig_ids: Sequence[str], cols: pd.DataFrame, siginfo: pd.DataFrame | None, what: str = "matrix"
) -> pd.DataFrame:
    """Annotation of signatures, in their order, with all fields of SIGNATURE_FIELDS first.

    Parameters
    ----------
    sig_ids
        Column ids of the matrix.
    cols
        Column annotation of the matrix, used where there is no `siginfo`.
    siginfo
        Table with a column ``sig_id``; may hold further signatures.
    what
        How messages name the matrix.

    Raises
    ------
    AlignmentError
        A signature has no row in `siginfo`, or several, or a flag that is no flag.
    """
    if siginfo is None:
        table = cols.reset_index(drop=True)
    else:
        ids = siginfo["sig_id"].astype(object).astype(str)
        twice = ids[ids.duplicated()].unique()
        if len(twice):
            raise AlignmentError(f"siginfo: sig_id stand twice: {name_some(twice)}; keep one row each")
        place = pd.Index(ids).get_indexer(pd.Index(list(sig_ids)))
        if (place < 0).any():
            absent = np.asarray(sig_ids, dtype=object)[place < 0]
            raise AlignmentError(
                f"{what}: {len(absent)} of {len(sig_ids)} signatures have no row in siginfo ({name_some(absent)}); "
                "give the siginfo that was made with the matrix"
            )
        table = siginfo.iloc[place].reset_index(drop=True)
    table = table.rename(columns=str).assign(sig_id=[str(item) for item in sig_ids])
    table = read_flags(table, what)
    for field, others in ALIASES.items():
        if field not in table.columns:
            source = next((name for name in others if name in table.columns), None)
            if source is not None:
                table[field] = table[source]
    if "pert_iname" not in table.columns and "pert_id" in table.columns:
        table["pert_iname"] = table["pert_id"]
    for field, number, unit in (
        ("pert_idose", "pert_dose", "pert_dose_unit"),
        ("pert_itime", "pert_time", "pert_time_unit"),
    ):
        if field not in table.columns and number in table.columns:
            units = table[unit] if unit in table.columns else pd.Series("", index=table.index)
            known: dict[tuple[object, object], object] = {}  # few amounts, many signatures: each text once
            amounts = [
                np.nan
                if pair[0] != pair[0]
                else known[pair]
                if pair in known
                else known.setdefault(pair, _amount(*pair))
                for pair in zip(table[number], units, strict=True)
            ]
            table[field] = pd.Series(amounts, index=table.index, dtype=object)
    for field in SIGNATURE_FIELDS:
        if field not in table.columns:
            table[field] = pd.Series(np.nan, index=table.index, dtype=object if field_kind(field) is str else float)
    for field in SIGNATURE_FIELDS:
        if field_kind(field) is not str:
            table[field] = pd.to_numeric(table[field], errors="coerce").astype(float)
    if table["pert_type"].notna().any():
        kinds = table["pert_type"].astype(object)
        table["pert_type"] = kinds.where(kinds.isna(), kinds.map(plain_pert_type))
    rest = [name for name in table.columns if name not in SIGNATURE_FIELDS]
    return table[[*SIGNATURE_FIELDS, *rest]]


def _amount(value: object, unit: object) -> object:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return np.nan
    number = f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
    return f"{number} {unit}" if isinstance(unit, str) and unit else number
