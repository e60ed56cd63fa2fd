"""What a build of a library would take, make and cost, without reading values."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.api.library.build import VALUE_BYTES, Tables
from beadwork.api.library.choose import Annotations, choose_signatures
from beadwork.api.library.survey import Survey, read_annotation, read_signatures, survey
from beadwork.io.connectivity.library.recognise import Item
from beadwork.io.connectivity.library.unpacked import unpacked_size
from beadwork.io.matrix.column_stream import open_columns
from beadwork.model.connectivity.query import BLOCK
from beadwork.model.matrix import SPACE_SIZES, Space
from beadwork.model.params import IndexParams

READ_BYTES, RANKED_VALUES = 150e6, 15e6
"""Bytes read and values ranked a second, on a common laptop's disk and two of its cores."""
BASE_BYTES = 500e6
"""Memory of the program itself and of annotation, for each half a million signatures."""


def plan_library(
    folder: str | Path,
    *,
    filters: Sequence[str] = (),
    tables: Tables = Tables(),  # noqa: B008 (frozen)
    params: IndexParams = IndexParams(),  # noqa: B008 (frozen)
) -> list[str]:
    """Say in lines what a build would take, how many signatures of how many genes it makes, and what that costs.

    Raises
    ------
    BeadworkError
        What lies there does not make an index.
    """
    found = survey(Path(folder), tables.compounds, tables.cells, tables.genes)
    lines = found.lines()
    n_genes = _n_genes(found, params)
    n_signatures, remarks = _count(found, filters)
    n_read = sum(_bytes(item) for item in found.matrices)
    packed = sum(unpacked_size(item.path) for item in found.matrices if item.is_packed)
    size = n_signatures * (n_genes * VALUE_BYTES + 4 * params.background + 200)
    memory = BASE_BYTES * (1 + n_signatures / 5e5) + 2 * BLOCK * n_genes * VALUE_BYTES
    seconds = n_read / READ_BYTES + packed / READ_BYTES + n_signatures * n_genes / RANKED_VALUES
    free = shutil.disk_usage(Path(folder)).free
    more = f"; {packed / 1e9:.1f} GB more while packed matrices are read" if packed else ""
    return [
        *lines, *remarks,
        f"signatures: {n_signatures:,} of {n_genes:,} genes",
        f"index: {_gb(size)} on disk{more}; {free / 1e9:.0f} GB are free beside FOLDER",
        f"memory: about {_gb(memory)}",
        f"time: about {_time(seconds)} on two cores, {_gb(n_read)} to read",
    ]  # fmt: skip


def _n_genes(found: Survey, params: IndexParams) -> int:
    if params.space != "auto":
        return SPACE_SIZES[Space(params.space)]
    shapes = [item.shape[0] for item in found.matrices if item.shape is not None]
    return shapes[0] if shapes else SPACE_SIZES[Space.AIG]


def _count(found: Survey, filters: Sequence[str]) -> tuple[int, list[str]]:
    """Signatures that pass, and what is worth a word."""
    if found.level < 5:
        wells = sum(item.shape[1] for item in found.matrices if item.shape is not None)
        return max(1, wells // 3), ["about three replicates a signature are assumed; filters are not counted"]
    compounds, cells = read_annotation(found)
    annotations = Annotations(compounds, cells, tuple(filters))
    info = read_signatures(found, filters)
    columns: dict[str, pd.DataFrame] = {}
    remarks: list[str] = []
    for item in found.matrices:
        if not item.is_packed:
            with open_columns(item.path) as stream:
                columns[str(item.path)] = stream.cols
    if info is not None and len(columns) < len(found.matrices):
        known = {str(name) for cols in columns.values() for name in cols.index}
        rest = info["sig_id"].astype(str)[~info["sig_id"].astype(str).isin(known)]
        columns["packed matrices"] = pd.DataFrame(index=pd.Index(rest.to_numpy(), dtype=object))
        remarks.append("packed matrices are taken to hold all other signatures of the tables")
    if not columns:
        return sum(item.shape[1] for item in found.matrices if item.shape is not None), remarks
    chosen, reports = choose_signatures(columns, info, annotations)
    return int(np.sum([len(item.positions) for item in chosen.values()])), [*remarks, *map(str, reports)]


def _bytes(item: Item) -> float:
    return item.shape[0] * item.shape[1] * 4 if item.shape is not None else item.size


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else f"{max(1, round(seconds / 60))} minutes"
