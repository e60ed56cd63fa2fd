"""Write a GCTX file some columns at a time, for results that are larger than memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import pandas as pd

from beadwork.io.atomic import atomic_path
from beadwork.io.gctx import COL, DATA, ROW, _write_meta
from beadwork.io.hdf5_file import matrix_room, new_hdf5


class ColumnWriter(Protocol):
    """Writes columns from position `start` on; `values` has shape (columns, rows)."""

    def __call__(self, start: int, values: np.ndarray) -> None:
        """Write some columns."""


@contextmanager
def gctx_columns(
    path: str | Path, rows: pd.DataFrame, cids: Sequence[str], provenance: Mapping[str, Any]
) -> Iterator[ColumnWriter]:
    """Yield a function that writes columns; the file appears by rename when all are there."""
    room = matrix_room(len(cids) * len(rows), len(cids) + len(rows) * (rows.shape[1] + 1))
    with atomic_path(path) as temporary, new_hdf5(temporary, room) as file:
        file.attrs["version"] = "GCTX1.0"
        file.attrs["beadwork_provenance"] = json.dumps(provenance, sort_keys=True, ensure_ascii=False)
        data = file.create_dataset(DATA, shape=(len(cids), len(rows)), dtype=np.float32)
        _write_rows(file.create_group(ROW, track_order=True), rows)
        _write_meta(file.create_group(COL, track_order=True), pd.DataFrame(index=pd.Index(list(cids), dtype=object)))

        def write(start: int, values: np.ndarray) -> None:
            data[start : start + len(values)] = values

        yield write


def _write_rows(group: h5py.Group, rows: pd.DataFrame) -> None:
    """Write the annotation of many rows; plain ASCII texts at fixed width, which is many times faster to write."""
    ids = np.asarray(rows.index.to_numpy(object), dtype=str)
    if not all(name.isascii() for name in rows.index):
        _write_meta(group, rows.astype({name: object for name in rows.columns if rows[name].dtype == "category"}))
        return
    group.create_dataset("id", data=ids.astype("S"))
    for name, column in rows.items():
        if pd.api.types.is_numeric_dtype(column):
            group.create_dataset(str(name), data=column.to_numpy())
            continue
        texts = column.astype("category")
        categories = [str(item) for item in texts.cat.categories]
        if all(text.isascii() for text in categories):
            group.create_dataset(str(name), data=np.array([*categories, ""], "S")[texts.cat.codes.to_numpy()])
        else:
            values = np.array([*categories, ""], object)[texts.cat.codes.to_numpy()]
            group.create_dataset(str(name), data=values, dtype=h5py.string_dtype("utf-8"))
