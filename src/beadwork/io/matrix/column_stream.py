"""Read a matrix some columns at a time, so that a file may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from beadwork.io.matrix.formats import read_any
from beadwork.io.matrix.gctx import COL, DATA, ROW, _enum, _json, _one_line, _read_meta
from beadwork.io.matrix.hdf5_heap import find_boastful_text, find_broken_heap, values_span
from beadwork.model.errors import FileError
from beadwork.model.matrix import Level, Space


@dataclass(frozen=True, eq=False)
class ColumnStream:
    """An open matrix: its annotation, and its columns on demand.

    ``read(start, stop)`` returns float32 of shape (columns, rows), C order.
    """

    path: Path
    rows: pd.DataFrame
    cols: pd.DataFrame
    level: Level | None
    space: Space | None
    provenance: Any
    read: Callable[[int, int], np.ndarray]


@contextmanager
def open_columns(path: str | Path) -> Iterator[ColumnStream]:
    """Open a matrix; a plain GCTX is streamed, any other format is read as a whole.

    Raises
    ------
    FileError
        As :func:`beadwork.io.matrix.gctx.read_matrix`.
    """
    path = Path(path)
    if not (path.is_file() and h5py.is_hdf5(path)) or path.suffix == ".h5ad":
        matrix = read_any(path)
        turned = np.ascontiguousarray(matrix.values.T)
        yield ColumnStream(
            path, matrix.rows, matrix.cols, matrix.level, matrix.space, matrix.provenance,
            lambda start, stop: turned[start:stop],
        )  # fmt: skip
        return
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FileError(f"{path}: damaged GCTX file ({_one_line(error)}); fetch or make it anew") from None
    with file:
        if DATA not in file or f"{ROW}/id" not in file or f"{COL}/id" not in file:
            raise FileError(f"{path}: HDF5, but not GCTX: no {DATA} with {ROW}/id and {COL}/id")
        if (place := find_broken_heap(path, values_span(file[DATA]))) is not None:
            raise FileError(f"{path}: damaged GCTX file (text heap at byte {place}); fetch or make it anew")
        if (name := find_boastful_text(path, file, (ROW, COL))) is not None:
            raise FileError(f"{path}: damaged GCTX file (texts of {name} longer than it); fetch or make it anew")
        rows, cols = (_read_meta(file[group], path) for group in (ROW, COL))
        data = file[DATA]
        if data.ndim != 2 or data.shape != (len(cols), len(rows)) or data.dtype.kind not in "fiu":
            raise FileError(
                f"{path}: matrix of shape {data.shape} does not fit {len(cols)} column and {len(rows)} row ids; "
                "the file is damaged or of another layout"
            )

        def read(start: int, stop: int) -> np.ndarray:
            try:
                return np.ascontiguousarray(data[start:stop], np.float32)
            except (OSError, RuntimeError) as error:
                raise FileError(f"{path}: damaged GCTX file ({_one_line(error)}); fetch or make it anew") from None

        attributes = dict(file.attrs)
        yield ColumnStream(
            path, rows, cols, _enum(Level, attributes.get("beadwork_level")),
            _enum(Space, attributes.get("beadwork_space")), _json(attributes.get("beadwork_provenance")), read,
        )  # fmt: skip
