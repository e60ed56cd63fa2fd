"""Results of a simulated study against what was planted: how well each level was recovered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.modz import standard_ranks
from beadwork.model.errors import AlignmentError
from beadwork.model.matrix import Matrix
from beadwork.stages.plates.replicates import area_under_curve


@dataclass(frozen=True)
class ValueAgreement:
    """How called values agree with true ones (level 2).

    Parameters
    ----------
    n_values
        Genes by wells that were compared.
    pearson
        Correlation of log2 values.
    within_01, within_05
        Share of values within 0.1 and 0.5 log2.
    swapped
        Share of analytes whose two genes got each other's values: swapped, they fit the truth better by more
        than 0.5 log2 for the pair.  Analytes whose true values are closer than 0.5 log2 are not counted.
    """

    n_values: int
    pearson: float
    within_01: float
    within_05: float
    swapped: float


def compare_values(found: Matrix, truth: Matrix) -> ValueAgreement:
    """Compare GEX with true linear FI over their common genes and wells.

    Raises
    ------
    AlignmentError
        They have no genes or no wells in common, or `found` does not say its analytes.
    """
    genes, wells = found.rids.intersection(truth.rids, sort=False), found.cids.intersection(truth.cids, sort=False)
    if not len(genes) or not len(wells):
        raise AlignmentError("results and truth have no genes or wells in common; give the folder of the same study")
    if "pr_analyte_num" not in found.rows:
        raise AlignmentError("GEX lacks the row field pr_analyte_num; use that of `beadwork deconvolve`")
    called, true = (
        np.log2(np.maximum(matrix.take_rows(genes).take_cols(wells).values.astype(np.float64), 1.0))
        for matrix in (found, truth)
    )
    difference = np.abs(called - true)
    analytes = pd.Series(np.arange(len(genes)), index=found.rows.loc[genes, "pr_analyte_num"].astype(int))
    pairs = np.array([group.to_numpy() for _, group in analytes.groupby(level=0) if len(group) == 2])
    first, second = pairs[:, 0], pairs[:, 1]
    straight = np.abs(called[first] - true[first]) + np.abs(called[second] - true[second])
    crossed = np.abs(called[first] - true[second]) + np.abs(called[second] - true[first])
    apart = np.abs(true[first] - true[second]) >= 0.5
    swapped = ((straight - crossed) > 0.5) & apart
    return ValueAgreement(
        n_values=int(called.size),
        pearson=float(np.corrcoef(called.ravel(), true.ravel())[0, 1]),
        within_01=float((difference <= 0.1).mean()),
        within_05=float((difference <= 0.5).mean()),
        swapped=float(swapped.sum() / max(apart.sum(), 1)),
    )


def compare_signatures(found: Matrix, truth: Matrix) -> pd.Series:
    """Spearman correlation of signatures with the planted ones, over the common genes, by sig_id."""
    genes, signatures = found.rids.intersection(truth.rids, sort=False), found.cids.intersection(truth.cids, sort=False)
    if not len(genes) or not len(signatures):
        raise AlignmentError("signatures and truth have no genes or sig_ids in common; give the same study")
    one, other = (
        standard_ranks(matrix.take_rows(genes).take_cols(signatures).values.astype(np.float64).T)
        for matrix in (found, truth)
    )
    return pd.Series((one * other).sum(axis=1), index=signatures)


@dataclass(frozen=True)
class QueryRecall:
    """Where the signatures of a query's own mechanism stand in its ranking.

    Parameters
    ----------
    n_own
        Active signatures of the mechanism in the ranking.
    auc
        Probability that one of them ranks above another signature.
    recall
        Share of them among the first `n_own` of the ranking.
    """

    n_own: int
    auc: float
    recall: float


def recall_mechanism(scores: pd.Series, own: pd.Index) -> QueryRecall:
    """Find out how high the signatures `own` stand among `scores` (by sig_id, high is connected; NaN is last)."""
    filled = scores.fillna(scores.min() - 1 if scores.notna().any() else 0.0)
    inside = filled.index.isin(own)
    count = int(inside.sum())
    top = filled.sort_values(ascending=False, kind="stable").index[:count]
    recall = float(top.isin(own).mean()) if count else float("nan")
    values = filled.to_numpy(np.float64)
    return QueryRecall(count, area_under_curve(values[inside], values[~inside]), recall)
