"""Uncertainty of inferred genes: how far inference is off, per gene and plate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POWER = 0.75
"""How the error grows with the spread of a plate's landmarks."""
CALIBRATION = 0.92
"""Errors have heavier tails than a normal distribution: with this factor 92 to 93 % of them are within 1.96 standard
deviations and 73 % within one, in studies left out (``benchmarks/validation/inference.py``)."""


def plate_factor(spread: float, training: float) -> float:
    """Error of a plate or study, relative to that of training; 1 where a spread is not known."""
    known = np.isfinite(spread) and np.isfinite(training) and spread > 0 and training > 0
    return float((spread / training) ** POWER) if known else 1.0


def median_spread(landmarks: NDArray[np.floating]) -> float:
    """Median standard deviation of landmarks (genes, samples) over the samples; NaN for fewer than three."""
    return float(np.median(landmarks.astype(np.float64).std(axis=1))) if landmarks.shape[1] > 2 else float("nan")


def add_landmark_noise(sd: Floats, weights: Floats, noise: Floats) -> Floats:
    """Add to standard deviations of genes by samples what the landmarks' own uncertainty does through the weights.

    sd : (genes, samples); weights : (landmarks, genes); noise : (landmarks, samples), in units of the values; NaN is
    taken as none.
    """
    return np.asarray(np.sqrt(sd**2 + (weights**2).T @ np.nan_to_num(noise) ** 2))
