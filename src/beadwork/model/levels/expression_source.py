"""Expression profiles of any number of samples, read some at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.model.matrix import Matrix


@dataclass(frozen=True, eq=False)
class ExpressionSource:
    """Profiles of a file or matrix.

    Parameters
    ----------
    what
        How messages name it, usually the file.
    genes
        Entrez id of each gene, each once.
    cols
        Annotation of the samples; the index holds their ids, which need not be unique among studies.
    read
        ``read(start, stop)`` returns values of shape (samples, genes); NaN is missing.
    name
        Name of the study, where the samples do not say theirs.
    """

    what: str
    genes: pd.Index
    cols: pd.DataFrame
    read: Callable[[int, int], np.ndarray]
    name: str = "all"

    @classmethod
    def of_matrix(cls, matrix: Matrix, what: str = "expression matrix") -> ExpressionSource:
        """Profiles of a matrix whose row ids are Entrez ids."""
        return cls(what, matrix.rids, matrix.cols, lambda start, stop: matrix.values[:, start:stop].T)
