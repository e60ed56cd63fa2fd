"""Matrices in any file format we know, by the ending of the name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.io.matrix.gctx import SLASH, read_matrix, write_matrix
from beadwork.model.errors import AlignmentError, FileError
from beadwork.model.matrix import Level, Matrix, Space

ENDINGS = (".gct", ".gct.gz", ".gctx", ".gctx.gz", ".h5ad", ".parquet")
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError)


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
        return _read_h5ad(path) if ending == ".h5ad" else _read_parquet(path)
    except AlignmentError as error:
        raise FileError(f"{path}: {error}") from None
    except MemoryError:
        raise FileError(f"{path}: does not fit into memory") from None
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path}: not a readable {ending[1:]} file of a matrix ({reason})") from None


def write_any(matrix: Matrix, path: str | Path) -> None:
    """Write a matrix to GCT, GCTX, h5ad or parquet."""
    ending = _ending(Path(path))
    if ending == ".gctx.gz":
        raise FileError(f"{path}: GCTX is not written gzipped; leave .gz away")
    if ending == ".h5ad":
        _write_h5ad(matrix, path)
    elif ending == ".parquet":
        _write_parquet(matrix, path)
    else:
        write_matrix(matrix, path)


def _ending(path: Path) -> str:
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return ending
    raise FileError(f"{path}: unknown ending; one of {', '.join(ENDINGS)} is needed")


# ---- h5ad ----------------------------------------------------------------------------------------------------------


def _anndata() -> Any:
    try:
        import anndata
    except ImportError:
        raise FileError("h5ad needs the package anndata; install beadwork[h5ad]") from None
    return anndata


def _read_h5ad(path: Path) -> Matrix:
    adata = _anndata().read_h5ad(path)
    for table in (adata.obs, adata.var):
        table.columns = [str(name).replace(SLASH, "/") for name in table.columns]
    return Matrix.from_anndata(adata)


def _write_h5ad(matrix: Matrix, path: str | Path) -> None:
    _anndata()
    adata = matrix.to_anndata()
    for table in (adata.obs, adata.var):
        table.columns = [str(name).replace("/", SLASH) for name in table.columns]  # HDF5 takes "/" for a group
    with atomic_path(path) as temporary:
        adata.write_h5ad(temporary)


# ---- parquet -------------------------------------------------------------------------------------------------------


def _write_parquet(matrix: Matrix, path: str | Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rid = "rid" if "rid" not in matrix.cids else "__rid__"
    table = pa.Table.from_pandas(matrix.to_frame().rename_axis(index=rid, columns=None))
    extra = {
        "rows": _annotation_json(matrix.rows),
        "cols": _annotation_json(matrix.cols),
        "level": str(matrix.level or ""),
        "space": str(matrix.space or ""),
        "provenance": json.dumps(matrix.provenance, sort_keys=True),
    }
    metadata = {**table.schema.metadata, **{f"beadwork_{key}".encode(): text.encode() for key, text in extra.items()}}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def _read_parquet(path: Path) -> Matrix:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        frame = table.to_pandas()
    except pa.ArrowException as error:  # not all kinds are a ValueError, as ArrowInvalid is
        raise ValueError(str(error)) from None
    metadata = table.schema.metadata or {}
    if isinstance(frame.index, pd.RangeIndex) and len(frame.columns) and not _is_number(frame.iloc[:, 0]):
        frame = frame.set_index(frame.columns[0])
    textual = [str(name) for name in frame.columns if not _is_number(frame[name])]
    if textual:
        raise ValueError(f"columns {', '.join(textual[:5])} hold no numbers; rows must be genes and columns samples")
    level = metadata.get(b"beadwork_level", b"").decode() or None
    space = metadata.get(b"beadwork_space", b"").decode() or None
    return Matrix(
        frame.to_numpy(np.float32),
        _annotation(metadata.get(b"beadwork_rows"), frame.index),
        _annotation(metadata.get(b"beadwork_cols"), frame.columns),
        level=Level(level) if level else None,
        space=Space(space) if space else None,
        provenance=json.loads(metadata.get(b"beadwork_provenance", b"{}")),
    )


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype)


def _annotation_json(table: pd.DataFrame) -> str:
    """Annotation as JSON: ids, and the values of each field, null if missing."""
    fields = {}
    for name, column in table.items():
        items = column.astype(object).where(column.notna(), None)
        fields[str(name)] = [item.item() if isinstance(item, np.generic) else item for item in items]
    return json.dumps({"ids": [str(item) for item in table.index], "fields": fields}, default=str)


def _annotation(text: bytes | None, ids: pd.Index) -> pd.DataFrame:
    if text is None:
        return pd.DataFrame(index=ids.astype(str).astype(object).rename(None))
    found = json.loads(text)
    columns = {}
    for name, items in found["fields"].items():
        column = pd.Series(items, dtype=object)
        numeric = all(isinstance(item, int | float) for item in items if item is not None)
        columns[name] = (pd.to_numeric(column) if numeric else column.where(column.notna(), np.nan)).to_numpy()
    return pd.DataFrame(columns, index=pd.Index(found["ids"], dtype=object))
