"""Lists to look things up in: perturbagens, genes, cells, classes of an index, each a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.api.index.opened import ConnectivityIndex
from beadwork.model.connectivity.annotation import CELL_FIELDS, SEVERAL, STRUCTURE_FIELDS
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers
from beadwork.stages.connectivity.perturbagens import RollUpPlan


def card_lists(index: ConnectivityIndex, plan: RollUpPlan) -> dict[str, SignatureTable]:
    """Tables ``perts``, ``genes``, ``cells`` and ``classes``."""
    return {
        "perts": _perts(index, plan),
        "genes": _genes(index),
        "cells": _cells(index, plan),
        "classes": _classes(plan),
    }


def _table(columns: dict[str, Any]) -> SignatureTable:
    import pyarrow as pa

    made = {}
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            made[name] = arrow_numbers(column)
        elif isinstance(column, list):
            made[name] = pa.array(column, pa.string())
        else:
            made[name] = column
    return SignatureTable(pa.table(made))


def _perts(index: ConnectivityIndex, plan: RollUpPlan) -> SignatureTable:
    """Perturbagens with what is known of them; strength is the median TAS of their signatures."""
    columns: dict[str, Any] = {name: plan.perts[name] for name in plan.perts}
    there = np.flatnonzero(plan.cell_of >= 0)
    pert_of = plan.pert_of[plan.cell_of[there]] if len(there) else np.empty(0, np.int64)
    if "tas" in index.annotation:
        columns["median_tas"] = _median(index.annotation.numbers("tas")[there], pert_of, len(columns["n_signatures"]))
    for name in STRUCTURE_FIELDS:
        if name in index.annotation:
            codes, texts = index.annotation.texts(name)
            values: list[dict[str, None]] = [{} for _ in range(len(columns["n_signatures"]))]
            known = codes[there] >= 0
            pairs = np.unique(np.stack([pert_of[known], codes[there][known]], axis=1), axis=0)
            for pert, code in pairs.tolist():
                values[pert][texts[code]] = None
            columns[name] = [SEVERAL.join(item) or None for item in values]
    return _table(columns)


def _median(values: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    result = np.full(count, np.nan, np.float32)
    known = np.isfinite(values)
    values, groups = values[known], groups[known]
    order = np.lexsort([values, groups])
    starts = np.searchsorted(groups[order], np.arange(count + 1))
    size = np.diff(starts)
    some = size > 0
    low, high = starts[:-1] + (size - 1) // 2, starts[:-1] + size // 2
    ordered = values[order]
    result[some] = (ordered[low[some]] + ordered[high[some]]) / 2
    return result


def _genes(index: ConnectivityIndex) -> SignatureTable:
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.io.platform.inference_model import inference_accuracies

    known, accuracies = gene_table(), inference_accuracies()
    landmarks = set(known.index[known["pr_is_lm"] == 1])
    bing = set(known.index[known["pr_is_bing"] == 1])
    ids = list(index.store.gene_ids)
    return _table(
        {
            "symbol": [index.finder.name_of(row) for row in range(len(ids))],
            "gene_id": ids,
            "values": [
                "measured" if gene in landmarks else "inferred well" if gene in bing
                else "inferred" if gene in accuracies or gene in known.index else "not known"
                for gene in ids
            ],
            "inference_r": np.array([np.nan if gene in landmarks else accuracies.get(gene, np.nan) for gene in ids]),
        }
    )  # fmt: skip


def _cells(index: ConnectivityIndex, plan: RollUpPlan) -> SignatureTable:
    annotation = index.annotation
    codes, texts = annotation.texts("cell_id")
    columns: dict[str, Any] = {"cell_id": texts}
    columns["n_signatures"] = np.bincount(codes[codes >= 0], minlength=len(texts))
    place_of = {text: place for place, text in enumerate(texts)}
    of_plan = [place_of[cell] for cell in plan.cells["cell_id"].to_pylist() if cell is not None]
    columns["n_perturbagens"] = np.bincount(np.array(of_plan, np.int64), minlength=len(texts))
    if "tas" in annotation:
        columns["median_tas"] = _median(
            annotation.numbers("tas")[codes >= 0], codes[codes >= 0].astype(np.int64), len(texts)
        )
    for name in CELL_FIELDS:
        if name in annotation:
            own, values = annotation.texts(name)
            first: list[str | None] = [None] * len(texts)
            for cell, code in np.unique(np.stack([codes, own], axis=1), axis=0)[::-1].tolist():
                if cell >= 0 and code >= 0:
                    first[cell] = values[code]
            columns[name] = first
    return _table(columns)


def _classes(plan: RollUpPlan) -> SignatureTable:
    return _table({name: plan.classes[name] for name in plan.classes})
