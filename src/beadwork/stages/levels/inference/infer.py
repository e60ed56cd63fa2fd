"""Level 3, QNORM to INF: genes inferred from the 978 landmarks."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.inferred_sd import CALIBRATION, add_landmark_noise, median_spread, plate_factor
from beadwork.kernels.levels.ridge import LinearModel, infer_genes
from beadwork.model.errors import AlignmentError, LevelError, name_some
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.levels.wells import plate_names
from beadwork.model.matrix import Level, Matrix, Space, check_matrix
from beadwork.model.params import InferParams, ZscoreParams
from beadwork.model.qc import qc_rows
from beadwork.model.spaces import in_space

log = logging.getLogger("beadwork.infer")
LARGEST_NEGATIVE_SHARE = 0.05
"""A matrix with more values below -1 is hardly QNORM; LISS itself goes below 0 by 1e-4 for each rank at most."""
ROW_FIELDS = ("pr_gene_symbol", "pr_is_lm", "pr_is_bing")


@dataclass(frozen=True)
class InferResult:
    """INF matrix, the QC rows of the step, and the uncertainty of its values where it was asked for.

    ``sd`` has the inferred genes, in log2 as INF; and the landmarks, in log2 FI, if their uncertainty was given.
    """

    matrix: Matrix
    qc: pd.DataFrame
    sd: Matrix | None = None


def infer(
    qnorm: Matrix,
    model: InferenceModel,
    genes: pd.DataFrame,
    *,
    with_sd: bool = False,
    measured_sd: Matrix | None = None,
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
    with_sd
        Whether to give the uncertainty of inferred values: the error of a gene in studies that the model had not seen,
        scaled by how far the landmarks of the plate vary (:mod:`beadwork.kernels.levels.inferred_sd`).  It is that of
        differences between the wells of a plate; the level of a gene may be off by more.
    measured_sd
        Uncertainty of the landmarks (log2 FI, as ``deconvolve`` gives it), which then adds to that of the genes.  A
        model that gives no uncertainty is then no error: the landmarks have theirs alone, with a warning.
    what
        How messages name the matrix, usually its file.

    Returns
    -------
    InferResult
        INF in ``params.space``; inferred values are clipped to [min_value, max_value]; QC ``clipped_genes`` per well.
        ``pr_inference_r`` of a row is the model's accuracy for that gene (missing for landmarks), ``pr_gene_sd`` the
        gene's standard deviation in training (absent if the model does not say it).

    Raises
    ------
    LevelError
        Not QNORM, not the landmarks, or the model lacks genes of the space, or the uncertainty that is asked for.
    AlignmentError
        Missing values.

    Notes
    -----
    y = W [1; x].  Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049.
    """
    check_matrix(qnorm, level=Level.QNORM, finite=True, samples=True, what=what)
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
        values[table.index.get_indexer(wanted)] = np.clip(inferred, params.min_value, params.max_value, out=inferred)
    accuracy = pd.Series(np.asarray(model.accuracy, dtype=np.float64), index=model.genes)
    table["pr_inference_r"] = accuracy.reindex(table.index).to_numpy()
    if model.gene_sd is not None and model.landmark_sd is not None:
        known = pd.Series([*model.landmark_sd, *model.gene_sd], index=[*model.landmarks, *model.genes])
        table["pr_gene_sd"] = known.reindex(table.index).to_numpy()
    matrix = Matrix(values, table, qnorm.cols, level=Level.INF, space=Space(params.space), provenance=qnorm.provenance)
    sd = _uncertainty(matrix, model.restrict(wanted), measured_sd, what) if with_sd else None
    return InferResult(matrix, qc_rows("infer", "clipped_genes", pd.Series(clipped, index=qnorm.cids)), sd)


def _uncertainty(inf: Matrix, model: InferenceModel, measured_sd: Matrix | None, what: str) -> Matrix:
    """Uncertainty of the genes of `model`, and of the landmarks where it was given."""
    if model.residual_sd is None:
        says_not = "the model does not say how far its values are off (weights of OLS, or a model of an older beadwork)"
        if measured_sd is None:
            raise LevelError(f"{what}: {says_not}; train it anew, or drop --sd")
        log.warning("%s: %s; uncertainties are those of the landmarks only", what, says_not)
        return _of_landmarks(inf, model, measured_sd, what)
    x = inf.take_rows(model.landmarks).values
    names = plate_names(inf.cols).to_numpy()
    sd = np.empty((len(model.genes), x.shape[1]))
    for name in pd.unique(names):
        own = names == name
        spread = median_spread(x[:, own])
        if not np.isfinite(spread):
            log.warning(
                "%s: %d wells of plate %s say nothing of its spread; uncertainties are those of an average study",
                what, int(own.sum()), name or "unnamed",
            )  # fmt: skip
        sd[:, own] = (CALIBRATION * plate_factor(spread, model.spread) * model.residual_sd)[:, None]
    rows = inf.rows.loc[model.genes]
    if measured_sd is None:
        return Matrix(sd, rows, inf.cols)
    at = _of_landmarks(inf, model, measured_sd, what)
    noise = at.values.astype(np.float64) * ZscoreParams().sd_slope
    weights = model.components if model.loadings is None else model.loadings @ model.components
    both = np.vstack([at.values.astype(np.float64), add_landmark_noise(sd, weights, noise)])
    return Matrix(both, inf.rows.loc[[*model.landmarks, *model.genes]], inf.cols)


def _of_landmarks(inf: Matrix, model: InferenceModel, measured_sd: Matrix, what: str) -> Matrix:
    """Measured uncertainty of the landmarks, in the wells of `inf`."""
    lost = [*model.landmarks.difference(measured_sd.rids), *inf.cids.difference(measured_sd.cids)]
    if lost:
        raise AlignmentError(
            f"{what}: {len(lost)} landmarks or wells have no measured uncertainty ({name_some(lost)}); give "
            "--measured-sd the matrix that `deconvolve --sd` wrote for this plate"
        )
    values = measured_sd.take_rows(model.landmarks).take_cols(inf.cids).values
    return Matrix(values, inf.rows.loc[model.landmarks], inf.cols)


def apply_model(landmarks: np.ndarray, model: InferenceModel) -> np.ndarray:
    """Values of all genes of a model, not clipped: landmarks (landmarks, samples) -> (genes, samples), float64."""
    loadings = None if model.loadings is None else model.loadings.astype(np.float64, copy=False)
    return infer_genes(landmarks, LinearModel(model.intercept.astype(np.float64), loadings, model.components))


def _space_table(genes: pd.DataFrame, space: Space) -> pd.DataFrame:
    """Rows of the output: the fields of the gene table that travel with a matrix."""
    table = genes[in_space(genes, space)]
    if table.index.has_duplicates:
        raise AlignmentError("the gene table repeats ids")
    return table.loc[:, [name for name in ROW_FIELDS if name in table]].copy()
