"""Show a perturbagen: its signatures, dose response, constant genes, and what resembles it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beadwork.api.index.cards.card import TOP, Card
from beadwork.api.index.cards.gene_lists import constant_scores, list_scores
from beadwork.api.index.cards.likeness import nearest, unit_rows
from beadwork.api.index.cards.mechanism import cohesion
from beadwork.api.index.cards.rows import SHOWN, by_amount, find_perturbagen, shared_fields, signature_rows
from beadwork.model.connectivity.annotation import COMPOUND_FIELDS

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import ConnectivityIndex


def show_perturbagen(index: ConnectivityIndex, name: str) -> Card:
    """Show a perturbagen: annotation, signatures, doses, constant genes, agreement of cells, nearest, its class.

    Raises
    ------
    GeneSetError
        The index has no such perturbagen.
    """
    import pandas as pd

    places = find_perturbagen(index, name)
    table = signature_rows(index, places, [*SHOWN, "distil_cc_q75"])
    z = index.store.read_signatures(places)
    facts = shared_fields(index, places, ("pert_iname", "pert_id", "pert_type", *COMPOUND_FIELDS))
    facts |= {"signatures": len(places), "cells": int(table["cell_id"].nunique())}
    label = str(facts.get("pert_iname") or name)
    genes, note = _constant_genes(index, places, z)
    if note:
        facts["genes_ranked_by"] = note
    tables = {
        "signatures": table.sort_values(["cell_id", "pert_itime", "pert_idose"], key=by_amount, kind="stable"),
        "doses": _grid(table),
        "genes": genes,
        "agreement": _agreement(table["cell_id"].astype(str).to_numpy(), z),
        "nearest": nearest(index, z, without=places),
    }
    if (classes := facts.get("moa")) and "moa" in index.annotation:
        rows = [{"class": one, **cohesion(index, one)} for one in str(classes).split("|")]
        tables["classes"] = pd.DataFrame(rows)
    return Card("perturbagen", label, facts, tables)


def _grid(table: pd.DataFrame) -> pd.DataFrame:
    """Strength by cell, time and dose: the dose response."""
    grouped = table.groupby(["cell_id", "pert_itime", "pert_idose"], dropna=False, sort=False)
    grid = grouped.agg(n_signatures=("sig_id", "size"), median_tas=("tas", "median")).reset_index()
    return grid.sort_values(["cell_id", "pert_itime", "pert_idose"], key=by_amount, kind="stable")


def _constant_genes(index: ConnectivityIndex, places: np.ndarray, z: np.ndarray) -> tuple[pd.DataFrame, str]:
    """Genes that move alike in the signatures of a perturbagen: mean, sd, share of one sign; and their ranking."""
    values, note = list_scores(index, places.tolist(), z)
    mean, sd = z.mean(axis=0), z.std(axis=0)
    same = np.where(mean >= 0, (z > 0).mean(axis=0), (z < 0).mean(axis=0))
    table = index.genes.assign(mean_z=mean, sd_z=sd, share_same_sign=same)
    score = constant_scores(values)
    if note:
        table = table.assign(list_score=score)
    order = np.argsort(-score, kind="stable")
    ends = order if len(order) <= 2 * TOP else np.concatenate([order[:TOP], order[-TOP:]])
    found: pd.DataFrame = table.iloc[ends].reset_index(drop=True)
    return found, note


def _agreement(cells: np.ndarray, z: np.ndarray) -> pd.DataFrame:
    """Cosine of the mean profile of each cell with that of all others."""
    import pandas as pd

    rows = []
    for cell in sorted(set(cells)):
        own, rest = z[cells == cell], z[cells != cell]
        value = (
            float((unit_rows(own.mean(axis=0)[None]) @ unit_rows(rest.mean(axis=0)[None]).T)[0, 0])
            if len(rest)
            else np.nan
        )
        rows.append({"cell_id": cell, "n_signatures": len(own), "cosine_with_others": value})
    table = pd.DataFrame(rows, columns=["cell_id", "n_signatures", "cosine_with_others"])
    return table.sort_values("cosine_with_others", ascending=False, kind="stable")
