"""Mechanism classes of perturbagens, from GMT sets or from an annotation table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from beadwork.io.connectivity.gene_sets import read_gene_sets
from beadwork.model.errors import FileError

if TYPE_CHECKING:
    import pandas as pd


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
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix in (".gmt", ".gmx"):
        return {item.name: list(item.genes) for item in read_gene_sets(path)}
    from beadwork.io.files.tables import read_table

    table = read_table(path, required=("moa",), text_only=True)
    if "pert_iname" not in table.columns and "pert_id" not in table.columns:
        raise FileError(f"{path}: lacks pert_iname or pert_id; classes need a perturbagen and its moa")
    return table
