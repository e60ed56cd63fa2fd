"""AnnData files (h5ad): samples are obs, genes are var."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beadwork.io.files.atomic import atomic_path
from beadwork.io.matrix.gctx.layout import SLASH
from beadwork.model.errors import FileError
from beadwork.model.matrix import Matrix


def read_h5ad(path: Path) -> Matrix:
    """Read an h5ad file; whatever anndata finds wrong is passed on."""
    adata = _anndata().read_h5ad(path)
    for table in (adata.obs, adata.var):
        table.columns = [str(name).replace(SLASH, "/") for name in table.columns]
    return Matrix.from_anndata(adata)


def write_h5ad(matrix: Matrix, path: str | Path) -> None:
    """Write an h5ad file, which appears by rename."""
    _anndata()
    adata = matrix.to_anndata()
    for table in (adata.obs, adata.var):
        table.columns = [str(name).replace("/", SLASH) for name in table.columns]  # HDF5 takes "/" for a group
    with atomic_path(path) as temporary:
        adata.write_h5ad(temporary)


def _anndata() -> Any:
    try:
        import anndata
    except ImportError:
        raise FileError("h5ad needs the package anndata; install beadwork[h5ad]") from None
    return anndata
