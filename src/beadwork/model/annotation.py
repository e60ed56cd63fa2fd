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
            return np.array(column.to_numpy(zero_copy_only=False), np.float64)
        codes, values = self.coded(name)
        numbers = [_number(item) for item in values]
        result: np.ndarray = np.array([*numbers, np.nan])[codes]
        return result

    def take(self, rows: np.ndarray, names: Sequence[str] | None = None) -> Any:
        """Arrow table of some rows (positions) and columns."""
        import pyarrow as pa

        chosen = pa.array(np.asarray(rows, np.int64))
        names = self.names if names is None else list(names)
        return pa.Table.from_arrays([self.column(name).take(chosen) for name in names], names=names)


def _empty(kind: Any) -> Any:
    import pyarrow as pa

    return pa.array([], kind)


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
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, column.dictionary.to_pylist()
    if pa.types.is_floating(column.type) or (pa.types.is_integer(column.type) and column.null_count):
        numbers = column.to_numpy(zero_copy_only=False)
        values, place = np.unique(numbers, return_inverse=True)
        keep = ~np.isnan(values)
        codes = np.where(keep[place], place, -1).astype(np.int64)
        return codes, values[keep].tolist()
    encoded = column.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    found = encoded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=found.__getitem__)
    renamed = np.empty(len(found) + 1, np.int64)
    renamed[order] = np.arange(len(found))
    renamed[-1] = -1
    return renamed[codes], [found[place] for place in order]


def _number(item: Any) -> float:
    try:
        return float(item)
    except (TypeError, ValueError):
        return float("nan")
