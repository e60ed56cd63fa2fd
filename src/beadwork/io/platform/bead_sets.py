"""Bead sets, bead batches and calibration levels from the tables under ``resources/``, or from a user's own."""

from functools import cache
from pathlib import Path

import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.io.platform.gene_table import resource_path, resources_folder
from beadwork.model.beads.plate import BeadBatch, BeadSet
from beadwork.model.errors import FileError, ParameterError

_GENE_COLUMNS = ("pr_gene_id", "pr_gene_symbol", "pr_analyte_num", "pr_bset_id")


def bead_set_names() -> list[str]:
    """Names of the bead sets that ship with beadwork."""
    return sorted(path.stem.removeprefix("beadset_") for path in resources_folder().glob("beadset_*.tsv"))


@cache
def read_bead_set(name: str) -> BeadSet:
    """Bead set by name (``epsilon-r2``, in any case) or from a table of the same columns (a path ending in .tsv).

    Raises
    ------
    ParameterError
        No such bead set.
    FileError
        The table is damaged: unknown analytes, a gene twice, not two halves.
    """
    own = name.endswith(".tsv")
    name = name if own else name.lower()
    if not own and name not in bead_set_names():
        raise ParameterError(
            f"bead set {name!r} is unknown; there are {', '.join(bead_set_names())}, or give a .tsv table"
        )
    path = Path(name) if own else resource_path(f"beadset_{name}.tsv")
    table = read_table(path, required=_GENE_COLUMNS)
    table.index = pd.Index(table["pr_gene_id"].astype(str), dtype=object, name=None)
    halves = sorted(table["pr_bset_id"].unique())
    if len(halves) != 2 or not table.index.is_unique or not table["pr_analyte_num"].between(11, 500).all():
        raise FileError(f"{path}: a bead set needs two halves (pr_bset_id), each gene once, and analytes 11-500")
    table = table.sort_values(["pr_bset_id", "pr_analyte_num"], kind="stable").drop(columns="pr_gene_id")
    return BeadSet(name=Path(name).stem, hi=halves[0], lo=halves[1], genes=table)


@cache
def bead_batches() -> dict[str, BeadBatch]:
    """Known bead batches by name in lower case; where two pools share a name, epsilon has it."""
    table = read_table(resource_path("bead_batches.tsv"))
    found: dict[str, BeadBatch] = {}
    columns = (table[name].tolist() for name in ("bead_batch", "bead_set", "revision", "ratio"))
    for name, bead_set, revision, ratio in zip(*columns, strict=True):
        batch = BeadBatch(name, bead_set, revision, float(ratio))
        if batch.name not in found or batch.bead_set == "epsilon":
            found[batch.name] = batch
    return found


def find_bead_batch(name: str) -> BeadBatch | None:
    """Bead batch by name, whatever its case; None if the table does not know it."""
    return bead_batches().get(name.lower())


@cache
def read_liss_reference(path: str | None = None) -> pd.DataFrame:
    """LISS reference levels: columns point, calibrator (CAL01.. or missing), log2_level; 13 rows.

    `path` names a table of one's own; by default the reference of the epsilon bead sets.
    """
    source = Path(path) if path else resource_path("liss_reference_epsilon.tsv")
    return read_table(source, required=("point", "calibrator", "log2_level"))
