"""Write GCTX, some columns at a time where the whole is larger than memory; the one writer of the tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.io.files.atomic import atomic_path
from beadwork.io.matrix.gctx import layout
from beadwork.io.matrix.hdf5_file import matrix_size, new_hdf5
from beadwork.model.errors import AlignmentError
from beadwork.model.missing import MISSING_NUMBER, MISSING_TEXT

if TYPE_CHECKING:
    import h5py
    import pandas as pd

    from beadwork.model.matrix import Matrix

PART = 50_000
"""Ids and values of fields that are written at a time, so that memory stays small."""
_PORTION = 1 << 19
"""Values that are turned at a time: what fits into the cache of a processor."""


@dataclass(frozen=True)
class StoredField:
    """One field of the annotation as it is stored: texts as bytes of fixed width or as objects, or numbers.

    ``part(start, stop)`` gives the values of some rows; `step` of them are written at a time.
    """

    dtype: np.dtype
    part: Callable[[int, int], np.ndarray]
    step: int = PART


@dataclass(frozen=True)
class StoredFields:
    """Annotation of `count` rows or columns: ``id``, then the fields, by their names in the file."""

    count: int
    fields: Mapping[str, StoredField]

    @property
    def reserve(self) -> int:
        """Bytes that it takes, about."""
        objects = sum(field.dtype == object for field in self.fields.values())
        fixed = sum(field.dtype.itemsize for field in self.fields.values() if field.dtype != object)
        return self.count * (64 * objects + fixed)


class GctxWriter:
    """A GCTX file that is being written: values by columns, annotation once."""

    def __init__(self, file: h5py.File, n_rows: int, n_cols: int) -> None:
        self._file = file
        self._data = file.create_dataset(layout.DATA, shape=(n_cols, n_rows), dtype="<f4")

    def columns(self, start: int, values: np.ndarray) -> None:
        """Write columns from position `start` on; `values` has shape (columns, rows)."""
        self._data[start : start + len(values)] = values

    def annotate(self, rows: StoredFields, cols: StoredFields) -> None:
        """Write ids and fields of rows and columns."""
        for name, stored in ((layout.ROW, rows), (layout.COL, cols)):
            group = self._file.create_group(name, track_order=True)
            for key, field in stored.fields.items():
                _write_field(group, key, field, stored.count)

    def name(self, rids: Sequence[str], cids: Sequence[str]) -> None:
        """Write ids only, as released matrices have them."""
        import h5py

        for group, ids in ((layout.ROW, rids), (layout.COL, cids)):
            self._file.create_dataset(f"{group}/{layout.ID}", data=_objects(ids), dtype=h5py.string_dtype("utf-8"))


@contextmanager
def new_gctx(path: Path, n_rows: int, n_cols: int, attributes: Mapping[str, str], reserve: int) -> Iterator[GctxWriter]:
    """Yield the writer of a new file; it is complete when the block ends.

    Parameters
    ----------
    path
        Temporary name: whoever calls renames it.
    attributes
        Attributes of the root beside the version.
    reserve
        Bytes that the annotation takes, about.
    """
    with new_hdf5(path, matrix_size(n_rows * n_cols, 0) + reserve) as file:
        file.attrs[layout.VERSION_ATTRIBUTE] = layout.VERSION
        for name, value in attributes.items():
            file.attrs[name] = value
        yield GctxWriter(file, n_rows, n_cols)


def write_gctx(matrix: Matrix, path: Path) -> None:
    """Write a whole matrix; the same matrix gives the same bytes."""
    stored = [frame_fields(table) for table in (matrix.rows, matrix.cols)]
    said = {layout.LEVEL: matrix.level, layout.SPACE: matrix.space}
    attributes = {name: str(value) for name, value in said.items() if value} | {
        layout.PROVENANCE: provenance_text(matrix.provenance)
    }
    n_rows, n_cols = len(matrix.rows), len(matrix.cols)
    values = matrix.by_sample
    with new_gctx(path, n_rows, n_cols, attributes, sum(fields.reserve for fields in stored)) as writer:
        step = max(1, _PORTION // max(n_rows, 1))
        for start in range(0, n_cols if n_rows else 0, step):
            writer.columns(start, np.ascontiguousarray(values[start : start + step]))
        writer.annotate(*stored)


@contextmanager
def gctx_columns(
    path: str | Path, rows: StoredFields, cids: Sequence[str], provenance: Mapping[str, Any]
) -> Iterator[Callable[[int, np.ndarray], None]]:
    """Yield a function that writes columns; the file appears by rename when all are there.

    Parameters
    ----------
    rows
        Annotation of the rows, which several files may share.
    """
    cols = StoredFields(len(cids), {layout.ID: stored_texts([str(item) for item in cids])})
    attributes = {layout.PROVENANCE: provenance_text(provenance)}
    with (
        atomic_path(path) as temporary,
        new_gctx(temporary, rows.count, len(cids), attributes, rows.reserve + cols.reserve) as writer,
    ):
        writer.annotate(rows, cols)
        yield writer.columns


def provenance_text(provenance: Mapping[str, Any]) -> str:
    """Provenance as it is stored."""
    return json.dumps(provenance, sort_keys=True, ensure_ascii=False)


def frame_fields(table: pd.DataFrame) -> StoredFields:
    """Annotation of a matrix as it is stored.

    Raises
    ------
    AlignmentError
        A field has a name that GCTX cannot hold, or that another one has.
    """
    import pandas as pd

    fields = {layout.ID: stored_texts([str(item) for item in table.index])}
    for name, column in table.items():
        key = layout.stored_name(str(name))
        if key is None:
            raise AlignmentError(f"annotation field {name!r}: no name that GCTX can hold; rename it")
        if key in fields:
            raise AlignmentError(f"annotation field {name!r} stands twice; rename one")
        if pd.api.types.is_bool_dtype(column) and not column.hasnans:
            fields[key] = _stored(column.to_numpy().astype(np.int64))
        elif pd.api.types.is_numeric_dtype(column):
            whole = pd.api.types.is_integer_dtype(column) and not column.hasnans
            numbers = column.to_numpy(np.int64) if whole else column.to_numpy(np.float64, na_value=np.nan)
            fields[key] = _stored(numbers if whole else np.where(numbers == numbers, numbers, MISSING_NUMBER))
        else:
            fields[key] = stored_texts(
                [
                    MISSING_TEXT if absent else str(item).replace("\0", "")
                    for item, absent in zip(column, column.isna(), strict=True)
                ]
            )
    return StoredFields(len(table), fields)


def stored_texts(texts: Sequence[str]) -> StoredField:
    """Texts as they are stored: of variable length."""
    return _stored(_objects(texts))


def _stored(values: np.ndarray) -> StoredField:
    return StoredField(values.dtype, lambda start, stop: values[start:stop], max(1, len(values)))


def _objects(texts: Sequence[str]) -> np.ndarray:
    found = np.empty(len(texts), object)
    found[:] = list(texts)
    return found


def _write_field(group: h5py.Group, key: str, field: StoredField, count: int) -> None:
    import h5py  # who writes no GCTX, such as most queries, spares its load

    kind = h5py.string_dtype("utf-8") if field.dtype == object else field.dtype
    stored = group.create_dataset(key, shape=(count,), dtype=kind)
    for start in range(0, count, field.step):
        stop = min(start + field.step, count)
        stored[start:stop] = field.part(start, stop)
