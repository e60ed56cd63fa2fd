"""Show a signature: its profile, what resembles it, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.api.index.cards.card import Card
from beadwork.api.index.cards.gene_lists import list_scores, provenance_steps
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
    scores, note = list_scores(index, [place], z)
    genes, by = index.genes.assign(z=z[0]), "z"
    if note:
        facts["profile_ranked_by"], by = note, "list_score"
        genes = genes.assign(list_score=scores[0])
    profile = genes.sort_values(by, ascending=False, kind="stable").reset_index(drop=True)
    return Card("signature", sig_id, facts, {"profile": profile, "nearest": nearest(index, z, np.array([place]))})


def _origin(index: ConnectivityIndex, place: int) -> dict[str, Any]:
    """File that a signature came from, and the steps before it, in words."""
    row, steps = provenance_steps(index, place)
    made = " > ".join(f"{step.get('command')} ({step.get('version')})" for step in steps)
    return {"file": row.get("name"), "digest": row.get("digest"), "made_by": made or "not by beadwork"} if row else {}
