"""What is known of compounds and cells, beside each of their signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beadwork.model.connectivity.annotation import CellTable, CompoundTable
from beadwork.model.connectivity.perturbagen_classes import plain_id
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_texts
from beadwork.model.errors import name_some
from beadwork.model.pert_types import COMPOUND, perturbation_kind, rolled_up_as

OTHER_KINDS = ("other", "ligand", "antibody")
"""Kinds of perturbation that, beside compounds, may be found by their name; a gene may be called as a compound is."""


@dataclass(frozen=True, eq=False)
class Joined:
    """Fields that were joined, as Arrow arrays, and how many were found.

    Parameters
    ----------
    unmatched
        What was looked for and not found: pert_id, pert_iname, number of signatures; or the cell and the number.
    """

    what: str
    source: str
    columns: Mapping[str, Any]
    n_given: int
    by_id: int
    by_name: int
    unmatched: Sequence[tuple[str, str, int]]

    def __str__(self) -> str:
        found = self.by_id + self.by_name
        by = f" ({self.by_id:,} by id, {self.by_name:,} by name)" if self.what == "compounds" else ""
        rest = ""
        if self.unmatched:
            names = name_some([name or one for one, name, _ in self.unmatched], 5)
            rest = f"; not found: {len(self.unmatched):,} ({names})"
        fields = ", ".join(self.columns) or "none"
        return f"{self.source}: {found:,} of {self.n_given:,} {self.what} found{by}{rest}; fields: {fields}"


def join_compounds(signatures: SignatureTable, table: CompoundTable) -> Joined:
    """Find the compound of each signature, by pert_id, else by name; what is there stays where the table is silent."""
    names = ("pert_id", "pert_iname", "pert_type")
    texts = [_texts(signatures, name) for name in names]
    joint, keys = _distinct(texts)
    by_id, by_name = table.by_id(), table.by_name()
    found: list[Any] = []
    counts = np.bincount(joint, minlength=len(keys))
    n_id = n_name = n_given = 0
    unmatched = []
    for place, (pert_id, name, kind) in enumerate(keys):
        one = by_id.get(plain_id(pert_id)) if pert_id else None
        n_id += one is not None
        treated = rolled_up_as(kind) in (COMPOUND, "") or perturbation_kind(kind) in OTHER_KINDS
        if one is None and name and treated:
            one = by_name.get(name.strip().lower())
            n_name += one is not None
        n_given += one is not None or treated
        if one is None and treated:
            unmatched.append((pert_id, name, int(counts[place])))
        found.append(one)
    columns = {}
    for field in table.fields:
        values = [None if one is None else one.value(field, key[0]) for one, key in zip(found, keys, strict=True)]
        columns[field] = _filled(signatures, field, joint, values)
    return Joined("compounds", table.source, columns, n_given, n_id, n_name, unmatched)


def join_cells(signatures: SignatureTable, table: CellTable) -> Joined:
    """Find the cell of each signature, whatever the case of its name."""
    joint, keys = _distinct([_texts(signatures, "cell_id")])
    plain = {name.upper(): values for name, values in table.cells.items()}
    found = [table.cells.get(cell) or plain.get(cell.upper()) for (cell,) in keys]
    counts = np.bincount(joint, minlength=len(keys))
    lost = [(cell, "", int(counts[at])) for at, ((cell,), one) in enumerate(zip(keys, found, strict=True))
            if one is None and cell]  # fmt: skip
    columns = {
        field: _filled(signatures, field, joint, [None if one is None else one.get(field) for one in found])
        for field in table.fields
    }
    n_given = sum(bool(cell) for (cell,) in keys)
    return Joined("cells", table.source, columns, n_given, n_given - len(lost), 0, lost)


def _texts(signatures: SignatureTable, name: str) -> tuple[np.ndarray, list[str]]:
    if name not in signatures:
        return np.full(len(signatures), -1, np.int32), []
    return signatures.texts(name)


def _distinct(columns: Sequence[tuple[np.ndarray, list[str]]]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Give each combination of texts in rows a number, and list them; missing is the empty text."""
    joint = np.zeros(len(columns[0][0]), np.int64)
    for codes, values in columns:
        joint = np.unique(joint * (len(values) + 1) + codes + 1, return_inverse=True)[1].reshape(-1)
    first = np.unique(joint, return_index=True)[1]
    keys = [tuple(values[codes[row]] if codes[row] >= 0 else "" for codes, values in columns) for row in first.tolist()]
    return joint, keys


def _filled(signatures: SignatureTable, field: str, joint: np.ndarray, values: Sequence[str | None]) -> Any:
    """Column of a field: what was found, else what is there."""
    places: dict[str, int] = {}
    code = np.array([-1 if text is None else places.setdefault(text, len(places)) for text in values], np.int32)
    codes = code[joint] if len(code) else np.full(len(joint), -1, np.int32)
    if field in signatures and (codes < 0).any():
        own, texts = signatures.texts(field)
        renamed = np.array([*(places.setdefault(text, len(places)) for text in texts), -1], np.int32)
        codes = np.where(codes < 0, renamed[own], codes)
    return arrow_texts(codes, list(places))
