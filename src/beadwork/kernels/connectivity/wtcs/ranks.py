"""Ranks of the genes of signatures as an index keeps them: the definition."""

from __future__ import annotations

import numpy as np

from beadwork.kernels.numeric.ranks import ordinal_ranks

MAX_GENES = 65_535
"""Ranks are stored in 16 bits."""


def rank_descending(z: np.ndarray) -> np.ndarray:
    """Ordinal ranks down each column: 1 is the most positive value, ties go by row order.

    Parameters
    ----------
    z
        Shape (genes, signatures), without missing values.

    Returns
    -------
    uint16, shape (genes, signatures).

    Examples
    --------
    >>> rank_descending(np.array([[0.5], [2.0], [-1.0]])).T.tolist()
    [[2, 1, 3]]
    """
    return ordinal_ranks(-z).astype(np.uint16)


def fill_block(z: np.ndarray, rank_block: np.ndarray, z_block: np.ndarray, column: int) -> None:
    """Rank signatures and put ranks and scores into a gene-major block.

    Parameters
    ----------
    z
        float32, shape (signatures, genes), C order, finite.
    rank_block, z_block
        uint16 and float32, shape (genes, signatures of the block); columns from `column` on are written.
    """
    place = slice(column, column + len(z))
    rank_block[:, place], z_block[:, place] = rank_descending(z.T), z.T
