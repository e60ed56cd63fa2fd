"""The queries of one call: gene sets, signatures, what is in the index; cleaned or turned round where asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from beadwork.api.index.asking.query_inputs import load_queries
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import ParameterError
from beadwork.model.params import QueryParams, SignatureParams

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex


def gather_queries(
    index: ConnectivityIndex,
    up: Sequence[Path] = (),
    down: Sequence[Path] = (),
    signature: Sequence[Path] = (),
    like: Sequence[str] = (),
    *,
    denoise: bool = False,
    noise: Path | None = None,
    reverse: bool = False,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    table_params: SignatureParams = SignatureParams(),  # noqa: B008 (frozen)
) -> list[Query]:
    """Read all queries.

    Parameters
    ----------
    up, down, signature
        Files of gene sets and of signatures.
    like
        Signatures or perturbagens of the index.
    denoise, noise
        Take shared noise out of full signatures, by this model or the one that ships.
    reverse
        Turn up and down round.

    Raises
    ------
    ParameterError
        A noise model without `denoise`.
    GeneSetError
        No query, or one that is not in the index.
    """
    if noise is not None and not denoise:
        raise ParameterError("--noise: is used with --denoise only; add --denoise")
    queries: list[Query] = []
    if up or down or signature or not like:
        queries = load_queries(up, down, signature, identify=index.finder.keys, params=table_params)
    if like:
        from beadwork.api.index.asking.like import queries_like

        queries += queries_like(index, like)
    if denoise:
        from beadwork.api.index.asking.clean_queries import clean_queries

        queries = clean_queries(index, queries, noise, params)
    if reverse:
        from beadwork.api.index.asking.like import reverse_queries

        queries = reverse_queries(queries)
    return queries
