"""Pearson, Spearman and cosine similarity of a profile with many signatures, over the genes both have.

    cosine = sum q z / sqrt(sum q^2 sum z^2);  Pearson is the cosine of centred values;  Spearman is Pearson of ranks

Used for signatures by, among others, signatureSearch (Duan et al. 2020, doi 10.1093/nar/gkaa878).
"""

from __future__ import annotations

import numpy as np

from beadwork.kernels.numeric.ranks import mean_ranks


def cosine(profile: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Cosine of profiles, shape (genes, queries), with signatures, shape (genes, signatures).

    Returns
    -------
    float64, shape (queries, signatures); NaN where a length is 0.
    """
    profile, z = np.asarray(profile, np.float64), np.asarray(z, np.float64)
    length = np.sqrt((profile**2).sum(axis=0))[:, None] * np.sqrt((z**2).sum(axis=0))
    similarity: np.ndarray = np.divide(profile.T @ z, length, out=np.full(length.shape, np.nan), where=length > 0)
    return similarity


def pearson(profile: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Pearson correlation; shapes as in :func:`cosine`."""
    profile, z = np.asarray(profile, np.float64), np.asarray(z, np.float64)
    return cosine(profile - profile.mean(axis=0), z - z.mean(axis=0))


def spearman(profile: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Spearman correlation of profiles with signatures given by their descending ranks.

    The profile's ties share their mean rank; those of a signature have the index's order (ties are rare there).
    """
    ordered = mean_ranks(profile)
    return pearson(ordered, -mean_ranks(rank))
