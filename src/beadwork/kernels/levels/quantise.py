"""Numbers as int8 with one scale a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LARGEST = 127


def quantise_rows(values: Floats, noise_share: float) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round rows to multiples of a step; values are then integers times scale.

    One step serves all rows, so that small rows get fewer levels and compress well; it is as large as lets rounding add
    `noise_share` of the sum of squares (a uniform error has a variance of step^2 / 12).  A row whose largest value
    needs more than 127 steps gets a larger step of its own.

    Returns
    -------
    tuple
        Integers, shape of `values`, and the step of each row.
    """
    step = np.sqrt(12 * noise_share * np.mean(values**2)) if values.size else 0.0
    peak = np.abs(values).max(axis=1, initial=0.0) / LARGEST
    scale = np.maximum(np.maximum(step, peak), np.finfo(np.float32).tiny).astype(np.float32)
    whole = np.rint(values / scale.astype(np.float64)[:, None])
    return np.clip(whole, -LARGEST, LARGEST).astype(np.int8), scale
