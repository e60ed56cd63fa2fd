"""Annotation of signatures as GCTX stores it, for answers of many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from beadwork.io.matrix.gctx.layout import ID
from beadwork.io.matrix.gctx.writer import PART, StoredField, StoredFields
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers, arrow_text, plain_numbers


def row_fields(table: SignatureTable, names: Sequence[str], rows: np.ndarray | None = None) -> StoredFields:
    """Annotation of rows as it is stored; the first of `names` gives the ids, `rows` the positions to take.

    Plain ASCII texts have a fixed width, which is many times faster to write; missing texts are empty.
    """
    fields = {ID if place == 0 else name: _row_field(table, name, rows) for place, name in enumerate(names)}
    return StoredFields(len(table) if rows is None else len(rows), fields)


def _row_field(table: SignatureTable, name: str, rows: np.ndarray | None) -> StoredField:
    import pyarrow as pa

    def places(start: int, stop: int) -> Any:
        return slice(start, stop) if rows is None else rows[start:stop]

    column = table.column(name)
    if table.is_number(name):
        numbers = plain_numbers(column)
        return StoredField(numbers.dtype, lambda start, stop: numbers[places(start, stop)])
    if pa.types.is_dictionary(column.type):
        codes, texts = table.texts(name)
        fixed = _fixed(texts)
        return StoredField(fixed.dtype, lambda start, stop: fixed[codes[places(start, stop)]])
    return _text_field(column, rows)


def _fixed(texts: Sequence[str]) -> np.ndarray:
    """Texts as an array, an empty one at its end for code -1."""
    if all(text.isascii() for text in texts):
        return np.array([*texts, ""], "S")
    found = np.empty(len(texts) + 1, object)
    found[:] = [*texts, ""]
    return found


def _text_field(column: Any, rows: np.ndarray | None) -> StoredField:
    """Texts of an Arrow column at fixed width, without a Python object for each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.string())
    if column.null_count:
        column = pc.fill_null(column, arrow_text(""))

    def take(start: int, stop: int) -> Any:
        return column[start:stop] if rows is None else column.take(arrow_numbers(rows[start:stop]))

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

    count = len(column) if rows is None else len(rows)
    if not all(pc.all(pc.string_is_ascii(take(at, at + PART))).as_py() for at in range(0, count, PART)):
        return StoredField(np.dtype(object), objects)
    lengths = plain_numbers(pc.binary_length(column))
    width = max(1, int((lengths if rows is None else lengths[rows]).max(initial=0)))
    return StoredField(np.dtype(f"S{width}"), fixed)
