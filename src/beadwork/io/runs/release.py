"""Files of a release: large matrices without annotation, tables beside them, checksums."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path, write_text
from beadwork.io.matrix.column_stream import open_columns
from beadwork.io.matrix.formats import read_annotation
from beadwork.io.matrix.gctx.layout import LEVEL, RELEASE
from beadwork.io.matrix.gctx.writer import new_gctx
from beadwork.model.errors import AlignmentError, FileError, name_some

PORTION = 512
"""Columns that are copied at a time."""


def join_matrices(sources: Sequence[Path], target: Path, version: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write the columns of several matrices one behind the other into one GCTX with ids only, in portions.

    Parameters
    ----------
    sources
        Matrices of the same genes, in any order of rows; the order of the first is taken.
    target
        File to write; it appears by rename.
    version
        Goes into the root attribute ``beadwork_version``.

    Returns
    -------
    rows, cols
        Annotation of the first matrix's rows, and of all columns.

    Raises
    ------
    AlignmentError
        Matrices of other genes, or a column id that stands twice.
    FileError
        A matrix cannot be read, or the disk has not enough space for the joint one.
    """
    total = genes = 0
    level = None
    for path in sources:
        found = read_annotation(path)
        level = level or found.level
        total += len(found.cols)
        genes = genes or len(found.rows)
    target.parent.mkdir(parents=True, exist_ok=True)
    # reported before hours of copying
    needed, free = 4.1 * total * genes + (8 << 20), shutil.disk_usage(target.parent).free
    if needed > free:
        raise FileError(f"{target}: needs {needed / 1e9:.3g} GB, but {free / 1e9:.3g} GB are free; free some space")
    tables: list[pd.DataFrame] = []
    reserve = 64 * (total + genes)
    attributes = {RELEASE: version, **({LEVEL: str(level)} if level else {})}
    with atomic_path(target) as temporary, new_gctx(temporary, genes, total, attributes, reserve) as writer:
        rows = pd.DataFrame()
        done = 0
        for path in sources:
            with open_columns(path) as source:
                if not tables:
                    rows = source.rows
                order = source.rows.index.get_indexer(rows.index)
                if (order < 0).any() or len(source.rows) != len(rows):
                    absent = rows.index[order < 0]
                    raise AlignmentError(
                        f"{path}: has other genes than {sources[0]} ({len(source.rows)} rows"
                        + (f"; lacks {name_some(absent)}" if len(absent) else "")
                        + "); release plates of one platform together"
                    )
                same = bool((order == np.arange(len(order))).all())
                for start in range(0, len(source.cols), PORTION):
                    values = source.read(start, min(start + PORTION, len(source.cols)))
                    writer.columns(done + start, values if same else values[:, order])
                done += len(source.cols)
                tables.append(source.cols)
        cols = pd.concat(tables) if len(tables) > 1 else tables[0]
        if not cols.index.is_unique:
            raise AlignmentError(f"column ids stand twice: {name_some(cols.index[cols.index.duplicated()].unique())}")
        writer.name(rows.index.tolist(), cols.index.tolist())
    return rows, cols


def write_checksums(folder: Path, name: str = "SHA256SUMS") -> None:
    """Write the checksums of all files of a folder, as `sha256sum -c` reads them."""
    lines = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != name and not path.name.startswith("."):
            state = hashlib.sha256()
            with open(path, "rb") as stream:
                while chunk := stream.read(1 << 20):
                    state.update(chunk)
            lines.append(f"{state.hexdigest()}  {path.name}\n")
    write_text(folder / name, "".join(lines))
