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


class ColumnWriter(Protocol):
    """Writes columns from position `start` on; `values` has shape (columns, rows)."""

    def __call__(self, start: int, values: np.ndarray) -> None:
        """Write some columns."""


@contextmanager
def gctx_columns(
    path: str | Path, rows: pd.DataFrame, cids: Sequence[str], provenance: Mapping[str, Any]
) -> Iterator[ColumnWriter]:
    """Yield a function that writes columns; the file appears by rename when all are there."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w", libver=("v108", "v108")) as file:
        file.attrs["version"] = "GCTX1.0"
        file.attrs["beadwork_provenance"] = json.dumps(provenance, sort_keys=True, ensure_ascii=False)
        data = file.create_dataset(DATA, shape=(len(cids), len(rows)), dtype=np.float32)
        _write_meta(file.create_group(ROW, track_order=True), rows)
        _write_meta(file.create_group(COL, track_order=True), pd.DataFrame(index=pd.Index(list(cids), dtype=object)))

        def write(start: int, values: np.ndarray) -> None:
            data[start : start + len(values)] = values

        yield write
