"""Mechanism classes of perturbagens, from GMT sets or from an annotation table."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pandas as pd

from beadwork.io.gene_sets import read_gene_sets
from beadwork.io.tables import read_table
from beadwork.model.errors import FileError, GeneSetError


def read_classes(path: str | Path) -> dict[str, list[str]] | pd.DataFrame:
    """Read classes: sets of a GMT by name, or a table with pert_iname (or pert_id) and moa, as it stands.

    Gzipped files are read too.

    Raises
    ------
    FileError
        The table has no such columns.
    GeneSetError
        The GMT cannot be used.
    """
    path = Path(path)
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(path.read_bytes())
        except FileNotFoundError:
            raise FileError(f"{path}: no such file; check the name") from None
        except (OSError, EOFError) as error:
            raise FileError(f"{path}: damaged gzip file ({error}); fetch it anew") from None
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / path.stem
            plain.write_bytes(data)
            return read_classes(plain)
    if path.suffix in (".gmt", ".gmx"):
        try:
            return {item.name: list(item.genes) for item in read_gene_sets(path)}
        except GeneSetError as error:
            raise GeneSetError(str(error)) from None
    table = read_table(path, required=("moa",), text_only=True)
    if "pert_iname" not in table.columns and "pert_id" not in table.columns:
        raise FileError(f"{path}: lacks pert_iname or pert_id; classes need a perturbagen and its moa")
    return table
