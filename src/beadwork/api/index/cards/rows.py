"""Signatures of an index by what they are of: by name, by perturbagen, with the fields that cards show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.model.connectivity.annotation import MECHANISM_FIELDS
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import GeneSetError, name_some
from beadwork.model.pert_types import is_treatment, type_mask
from beadwork.stages.connectivity.groups import treatment_mask
from beadwork.stages.connectivity.perturbagens import PERTURBAGEN, perturbagen_codes

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import ConnectivityIndex

SHOWN = ("sig_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime", "distil_nsample", "tas")


def find_perturbagen(index: ConnectivityIndex, name: str) -> np.ndarray:
    """Positions of the signatures of a perturbagen, by its name, else by its id, whatever the case."""
    return rows_named(index, ("pert_iname", "pert_id"), name)


def rows_named(index: ConnectivityIndex, fields: str | Sequence[str], name: str) -> np.ndarray:
    """Positions of the signatures with this value in the first of some fields that has it, whatever the case."""
    names = [fields] if isinstance(fields, str) else fields
    near: list[str] = []
    for one in names:
        if one not in index.annotation:
            continue
        codes, texts = index.annotation.texts(one)
        wanted = [code for code, text in enumerate(texts) if text.lower() == name.strip().lower()]
        if wanted:
            return np.flatnonzero(np.isin(codes, wanted))
        near += texts
    import difflib

    spelled = {text.lower(): text for text in reversed(near)}
    close = [spelled[text] for text in difflib.get_close_matches(name.strip().lower(), list(spelled), n=3)]
    hint = f"; near it: {name_some(close, 3)}" if close else ""
    raise GeneSetError(f"the index has no {' or '.join(names)} {name!r}{hint}")


def signature_rows(
    index: ConnectivityIndex, places: np.ndarray, names: Sequence[str] = (*SHOWN, *MECHANISM_FIELDS)
) -> pd.DataFrame:
    """Annotation of some signatures, as far as the index has these fields."""
    there = [name for name in names if name in index.annotation]
    frame: pd.DataFrame = index.annotation.take(places, there).to_pandas()
    return frame.astype({name: object for name in frame if frame[name].dtype == "category"})


def counted_perturbagens(index: ConnectivityIndex, places: np.ndarray) -> np.ndarray:
    """Count through the perturbagens of some signatures, as roll-ups do; -1: a control."""
    names = [name for name in (*PERTURBAGEN, "is_null_sig") if name in index.annotation]
    own = SignatureTable(index.annotation.take(places, names))
    return perturbagen_codes(own, treatment_mask(own))


def by_amount(column: pd.Series) -> pd.Series:
    """Key that sorts the doses and times of a table by what they amount to, other fields as text."""
    from beadwork.model.quantities import QUANTITIES, quantity_order

    if column.name not in QUANTITIES:
        return column.astype(str)
    order = {text: rank for rank, text in enumerate(sorted(column.dropna().unique(), key=quantity_order))}
    return column.map(order).astype(float)


def treated_mask(index: ConnectivityIndex) -> np.ndarray:
    """Which signatures are of a treatment, or of no known type."""
    codes, kinds = index.annotation.texts("pert_type")
    treated: np.ndarray = np.array([*type_mask(kinds, is_treatment), True], bool)[codes]  # those without a type count
    return treated


def group_perturbagens(index: ConnectivityIndex, rows: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Perturbagens of some signatures, by name, and the positions of their signatures."""
    codes, texts = index.annotation.texts("pert_iname")
    found: dict[int, list[int]] = {}
    for row in rows.tolist():
        found.setdefault(int(codes[row]), []).append(row)
    return [(texts[code], np.array(own)) for code, own in sorted(found.items()) if code >= 0]


def shared_fields(index: ConnectivityIndex, places: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Values of fields of some signatures, several joined by ``|``."""
    facts: dict[str, Any] = {}
    for name in names:
        if name in index.annotation:
            codes, texts = index.annotation.texts(name)
            found = [texts[code] for code in dict.fromkeys(codes[places].tolist()) if code >= 0]
            if found:
                facts[name] = "|".join(dict.fromkeys(part for text in found for part in text.split("|")))
    return facts
