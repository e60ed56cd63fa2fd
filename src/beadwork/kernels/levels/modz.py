"""Moderated z-scores (MODZ): replicates averaged with weights that follow how well they agree.

Definition (Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049, and CMap's own code)::

    z'   = clip(z, -z_clip, z_clip)
    r_ij = Spearman correlation of replicates i and j over the landmarks, negative values and r_ii set to 0
    w_i  = max(1/2 sum_j r_ij, min_weight), divided by their sum
    MODZ = sum_i w_i z'_i, over all genes

One replicate is itself (clipped).  With reliabilities r_gi of the values
(:func:`beadwork.kernels.levels.robust_z.reliabilities`) each gene has weights of its own::

    MODZ_g = sum_i w_i r_gi z'_gi / sum_i w_i r_gi

which is the plain one, to the last bit, for a gene whose replicates are equally reliable.

Plain NumPy is fast enough here: the ranks of all instances are taken at once, and a signature then costs two small
products.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beadwork.kernels.numeric.percentiles import hazen_percentile
from beadwork.kernels.numeric.ranks import mean_ranks

Floats = npt.NDArray[np.float64]


def standard_ranks(values: npt.NDArray[np.floating]) -> Floats:
    """Ranks of each row (ties averaged), centred and scaled to length 1, so that products are Spearman correlations.

    values : (samples, genes).  A row without variation becomes zeros: its correlation with anything is 0.
    """
    ranks = np.ascontiguousarray(mean_ranks(np.asarray(values.T, dtype=np.float64)).T) - (values.shape[1] + 1) / 2
    size = np.sqrt((ranks * ranks).sum(axis=1, keepdims=True))
    return np.asarray(np.divide(ranks, size, out=np.zeros_like(ranks), where=size > 0))


def replicate_correlations(ranks: Floats) -> Floats:
    """Correlations of replicates (replicates, genes of :func:`standard_ranks`), negative ones and the diagonal 0."""
    correlation = np.clip(ranks @ ranks.T, 0.0, 1.0)
    np.fill_diagonal(correlation, 0.0)
    return np.asarray(correlation)


def replicate_weights(correlation: Floats, min_weight: float) -> Floats:
    """Weights (replicates,) that sum to 1, from the output of :func:`replicate_correlations`.

    Examples
    --------
    >>> replicate_weights(np.array([[0.0, 0.8, 0.1], [0.8, 0.0, 0.1], [0.1, 0.1, 0.0]]), 0.01).round(3).tolist()
    [0.45, 0.45, 0.1]
    """
    raw = np.maximum(0.5 * correlation.sum(axis=1), min_weight)
    return np.asarray(raw / raw.sum())


def moderate_zscores(z: npt.NDArray[np.floating], weights: Floats, z_clip: float) -> Floats:
    """Weighted average over replicates: z (replicates, genes) -> (genes,), summed in float64 in the order given.

    Examples
    --------
    >>> moderate_zscores(np.array([[2.0, -12.0], [4.0, 0.0]]), np.array([0.25, 0.75]), 10.0).tolist()
    [3.5, -2.5]
    """
    total = np.zeros(z.shape[1])
    for row, weight in zip(z, weights, strict=True):
        total += weight * np.clip(row.astype(np.float64), -z_clip, z_clip)
    return total


def moderate_by_gene(
    z: npt.NDArray[np.floating], weights: Floats, reliability: npt.NDArray[np.floating], z_clip: float
) -> Floats:
    """Weighted average over replicates, each gene with weights of its own: z (replicates, genes) -> (genes,).

    Parameters
    ----------
    weights
        Of the replicates, shape (replicates,).
    reliability
        Of the values, 0 or more, shape of `z`; only their ratios within a gene count.  NaN counts as 0, and a gene
        without any reliable value is averaged by `weights` alone.
    """
    factor = np.nan_to_num(reliability.astype(np.float64))
    largest = factor.max(axis=0)
    # relative to the largest, so that equal reliabilities are exactly 1 and change no bit
    factor = np.divide(factor, largest, out=np.ones_like(factor), where=largest > 0)
    total, weight, plain = np.zeros(z.shape[1]), np.zeros(z.shape[1]), 0.0
    for row, share, own in zip(z, weights, factor, strict=True):
        total += (share * own) * np.clip(row.astype(np.float64), -z_clip, z_clip)
        weight += share * own
        plain += share
    return np.asarray(total / (weight / plain))


def percentile_or_nan(values: npt.ArrayLike, percent: float) -> float:
    """Hazen percentile (MATLAB's default); NaN if there is no value."""
    data = np.asarray(values, dtype=np.float64)
    return float(hazen_percentile(data, percent)) if data.size else float("nan")


def correlation_q75(correlation: Floats) -> float:
    """75th percentile of the pairwise correlations (clipped at 0), the ``distil_cc_q75``; NaN for one replicate.

    Examples
    --------
    >>> round(correlation_q75(np.array([[0.0, 0.8, 0.1], [0.8, 0.0, 0.1], [0.1, 0.1, 0.0]])), 3)
    0.625
    """
    return percentile_or_nan(correlation[np.triu_indices(len(correlation), 1)], 75)


def strong_genes(modz: npt.NDArray[np.floating], n_replicates: int, threshold: float) -> int:
    """Count the landmarks with |modz * sqrt(n)| >= threshold, the ``ss_ngene``."""
    return int((np.abs(modz * np.sqrt(n_replicates)) >= threshold).sum())


def signature_strength(modz: npt.NDArray[np.floating], n_ends: int = 100) -> float:
    """Mean of the top minus mean of the bottom `n_ends` landmarks, the ``distil_ss``; NaN if there are too few."""
    if len(modz) < 2 * n_ends:
        return float("nan")
    ordered = np.sort(modz)
    return float(ordered[-n_ends:].mean() - ordered[:n_ends].mean())


def activity_score(ss_ngene: int, cc_q75: float, n_landmarks: int) -> float:
    """Transcriptional activity score, ``tas``: geometric mean of strength and agreement; NaN if cc_q75 is NaN.

    Examples
    --------
    >>> round(activity_score(300, 0.4, 978), 3)
    0.35
    """
    if np.isnan(cc_q75):
        return float("nan")
    return float(np.sqrt(max(ss_ngene, 0.001) * max(min(max(cc_q75, 0.0), 1.0), 0.001)) / np.sqrt(n_landmarks))


def sibling_ranks(ranks: Floats, group: npt.NDArray[np.integer], *, block: int = 1024) -> list[Floats]:
    """Rank the correlation of every instance with each of its siblings among its correlations with all instances.

    ranks : (instances, genes) from :func:`standard_ranks`; group : code 0.. of each instance's signature.
    Returns, per group, the percentages 100 * (instances that correlate better) / (other instances) over all ordered
    pairs of siblings (equal correlations count half); 0 is best, 50 is chance.  Memory: block * instances * 8 bytes.
    """
    n = len(ranks)
    found: list[list[float]] = [[] for _ in range(int(group.max()) + 1)] if n else []
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(found) + 1))
    for start in range(0, n, block):
        correlation = np.round(ranks[start : start + block] @ ranks.T, 12)
        for offset, row in enumerate(correlation):
            own = start + offset
            members = order[starts[group[own]] : starts[group[own] + 1]]
            siblings = members[members != own]
            if not len(siblings):
                continue
            row[own] = -np.inf
            ordered = np.sort(row)
            above = n - np.searchsorted(ordered, row[siblings], side="right")
            equal = n - np.searchsorted(ordered, row[siblings], side="left") - above - 1
            found[group[own]] += (100.0 * (above + 0.5 * equal) / (n - 1)).tolist()
    return [np.array(values) for values in found]
