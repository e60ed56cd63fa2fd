"""What an index holds: its facts in one place, and what it makes of names of genes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.stages.connectivity.groups import null_mask, treatment_mask, type_counts
from beadwork.stages.connectivity.perturbagens import perturbagen_codes

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import ConnectivityIndex
    from beadwork.model.connectivity.signature_table import SignatureTable


def index_facts(index: ConnectivityIndex) -> dict[str, Any]:
    """Facts about an index, for people and programs."""
    store, siginfo = index.store, index.annotation
    background = store.background
    null = null_mask(siginfo)
    size = sum(record["bytes"] for segment in store.segments for record in segment.files.values())
    return {
        "path": str(store.path),
        "format_version": store.manifest["version"],
        "generation": store.manifest["generation"],
        "signatures": len(index),
        "null_signatures": int(null.sum()),
        "null_types": ", ".join(f"{kind or 'no type'}: {count:,}" for kind, count in type_counts(siginfo, null)),
        "genes": store.n_genes,
        "space": store.space,
        "segments": len(store.segments),
        "bytes": size,
        "cells": _distinct(siginfo, "cell_id"),
        "perturbagens": int(perturbagen_codes(siginfo, treatment_mask(siginfo)).max(initial=-1)) + 1,
        "background_queries": 0 if background is None else background["n_queries"],
        "background_learned_on": 0 if background is None else background["n_signatures"],
    }


def found_genes(index: ConnectivityIndex, names: Sequence[object]) -> pd.DataFrame:
    """Report what an index makes of each gene of one list, one row per name."""
    import pandas as pd

    ids, found = index.store.gene_ids, index.finder.find(names)
    return pd.DataFrame(
        {
            "name": [item.name for item in found],
            "answer": [str(item.answer) for item in found],
            "gene_id": [ids[item.row] if item.row >= 0 else None for item in found],
            "symbol": [index.finder.name_of(item.row) if item.row >= 0 else None for item in found],
            "kind": [str(item.kind or "id") for item in found],
            "reason": [item.reason for item in found],
        }
    )


def _distinct(table: SignatureTable, name: str) -> int:
    codes, _ = table.coded(name)
    return len(np.unique(codes[codes >= 0]))
