"""Inference of genes from landmarks: scaling of training profiles, ridge fit, low rank, application.

A profile of training is put on the scale that a plate has after quantile normalisation: its landmarks become normal
scores times `sd` plus `mean`; its other genes become normal scores among all genes, put on the scale of the landmarks
by one affine map.  Differences between studies (mostly laboratory and array processing) are damped: the study means
are multiplied by `study_weight` before the fit.  With standardised landmarks Z (samples x landmarks) and genes Y, both
centred, the ridge fit is W = (Z'Z + ridge I)^-1 Z'Y, computed from Z = U D V' as V D (D^2 + ridge)^-1 U'Y; its best
approximation of rank r for the fitted values Z W (reduced-rank regression) keeps the leading r principal axes of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from beadwork.kernels.numeric.percentiles import average_ranks

Floats = npt.NDArray[np.float64]


class LinearModel(NamedTuple):
    """y = intercept + (x @ loadings) @ components."""

    intercept: Floats
    """Shape (genes,)."""
    loadings: Floats
    """Shape (landmarks, rank)."""
    components: Floats
    """Shape (rank, genes)."""


class RidgeDecomposition(NamedTuple):
    """What a fit needs whatever the penalty: see :func:`decompose`."""

    x_mean: Floats
    y_mean: Floats
    x_sd: Floats
    u: Floats
    d: Floats
    vt: Floats
    uty: Floats


def normal_scores(values: npt.NDArray[np.floating]) -> Floats:
    """Replace each column by normal scores: Phi^-1((rank - 1/2) / n), ties share the average rank.

    values : (genes, samples), finite.
    """
    ranks = average_ranks(np.asarray(values, dtype=np.float64))
    return np.asarray(ndtri((ranks - 0.5) / len(values)), dtype=np.float64)


def scale_profiles(
    landmarks: npt.NDArray[np.floating], genes: npt.NDArray[np.floating], mean: float, sd: float
) -> tuple[Floats, Floats]:
    """Put training profiles on the scale of a quantile-normalised plate.

    landmarks : (landmarks, samples); genes : (genes, samples), the genes that are not landmarks.
    Returns x (samples, landmarks) and y (samples, genes).  Only the order of values within a profile matters.
    """
    x = mean + sd * normal_scores(landmarks)
    everything = normal_scores(np.vstack([landmarks, genes]))
    among, rest = everything[: len(landmarks)], everything[len(landmarks) :]
    y = mean + sd * (rest - among.mean()) / among.std()
    return np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)


def damp_studies(values: Floats, study: npt.NDArray[np.integer], weight: float) -> Floats:
    """Centre the columns and multiply the studies' means by `weight` (0: within-study differences only, 1: all kept).

    values : (samples, features); study : code of each sample.
    """
    centred: Floats = values - values.mean(axis=0)
    for code in np.unique(study):
        members = study == code
        centred[members] -= (1.0 - weight) * centred[members].mean(axis=0)
    return centred


def decompose(x: Floats, y: Floats, study: npt.NDArray[np.integer], study_weight: float) -> RidgeDecomposition:
    """Prepare the ridge fits of all penalties: one singular value decomposition.

    Landmarks are divided by their standard deviation within studies; one that never varies keeps 1.
    """
    within = damp_studies(x, study, 0.0).std(axis=0)
    x_sd = np.where(within > 1e-9, within, 1.0)
    u, d, vt = np.linalg.svd(damp_studies(x, study, study_weight) / x_sd, full_matrices=False)
    kept = d > d[0] * 1e-10 if len(d) and d[0] > 0 else np.zeros(len(d), bool)
    u, d, vt = u[:, kept], d[kept], vt[kept]
    return RidgeDecomposition(
        x.mean(axis=0), y.mean(axis=0), x_sd, u, d, vt, u.T @ damp_studies(y, study, study_weight)
    )


def solve_ridge(parts: RidgeDecomposition, ridge: float, rank: int | None = None) -> LinearModel:
    """Ridge solution for one penalty, of rank at most `rank` (None: all)."""
    axes = np.eye(len(parts.d))
    if rank is not None and rank < len(parts.d):
        fitted = (parts.d**2 / (parts.d**2 + ridge))[:, None] * parts.uty
        _, vectors = np.linalg.eigh(fitted @ fitted.T)
        axes = vectors[:, ::-1][:, :rank]
    # U'(fitted values) projected on the axes, and back to landmarks: W = V D^-1 A A' D^2/(D^2+ridge) U'Y
    components = axes.T @ ((parts.d**2 / (parts.d**2 + ridge))[:, None] * parts.uty)
    loadings = (parts.vt.T @ (axes / parts.d[:, None])) / parts.x_sd[:, None]
    loadings, components = _balance(loadings, components)
    return LinearModel(parts.y_mean - (parts.x_mean @ loadings) @ components, loadings, components)


def _balance(loadings: Floats, components: Floats) -> tuple[Floats, Floats]:
    """Fix what a product leaves open: sign (largest loading positive) and scale (equal largest sizes)."""
    peak = np.abs(loadings).argmax(axis=0)
    sign = np.where(loadings[peak, np.arange(loadings.shape[1])] < 0, -1.0, 1.0)
    size = np.sqrt(np.abs(loadings).max(axis=0) / np.maximum(np.abs(components).max(axis=1), 1e-300))
    factor = np.where(size > 0, sign / np.where(size > 0, size, 1.0), 1.0)
    return loadings * factor, components / factor[:, None]


def infer_genes(landmarks: npt.NDArray[np.floating], model: LinearModel) -> Floats:
    """Apply a model: landmarks (landmarks, samples) -> genes (genes, samples), float64, not clipped."""
    x = np.asarray(landmarks, dtype=np.float64)
    return np.asarray(model.intercept[:, None] + model.components.T @ (model.loadings.T @ x))


def column_correlation(a: Floats, b: Floats) -> Floats:
    """Pearson correlation of equal columns of two (samples, genes) arrays; 0 where a column does not vary."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    size = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return np.asarray(np.where(size > 1e-12, (a * b).sum(axis=0) / np.where(size > 1e-12, size, 1.0), 0.0))


def left_out_correlation(
    x: Floats,
    y: Floats,
    study: npt.NDArray[np.integer],
    fold: npt.NDArray[np.integer],
    *,
    ridges: tuple[float, ...],
    study_weight: float,
    rank: int | None = None,
) -> Floats:
    """Correlation of inferred and measured values within each left-out fold, per gene.

    With ``fold = study`` every study is left out in turn and judged within itself, so that differences between
    studies neither help nor hurt.  Returns (ridges, folds, genes); the folds in the order of ``np.unique(fold)``.
    """
    folds = np.unique(fold)
    found = np.empty((len(ridges), len(folds), y.shape[1]))
    for position, left_out in enumerate(folds):
        test = fold == left_out
        parts = decompose(x[~test], y[~test], study[~test], study_weight)
        for number, ridge in enumerate(ridges):
            inferred = infer_genes(x[test].T, solve_ridge(parts, ridge, rank)).T
            found[number, position] = column_correlation(inferred, y[test])
    return found
