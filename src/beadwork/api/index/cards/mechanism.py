"""Show a class of perturbagens: its members, and how alike they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.api.index.cards.card import Card
from beadwork.api.index.cards.likeness import unit_rows
from beadwork.api.index.cards.rows import group_perturbagens, treated_mask
from beadwork.model.errors import GeneSetError, name_some

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex

DRAWS = 200
"""Random sets of perturbagens that the cohesion of a class is compared with."""


def show_class(index: ConnectivityIndex, name: str) -> Card:
    """Show a mechanism class: members, how alike they are against random sets of that size, and who stands apart.

    Raises
    ------
    GeneSetError
        The index has no mechanisms, or no such class.
    """
    import pandas as pd

    members = class_members(index, name)
    profiles = [index.store.read_signatures(places).mean(axis=0) for _, places in members]
    unit = unit_rows(np.array(profiles))
    alike = unit @ unit.T
    np.fill_diagonal(alike, np.nan)
    rows = [
        {"pert_iname": label, "n_signatures": len(places),
         "mean_cosine": float(np.nanmean(alike[row])) if len(members) > 1 else np.nan}
        for row, (label, places) in enumerate(members)
    ]  # fmt: skip
    table = pd.DataFrame(rows).sort_values("mean_cosine", ascending=False, kind="stable")
    facts = {"class": name, "members": len(members), **cohesion(index, name)}
    return Card("class", name, facts, {"members": table})


def class_members(index: ConnectivityIndex, name: str) -> list[tuple[str, np.ndarray]]:
    """Perturbagens of a class and the positions of their signatures.

    Raises
    ------
    GeneSetError
        The index has no mechanisms, or no such class.
    """
    if "moa" not in index.annotation:
        raise GeneSetError("the index has no mechanisms (field moa); `beadwork index annotate` joins them")
    codes, texts = index.annotation.texts("moa")
    parts = [{part.strip().lower() for part in text.split("|")} for text in texts]
    wanted = np.array([*(name.strip().lower() in part for part in parts), False], bool)
    if not wanted.any():
        import difflib

        known = sorted({part for several in parts for part in several})
        near = difflib.get_close_matches(name.lower(), known, n=3)
        hint = f"near it: {name_some(near, 3)}" if near else f"there are {len(known):,}"
        raise GeneSetError(f"the index has no class {name!r}; {hint}")
    rows = np.flatnonzero(wanted[codes] & treated_mask(index))
    return group_perturbagens(index, rows)


def cohesion(index: ConnectivityIndex, name: str) -> dict[str, Any]:
    """Mean cosine between the members of a class, and how many random sets of as many treatments reach it."""
    members = class_members(index, name)
    if len(members) < 2:
        return {"members": len(members), "cohesion": None, "p_cohesion": None}
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    draw = np.random.default_rng(seed)
    others = group_perturbagens(index, np.flatnonzero(treated_mask(index)))
    chosen = others if len(others) <= 400 else [others[at] for at in draw.choice(len(others), 400, replace=False)]
    mean: Callable[[np.ndarray], np.ndarray] = lambda places: index.store.read_signatures(places).mean(axis=0)  # noqa: E731
    own = _mean_cosine(unit_rows(np.array([mean(places) for _, places in members])))
    pool = unit_rows(np.array([mean(places) for _, places in chosen]))
    size = min(len(members), len(pool))
    random = [_mean_cosine(pool[draw.choice(len(pool), size, replace=False)]) for _ in range(DRAWS)]
    reached = sum(value >= own for value in random)
    return {"members": len(members), "cohesion": own, "p_cohesion": (1 + reached) / (1 + DRAWS)}


def _mean_cosine(unit: np.ndarray) -> float:
    size = len(unit)
    return float((np.linalg.norm(unit.sum(axis=0)) ** 2 - size) / (size * (size - 1)))
