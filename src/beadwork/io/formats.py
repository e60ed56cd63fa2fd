"""Matrices in any file format we know, by the ending of the name."""

import json
from pathlib import Path

import pandas as pd

from beadwork.io.atomic import atomic_path
from beadwork.io.gctx import read_matrix, write_matrix
from beadwork.model.errors import FileError
from beadwork.model.matrix import Level, Matrix, Space

ENDINGS = (".gct", ".gct.gz", ".gctx", ".gctx.gz", ".h5ad", ".parquet")


def read_any(path: str | Path) -> Matrix:
    """Read a matrix from GCT, GCTX, h5ad or parquet."""
    path = Path(path)
    ending = _ending(path)
    if not path.is_file():
        raise FileError(f"{path}: no such file; check the name")
    if ending == ".h5ad":
        try:
            return Matrix.from_anndata(_anndata().read_h5ad(path))
        except (OSError, KeyError, ValueError) as error:
            raise FileError(f"{path}: not a readable h5ad file ({' '.join(str(error).split())[:200]})") from None
    return _read_parquet(path) if ending == ".parquet" else read_matrix(path)


def write_any(matrix: Matrix, path: str | Path) -> None:
    """Write a matrix to GCT, GCTX, h5ad or parquet."""
    ending = _ending(Path(path))
    if ending == ".gctx.gz":
        raise FileError(f"{path}: GCTX is not written gzipped; leave .gz away")
    if ending == ".h5ad":
        _anndata()
        with atomic_path(path) as temporary:
            matrix.to_anndata().write_h5ad(temporary)
    elif ending == ".parquet":
        _write_parquet(matrix, path)
    else:
        write_matrix(matrix, path)


def _ending(path: Path) -> str:
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return ending
    raise FileError(f"{path}: unknown ending; one of {', '.join(ENDINGS)} is needed")


def _anndata():
    try:
        import anndata
    except ImportError:
        raise FileError("h5ad needs the package anndata; install beadwork[h5ad]") from None
    return anndata


def _write_parquet(matrix: Matrix, path: str | Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(matrix.to_frame().rename_axis(index="rid"))
    extra = {
        "rows": matrix.rows.to_json(orient="split"),
        "cols": matrix.cols.to_json(orient="split"),
        "level": str(matrix.level or ""),
        "space": str(matrix.space or ""),
        "provenance": json.dumps(matrix.provenance),
    }
    metadata = {**table.schema.metadata, **{f"beadwork_{key}".encode(): text.encode() for key, text in extra.items()}}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def _read_parquet(path: Path) -> Matrix:

    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"{path}: not a readable parquet file ({' '.join(str(error).split())[:200]})") from None
    frame = table.to_pandas()
    metadata = table.schema.metadata or {}

    def annotation(key: str, ids: pd.Index) -> pd.DataFrame:
        text = metadata.get(f"beadwork_{key}".encode())
        if text is None:
            return pd.DataFrame(index=ids.astype(str))
        split = json.loads(text)
        found = pd.DataFrame(split["data"], columns=split["columns"])
        return found.set_axis(pd.Index([str(item) for item in split["index"]], dtype=object), axis=0)

    level = metadata.get(b"beadwork_level", b"").decode() or None
    space = metadata.get(b"beadwork_space", b"").decode() or None
    return Matrix(
        frame.to_numpy("float32"),
        annotation("rows", frame.index),
        annotation("cols", frame.columns),
        level=Level(level) if level else None,
        space=Space(space) if space else None,
        provenance=json.loads(metadata.get(b"beadwork_provenance", b"{}")),
    )
