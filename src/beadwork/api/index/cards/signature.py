"""Show a signature: its profile, what resembles it, and where it comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.api.index.cards.card import Card
from beadwork.api.index.cards.likeness import nearest

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex


def show_signature(index: ConnectivityIndex, sig_id: str) -> Card:
    """Show a signature: annotation, profile, what is like it and unlike it, and where it comes from.

    Raises
    ------
    GeneSetError
        The index has no such signature.
    """
    place = index.position(sig_id)
    z = index.store.read_signatures([place])
    facts = {key: value for key, value in index.annotation.take(np.array([place])).to_pylist()[0].items()
             if value is not None and value == value}  # fmt: skip
    facts.pop("source", None)
    facts |= _origin(index, place)
    scores, note = list_scores(index, place, z[0])
    genes, by = index.genes.assign(z=z[0]), "z"
    if note:
        facts["profile_ranked_by"], by = note, "list_score"
        genes = genes.assign(list_score=scores)
    profile = genes.sort_values(by, ascending=False, kind="stable").reset_index(drop=True)
    return Card("signature", sig_id, facts, {"profile": profile, "nearest": nearest(index, z, np.array([place]))})


def list_scores(index: ConnectivityIndex, place: int, z: np.ndarray) -> tuple[np.ndarray, str]:
    """Scores by which the genes of a signature are listed, and a sentence on it; z and no sentence if all are measured.

    Genes whose z was made with ``zscore --scale measured`` have that scale already, and keep it.
    """
    from beadwork.io.platform.inference_model import inference_accuracies
    from beadwork.stages.connectivity.explain import gene_list_scores

    accuracies = inference_accuracies()
    if not any(gene in accuracies for gene in index.store.gene_ids):
        return z, ""
    steps = [step for step in provenance_steps(index, place)[1] if step.get("command") == "zscore"]
    if any((step.get("parameters") or {}).get("scale") == "measured" for step in steps):
        return z, "z, which has the scale of measured genes (zscore --scale measured)"
    return gene_list_scores(
        z, index.store.gene_ids, accuracies
    ), "inferred genes by z times the accuracy of their inference"


def provenance_steps(index: ConnectivityIndex, place: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """File that a signature came from, and the steps that made it."""
    source = index.annotation.numbers("source")[place] if "source" in index.annotation else np.nan
    for segment in index.store.segments:
        if segment.start <= place < segment.start + segment.n_signatures:
            rows = index.store.segment_provenance(segment)
            for row in rows:
                if row.get("source") == source or len(rows) == 1:
                    record = json.loads(row.get("provenance") or "{}")
                    return row, [*record.get("history", ()), *([record] if "command" in record else [])]
    return {}, []


def _origin(index: ConnectivityIndex, place: int) -> dict[str, Any]:
    """File that a signature came from, and the steps before it, in words."""
    row, steps = provenance_steps(index, place)
    made = " > ".join(f"{step.get('command')} ({step.get('version')})" for step in steps)
    return {"file": row.get("name"), "digest": row.get("digest"), "made_by": made or "not by beadwork"} if row else {}
