"""Which signatures of a folder go into an index, and their annotation: decided before any value is read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from beadwork.model.connectivity.annotation import CellTable, CompoundTable
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import AlignmentError, name_some
from beadwork.stages.connectivity.annotate import signature_table
from beadwork.stages.connectivity.filters import filter_signatures, split_filter
from beadwork.stages.connectivity.library.join import Joined, join_cells, join_compounds

log = logging.getLogger("beadwork")


@dataclass(frozen=True, eq=False)
class Annotations:
    """What is joined to signatures, and which of them are wanted."""

    compounds: CompoundTable | None = None
    cells: CellTable | None = None
    filters: tuple[str, ...] = ()

    def join(self, table: pd.DataFrame) -> tuple[pd.DataFrame, list[Joined]]:
        """Add fields of compounds and of cells."""
        return join_annotation(table, self.compounds, self.cells)

    def keep(self, table: pd.DataFrame, may_be_none: bool = False) -> np.ndarray:
        """Which signatures pass the filters."""
        fields = {split_filter(text)[0] for text in self.filters}
        there = table[[name for name in table if name in fields]]
        if not fields <= set(there) or not fields:
            there = table
        return filter_signatures(SignatureTable.of(there), self.filters, may_be_none=may_be_none)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Signatures of one matrix that are taken.

    Parameters
    ----------
    positions
        Their columns, ascending.
    table
        Their annotation, in that order.
    """

    positions: np.ndarray
    table: pd.DataFrame


def join_annotation(
    table: pd.DataFrame, compounds: CompoundTable | None, cells: CellTable | None
) -> tuple[pd.DataFrame, list[Joined]]:
    """Add fields of compounds and of cells to a table of signatures."""
    found: list[Joined] = []
    names = [name for name in ("pert_id", "pert_iname", "pert_type", "cell_id") if name in table]
    if compounds is not None:
        found.append(join_compounds(_part(table, [*names, *compounds.fields]), compounds))
    if cells is not None:
        found.append(join_cells(_part(table, [*names, *cells.fields]), cells))
    for joined in found:
        table = table.assign(**{name: _category(array) for name, array in joined.columns.items()})
    return table, found


def _part(table: pd.DataFrame, names: Sequence[str]) -> SignatureTable:
    return SignatureTable.of(table[[name for name in dict.fromkeys(names) if name in table]])


def _category(array: Any) -> pd.Categorical:
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, pd.Index(array.dictionary.to_pylist(), dtype=object), validate=False)


def choose_signatures(
    columns: Mapping[str, pd.DataFrame],
    info: pd.DataFrame | None,
    annotations: Annotations,
    *,
    may_be_none: bool = False,
) -> tuple[dict[str, Chosen], list[Joined]]:
    """Choose the signatures of matrices, by name: those that the tables know and that pass the filters.

    Parameters
    ----------
    columns
        Column annotation of each matrix.
    info
        Joined tables of signatures; where it lacks a matrix altogether, the annotation of its columns is taken.

    Raises
    ------
    AlignmentError
        No table and no column says what the signatures are, or a signature stands in two matrices.
    """
    tables, places = [], []
    for name, cols in columns.items():
        ids = pd.Index([str(item) for item in cols.index], dtype=object)
        own = _own_rows(name, ids, cols, info)
        tables.append(own[1].assign(_matrix=name))
        places.append(own[0])
    joined = tables[0] if len(tables) == 1 else pd.concat([_plain(table) for table in tables], ignore_index=True)
    twice = joined["sig_id"].duplicated()
    if twice.any():
        raise AlignmentError(
            f"signatures stand in more than one matrix: {name_some(joined['sig_id'][twice].unique())}; keep one of them"
        )
    joined, reports = annotations.join(joined)
    keep = annotations.keep(joined, may_be_none)
    origin = joined.pop("_matrix").to_numpy()
    position = np.concatenate(places)
    return {
        name: Chosen(position[rows], joined.iloc[rows].reset_index(drop=True))
        for name in columns
        if len(rows := np.flatnonzero(keep & (origin == name)))
    }, reports


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    categories = [name for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(categories, object))


def _own_rows(
    name: str, ids: pd.Index, cols: pd.DataFrame, info: pd.DataFrame | None
) -> tuple[np.ndarray, pd.DataFrame]:
    """Columns of a matrix that are known, and their annotation."""
    place = np.full(len(ids), -1) if info is None else pd.Index(info["sig_id"].astype(object)).get_indexer(ids)
    known = np.flatnonzero(place >= 0)
    if not len(known):
        if {"pert_id", "pert_iname", "pert_desc"} & set(cols.columns):
            return np.arange(len(ids)), signature_table(ids.tolist(), cols, None, name)
        raise AlignmentError(
            f"{name}: no table of signatures knows its columns ({name_some(ids, 3)}), and they have no annotation of "
            "their own; put the sig_info (siginfo_beta) of the matrix beside it"
        )
    if len(known) < len(ids):
        absent = ids[place < 0]
        log.warning(
            "%s: %d of %d signatures are in no table of signatures and are left out: %s",
            name, len(absent), len(ids), name_some(absent, 3),
        )  # fmt: skip
    assert info is not None
    rows = info.iloc[place[known]].reset_index(drop=True)
    for column in rows.columns[[isinstance(kind, pd.CategoricalDtype) for kind in rows.dtypes]]:
        rows[column] = rows[column].cat.remove_unused_categories()
    return known, signature_table(ids[known].tolist(), rows.iloc[:, :0], rows, name)
