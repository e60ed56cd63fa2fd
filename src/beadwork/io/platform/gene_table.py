"""Facts of the platform that ship with beadwork: bead sets, batches, calibrators, gene spaces."""

from dataclasses import replace
from functools import cache

import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.io.platform.folder import resource_path, resources_folder
from beadwork.model.errors import FileError, name_some
from beadwork.model.matrix import Matrix, Space
from beadwork.model.spaces import space_genes

__all__ = [
    "entrez_ids",
    "gene_table",
    "landmark_ids",
    "probe_table",
    "resource_path",
    "resources_folder",
    "with_entrez_ids",
]

PROBE_ENDING = "_at"
"""How the name of every probe set ends."""


@cache
def gene_table() -> pd.DataFrame:
    """Genes of the AIG space: index Entrez id (string); pr_gene_symbol, pr_gene_title, pr_is_lm, pr_is_bing."""
    table = read_table(resource_path("genes.tsv"), required=("pr_gene_id", "pr_gene_symbol", "pr_is_lm", "pr_is_bing"))
    table.index = pd.Index(table["pr_gene_id"].astype(str), dtype=object, name=None)
    return table


@cache
def probe_table() -> pd.DataFrame:
    """Probe sets of HG-U133A: index probe id; pr_gene_id (Entrez, string), pr_is_used (1: stands for its gene)."""
    table = read_table(resource_path("probes_u133a.tsv"), required=("pr_probe_id", "pr_gene_id", "pr_is_used"))
    table["pr_gene_id"] = table["pr_gene_id"].astype(str)
    table.index = pd.Index(table["pr_probe_id"].astype(str), dtype=object, name=None)
    return table


def entrez_ids(ids: pd.Index, pr_gene_id: pd.Series | None = None) -> pd.Index:
    """Entrez ids of probe ids, by the probe table; any other id stays, unless `pr_gene_id` names its gene.

    A row annotation `pr_gene_id` (index: the ids), where the file has one, goes before the table.
    """
    mapped = probe_table()["pr_gene_id"].reindex(ids)
    if pr_gene_id is not None:
        mapped = pr_gene_id.reindex(ids).astype(object).where(pr_gene_id.reindex(ids).notna(), mapped)
    found = [str(own) if pd.isna(gene) else str(gene) for own, gene in zip(ids, mapped, strict=True)]
    return pd.Index(found, dtype=object)


def with_entrez_ids(matrix: Matrix) -> Matrix:
    """Give a matrix of probe sets (HG-U133A names) Entrez row ids; any other matrix comes back as it is."""
    named = [str(rid).endswith(PROBE_ENDING) for rid in matrix.rids]
    if sum(named) < len(named) / 2 or not named:  # no table need be read to see that these are no probe sets
        return matrix
    if matrix.rids.isin(probe_table().index).mean() < 0.5:
        return matrix
    rows = matrix.rows.assign(pr_probe_id=matrix.rids)
    return replace(matrix, rows=rows.set_axis(entrez_ids(matrix.rids, matrix.rows.get("pr_gene_id")), axis=0))


def landmark_ids(rows: pd.DataFrame, what: str) -> pd.Series:
    """Entrez ids of the rows that are landmarks, in the order of `rows` and with its ids as index.

    A row is known by its id (Entrez, or HG-U133A probe set), else by an Entrez id in the field pr_gene_id.

    Raises
    ------
    FileError
        Some of the 978 landmarks are absent, or one stands in two rows.
    """
    genes = gene_table()
    landmarks = space_genes(genes, Space.LM)
    found = pd.Series(rows.index.astype(str), index=rows.index, dtype=object)
    if not landmarks.isin(found).all():
        found = pd.Series(entrez_ids(rows.index, rows.get("pr_gene_id")), index=rows.index, dtype=object)
    found = found[found.isin(landmarks)]
    absent = landmarks.difference(pd.Index(found))
    if len(absent):
        raise FileError(
            f"{what}: {len(absent)} of the {len(landmarks)} landmarks are not among its {len(rows):,} rows "
            f"({name_some(absent)}); all are needed, by Entrez id, by HG-U133A probe id, or with Entrez ids in the row "
            "field pr_gene_id"
        )
    if found.duplicated().any():
        raise FileError(
            f"{what}: landmarks stand in more than one row ({name_some(found[found.duplicated()].unique())}); keep one"
        )
    return found
