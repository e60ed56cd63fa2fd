"""Write a GCTX file some columns at a time, for results that are larger than memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from beadwork.io.files.atomic import atomic_path
from beadwork.io.matrix.gctx_layout import COL, DATA, ROW
from beadwork.io.matrix.hdf5_file import matrix_room, new_hdf5
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers, arrow_text, plain_numbers

PART = 50_000
"""Rows whose annotation is written at a time, so that memory stays small."""


@dataclass(frozen=True)
class RowField:
    """One field of the annotation of many rows as it is stored: texts as bytes of fixed width, or as objects.

    ``part(start, stop)`` gives the values of some rows.
    """

    dtype: np.dtype
    part: Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class RowFields:
    """Annotation of `count` rows: ``id``, then the fields."""

    count: int
    fields: Mapping[str, RowField]


class ColumnWriter(Protocol):
    """Writes columns from position `start` on; `values` has shape (columns, rows)."""

    def __call__(self, start: int, values: np.ndarray) -> None:
        """Write some columns."""


@contextmanager
def gctx_columns(
    path: str | Path, rows: RowFields, cids: Sequence[str], provenance: Mapping[str, Any]
) -> Iterator[ColumnWriter]:
    """Yield a function that writes columns; the file appears by rename when all are there.

    Parameters
    ----------
    rows
        Annotation of the rows (:func:`row_fields`), which several files may share.
    """
    text = h5py.string_dtype("utf-8")
    with atomic_path(path) as temporary, new_hdf5(temporary, _room(rows, cids)) as file:
        file.attrs["version"] = "GCTX1.0"
        file.attrs["beadwork_provenance"] = json.dumps(provenance, sort_keys=True, ensure_ascii=False)
        data = file.create_dataset(DATA, shape=(len(cids), rows.count), dtype=np.float32)
        group = file.create_group(ROW, track_order=True)
        for name, field in rows.fields.items():
            kind = text if field.dtype == object else field.dtype
            stored = group.create_dataset(name, shape=(rows.count,), dtype=kind)
            for start in range(0, rows.count, PART):
                stop = min(start + PART, rows.count)
                stored[start:stop] = field.part(start, stop)
        names = np.array([str(item) for item in cids], dtype=object)
        file.create_group(COL, track_order=True).create_dataset("id", data=names, dtype=text)

        def write(start: int, values: np.ndarray) -> None:
            data[start : start + len(values)] = values

        yield write


def _room(rows: RowFields, cids: Sequence[str]) -> int:
    objects = sum(field.dtype == object for field in rows.fields.values())
    fixed = sum(field.dtype.itemsize for field in rows.fields.values())
    return matrix_room(len(cids) * rows.count, len(cids) + objects * rows.count) + fixed * rows.count


def row_fields(table: SignatureTable, names: Sequence[str], rows: np.ndarray | None = None) -> RowFields:
    """Annotation of rows as it is stored; the first of `names` gives the ids, `rows` the positions to take.

    Plain ASCII texts have a fixed width, which is many times faster to write; missing texts are empty.
    """
    chosen = np.arange(len(table)) if rows is None else rows
    fields = {"id" if place == 0 else name: _row_field(table, name, chosen) for place, name in enumerate(names)}
    return RowFields(len(chosen), fields)


def _row_field(table: SignatureTable, name: str, rows: np.ndarray) -> RowField:
    import pyarrow as pa

    column = table.column(name)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        numbers = plain_numbers(column)
        return RowField(numbers.dtype, lambda start, stop: numbers[rows[start:stop]])
    if pa.types.is_dictionary(kind):
        codes, texts = table.texts(name)
        fixed = _fixed(texts)
        return RowField(fixed.dtype, lambda start, stop: fixed[codes[rows[start:stop]]])
    return _text_field(column, rows)


def _fixed(texts: Sequence[str]) -> np.ndarray:
    """Texts as an array, an empty one at its end for code -1."""
    if all(text.isascii() for text in texts):
        return np.array([*texts, ""], "S")
    found = np.empty(len(texts) + 1, object)
    found[:] = [*texts, ""]
    return found


def _text_field(column: Any, rows: np.ndarray) -> RowField:
    """Texts of an Arrow column at fixed width, without a Python object for each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.string())
    if column.null_count:
        column = pc.fill_null(column, arrow_text(""))

    def take(start: int, stop: int) -> Any:
        return column.take(arrow_numbers(rows[start:stop]))

    def objects(start: int, stop: int) -> np.ndarray:
        found = np.empty(stop - start, object)
        found[:] = take(start, stop).to_pylist()
        return found

    def fixed(start: int, stop: int) -> np.ndarray:
        part = take(start, stop)
        lengths = plain_numbers(pc.binary_length(part))
        texts = np.zeros((len(part), width), np.uint8)
        _, offsets, data = part.buffers()
        first, last = np.frombuffer(offsets, np.int32)[[part.offset, part.offset + len(part)]].tolist()
        if last > first:
            texts[np.arange(width) < lengths[:, None]] = np.frombuffer(data, np.uint8)[first:last]
        return texts.view(f"S{width}").reshape(-1)

    if not all(pc.all(pc.string_is_ascii(take(at, at + PART))).as_py() for at in range(0, len(rows), PART)):
        return RowField(np.dtype(object), objects)
    width = max(1, int(plain_numbers(pc.binary_length(column))[rows].max(initial=0)))
    return RowField(np.dtype(f"S{width}"), fixed)
