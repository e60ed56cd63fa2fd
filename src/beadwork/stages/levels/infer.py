"""Level 3, QNORM to INF: genes inferred from the 978 landmarks."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.ridge import LinearModel, infer_genes
from beadwork.model.errors import AlignmentError, LevelError, name_some
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.matrix import Level, Matrix, Space, check_matrix
from beadwork.model.params import InferParams
from beadwork.model.qc import qc_rows
from beadwork.model.spaces import in_space

log = logging.getLogger("beadwork.infer")
LARGEST_NEGATIVE_SHARE = 0.05
"""A matrix with more values below -1 is hardly QNORM; LISS itself goes below 0 by 1e-4 for each rank at most."""
ROW_FIELDS = ("pr_gene_symbol", "pr_is_lm", "pr_is_bing")


@dataclass(frozen=True)
class InferResult:
    """INF matrix and the QC rows of the step."""

    matrix: Matrix
    qc: pd.DataFrame


def infer(
    qnorm: Matrix,
    model: InferenceModel,
    genes: pd.DataFrame,
    *,
    params: InferParams = InferParams(),  # noqa: B008 (frozen)
    what: str = "QNORM matrix",
) -> InferResult:
    """Infer the genes of a space from the landmarks; the landmarks pass through unchanged.

    Parameters
    ----------
    qnorm
        QNORM, values (978 landmarks, samples) in log2, rows in any order, Entrez ids.  No missing values.
    model
        Linear model; must know every gene of the space.
    genes
        Gene table of the AIG space (index Entrez id; pr_gene_symbol, pr_is_lm, pr_is_bing), whose order the rows get.
    what
        How messages name the matrix, usually its file.

    Returns
    -------
    InferResult
        INF in ``params.space``; inferred values are clipped to [min_value, max_value]; QC ``clipped_genes`` per well.
        ``pr_inference_r`` of a row is the model's accuracy for that gene (missing for landmarks).

    Raises
    ------
    LevelError
        Not QNORM, not the landmarks, or the model lacks genes of the space.
    AlignmentError
        Missing values.

    Notes
    -----
    y = W [1; x].  Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049.
    """
    check_matrix(qnorm, level=Level.QNORM, finite=True, what=what)
    absent = model.landmarks.difference(qnorm.rids)
    if len(absent):
        raise LevelError(
            f"{what}: {len(absent)} of the {len(model.landmarks)} landmarks are not among its {len(qnorm.rids):,} rows "
            f"({name_some(absent)}); inference needs Entrez ids of all landmarks"
        )
    if (qnorm.values < -1).mean() > LARGEST_NEGATIVE_SHARE:
        log.warning(
            "%s: %.0f %% of the values are negative, as z-scores are; inference needs QNORM, log2 intensities",
            what, 100 * (qnorm.values < 0).mean(),
        )  # fmt: skip
    table = _space_table(genes, Space(params.space))
    wanted = table.index.difference(model.landmarks, sort=False)
    unknown = wanted.difference(model.genes, sort=False)
    if len(unknown):
        raise LevelError(
            f"the model infers {len(model.genes):,} genes, but lacks {len(unknown):,} of space {params.space} "
            f"({name_some(unknown)}); choose a smaller --space or another --model"
        )
    x = qnorm.take_rows(model.landmarks).values
    values = np.empty((len(table), x.shape[1]), dtype=np.float32)
    values[table.index.get_indexer(model.landmarks)] = x
    clipped = np.zeros(x.shape[1])
    if len(wanted):
        inferred = apply_model(x, model.restrict(wanted))
        clipped = ((inferred < params.min_value) | (inferred > params.max_value)).mean(axis=0)
        values[table.index.get_indexer(wanted)] = np.clip(inferred, params.min_value, params.max_value)
    accuracy = pd.Series(np.asarray(model.accuracy, dtype=np.float64), index=model.genes)
    table["pr_inference_r"] = accuracy.reindex(table.index).to_numpy()
    matrix = Matrix(values, table, qnorm.cols, level=Level.INF, space=Space(params.space), provenance=qnorm.provenance)
    return InferResult(matrix, qc_rows("infer", "clipped_genes", pd.Series(clipped, index=qnorm.cids)))


def apply_model(landmarks: np.ndarray, model: InferenceModel) -> np.ndarray:
    """Values of all genes of a model, not clipped: landmarks (landmarks, samples) -> (genes, samples), float64."""
    components = model.components.astype(np.float64)
    if model.loadings is None:
        return np.asarray(model.intercept[:, None] + components.T @ landmarks.astype(np.float64))
    full = LinearModel(model.intercept.astype(np.float64), model.loadings.astype(np.float64), components)
    return infer_genes(landmarks, full)


def _space_table(genes: pd.DataFrame, space: Space) -> pd.DataFrame:
    """Rows of the output: the fields of the gene table that travel with a matrix."""
    table = genes[in_space(genes, space)]
    if table.index.has_duplicates:
        raise AlignmentError("the gene table repeats ids")
    return table.loc[:, [name for name in ROW_FIELDS if name in table]].copy()
