"""Climbing to a mode of the posterior of the two positions of an analyte: the definition."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from beadwork.kernels.beads.mixture.densities import (
    Array,
    BeadModel,
    Pair,
    PairPrior,
    log_likelihood,
    log_prior,
    three_peaks,
)

CLIMBS = 25
"""Most steps to a mode."""
TOLERANCE = 0.04
"""A mode is found when a step is smaller (log2): steps shrink fast, and what is reported depends on the integral."""
STEP_EARLY, STEP_LATE = 0.5, 0.25
"""Largest step, in the first three and later (log2)."""
LEAST_KNOWN = 0.3
"""Least information on the split, as a share of that of labelled beads."""


class Mode(NamedTuple):
    """A mode of the posterior of one pair, with its curvature and what the beads say there.

    ``split`` is what :func:`split_score` gives.  All but position and likelihood are of the last step's start.
    """

    m: Array
    curvature: Array
    labelled: Array
    beads: Array
    square: Array
    split: tuple[float, float]
    log_like: float
    log_posterior: float


def climb(y: Array, start: Array, prior: PairPrior, pair: Pair, model: BeadModel) -> Mode:
    """Climb to a mode by Newton steps, or by those of expectation-maximisation where the surface is not convex.

    With responsibilities r of the beads, the score of a labelled bead with respect to its peak's position is
    ``ln2/2 (8/7 u (z w + z^2) - 1)``, u = 1 / (1 + z^2/7), w = 1 / (s ln2/2); the observed information is that of
    labelled beads less the variance of the score over the unknown labels (Louis 1982).
    """
    half, eight = 0.5 * math.log(2.0), 8.0 / 7.0
    m = np.array(start, dtype=float)
    gene = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    curvature, labelled, beads, square, last = np.eye(2), np.ones(2), np.zeros(2), np.zeros(2), m
    for turn in range(CLIMBS):
        peaks = three_peaks(y, m, pair, model)
        r = peaks.density / (peaks.density.sum(axis=0) + model.outliers / model.span)
        beads, square = gene @ r.sum(axis=1), gene @ (eight * (r * peaks.u * peaks.z**2).sum(axis=1))
        score = eight * half * (peaks.u * peaks.z * (peaks.z + peaks.wide[:, None]) - 0.875)
        by_gene = gene @ (r * score)
        labelled = gene @ (eight * (half * peaks.wide) ** 2 * (r * peaks.u).sum(axis=1))
        pull = 4.0 / (3.0 * prior.scale**2 + (m - prior.mean) ** 2)
        slope, labelled = by_gene.sum(axis=1) - pull * (m - prior.mean), labelled + pull
        curvature = np.diag(labelled - gene @ (r * score**2).sum(axis=1)) + by_gene @ by_gene.T
        step = slope / labelled
        det = float(np.linalg.det(curvature))
        diagonal = np.diag(curvature)
        if (diagonal > 0.1 * labelled).all() and det > 0.1 * diagonal.prod():
            newton = np.linalg.solve(curvature, slope)
            if newton @ slope >= 0.0:
                step = newton
        limit = STEP_EARLY if turn < 3 else STEP_LATE
        step = np.clip(step, -limit, limit)
        last, m = m, m + step
        if np.abs(step).max() < TOLERANCE:
            break
    log_like = log_likelihood(y, m, pair, model)
    split = split_score(y, last, pair, model)
    return Mode(m, curvature, labelled, beads, square, split, log_like, log_like + log_prior(m, prior))


def split_score(y: Array, m: Array, pair: Pair, model: BeadModel) -> tuple[float, float]:
    """Slope of the log-likelihood by the split, and the information on it (at least LEAST_KNOWN of labelled beads)."""
    half, eight = 0.5 * math.log(2.0), 8.0 / 7.0
    peaks = three_peaks(y, m, pair, model)
    r = (peaks.density / (peaks.density.sum(axis=0) + model.outliers / model.span))[:2]
    u, z, wide = peaks.u[:2], peaks.z[:2], peaks.wide[:2]
    score = eight * half * (u * z * (z + wide[:, None]) - 0.875)
    signed = r[0] * score[0] - r[1] * score[1]
    labelled = float((eight * (half * wide) ** 2 * (r * u).sum(axis=1)).sum())
    known = labelled - float((r * score**2).sum() - (signed**2).sum())
    return float(signed.sum()), max(known, LEAST_KNOWN * labelled)
