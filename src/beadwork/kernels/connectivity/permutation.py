"""Permutation p-value: scores of random gene sets of the same sizes against the same signature.

    p = (1 + number of random scores at least as far from zero) / (1 + number of random queries)

so that p is never 0 and its resolution says how many were drawn.  Phipson & Smyth 2010, doi 10.2202/1544-6115.1585.
"""

from __future__ import annotations

import numpy as np


def random_sets(n_genes: int, n_up: int, n_down: int, n_queries: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of random, disjoint up and down sets, shape (n_queries, n_up + n_down)."""
    return np.stack([rng.permutation(n_genes)[: n_up + n_down] for _ in range(n_queries)])


def count_reached(scores: np.ndarray, random_scores: np.ndarray) -> np.ndarray:
    """Count the random scores, shape (random queries, signatures), that reach as far as scores, shape (signatures,)."""
    reached: np.ndarray = (np.abs(random_scores) >= np.abs(scores)).sum(axis=0)
    return reached


def permutation_p(scores: np.ndarray, reached: np.ndarray, n_random: int) -> np.ndarray:
    """P-values of scores that so many of `n_random` random scores reach; NaN where a score is.

    Examples
    --------
    >>> permutation_p(np.array([0.9, -0.2]), np.array([0, 4]), 9).tolist()
    [0.1, 0.5]
    """
    p: np.ndarray = np.where(np.isnan(scores), np.nan, (1.0 + reached) / (1.0 + n_random))
    return p
