"""Show a gene: what moves it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from beadwork.api.index.cards.card import TOP, Card
from beadwork.api.index.cards.likeness import rank_perturbagens
from beadwork.api.index.cards.rows import SHOWN, signature_rows, treated_mask
from beadwork.kernels.numeric.groups import first_and_last, group_rows, median
from beadwork.model.errors import GeneSetError
from beadwork.model.pert_types import perturbation_kind

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import ConnectivityIndex


def show_gene(index: ConnectivityIndex, name: str) -> Card:
    """Show a gene: the signatures and perturbagens that move it most, by type, cell and dose; its own loss and gain.

    Raises
    ------
    GeneSetError
        The index has no such gene.
    """
    import pandas as pd

    found = index.finder.find([name])[0]
    if found.row < 0:
        raise GeneSetError(f"gene {name!r}: {found.answer}{f' ({found.reason})' if found.reason else ''}")
    z = gene_row(index, found.row)
    gene, symbol = index.store.gene_ids[found.row], index.finder.name_of(found.row)
    ends = first_and_last(z, TOP)
    strongest = signature_rows(index, ends).assign(z=z[ends])
    treated = treated_mask(index)
    tables = {
        "signatures": strongest,
        "perturbagens": rank_perturbagens(index, z, treated),
        "types": _by(index, z, "pert_type", np.ones(len(z), bool)),
        "cells": _by(index, z, "cell_id", treated),
        "doses": _by(index, z, "pert_idose", treated),
        "own": _own(index, z, symbol),
    }
    known = _measured(gene)
    facts = {"symbol": symbol, "gene_id": gene, "values": known, "signatures": len(z), "sd": float(z.std())}
    return Card("gene", symbol, facts, {key: table for key, table in tables.items() if isinstance(table, pd.DataFrame)})


def gene_row(index: ConnectivityIndex, row: int) -> np.ndarray:
    """Scores of one gene in all signatures: one row of each block, whatever the size of the index."""
    values = np.empty(len(index), np.float32)
    rows = np.array([row])
    for block in index.store.blocks:
        values[block.start : block.stop] = block.take_genes(rows)[1][0]
    return values


def _by(index: ConnectivityIndex, z: np.ndarray, name: str, mask: np.ndarray) -> pd.DataFrame | None:
    """How much a gene moves in each group of signatures: median, median of sizes, share beyond 2."""
    import pandas as pd

    codes, texts = index.annotation.texts(name)
    rows = np.flatnonzero(mask & (codes >= 0))
    if not len(rows):
        return None
    order, starts = group_rows(codes[rows], len(texts))
    ordered = z[rows][order]
    found = []
    for code, (first, last) in enumerate(pairwise(starts.tolist())):
        if last > first:
            part = ordered[first:last]
            size = np.abs(part)
            strong = float(np.count_nonzero(size >= 2)) / len(part)
            found.append((texts[code], len(part), median(part), median(size), strong))
    table = pd.DataFrame(found, columns=[name, "n_signatures", "median_z", "median_abs_z", "share_2"])
    return table.sort_values("median_abs_z", ascending=False, kind="stable").reset_index(drop=True)


def _own(index: ConnectivityIndex, z: np.ndarray, symbol: str) -> pd.DataFrame:
    """Signatures in which the gene itself is lost or gained."""
    names, texts = index.annotation.texts("pert_iname")
    kinds, types = index.annotation.texts("pert_type")
    genetic = [perturbation_kind(one) in ("loss of function", "over-expression", "mutant") for one in types]
    same = np.array([*(text.upper() == symbol.upper() for text in texts), False], bool)[names]
    places = np.flatnonzero(same & np.array([*genetic, False], bool)[kinds])
    return signature_rows(index, places, SHOWN).assign(z=z[places])


def _measured(gene: str) -> str:
    from beadwork.io.platform.gene_table import gene_table

    table = gene_table()
    if gene not in table.index:
        return "not known"
    if table["pr_is_lm"][gene] == 1:
        return "measured (landmark)"
    return "inferred well" if table["pr_is_bing"][gene] == 1 else "inferred"
