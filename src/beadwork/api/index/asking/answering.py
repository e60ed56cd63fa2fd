"""Score mapped queries against an index, with what its level and the parameters ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from beadwork.api.index.asking.answers import QueryResult
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.filters import filter_note, filter_signatures
from beadwork.stages.connectivity.score import Reference, connect

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex


def answer_queries(
    index: ConnectivityIndex,
    queries: Sequence[MappedQuery],
    params: QueryParams,
    filters: Sequence[str] = (),
    progress: Callable[[float], None] | None = None,
    wtcs: np.ndarray | None = None,
    p_control: bool = True,
    threads: int | None = None,
) -> QueryResult:
    """Score mapped queries; `p_control`: of a noise-controlled index, also p against its control signatures."""
    params = settle_ranking(index, params, queries)
    if params.rank_by == "cosine" and index.is_cleaned:
        queries = [_on_landmarks(index, query) for query in queries]
    controls = None
    if p_control and index.is_cleaned:
        from beadwork.stages.connectivity.control_p import find_controls

        controls = find_controls(index.annotation, params)
    shown = filter_signatures(index.annotation, filters) if filters else None
    reference = Reference(
        index.store.blocks,
        index.annotation,
        background=index.background(params),
        groups=index.groups(params),
        controls=controls,
        notes=(*index.store.remarks, *(() if shown is None else (filter_note(filters, shown),))),
    )
    connections = connect(
        reference, queries, params=params, threads=threads or index.threads, wtcs=wtcs, progress=progress
    )
    return QueryResult(index, connections, shown, params)


def settle_ranking(index: ConnectivityIndex, params: QueryParams, queries: Sequence[MappedQuery]) -> QueryParams:
    """Parameters with ``rank_by`` decided: cosine where full signatures are asked of noise-controlled ones."""
    rank_by: str = params.rank_by
    if rank_by == "auto":
        rank_by = "cosine" if index.is_cleaned and all(len(query.rows) for query in queries) else "wtcs"
    metric = (*params.metric, "cosine") if rank_by == "cosine" else params.metric
    return params.model_copy(update={"rank_by": rank_by, "metric": tuple(dict.fromkeys(metric))})


def _on_landmarks(index: ConnectivityIndex, query: MappedQuery) -> MappedQuery:
    """Keep the landmarks of a full signature, which alone are measured; all its genes if none is a landmark."""
    kept = np.isin(query.rows, index.landmarks)
    return replace(query, rows=query.rows[kept], values=query.values[kept]) if kept.any() else query
