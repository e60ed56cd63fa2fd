"""Max-quantile: one score for many signatures of a perturbagen.

    p67 if |p67| > |p33| else p33,   p33 and p67 being Hazen percentiles of the scores

A single score passes unchanged; missing scores are left out.  Subramanian et al. 2017,
doi 10.1016/j.cell.2017.10.049.
"""

from __future__ import annotations

import numpy as np

LOW, HIGH = 33.0, 67.0


def max_quantile(values: np.ndarray) -> float:
    """Max-quantile of some scores; NaN if there is none."""
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return float("nan")
    low, high = np.percentile(values, [LOW, HIGH], method="hazen")
    return float(high) if abs(high) > abs(low) else float(low)


def group_max_quantile(values: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Max-quantile of each group.

    Parameters
    ----------
    values
        Shape (signatures, queries).
    groups
        Group of each signature, 0 .. n_groups - 1; negative: left out.

    Returns
    -------
    float64, shape (n_groups, queries); NaN for groups without scores.
    """
    values = np.asarray(values, np.float64)
    result = np.full((n_groups, values.shape[1]), np.nan)
    for group in range(n_groups):
        members = values[groups == group]
        for query in range(values.shape[1]):
            result[group, query] = max_quantile(members[:, query])
    return result
