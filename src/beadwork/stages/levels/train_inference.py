"""Fit an inference model on expression profiles, and say honestly how good it is."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.ridge import decompose, left_out_correlation, scale_profiles, solve_ridge
from beadwork.model.errors import AlignmentError, name_some
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.matrix import Matrix, check_matrix
from beadwork.model.params import TrainInferenceParams
from beadwork.model.qc import join_qc, qc_rows

log = logging.getLogger("beadwork.train_inference")
MIN_STUDY = 5
"""A study with fewer samples trains, but is not judged on its own: a correlation of so few says nothing."""


@dataclass(frozen=True)
class TrainInferenceResult:
    """The model, its accuracy by study and group of genes, and QC rows."""

    model: InferenceModel
    accuracy: pd.DataFrame
    """One row per left-out study and a last row ``mean``: n, and the median gene correlation of all, BING, others."""
    qc: pd.DataFrame


@dataclass(frozen=True)
class TrainingData:
    """Profiles on the scale of a plate: x (samples, landmarks), y (samples, genes), study of each sample."""

    x: np.ndarray
    y: np.ndarray
    study: np.ndarray
    study_names: tuple[str, ...]
    landmarks: pd.Index
    genes: pd.Index


def prepare_training(
    expression: Matrix,
    genes: pd.DataFrame,
    *,
    params: TrainInferenceParams = TrainInferenceParams(),  # noqa: B008 (frozen)
    what: str = "expression matrix",
) -> TrainingData:
    """Check an expression matrix and put its profiles on the scale of a quantile-normalised plate.

    Raises
    ------
    AlignmentError
        Landmarks are absent, values are missing, or there are too few samples or genes.
    """
    check_matrix(expression, finite=True, what=what)
    landmarks = genes.index[genes["pr_is_lm"] == 1]
    absent = landmarks.difference(expression.rids)
    if len(absent):
        raise AlignmentError(
            f"{what}: {len(absent)} of the {len(landmarks)} landmarks are not among its {len(expression.rids):,} rows "
            f"({name_some(absent)}); row ids must be Entrez ids, or probes together with --probe-map"
        )
    others = genes.index[(genes["pr_is_lm"] != 1) & genes.index.isin(expression.rids)]
    if not len(others):
        raise AlignmentError(f"{what}: holds landmarks only; there is no gene to infer")
    if len(expression.cids) < params.min_samples:
        raise AlignmentError(
            f"{what}: {len(expression.cids)} samples; a model needs at least {params.min_samples} (--min-samples)"
        )
    if params.study_field in expression.cols:
        labels = expression.cols[params.study_field].astype(object).where(
            expression.cols[params.study_field].notna(), "unnamed"
        ).astype(str)  # fmt: skip
    else:
        log.warning(
            "%s: no column field %r, so all samples count as one study and the accuracy is not known",
            what, params.study_field,
        )  # fmt: skip
        labels = pd.Series("all", index=expression.cids)
    names = tuple(sorted(labels.unique()))
    x, y = scale_profiles(
        expression.take_rows(landmarks).values,
        expression.take_rows(others).values,
        params.target_mean,
        params.target_sd,
    )
    study = pd.Categorical(labels, categories=names).codes.astype(np.int64)
    return TrainingData(x, y, study, names, landmarks, others)


def train_inference(
    expression: Matrix,
    genes: pd.DataFrame,
    *,
    params: TrainInferenceParams = TrainInferenceParams(),  # noqa: B008 (frozen)
    what: str = "expression matrix",
) -> TrainInferenceResult:
    """Fit a low-rank ridge model of all genes on the landmarks.

    Parameters
    ----------
    expression
        Profiles (genes, samples), Entrez ids, on any scale that is monotone in expression: only the order of genes
        within a profile is used.  The column field ``params.study_field`` names the study of each sample.
    genes
        Gene table of the AIG space.

    Returns
    -------
    TrainInferenceResult
        The model; its accuracy when each study is left out in turn and judged within itself (centred): the figure to
        quote.  Random folds flatter, because studies differ more than samples within one.
    """
    data = prepare_training(expression, genes, params=params, what=what)
    accuracy = np.full(len(data.genes), np.nan)
    table = pd.DataFrame(columns=["study", "n", "all", "bing", "other"])
    if len(data.study_names) > 1:
        table, accuracy = left_out_studies(data, genes, params)
    else:
        log.warning("%s: one study only; the accuracy in other studies is not known", what)
    fit = solve_ridge(decompose(data.x, data.y, data.study, params.study_weight), params.ridge, params.rank)
    counts = {name: int((data.study == code).sum()) for code, name in enumerate(data.study_names)}
    model = InferenceModel(
        data.landmarks, data.genes, fit.intercept, fit.loadings, fit.components, accuracy,
        {"samples": len(data.x), "studies": counts, "accuracy": _summary(table)},
    )  # fmt: skip
    rows = [
        qc_rows("train-inference", f"inference_r_{group}", table.set_index("study")[group])
        for group in ("all", "bing", "other")
        if len(table)
    ]
    return TrainInferenceResult(model, table, join_qc(rows))


def left_out_studies(
    data: TrainingData, genes: pd.DataFrame, params: TrainInferenceParams
) -> tuple[pd.DataFrame, np.ndarray]:
    """Accuracy with each study left out: table by study, and the mean over studies per gene."""
    found = left_out_correlation(
        data.x,
        data.y,
        data.study,
        data.study,
        ridges=(params.ridge,),
        study_weight=params.study_weight,
        rank=params.rank,
    )[0]
    counts = np.bincount(data.study, minlength=len(data.study_names))
    judged = counts >= MIN_STUDY
    if not judged.any():
        return pd.DataFrame(columns=["study", "n", "all", "bing", "other"]), np.full(len(data.genes), np.nan)
    bing = genes.loc[data.genes, "pr_is_bing"].to_numpy() == 1
    table = pd.DataFrame(
        {
            "study": np.array(data.study_names, dtype=object)[judged],
            "n": counts[judged],
            **{name: _median(found[judged][:, mask]) for name, mask in
               (("all", np.ones(len(bing), bool)), ("bing", bing), ("other", ~bing))},
        }
    )  # fmt: skip
    mean = {"study": "mean", "n": int(counts[judged].sum()), **table[["all", "bing", "other"]].mean().to_dict()}
    return pd.concat([table, pd.DataFrame([mean])], ignore_index=True), found[judged].mean(axis=0)


def _median(values: np.ndarray) -> np.ndarray:
    return np.median(values, axis=1) if values.shape[1] else np.full(len(values), np.nan)


def _summary(table: pd.DataFrame) -> dict[str, float]:
    """Mean over the left-out studies of the median gene correlation, for the model's metadata."""
    if not len(table):
        return {}
    last = table.iloc[-1]
    return {name: round(float(last[name]), 4) for name in ("all", "bing", "other") if np.isfinite(last[name])}
