"""True expression: cell lines, and what treatments change, LISS-scaled log2."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beadwork.model.params import SimulateParams
from beadwork.simulate.generators import generator

# Expression of landmarks, LISS-scaled log2: QNORM of TEST_A375, median 8.4, sd 2.25; limits of a real plate
_LEVEL_MEAN, _LEVEL_SD, _CELL_SD = 8.4, 2.15, 1.15
LEVEL_MIN, LEVEL_MAX = 2.0, 14.6


def programme(seed: int, kind: str, name: str, n_genes: int) -> np.ndarray:
    """Effect on every gene, mean square 1: a few genes move much, most move little."""
    rng = generator(seed, kind, name)
    effect = rng.normal(size=n_genes) * np.exp(0.8 * rng.normal(size=n_genes))
    return np.asarray(effect / np.sqrt(np.mean(effect**2)))


def cell_expression(seed: int, cell_id: str, n_genes: int) -> np.ndarray:
    """Expression of a cell line under vehicle, LISS-scaled log2."""
    gene = generator(seed, "genes").normal(_LEVEL_MEAN, _LEVEL_SD, n_genes)
    cell = generator(seed, "cell", cell_id).normal(0, _CELL_SD, n_genes)
    return np.clip(gene + cell, LEVEL_MIN + 0.5, LEVEL_MAX - 0.5)


def treatment_effect(
    params: SimulateParams, row: pd.Series, cell_id: str, base: np.ndarray, mechanisms: pd.DataFrame
) -> np.ndarray:
    """Change of every gene's LISS-scaled log2 expression; none where the level has nowhere to go."""
    if not row["full"]:
        return np.zeros(len(base))
    moa, n_genes = row["moa"], len(base)
    shared, own = np.sqrt(params.cell_share), np.sqrt(1 - params.cell_share)
    mechanism = shared * mechanisms[moa].to_numpy() + own * programme(params.seed, f"{moa} in", cell_id, n_genes)
    particular = programme(params.seed, "off-target", row["pert_id"], n_genes)
    stress = programme(params.seed, "stress", "any", n_genes)
    sensitivity = np.clip(generator(params.seed, "sensitivity", moa, cell_id).normal(1, 0.2), 0.4, 1.5)
    response = 1 / (1 + (row["ec50"] / row["pert_dose"]) ** 1.2)
    common = params.mechanism_share
    pattern = np.sqrt(common) * mechanism + np.sqrt(1 - common) * particular + row["stress"] * stress
    effect = row["full"] * sensitivity * response * pattern
    headroom = np.clip(np.where(effect > 0, LEVEL_MAX - base, base - LEVEL_MIN), 0, None)
    return np.asarray(headroom * np.tanh(effect / np.maximum(headroom, 1e-9)))
