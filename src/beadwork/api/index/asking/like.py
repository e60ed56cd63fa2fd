"""Ask an index with what is in it, and turn questions round."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from beadwork.api.index.cards.mechanism import class_members
from beadwork.api.index.cards.rows import find_perturbagen
from beadwork.model.connectivity.query import Query
from beadwork.model.connectivity.signature_table import arrow_text
from beadwork.model.errors import GeneSetError, counted

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex

REVERSED = "the question is reversed, up and down are exchanged: what opposes it comes first, with scores above 0"


def queries_like(index: ConnectivityIndex, names: Sequence[str]) -> list[Query]:
    """Make queries of signatures of an index, by sig_id, of perturbagens or of mechanisms: means of their signatures.

    Raises
    ------
    GeneSetError
        The index has no signature, perturbagen or mechanism of that name.
    """
    return [_like(index, name) for name in dict.fromkeys(names)]


def _like(index: ConnectivityIndex, name: str) -> Query:
    import pyarrow.compute as pc

    place = pc.index(index.annotation.column("sig_id"), arrow_text(name)).as_py()
    types: list[str] = []
    try:
        places, types = (np.array([place]), []) if place >= 0 else _perturbagen(index, name)
    except GeneSetError as error:
        with suppress(GeneSetError):
            return _like_class(index, name)
        raise GeneSetError(f"--like: no signature of that id, and {error}") from None
    profile = index.store.read_signatures(places).astype(np.float64).mean(axis=0)
    note = (
        f"like signature {name} of this index"
        if place >= 0
        else f"like {name}: mean of its {counted(len(places), 'signature')}"
    )
    values = dict(zip(index.store.gene_ids, profile.tolist(), strict=True))
    notes = [f"{note}, which is found again itself"]
    if len(types) > 1:
        notes.append(f"signatures of {name} are of several types ({', '.join(types)}), and their mean was taken; "
                     f"{name}:{types[0]} asks with one type")  # fmt: skip
    return Query(name, profile=values, notes=tuple(notes), cleaned=index.is_cleaned)


def _perturbagen(index: ConnectivityIndex, name: str) -> tuple[np.ndarray, list[str]]:
    """Signatures of a perturbagen, or of one type of them (``CDK1:trt_sh``), and the types there are."""
    codes, kinds = index.annotation.texts("pert_type")
    base, _, kind = name.strip().rpartition(":")
    try:
        places = find_perturbagen(index, name)
    except GeneSetError:
        if not base or kind.lower() not in (item.lower() for item in kinds):
            raise
        places = find_perturbagen(index, base)
        there = _types(codes, kinds, places)
        own = [code for code, item in enumerate(kinds) if item.lower() == kind.lower()]
        places = places[np.isin(codes[places], own)]
        if not len(places):
            raise GeneSetError(f"{base} has no signatures of type {kind}; it has {', '.join(there)}") from None
        return places, []
    return places, _types(codes, kinds, places)


def _types(codes: np.ndarray, kinds: Sequence[str], places: np.ndarray) -> list[str]:
    return sorted({kinds[code] for code in codes[places].tolist() if code >= 0})


def _like_class(index: ConnectivityIndex, name: str) -> Query:
    """Ask with a mechanism: the mean of its members, each the mean of its signatures."""
    members = class_members(index, name)
    means = [index.store.read_signatures(places).astype(np.float64).mean(axis=0) for _, places in members]
    values = dict(zip(index.store.gene_ids, np.mean(means, axis=0).tolist(), strict=True))
    themselves = "which is found again itself" if len(members) == 1 else "which are found again themselves"
    note = f"like mechanism {name}: mean of its {counted(len(members), 'perturbagen')}, {themselves}"
    return Query(name, profile=values, notes=(note,), cleaned=index.is_cleaned)


def reverse_queries(queries: Sequence[Query]) -> list[Query]:
    """Exchange what goes up and what goes down."""
    return [
        replace(
            query, up=query.down, down=query.up, notes=(*query.notes, REVERSED),
            profile=None if query.profile is None else {gene: -value for gene, value in query.profile.items()},
        )
        for query in queries
    ]  # fmt: skip
