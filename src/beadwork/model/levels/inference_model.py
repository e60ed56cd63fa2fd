"""The inference model: which genes follow from the landmarks, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class InferenceModel:
    """A linear model y = intercept + components' (loadings' x), x the landmarks' log2 values.

    Parameters
    ----------
    landmarks
        Entrez ids of the landmarks, in the order of the loadings' rows.
    genes
        Entrez ids of the inferred genes, in the order of the components' columns.
    intercept
        Shape (genes,).
    loadings
        Shape (landmarks, rank); None for a full model, whose components are the weights (landmarks, genes).
    components
        Shape (rank, genes).
    accuracy
        Per gene, the correlation of inferred and measured values within left-out studies, mean over studies; NaN
        where it is not known.
    metadata
        Where the model comes from: name, source, licence, training data, parameters, accuracy in brief.
    """

    landmarks: pd.Index
    genes: pd.Index
    intercept: np.ndarray
    loadings: np.ndarray | None
    components: np.ndarray
    accuracy: np.ndarray
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inner = len(self.landmarks) if self.loadings is None else self.loadings.shape[1]
        assert self.components.shape == (inner, len(self.genes)), "components must be (rank, genes)"
        assert self.loadings is None or len(self.loadings) == len(self.landmarks), "one loading a landmark"
        assert len(self.intercept) == len(self.accuracy) == len(self.genes), "one intercept and accuracy a gene"

    @property
    def rank(self) -> int | None:
        """Rank of a low-rank model, None for a full one."""
        return None if self.loadings is None else self.loadings.shape[1]

    def restrict(self, genes: pd.Index) -> InferenceModel:
        """Return the model of some of its genes, in the order given (all must be known to it)."""
        at = self.genes.get_indexer(genes)
        assert (at >= 0).all(), "genes must be known to the model"
        return InferenceModel(
            self.landmarks, genes, self.intercept[at], self.loadings, self.components[:, at], self.accuracy[at],
            self.metadata,
        )  # fmt: skip
