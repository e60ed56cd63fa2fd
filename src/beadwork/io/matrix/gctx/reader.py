"""Read GCTX: annotation, and values whole, in part or in portions; the one reader under everything."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from beadwork.io.matrix.gctx import layout
from beadwork.io.matrix.gctx.columns import StoredColumns
from beadwork.io.matrix.gctx.text import read_field, read_ids, text_of
from beadwork.io.matrix.hdf5_content import check_content, find_member
from beadwork.io.matrix.hdf5_heap import find_boastful_text, find_broken_heap, values_span
from beadwork.model.errors import FileError, name_some
from beadwork.model.levels.sample_major import SampleMajor
from beadwork.model.matrix import Level, Space

log = logging.getLogger("beadwork")

_MAX_DEFLATE = 1100
"""No deflated dataset holds more than about this many times the bytes it takes in the file."""
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, IndexError)
"""What h5py raises on files that are not what they seem."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """All of a matrix but its values."""

    rows: pd.DataFrame
    cols: pd.DataFrame
    level: Level | None
    space: Space | None
    provenance: Mapping[str, Any]


def is_gctx(file: h5py.File) -> bool:
    """Whether an HDF5 file has the tree of a GCTX."""
    return bool(file.id.links.exists(layout.TREE.strip("/").encode()))


@contextmanager
def clear_errors(path: object) -> Iterator[None]:
    """Whatever h5py finds wrong with a file becomes one clear line."""
    try:
        yield
    except MemoryError:
        raise FileError(f"{path}: does not fit into memory; read a part of it, or use a larger machine") from None
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path}: damaged GCTX file ({reason}); fetch or make it anew") from None


@contextmanager
def open_gctx(source: Any, path: str | Path) -> Iterator[GctxFile]:
    """Open a GCTX file.

    Parameters
    ----------
    source
        Path, or content as a stream of bytes.
    path
        Its name in messages.

    Raises
    ------
    FileError
        Damaged, HDF5 of another kind, or values that the file does not hold itself.
    """
    with clear_errors(path):
        file = h5py.File(source, "r")
    with file:
        with clear_errors(path):
            opened = GctxFile(file, source, path)
        yield opened


class GctxFile:
    """An open GCTX file.

    Nothing is read before it is asked for; what is read was looked at before: links, storage, sizes and texts.
    """

    def __init__(self, file: h5py.File, source: Any, path: str | Path) -> None:
        self.path, self._file, self._source = path, file, source
        members = [find_member(file, name, path, layout.TREE) for name in _REQUIRED]
        datasets = [member for member in members if isinstance(member, h5py.Dataset)]
        if len(datasets) < len(members):
            raise FileError(f"{path}: HDF5, but not GCTX: no {' with '.join(_REQUIRED[:2])} and {_REQUIRED[2]}")
        self._data, self._rids, self._cids = datasets
        for member in datasets:
            check_content(member, path)
            check_size(member, path)
        if (place := find_broken_heap(source, values_span(self._data))) is not None:
            raise FileError(f"{path}: damaged GCTX file (text heap at byte {place}); fetch or make it anew")
        self._fields = {side: self._find_fields(group) for side, group in _SIDES.items()}
        texts = [self._rids, self._cids, *(data for fields in self._fields.values() for data in fields.values())]
        if (name := find_boastful_text(source, texts)) is not None:
            raise FileError(f"{path}: damaged GCTX file (texts of {name} longer than it); fetch or make it anew")
        self.own = layout.PROVENANCE in file.attrs or layout.RELEASE in file.attrs
        self.level: Level | None = _member_of(Level, file.attrs.get(layout.LEVEL))
        self.space: Space | None = _member_of(Space, file.attrs.get(layout.SPACE))

    @property
    def provenance(self) -> dict[str, Any]:
        """How the matrix came to be; empty for files of others."""
        value = self._file.attrs.get(layout.PROVENANCE)
        try:
            found = json.loads(text_of(value)) if value is not None else {}
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of columns; neither ids nor values are read."""
        with clear_errors(self.path):
            n_rows, n_cols = int(self._rids.size), int(self._cids.size)
            stored = self._data.shape
            vector = len(stored) < 2 and 1 in (n_rows, n_cols) and self._data.size == n_rows * n_cols
            if stored != (n_cols, n_rows) and not vector:
                raise FileError(
                    f"{self.path}: matrix of shape {stored} does not fit {n_cols} column and {n_rows} row ids; "
                    "the file is damaged or of another layout"
                )
            if self._data.dtype.kind not in "fiu" or h5py.check_enum_dtype(self._data.dtype):
                raise FileError(f"{self.path}: the matrix holds {self._data.dtype}, not numbers")
        return n_rows, n_cols

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Annotation of the rows."""
        return self._table("row", self._rids)

    @cached_property
    def cols(self) -> pd.DataFrame:
        """Annotation of the columns."""
        return self._table("column", self._cids)

    def annotation(self) -> Annotation:
        """All but the values."""
        assert self.shape
        return Annotation(self.rows, self.cols, self.level, self.space, self.provenance)

    def values(self, rows: np.ndarray, cols: np.ndarray | None = None) -> np.ndarray:
        """Values as (rows, columns), float32; positions of the rows to take, and of the columns, None for all."""
        with clear_errors(self.path), self._columns() as columns:
            return columns.matrix(rows, cols)

    def samples(self, cols: np.ndarray | None = None) -> SampleMajor:
        """Values as they lie on disk, sample after sample, float32; positions of the columns to take, None for all."""
        with clear_errors(self.path), self._columns() as columns:
            return columns.samples(cols)

    @contextmanager
    def portions(self) -> Iterator[Callable[[int, int], np.ndarray]]:
        """Yield a function that reads columns `start` to `stop` as (columns, rows)."""
        with clear_errors(self.path):
            opened = self._columns()
        with opened as columns:

            def read(start: int, stop: int) -> np.ndarray:
                with clear_errors(self.path):
                    return columns.read(start, stop)

            yield read

    def _columns(self) -> StoredColumns:
        n_rows, n_cols = self.shape
        return StoredColumns(self._data, self._source, self.path, n_cols, n_rows)

    def _find_fields(self, group: str) -> dict[str, h5py.Dataset]:
        """Datasets of the fields below a group, by name; a name with "/" may have made groups within it."""
        found: dict[str, h5py.Dataset] = {}
        waiting = [""]
        while waiting:
            inner = waiting.pop(0)
            holder = find_member(self._file, f"{group}/{inner}", self.path, layout.TREE)
            for key in holder or ():
                name = f"{inner}{key}"
                if name == layout.ID:
                    continue
                member = find_member(self._file, f"{group}/{name}", self.path, layout.TREE, holder=holder)
                if member is None:
                    log.warning("%s: field %s is a link that leads nowhere; it is left out", self.path, name)
                elif isinstance(member, h5py.Group) and name.count("/") < 8:
                    waiting.append(f"{name}/")
                elif isinstance(member, h5py.Dataset):
                    check_content(member, self.path)
                    check_size(member, self.path)
                    found[layout.field_name(text_of(name))] = member
        return found

    def _table(self, side: str, ids: h5py.Dataset) -> pd.DataFrame:
        with clear_errors(self.path):
            names = read_ids(ids, self.path, side, own=self.own)
            index = pd.Index(names, dtype=object)
            if not index.is_unique:
                twice = index[index.duplicated()].unique()
                raise FileError(f"{self.path}: {side} ids must be unique; repeated: {name_some(twice)}")
            fields = {
                name: read_field(name, data, len(names), self.path, own=self.own)
                for name, data in self._fields[side].items()
            }
            return pd.DataFrame(fields, index=index)


_SIDES = {"row": layout.ROW, "column": layout.COL}
_REQUIRED = (layout.DATA, f"{layout.ROW}/{layout.ID}", f"{layout.COL}/{layout.ID}")


def check_size(data: h5py.Dataset, path: object) -> None:
    """Refuse a dataset whose shape promises more than the bytes it takes in the file can hold."""
    stored = data.id.get_storage_size()
    if data.size and data.nbytes > _MAX_DEFLATE * stored + (1 << 20):
        raise FileError(
            f"{path}: {data.name} promises {data.size:,} values, but only {stored:,} bytes are there; "
            "the file is damaged"
        )


def _member_of(kind: Any, value: Any) -> Any:
    try:
        return kind(text_of(value)) if value is not None else None
    except ValueError:
        return None
