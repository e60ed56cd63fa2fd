"""Gene spaces: which genes LM, BING and AIG have, by the gene table (index Entrez id; pr_is_lm, pr_is_bing)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from beadwork.model.matrix import SPACE_SIZES, Space

_COLUMNS = {Space.LM: "pr_is_lm", Space.BING: "pr_is_bing"}


def in_space(genes: pd.DataFrame, space: Space) -> np.ndarray:
    """Which genes of the gene table a space has."""
    if space not in _COLUMNS:
        return np.ones(len(genes), bool)
    return np.asarray(genes[_COLUMNS[space]] == 1)


def space_genes(genes: pd.DataFrame, space: Space) -> pd.Index:
    """Entrez ids of a space, in the order of the gene table."""
    return genes.index[in_space(genes, space)]


def guess_space(rids: pd.Index | Sequence[str], genes: pd.DataFrame) -> Space | None:
    """Space whose genes are exactly `rids`, whatever their order; None if there is none."""
    for space, size in SPACE_SIZES.items():
        if len(rids) == size and set(rids) == set(space_genes(genes, space)):
            return space
    return None
