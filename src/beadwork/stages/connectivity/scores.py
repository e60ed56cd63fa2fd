"""The scores beside WTCS: a record of each, and the one loop that runs them over an index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from beadwork.kernels.connectivity import rank_sum as rank_test
from beadwork.kernels.connectivity import xsum, zhang
from beadwork.kernels.numeric import correlation
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.connectivity.query import MappedQuery, SignatureBlock, query_label
from beadwork.model.errors import GeneSetError
from beadwork.model.params import QueryParams

Score = Callable[[SignatureBlock, Sequence[MappedQuery], QueryParams], np.ndarray]
COLUMNS = 256
"""Signatures scored at a time, so that copies in float64 stay small."""


@dataclass(frozen=True)
class Metric:
    """One score: its name, what it is, what it needs and where it comes from."""

    name: str
    description: str
    needs: str
    reference: str
    score: Score | None = None


def _xsum(block: SignatureBlock, queries: Sequence[MappedQuery], params: QueryParams) -> np.ndarray:
    top = min(params.xsum_top, len(block.rank) // 2)
    return np.stack([xsum.xsum(block.rank, block.z, query.up, query.down, top) for query in queries])


def _zhang(block: SignatureBlock, queries: Sequence[MappedQuery], params: QueryParams) -> np.ndarray:
    signed = zhang.signed_ranks(block.z)
    return np.stack([zhang.zhang(signed, query.up, query.down) for query in queries])


def _rank_test(block: SignatureBlock, queries: Sequence[MappedQuery], params: QueryParams) -> np.ndarray:
    return np.stack([rank_test.rank_test(block.rank, query.up, query.down) for query in queries])


def _by_genes(
    queries: Sequence[MappedQuery], values: np.ndarray, score: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Score profiles; queries on the same genes go together."""
    result = np.empty((len(queries), values.shape[1]))
    by_rows: dict[bytes, list[int]] = {}
    for place, query in enumerate(queries):
        by_rows.setdefault(query.rows.tobytes(), []).append(place)
    for places in by_rows.values():
        profile = np.stack([queries[place].values for place in places], axis=1)
        result[places] = score(profile, values[queries[places[0]].rows])
    return result


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("wtcs", "weighted connectivity score", "sets", "doi 10.1016/j.cell.2017.10.049"),
        Metric("ks", "unweighted Kolmogorov-Smirnov score", "sets", "doi 10.1126/science.1132939"),
        Metric("xsum", "sum of z of set genes among the most changed", "sets", "doi 10.1186/s13073-014-0095-1", _xsum),
        Metric("zhang", "sum of signed ranks", "sets", "doi 10.1186/1471-2105-9-258", _zhang),
        Metric("rank_test", "two-sided rank-sum test, normal deviate", "sets", "doi 10.1093/nar/gkac328", _rank_test),
        Metric("pearson", "Pearson correlation", "signature", "doi 10.1093/nar/gkaa878",
               lambda block, queries, params: _by_genes(queries, block.z, correlation.pearson)),
        Metric("spearman", "Spearman correlation", "signature", "doi 10.1093/nar/gkaa878",
               lambda block, queries, params: _by_genes(queries, block.rank, correlation.spearman)),
        Metric("cosine", "cosine similarity", "signature", "doi 10.1093/nar/gkaa878",
               lambda block, queries, params: _by_genes(queries, block.z, correlation.cosine)),
    )
}  # fmt: skip


def check_metrics(queries: Sequence[MappedQuery], params: QueryParams) -> None:
    """Check that the queries have what the scores asked for need.

    Raises
    ------
    GeneSetError
        A score needs full signatures, but a query has gene sets only.
    """
    sets = [query.name for query in queries if len(query.rows) == 0]
    for name in params.metric:
        if METRICS[name].needs == "signature" and sets:
            raise GeneSetError(
                f"{query_label(sets[0])}: {name} compares full signatures, but this query has gene sets only; "
                "give --signature, or leave this metric away"
            )


def score_metric(
    name: str, blocks: Sequence[SignatureBlock], queries: Sequence[MappedQuery], params: QueryParams, threads: int
) -> np.ndarray:
    """Score all queries against all signatures, float32, shape (queries, signatures)."""
    metric = METRICS[name]
    assert metric.score is not None
    score = metric.score
    result = np.empty((len(queries), blocks[-1].stop), np.float32)

    def work(start: int, stop: int) -> None:
        for block in blocks[start:stop]:
            for first in range(0, block.rank.shape[1], COLUMNS):
                last = min(first + COLUMNS, block.rank.shape[1])
                part = SignatureBlock(block.start + first, block.rank[:, first:last], block.z[:, first:last])
                result[:, part.start : part.stop] = score(part, queries, params)

    run_chunks(work, len(blocks), threads=threads)
    return result
