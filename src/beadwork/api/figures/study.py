"""Figures of a brew, of a study, and of answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.api.figures.plate import Figures, read_rows
from beadwork.api.matrix_files import StoredMatrix
from beadwork.io.files.tables import read_table
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.errors import FileError
from beadwork.model.matrix import Level, Space
from beadwork.model.spaces import space_genes
from beadwork.stages.plates.replicates import correlate_replicates
from beadwork.views.study_figures import query_connections, replicate_correlation, study_activity, study_plates


def brew_figures(matrices: Sequence[Path], fields: Sequence[str]) -> tuple[Figures, pd.DataFrame]:
    """Draw the correlation of replicates between the plates of a brew, and give its numbers.

    Parameters
    ----------
    fields
        Whose equal values make one treatment.
    """
    plates = [StoredMatrix(path).checked(level=(Level.ZSPC, Level.ZSVC), samples=True) for path in matrices]
    result = correlate_replicates(plates, space_genes(gene_table(), Space.LM), fields)
    first = plates[0].cols
    brew = str(first["brew_prefix"].iloc[0]) if "brew_prefix" in first else plates[0].cids[0].split(":")[0]
    numbers = {
        "brew_prefix": brew, "pairs": "within one plate" if result.within else "between plates",
        "same": len(result.same), "different": len(result.different),
        "median_same": float(np.median(result.same)) if len(result.same) else None,
        "median_different": float(np.median(result.different)) if len(result.different) else None,
        "auc": result.auc,
    }  # fmt: skip
    figure = replicate_correlation(brew, result.same, result.different, result.auc, within=result.within)
    return {"replicates": figure}, pd.DataFrame([numbers])


def study_figures(rows: Sequence[Path], siginfo: Path) -> Figures:
    """Draw the plates of a study, and the activity of its signatures."""
    table = read_table(siginfo, required=("pert_type", "tas", "distil_cc_q75", "ss_ngene", "distil_nsample"))
    return {"plates": study_plates(read_rows(rows)), "tas": study_activity(table)}


def answer_figures(answers: Path) -> Figures:
    """Draw the strongest connections of each query in a folder that `beadwork query` wrote.

    Raises
    ------
    FileError
        The folder has no table of queries.
    """
    overview = answers / "queries.tsv"
    if not overview.is_file():
        raise FileError(f"{answers}: has no queries.tsv; give the folder that `beadwork query` wrote")
    listed = read_table(overview, required=("query", "file"), text_only=True)
    labelled = {}
    for query, file in zip(listed["query"], listed["file"], strict=True):
        table = read_table(answers / file, required=("sig_id", "ncs"))
        labelled[str(query)] = table.assign(label=_labels(table), score=table["ncs"])[["label", "score"]]
    return {"connections": query_connections(answers.name, labelled)}


def _labels(table: pd.DataFrame) -> list[str]:
    """Signatures in words: name, dose and cell, else the sig_id."""
    labels = []
    for row in table.to_dict("records"):
        name = row.get("pert_iname") or row.get("pert_id")
        if not isinstance(name, str):
            labels.append(str(row["sig_id"]))
            continue
        words = [name, row.get("pert_idose"), row.get("cell_id")]
        labels.append(", ".join(str(word) for word in words if isinstance(word, str) and word))
    return labels
