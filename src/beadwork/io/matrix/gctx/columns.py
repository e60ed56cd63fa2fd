"""Columns of a GCTX matrix in portions, as float32 with NaN where a value is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from beadwork.model.errors import FileError
from beadwork.model.levels.sample_major import SampleMajor
from beadwork.model.missing import MISSING_NUMBER, missing_numbers

_PORTION = 1 << 19
"""Values that are turned at a time: what fits into the cache of a processor."""
_FEWEST = 512
"""But no fewer columns than these, so that rows are written in long pieces."""
_MOST = 1 << 25
"""Values that are unpacked at a time, at most, where chunks are large."""
_GAP = 16
"""Columns that are read though they are not wanted, rather than reading twice."""


class StoredColumns:
    """The matrix of an open file; one sample after the other on disk.

    Parameters
    ----------
    data
        The dataset, of shape (columns, rows); vectors, as R makes of one column, are taken for what they are.
    source
        Path of the file, or its content.
    """

    def __init__(self, data: h5py.Dataset, source: Any, path: object, n_cols: int, n_rows: int) -> None:
        self._path, self._n_cols, self._n_rows = path, n_cols, n_rows
        self._data: Any = data if data.ndim == 2 else data[()].reshape(n_cols, n_rows)
        self._chunk = data.chunks[0] if data.ndim == 2 and data.chunks else 1
        self._start = data.id.get_offset()
        self._open = ExitStack()
        self._stream = None
        # reading the file itself spares the library's work for each column
        plain = data.chunks is None and data.dtype == np.dtype("<f4") == np.dtype("=f4") and self._start is not None
        if plain and isinstance(source, str | Path):
            self._stream = self._open.enter_context(open(source, "rb", buffering=0))

    def __enter__(self) -> StoredColumns:
        """Keep the file open."""
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close it."""
        self._open.close()

    def read(self, start: int, stop: int) -> np.ndarray:
        """Columns `start` to `stop`, as (columns, rows)."""
        stop = min(stop, self._n_cols)
        block = np.empty((max(0, stop - start), self._n_rows), np.float32)
        self._fill(start, block)
        return block

    def samples(self, cols: np.ndarray | None) -> SampleMajor:
        """Values as they lie on disk; positions of the columns to take, None for all."""
        found = SampleMajor(self._n_cols if cols is None else len(cols), self._n_rows)
        assert found.values is not None
        step = max(1, _PORTION // max(self._n_rows, 1))
        if cols is None:
            step = self._whole_chunks(step)
            for start in range(0, self._n_cols, step):
                self._fill(start, found.values[start : start + step])
        elif self._stream is not None and (np.diff(cols) > 0).all():
            for first, last in _runs(cols, 1, step):
                self._fill(int(cols[first]), found.values[first:last])
        else:
            for block, places in self._chosen(cols, step):
                found.values[_span(places)] = block
        return found

    def _whole_chunks(self, step: int) -> int:
        """Columns that are read at a time where they are packed: whole chunks."""
        most = max(step, _MOST // max(self._n_rows, 1))
        return min(math.ceil(step / self._chunk) * self._chunk, most)

    def matrix(self, rows: np.ndarray, cols: np.ndarray | None) -> np.ndarray:
        """Values as (rows, columns); positions of the rows to take, and of the columns, None for all."""
        n_cols = self._n_cols if cols is None else len(cols)
        values = np.empty((len(rows), n_cols), np.float32)
        step = max(_FEWEST, _PORTION // max(self._n_rows, 1))
        for block, places in self._blocks(step) if cols is None else self._chosen(cols, step):
            for at in range(0, len(block), step):
                values[:, _span(places[at : at + step])] = block[at : at + step].take(rows, axis=1).T
        return values

    def _blocks(self, step: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All columns with their places, whole chunks at a time."""
        step = self._whole_chunks(step)
        buffer = np.empty((min(step, self._n_cols), self._n_rows), np.float32)
        for start in range(0, self._n_cols, step):
            block = buffer[: min(step, self._n_cols - start)]
            self._fill(start, block)
            yield block, np.arange(start, start + len(block))

    def _chosen(self, cols: np.ndarray, step: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Chosen columns with their places in the result, in the order of the disk."""
        order = np.argsort(cols, kind="stable")
        wanted = cols[order]
        most = max(step, min(self._chunk, _MOST // max(self._n_rows, 1)))
        gap = 1 if self._stream is not None else max(_GAP, self._chunk)
        if self._stream is not None:
            buffer = np.empty((min(step, max(1, len(wanted))), self._n_rows), np.float32)
            for start in range(0, len(wanted), step):
                part = wanted[start : start + step]
                for first, last in _runs(part, gap, step):
                    self._fill(int(part[first]), buffer[first:last])
                yield buffer[: len(part)], order[start : start + step]
            return
        for first, last in _runs(wanted, gap, most):
            start = int(wanted[first])
            block = self.read(start, int(wanted[last - 1]) + 1)
            yield block[wanted[first:last] - start], order[first:last]

    def _fill(self, start: int, block: np.ndarray) -> None:
        """Read as many columns as `block` has, from `start` on."""
        if not block.size:
            return
        if self._stream is None:
            block[...] = self._as_floats(self._data[start : start + len(block)])
            return
        self._stream.seek(self._start + start * block.shape[1] * 4)
        raw = memoryview(block.data).cast("B")
        while len(raw):
            read = self._stream.readinto(raw)
            if not read:
                raise FileError(f"{self._path}: damaged GCTX file (its values end early); fetch or make it anew")
            raw = raw[read:]
        missing = block == np.float32(MISSING_NUMBER)
        if missing.any():
            block[missing] = np.nan

    def _as_floats(self, stored: np.ndarray) -> np.ndarray:
        missing = missing_numbers(stored)
        try:
            with np.errstate(over="raise"):
                floats = stored.astype(np.float32)
        except FloatingPointError:
            raise FileError(
                f"{self._path}: the matrix holds values beyond {np.finfo(np.float32).max:.2g}, too large for float32"
            ) from None
        floats[missing] = np.nan
        return floats


def _span(places: np.ndarray) -> slice | np.ndarray:
    """Places as a slice where they follow one another: many times faster than an index."""
    if len(places) and places[-1] - places[0] == len(places) - 1 and (len(places) < 3 or (np.diff(places) == 1).all()):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _runs(wanted: np.ndarray, gap: int, most: int) -> Iterator[tuple[int, int]]:
    """Parts of ascending positions that are read at once: no gap is larger, none longer than `most`."""
    if not len(wanted):
        return
    starts = [0, *(np.flatnonzero(np.diff(wanted) > gap) + 1).tolist(), len(wanted)]
    for start, stop in pairwise(starts):
        first = start
        for place in range(start + 1, stop):
            if wanted[place] - wanted[first] >= most:
                yield first, place
                first = place
        yield first, stop
