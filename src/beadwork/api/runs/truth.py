"""The results of a simulated study against what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix
from beadwork.model.errors import FileError
from beadwork.model.pert_types import is_empty, type_mask
from beadwork.stages.plates.truth import compare_signatures, compare_values, recall_mechanism

STRONG = 0.5
"""Planted signatures from this root mean square over the landmarks (log2) are reported as strong, others as weak."""

Figures = list[tuple[str, str, float]]


def check_truth(study: Path, results: Path) -> pd.DataFrame:
    """Compare the results of a simulated study with what was planted.

    Parameters
    ----------
    study
        Folder that `beadwork simulate` wrote.
    results
        Folder of the results of the workflow.

    Returns
    -------
    pandas.DataFrame
        Columns what, entity, value.

    Raises
    ------
    FileError
        A folder is not what it should be, or holds nothing of the study.
    """
    truth = study / "truth"
    if not truth.is_dir():
        raise FileError(f"{study}: has no folder truth; give the folder that `beadwork simulate` wrote")
    if not results.is_dir():
        raise FileError(f"{results}: no such folder; give the results of the workflow")
    figures = [*_level2(truth, results), *_wells(truth, results), *_level5(truth, results), *_queries(truth, results)]
    if not figures:
        raise FileError(f"{results}: holds nothing of the study {study}; run the workflow on its plates.tsv first")
    return pd.DataFrame(figures, columns=["what", "entity", "value"])


def _level2(truth: Path, results: Path) -> Figures:
    """Agreement of the GEX of each plate."""
    found: Figures = []
    for path in sorted(truth.glob("*_GEX.gctx")):
        plate = path.name.removesuffix("_GEX.gctx")
        called = results / plate / path.name
        if called.exists():
            agreement = compare_values(read_matrix(called), read_matrix(path))
            found += [
                ("level 2: correlation (Pearson, log2)", plate, agreement.pearson),
                ("level 2: share within 0.1 log2", plate, agreement.within_01),
                ("level 2: share within 0.5 log2", plate, agreement.within_05),
                ("level 2: share of analytes swapped", plate, agreement.swapped),
            ]
    return found


def _wells(truth: Path, results: Path) -> Figures:
    """Whether the wells with planted faults were left out, and how many sound ones were."""
    planted = read_table(truth / "wells.tsv", required=("det_plate", "det_well", "fault"))
    found: Figures = []
    for plate, table in planted.groupby("det_plate", sort=True):
        normalized = results / str(plate) / f"{plate}_QNORM.gctx"
        if not normalized.exists():
            continue
        kept = set(read_matrix(normalized).cids.str.split(":").str[-1])
        empty = _lma_wells(truth.parent / "maps" / f"{plate}.map")
        cells = table[~table["det_well"].isin(empty)]
        faulty, lost = cells["fault"].notna(), ~cells["det_well"].isin(kept)
        if faulty.any():
            found.append(("wells: share of faulty ones left out", str(plate), float(lost[faulty].mean())))
        found.append(("wells: share of sound ones left out", str(plate), float(lost[~faulty].mean())))
    return found


def _lma_wells(path: Path) -> set[str]:
    table = read_table(path, required=("rna_well", "pert_type"), text_only=True)
    return set(table.loc[type_mask(table["pert_type"], is_empty), "rna_well"])


def _level5(truth: Path, results: Path) -> Figures:
    """Correlation of each active signature with the planted one."""
    true = read_matrix(truth / "signatures.gctx")
    size = dict(zip(true.cids, np.sqrt((true.values.astype(np.float64) ** 2).mean(axis=0)), strict=True))
    found: Figures = []
    for path in sorted((results / "signatures").glob("*_MODZ.gctx")):
        correlation = compare_signatures(read_matrix(path), true)
        for sig_id, value in correlation.items():
            if size[sig_id] > 0:
                name = "strong" if size[sig_id] >= STRONG else "weak"
                found.append((f"level 5: correlation with planted {name} signatures", str(sig_id), float(value)))
    return found


def _queries(truth: Path, results: Path) -> Figures:
    """Recall of the signatures of the queried mechanism."""
    planted = _siginfo(truth)
    found: Figures = []
    for overview in sorted((results / "queries").glob("*/queries.tsv")):
        listed = read_table(overview, required=("query", "file"), text_only=True)
        for query, name in zip(listed["query"], listed["file"], strict=True):
            own = planted.index[(planted["moa"] == query) & (planted["is_active"] == 1)]
            if len(own):
                table = read_table(overview.parent / name, required=("sig_id", "ncs"))
                recall = recall_mechanism(table.set_index("sig_id")["ncs"].astype(float), own)
                words = f"{query} ({recall.n_own} signatures)"
                found += [
                    ("query: AUC of the mechanism's signatures", words, recall.auc),
                    ("query: share of them among as many first", words, recall.recall),
                ]
    return found


def _siginfo(truth: Path) -> pd.DataFrame:
    return read_table(truth / "siginfo.tsv", required=("sig_id", "moa", "is_active")).set_index("sig_id")


def truth_summary(table: pd.DataFrame) -> str:
    """Figures as lines: medians over plates and signatures, one line for each query."""
    lines = []
    for what, group in table.groupby("what", sort=False):
        if str(what).startswith("query"):
            lines += [f"{what}: {row.entity}: {row.value:.3f}" for row in group.itertuples()]
            continue
        spread = f"{group['value'].min():.3f} to {group['value'].max():.3f}"
        unit = "signatures" if str(what).startswith("level 5") else "plates"
        lines.append(f"{what}: median {group['value'].median():.3f} ({spread}, {len(group)} {unit})")
    return "\n".join(lines)
