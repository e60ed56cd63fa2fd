"""Which genes of a signature changed most: inferred genes count by how well they are inferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def gene_list_scores(z: np.ndarray, gene_ids: Sequence[str], accuracies: Mapping[str, float]) -> np.ndarray:
    """Scores by which the genes of a signature are listed: z, times the accuracy of inference where a gene is inferred.

    A z-score divides an inferred gene by its own spread, which is smaller than that of measured values by about the
    correlation of the two: weakly inferred genes look as changed as measured ones. Times that correlation, a z-score is
    on the scale of measured values. Evidence: docs/research/inference-model.md.

    Parameters
    ----------
    z
        Shape (genes,) or (genes, signatures).
    accuracies
        Correlation of inferred and measured values by Entrez id, of inferred genes. Other genes are measured: they keep
        z. Below zero or unknown (NaN), nothing is inferred of the gene: 0.
    """
    factor = np.array([accuracies.get(gene, 1.0) for gene in gene_ids], np.float64)
    factor = np.clip(np.nan_to_num(factor, nan=0.0), 0.0, 1.0)
    scores: np.ndarray = (np.asarray(z, np.float64).T * factor).T
    return scores
