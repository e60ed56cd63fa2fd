"""Write a GCTX file some columns at a time, for results that are larger than memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from beadwork.io.atomic import atomic_path
from beadwork.io.gctx_layout import COL, DATA, ROW
from beadwork.io.hdf5_file import matrix_room, new_hdf5
from beadwork.model.annotation import SignatureTable, arrow_numbers, arrow_text, plain_numbers

RowFields = Mapping[str, np.ndarray]
"""Annotation of rows as it is stored: ``id``, then the fields; texts as bytes of fixed width or as objects."""


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
    n_rows = len(rows["id"])
    with atomic_path(path) as temporary, new_hdf5(temporary, _room(rows, cids)) as file:
        file.attrs["version"] = "GCTX1.0"
        file.attrs["beadwork_provenance"] = json.dumps(provenance, sort_keys=True, ensure_ascii=False)
        data = file.create_dataset(DATA, shape=(len(cids), n_rows), dtype=np.float32)
        group = file.create_group(ROW, track_order=True)
        for name, values in rows.items():
            group.create_dataset(name, data=values, dtype=text if values.dtype == object else values.dtype)
        names = np.array([str(item) for item in cids], dtype=object)
        file.create_group(COL, track_order=True).create_dataset("id", data=names, dtype=text)

        def write(start: int, values: np.ndarray) -> None:
            data[start : start + len(values)] = values

        yield write


def _room(rows: RowFields, cids: Sequence[str]) -> int:
    cells = sum(len(values) for values in rows.values() if values.dtype == object)
    return matrix_room(len(cids) * len(rows["id"]), len(cids) + cells) + sum(item.nbytes for item in rows.values())


def row_fields(table: SignatureTable, names: Sequence[str], rows: np.ndarray | None = None) -> RowFields:
    """Annotation of rows as it is stored; the first of `names` gives the ids, `rows` the positions to take.

    Plain ASCII texts have a fixed width, which is many times faster to write; missing texts are empty.
    """
    import pyarrow as pa

    fields: dict[str, np.ndarray] = {}
    for place, name in enumerate(names):
        column = table.column(name)
        kind = column.type
        key = "id" if place == 0 else name
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            numbers = plain_numbers(column)
            fields[key] = numbers if rows is None else numbers[rows]
        elif pa.types.is_dictionary(kind):
            codes, texts = table.texts(name)
            fields[key] = _fixed(texts)[codes if rows is None else codes[rows]]
        else:
            fields[key] = _fixed_column(column if rows is None else column.take(arrow_numbers(rows)))
    return fields


def _fixed(texts: Sequence[str]) -> np.ndarray:
    """Texts as an array, an empty one at its end for code -1."""
    if all(text.isascii() for text in texts):
        return np.array([*texts, ""], "S")
    found = np.empty(len(texts) + 1, object)
    found[:] = [*texts, ""]
    return found


def _fixed_column(column: Any) -> np.ndarray:
    """Texts of an Arrow column at fixed width, without a Python object for each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.string())
    if column.null_count:
        column = pc.fill_null(column, arrow_text(""))
    if not pc.all(pc.string_is_ascii(column)).as_py():
        found = np.empty(len(column), object)
        found[:] = column.to_pylist()
        return found
    lengths = plain_numbers(pc.binary_length(column))
    width = max(1, int(lengths.max(initial=0)))
    fixed = np.zeros((len(column), width), np.uint8)
    _, offsets, data = column.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[column.offset, column.offset + len(column)]].tolist()
    if last > first:
        fixed[np.arange(width) < lengths[:, None]] = np.frombuffer(data, np.uint8)[first:last]
    return fixed.view(f"S{width}").reshape(-1)
