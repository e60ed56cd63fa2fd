"""Matrices in any file format we know: GCT and GCTX by their first bytes, h5ad and parquet by the ending of the name.

Why not cmapPy for GCT and GCTX: its writer loses integer ids, breaks on non-ASCII text and on "/" in a field's name,
and on NumPy 2 (docs/decisions/0002-own-gctx.md).  Tests hold both together: its files load here and ours load there.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.io.files.unpack import GZIP_MAGIC, read_bytes
from beadwork.io.matrix.gct import is_gct, parse_gct, text_stream, write_gct
from beadwork.io.matrix.gctx.reader import DAMAGE, Annotation, open_gctx
from beadwork.io.matrix.gctx.writer import write_gctx
from beadwork.io.matrix.h5ad import read_h5ad, write_h5ad
from beadwork.io.matrix.parquet import read_parquet, write_parquet
from beadwork.model.errors import AlignmentError, FileError, name_some
from beadwork.model.levels.sample_major import SampleMajor
from beadwork.model.matrix import Level, Matrix, Space

ENDINGS = (".gct", ".gct.gz", ".gctx", ".gctx.gz", ".h5ad", ".parquet")
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def read_any(path: str | Path) -> Matrix:
    """Read a matrix from GCT, GCTX, h5ad or parquet.

    Raises
    ------
    FileError
        The ending is unknown, or the file is absent, damaged or of another kind.
    """
    path = Path(path)
    ending = _ending(path)
    if not path.is_file():
        raise FileError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}; check the name")
    if ending not in (".h5ad", ".parquet"):
        return read_matrix(path)
    try:
        return read_h5ad(path) if ending == ".h5ad" else read_parquet(path)
    except AlignmentError as error:
        raise FileError(f"{path}: {error}") from None
    except MemoryError:
        raise FileError(f"{path}: does not fit into memory") from None
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path}: not a readable {ending[1:]} file of a matrix ({reason})") from None


def write_any(matrix: Matrix, path: str | Path) -> None:
    """Write a matrix to GCT, GCTX, h5ad or parquet."""
    ending = _ending(Path(path))
    if ending == ".gctx.gz":
        raise FileError(f"{path}: GCTX is not written gzipped; leave .gz away")
    if ending == ".h5ad":
        write_h5ad(matrix, path)
    elif ending == ".parquet":
        write_parquet(matrix, path)
    else:
        write_matrix(matrix, path)


def _ending(path: Path) -> str:
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return ending
    raise FileError(f"{path}: unknown ending; one of {', '.join(ENDINGS)} is needed")


# ---- GCT and GCTX --------------------------------------------------------------------------------------------------


def read_matrix(
    path: str | Path,
    *,
    level: Level | None = None,
    space: Space | None = None,
    rids: Sequence[str] | pd.Index | None = None,
    cids: Sequence[str] | pd.Index | None = None,
) -> Matrix:
    """Read a GCT or GCTX file (also .gz), or a part of it.

    Parameters
    ----------
    path
        File; what it is follows from its first bytes, not from its name.
    level, space
        Level and space if the file does not say them itself.
    rids, cids
        Ids of the rows and columns to read, in the order wanted; None for all.  Of a GCTX file only these columns are
        read from disk.  A choice of rows is in no named space.

    Raises
    ------
    FileError
        The file is absent, empty, damaged or of another kind.
    AlignmentError
        An id that was asked for is not there.
    """
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        matrix = parse_gct(source, path, level, space)
        try:
            matrix = matrix if rids is None else matrix.take_rows(pd.Index(rids))
            return matrix if cids is None else matrix.take_cols(pd.Index(cids))
        except AlignmentError as error:
            raise AlignmentError(f"{path}: {error}") from None
    with open_gctx(source, path) as file:
        found = file.annotation()
        take_rows, rows = _choose(found.rows, rids, f"{path}: row")
        take_cols, cols = _choose(found.cols, cids, f"{path}: column")
        values = file.samples(take_cols) if take_rows is None else file.values(take_rows, take_cols)
    chosen_space = (found.space or space) if rids is None else None
    try:
        if isinstance(values, SampleMajor):
            return Matrix.of_samples(values, rows, cols, found.level or level, chosen_space, found.provenance)
        return Matrix(values, rows, cols, found.level or level, chosen_space, found.provenance)
    except AlignmentError as error:
        raise FileError(f"{path}: {error}") from None


def read_annotation(path: str | Path) -> Annotation:
    """Read ids, annotation, level, space and provenance of a matrix file; of a GCTX file no value is read."""
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        matrix = parse_gct(source, path)
        return Annotation(matrix.rows, matrix.cols, None, None, {})
    with open_gctx(source, path) as file:
        return file.annotation()


def read_provenance(path: str | Path) -> Mapping[str, Any]:
    """Read only the provenance of a GCTX file; empty for files of others."""
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        return {}
    with open_gctx(source, path) as file:
        return file.provenance


def read_summary(path: str | Path) -> tuple[int, Mapping[str, Any]]:
    """Count the columns of a matrix file and read its provenance; of a GCTX file neither ids nor values are read."""
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        return len(parse_gct(source, path).cids), {}
    with open_gctx(source, path) as file:
        return file.shape[1], file.provenance


def write_matrix(matrix: Matrix, path: str | Path, *, decimals: int = 4) -> None:
    """Write GCT 1.3 if the name ends in ``.gct`` (or ``.gct.gz``), else GCTX; the file appears by rename.

    GCT is text with `decimals` digits after the point and carries neither level, space nor provenance.
    """
    name = str(path).lower()
    with atomic_path(path) as temporary:
        if name.endswith((".gct", ".gct.gz")):
            with text_stream(temporary, packed=name.endswith(".gz")) as stream:
                write_gct(matrix, stream, decimals)
        else:
            write_gctx(matrix, temporary)


def _open(path: str | Path) -> tuple[Any, bool]:
    """Return what to read from, and whether it is HDF5: the path itself if so, else the content."""
    try:
        with open(path, "rb") as stream:
            magic = stream.read(len(HDF5_MAGIC))
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a folder; a GCT or GCTX file is needed") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from None
    if magic == HDF5_MAGIC:
        return path, True
    if not magic:
        raise FileError(f"{path}: is empty; a GCT or GCTX file is needed")
    if not (magic.startswith(GZIP_MAGIC) or is_gct(magic)):
        raise FileError(f"{path}: neither GCT (first line #1.2 or #1.3) nor GCTX (HDF5)")
    content = read_bytes(path)
    if content.startswith(HDF5_MAGIC):
        return io.BytesIO(content), True
    if not content:
        raise FileError(f"{path}: is empty; a GCT or GCTX file is needed")
    if not is_gct(content):
        raise FileError(f"{path}: neither GCT (first line #1.2 or #1.3) nor GCTX (HDF5)")
    return content, False


def _choose(table: pd.DataFrame, ids: Any, what: str) -> tuple[np.ndarray | None, pd.DataFrame]:
    """Positions of `ids` in a table and the table of them; None and the whole table if all are wanted."""
    if ids is None:
        return None, table
    wanted = pd.Index(ids)
    position = table.index.get_indexer(wanted)
    if (position < 0).any():
        raise AlignmentError(f"{what} ids are not in the matrix: {name_some(wanted[position < 0])}")
    return position, table.iloc[position]
