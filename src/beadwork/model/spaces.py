"""Gene spaces: which genes LM, BING and AIG have, by the gene table."""

from __future__ import annotations

import pandas as pd

from beadwork.model.matrix import SPACE_SIZES, Space


def guess_space(rids: pd.Index, genes: pd.DataFrame) -> Space | None:
    """Space whose genes are exactly `rids`, from the gene table (index Entrez id; pr_is_lm, pr_is_bing)."""
    for space, size in SPACE_SIZES.items():
        if len(rids) == size and set(rids) == set(space_genes(genes, space)):
            return space
    return None


def space_genes(genes: pd.DataFrame, space: Space) -> pd.Index:
    """Entrez ids of a space, in the order of the gene table."""
    if space is Space.LM:
        return genes.index[genes["pr_is_lm"] == 1]
    return genes.index[genes["pr_is_bing"] == 1] if space is Space.BING else genes.index
