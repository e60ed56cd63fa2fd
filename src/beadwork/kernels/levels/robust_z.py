"""Robust z-scores."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from beadwork.kernels.numeric.ranks import MAD_TO_SD

Floats = NDArray[np.float64]
_PORTION = 256
"""Genes at a time: what comes between stays in the cache of a processor."""


def robust_center_scale(values: Floats, min_mad: float) -> tuple[Floats, Floats, Floats]:
    """Median, floored and scaled MAD, and plain MAD of each row.

    Parameters
    ----------
    values
        Genes by samples; NaN is left out, a row of NaN alone gives NaN.
    min_mad
        Floor of the MAD, applied before the factor 1.4826.

    Returns
    -------
    tuple
        Median, max(MAD, min_mad) * 1.4826 and MAD, each of shape (genes,).
    """
    median_of = np.nanmedian if np.isnan(values).any() else np.median
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        center = median_of(values, axis=1)
        mad = median_of(np.abs(values - center[:, None]), axis=1)
    return center, np.maximum(mad, min_mad) * MAD_TO_SD, mad


def reliabilities(sd: Floats, scale: Floats, slope: float | Floats) -> Floats:
    """Reliability of z-scores whose values are measured with unequal uncertainty, 0 to 1, shape of `sd`.

    The population's `scale` holds the gene's typical uncertainty already; what a value is less sure than the gene's
    median adds to its variance, and the reliability is the gene's variance as a share of that of the value::

        1 / (1 + slope^2 max(0, sd^2 - median(sd)^2) / scale^2)

    A score times the square root of its reliability has the variance of the gene's other scores; as a weight of
    replicates, it is that of their variances.

    Parameters
    ----------
    sd
        Uncertainty of each value, log2 FI, genes by samples.  NaN: no bead says anything of it, the reliability is 0;
        if the gene has none at all, its uncertainties are unknown and the reliability is 1.
    scale
        Scale that the z-scores were divided by, shape (genes,).
    slope
        Units of the values per unit of `sd` (log2 FI): one number, or one per gene, shape (genes, 1).
    """
    if not sd.size:
        return np.ones_like(sd)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        typical = np.nanmedian(sd, axis=1, keepdims=True)
    excess = np.maximum(sd**2 - typical**2, 0.0)
    found = np.nan_to_num(1.0 / (1.0 + slope**2 * excess / scale[:, None] ** 2))
    return np.where(np.isnan(typical), 1.0, found)


def robust_zscore(
    values: NDArray[np.floating], population: NDArray[np.floating], min_mad: float, out: np.ndarray | None = None
) -> tuple[np.ndarray, Floats]:
    """Robust z-scores of `values` against a population: z = (x - median) / (max(MAD, min_mad) * 1.4826).

    Parameters
    ----------
    values
        Genes by samples.
    population
        The same genes by the samples that median and MAD are taken over.
    min_mad
        Floor of the MAD.
    out
        Array for the scores, shape of `values`; by default a new one, float64.

    Returns
    -------
    tuple
        z-scores (shape of `values`, NaN where the value is NaN), and the MAD of each gene before the floor.

    References
    ----------
    Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049; cmapM, BSD-3-Clause.

    Examples
    --------
    >>> values = np.array([[7.0, 8.0, 9.0, 12.0]])
    >>> robust_zscore(values, values, 0.1)[0].round(2).tolist()
    [[-1.01, -0.34, 0.34, 2.36]]
    """
    scores, mad = np.empty(values.shape) if out is None else out, np.empty(len(values))
    for start in range(0, len(values), _PORTION):
        genes = slice(start, start + _PORTION)
        others = population[genes].astype(np.float64, order="C", copy=False)
        center, scale, mad[genes] = robust_center_scale(others, min_mad)
        own = others if population is values else values[genes].astype(np.float64, order="C", copy=False)
        portion = own - center[:, None]
        portion /= scale[:, None]
        scores[genes] = portion
    return scores, mad
