"""Annotation of many signatures as columns of an Arrow table: repeated texts are held once, pandas is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class SignatureTable:
    """Annotation of signatures, one row each, by column.

    A million rows of a DataFrame of texts take hundreds of megabytes and seconds; here a text column is codes into
    its distinct values.

    Parameters
    ----------
    table
        Arrow table; texts may be dictionaries.
    """

    def __init__(self, table: Any) -> None:
        self.arrow = table.combine_chunks()
        self.names: list[str] = list(self.arrow.column_names)
        self._coded: dict[str, tuple[np.ndarray, list[Any]]] = {}

    @classmethod
    def of(cls, table: SignatureTable | pd.DataFrame) -> SignatureTable:
        """Take a DataFrame (whose index does not count) as such a table; such a table stays what it is."""
        if isinstance(table, SignatureTable):
            return table
        import pyarrow as pa

        arrays = [_array(table[name]) for name in table.columns]
        return cls(pa.Table.from_arrays(arrays, names=[str(name) for name in table.columns]))

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def column(self, name: str) -> Any:
        """One column as an Arrow array."""
        column = self.arrow.column(name)
        return column.chunk(0) if column.num_chunks else _empty(column.type)

    def coded(self, name: str) -> tuple[np.ndarray, list[Any]]:
        """Code of each row (-1: missing) and the distinct values, in the order of the dictionary, else sorted."""
        if name not in self._coded:
            self._coded[name] = _code(self.column(name))
        return self._coded[name]

    def texts(self, name: str) -> tuple[np.ndarray, list[str]]:
        """:meth:`coded`, the values as text."""
        codes, values = self.coded(name)
        return codes, [str(item) for item in values]

    def numbers(self, name: str) -> np.ndarray:
        """One column as float64; NaN where it is no number."""
        import pyarrow as pa

        column = self.column(name)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
            return np.array(plain_numbers(column), np.float64)
        codes, values = self.coded(name)
        numbers = [_number(item) for item in values]
        result: np.ndarray = np.array([*numbers, np.nan])[codes]
        return result

    def take(self, rows: np.ndarray, names: Sequence[str] | None = None) -> Any:
        """Arrow table of some rows (positions) and columns."""
        import pyarrow as pa

        chosen = arrow_numbers(np.asarray(rows, np.int64))
        names = self.names if names is None else list(names)
        return pa.Table.from_arrays([self.column(name).take(chosen) for name in names], names=names)


def arrow_numbers(numbers: np.ndarray, missing: np.ndarray | None = None) -> Any:
    """Arrow array of numbers, null where `missing`; ``pyarrow.array`` would import pandas, a third of a second."""
    import pyarrow as pa

    numbers = np.ascontiguousarray(numbers)
    bits = None
    if missing is not None and missing.any():
        bits = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(numbers), [bits, pa.py_buffer(numbers)])


def arrow_texts(codes: np.ndarray, values: Sequence[str]) -> Any:
    """Arrow array of repeated texts: codes into distinct values, null for -1."""
    import pyarrow as pa

    parts = [text.encode() for text in values]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(parts))]
    distinct = pa.Array.from_buffers(pa.string(), len(parts), buffers)
    codes = np.asarray(codes, np.int32)
    return pa.DictionaryArray.from_arrays(arrow_numbers(np.maximum(codes, 0), codes < 0), distinct)


def arrow_text(text: str) -> Any:
    """Arrow scalar of a text (``pyarrow.scalar`` would import pandas)."""
    return arrow_texts(np.zeros(1), [text]).dictionary[0]


def plain_numbers(column: Any) -> np.ndarray:
    """Numbers of an Arrow array as NumPy array: null is NaN, true is 1 (Arrow's own way to do so imports pandas)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if column.null_count:
        column = pc.fill_null(column.cast(pa.float64()), arrow_numbers(np.full(1, np.nan))[0])
    return _view(column)


def as_written(value: float) -> float:
    """Give a number as its table wrote it.

    GCTX keeps 0.18 in single precision, as 0.18000000715; who asks for 0.18 means it. Of a value that single precision
    holds exactly this is the shortest number that is kept so; any other is itself.
    """
    single = np.float32(value)
    return float(str(single)) if single == value else float(value)


def _view(column: Any) -> np.ndarray:
    """Look at an Arrow array of numbers, none of them null, as a NumPy array."""
    numbers = np.frombuffer(column.buffers()[1] or b"", column.type.to_pandas_dtype())
    return numbers[column.offset : column.offset + len(column)]


def _codes_of(column: Any) -> np.ndarray:
    """Codes of an Arrow dictionary array, -1 for null."""
    import pyarrow.compute as pc

    indices = column.indices
    if indices.null_count:
        indices = pc.fill_null(indices, arrow_numbers(np.full(1, -1, indices.type.to_pandas_dtype()))[0])
    return _view(indices).astype(np.int32)


def codes_among(column: Any, names: Sequence[str]) -> np.ndarray:
    """Which rows of an Arrow dictionary array hold one of some texts."""
    listed = set(names)
    among: np.ndarray = np.array([*(text in listed for text in column.dictionary.to_pylist()), False])[
        _codes_of(column)
    ]
    return among


def _empty(kind: Any) -> Any:
    import pyarrow as pa

    return pa.nulls(0, kind)  # of dictionaries without a value too


def _array(column: pd.Series) -> Any:
    """Arrow array of a column of a DataFrame: numbers, categories, or anything else as text."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(column.dtype, pd.CategoricalDtype):
        return pa.Array.from_pandas(column)
    if pd.api.types.is_numeric_dtype(column):
        return pa.array(column.to_numpy())
    return pa.array(
        [None if item is None or item != item else str(item) for item in column.astype(object)], pa.string()
    )


def _code(column: Any) -> tuple[np.ndarray, list[Any]]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return _codes_of(column), column.dictionary.to_pylist()
    if pa.types.is_floating(column.type) or (pa.types.is_integer(column.type) and column.null_count):
        values, place = np.unique(plain_numbers(column), return_inverse=True)
        keep = ~np.isnan(values)
        codes = np.where(keep[place], place, -1).astype(np.int32)
        return codes, values[keep].tolist()
    encoded = column.dictionary_encode()
    codes = _codes_of(encoded)
    found = encoded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=found.__getitem__)
    renamed = np.empty(len(found) + 1, np.int32)
    renamed[order] = np.arange(len(found))
    renamed[-1] = -1
    return renamed[codes], [found[place] for place in order]


def _number(item: Any) -> float:
    try:
        return float(item)
    except (TypeError, ValueError):
        return float("nan")
