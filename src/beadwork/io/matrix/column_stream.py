"""Read a matrix some columns at a time, so that a file may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from beadwork.io.matrix.formats import read_any
from beadwork.io.matrix.gctx.reader import open_gctx
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
        As :func:`beadwork.io.matrix.formats.read_any`.
    """
    path = Path(path)
    if not (path.is_file() and h5py.is_hdf5(path)) or path.suffix == ".h5ad":
        matrix = read_any(path)
        turned = np.ascontiguousarray(matrix.by_sample)
        yield ColumnStream(
            path, matrix.rows, matrix.cols, matrix.level, matrix.space, matrix.provenance,
            lambda start, stop: turned[start:stop],
        )  # fmt: skip
        return
    with open_gctx(path, path) as file, file.portions() as read:
        found = file.annotation()
        yield ColumnStream(path, found.rows, found.cols, found.level, found.space, found.provenance, read)


_GAP, _RUN = 32, 1024
"""Columns that are read though nobody asked for them, rather than reading twice; and most columns read at once."""


def select_columns(stream: ColumnStream, positions: np.ndarray) -> ColumnStream:
    """Choose columns of an open matrix, by ascending positions; neighbours are read together."""
    positions = np.asarray(positions, np.int64)

    def read(start: int, stop: int) -> np.ndarray:
        wanted = positions[start:stop]
        result = np.empty((len(wanted), len(stream.rows)), np.float32)
        first = 0
        while first < len(wanted):
            last = first + 1
            while (
                last < len(wanted)
                and wanted[last] - wanted[last - 1] <= _GAP
                and wanted[last] - wanted[first] < _RUN
            ):  # fmt: skip
                last += 1
            begin = int(wanted[first])
            values = stream.read(begin, int(wanted[last - 1]) + 1)
            result[first:last] = values[wanted[first:last] - begin]
            first = last
        return result

    return replace(stream, cols=stream.cols.iloc[positions], read=read)
