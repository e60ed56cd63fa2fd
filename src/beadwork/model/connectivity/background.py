"""Background of tau: what other queries score on the signatures of an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Background:
    """Background of tau: scores that the index's own signatures get on it.

    Parameters
    ----------
    size
        Number of background queries.
    scores
        NCS, float32, shape (signatures, background queries), for portions of the index in their order.
    """

    size: int
    scores: Sequence[np.ndarray]

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """Scores of some signatures, shape (positions, background queries)."""
        if len(self.scores) == 1:
            found: np.ndarray = self.scores[0][positions]
            return found
        starts = np.cumsum([0, *(len(part) for part in self.scores)])
        which = np.searchsorted(starts, positions, side="right") - 1
        result = np.empty((len(positions), self.size), np.float32)
        for number in np.unique(which):
            chosen = which == number
            result[chosen] = self.scores[number][positions[chosen] - starts[number]]
        return result
