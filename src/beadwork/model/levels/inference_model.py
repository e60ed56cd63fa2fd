"""The inference model: which genes follow from the landmarks, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
        Shape (rank, genes), of any type of number.
    accuracy
        Per gene, the correlation of inferred and measured values within left-out studies, mean over studies; NaN
        where it is not known.
    metadata
        Where the model comes from: name, source, licence, training data, parameters, accuracy in brief.
    gene_sd
        Per gene, the standard deviation within studies of the training data, log2 as QNORM; None if unknown.
    residual_sd
        Per gene, the standard deviation of what inference misses in left-out studies; None if unknown.
    landmark_sd
        The same of each landmark.
    spread
        Median standard deviation of the landmarks within a study, median over studies; NaN if unknown.
    """

    landmarks: pd.Index
    genes: pd.Index
    intercept: np.ndarray
    loadings: np.ndarray | None
    components: np.ndarray
    accuracy: np.ndarray
    metadata: Mapping[str, Any] = field(default_factory=dict)
    gene_sd: np.ndarray | None = None
    residual_sd: np.ndarray | None = None
    landmark_sd: np.ndarray | None = None
    spread: float = float("nan")

    def __post_init__(self) -> None:
        inner = len(self.landmarks) if self.loadings is None else self.loadings.shape[1]
        assert self.components.shape == (inner, len(self.genes)), "components must be (rank, genes)"
        assert self.loadings is None or len(self.loadings) == len(self.landmarks), "one loading a landmark"
        assert len(self.intercept) == len(self.accuracy) == len(self.genes), "one intercept and accuracy a gene"
        assert all(sd is None or len(sd) == len(self.genes) for sd in (self.gene_sd, self.residual_sd)), "one sd a gene"
        assert self.landmark_sd is None or len(self.landmark_sd) == len(self.landmarks), "one sd a landmark"

    @property
    def rank(self) -> int | None:
        """Rank of a low-rank model, None for a full one."""
        return None if self.loadings is None else self.loadings.shape[1]

    def restrict(self, genes: pd.Index) -> InferenceModel:
        """Return the model of some of its genes, in the order given (all must be known to it)."""
        if genes.equals(self.genes):
            return self
        at = self.genes.get_indexer(genes)
        assert (at >= 0).all(), "genes must be known to the model"
        gene_sd, residual_sd = (None if sd is None else sd[at] for sd in (self.gene_sd, self.residual_sd))
        return replace(
            self, genes=genes, intercept=self.intercept[at], components=self.components[:, at],
            accuracy=self.accuracy[at], gene_sd=gene_sd, residual_sd=residual_sd,
        )  # fmt: skip
