"""Connectivity: scores of queries against the signatures of an index, and what each score is worth.

WTCS says how a query lies in a signature; NCS puts it on the scale of the signature's group; tau says how rarely other
queries reach as far on this signature; FDR says how often null signatures reach as far for this query; the permutation
p-value says how often random gene sets do.  Each is missing, not guessed, where what it is measured against is too
small.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.connectivity.fdr import fdr_score, signed_counts
from beadwork.kernels.connectivity.wtcs import at_once
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.connectivity.background import Background
from beadwork.model.connectivity.query import MappedQuery, SignatureBlock
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import GeneSetError, agree, counted, how_many
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.control_p import ControlPlaces, control_p_values
from beadwork.stages.connectivity.groups import (
    ReferenceGroups,
    fit_scale,
    make_groups,
    null_mask,
    scale_within,
    treatment_mask,
    type_counts,
)

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("beadwork")
Progress = Callable[[float], None]
FEW = 400_000
"""Scores (queries x signatures) from which on loading the compiled kernels, about a second, pays."""


def use_compiled(n_scores: int) -> bool:
    """Whether to take the compiled kernels: where they are loaded, or there is enough to do. The results are the same.

    Without numba (a lean installation) never, which is said, as it takes longer.

    Parameters
    ----------
    n_scores
        Queries x signatures.
    """
    return "numba" in sys.modules or (n_scores > FEW and has_numba())


@cache
def has_numba() -> bool:
    """Whether kernels can be compiled here."""
    there = find_spec("numba") is not None
    if not there:
        log.warning("numba is not installed: scores are the same, but take several times as long; pip install numba")
    return there


def score_sets(
    blocks: Sequence[SignatureBlock],
    up: Sequence[np.ndarray],
    down: Sequence[np.ndarray],
    *,
    weighted: bool = True,
    threads: int = 1,
    out: np.ndarray | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """WTCS (or unweighted score) of many queries against all signatures.

    Parameters
    ----------
    blocks
        Signatures.
    up, down
        Rows of the genes of each query.
    weighted
        Whether genes weigh |z|, or all the same (Lamb 2006).
    out
        float32, shape (queries, signatures), to write to.
    progress
        Called with the share that is done, after each block.

    Returns
    -------
    float32, shape (queries, signatures).
    """
    total = blocks[-1].stop if blocks else 0
    result = np.empty((len(up), total), np.float32) if out is None else out
    pieces = [piece for pair in zip(up, down, strict=True) for piece in pair]
    ends = np.cumsum([0, *(len(piece) for piece in pieces)])
    bounds = np.stack([ends[:-1], ends[1:]], axis=1).reshape(-1, 4)
    genes = np.concatenate(pieces)
    compiled = None
    if use_compiled(len(up) * total):
        from beadwork.kernels.connectivity.wtcs.score_numba import SetPlan

        compiled = SetPlan(genes, bounds, weighted)
    rows, place = np.unique(genes.astype(np.int64), return_inverse=True)
    place = place.reshape(-1)
    width = max((block.rank.shape[1] for block in blocks), default=0) if compiled is None else 0
    # used again for every block: fresh memory costs more than the arithmetic
    buffer = np.empty((len(rows), width), np.uint16), np.empty((len(rows), width), np.float32)
    scratch: dict[tuple[int, int], at_once.Scratch] = {}

    def work(start: int, stop: int) -> None:
        for block in blocks[start:stop]:
            if compiled is not None:
                compiled.score(block.rank, block.z, result, block.start)
            else:
                part = result[:, block.start : block.stop]
                at_once.score_sets(
                    *block.take_genes(rows, buffer), place, bounds, part, weighted=weighted,
                    n_genes=len(block.rank), scratch=scratch,
                )  # fmt: skip
            if progress is not None:
                progress(block.stop / total)

    # without compiled kernels threads would but wait for each other: most steps are short and hold the interpreter
    run_chunks(work, len(blocks), threads=threads if compiled is not None else 1)
    return result


@dataclass(frozen=True, eq=False)
class Connections:
    """Answers of an index to some queries; every matrix has shape (queries, signatures).

    Parameters
    ----------
    queries
        The queries on the index's rows.
    scores
        Raw scores by metric; ``wtcs`` is always there.
    ncs, tau, fdr
        float32; missing where they cannot be known.
    p
        Permutation p-values, None if none were asked for.
    report
        One row per query: genes given and found, sizes of null and background, what is missing and why.
    groups
        One row a group of the normalisation.
    notes
        What is worth knowing, by query.
    null_types
        Number of null signatures by pert_type.
    p_control, q_control
        p against control signatures and its Benjamini-Hochberg q, of a noise-controlled index, else None.
    """

    queries: Sequence[MappedQuery]
    scores: Mapping[str, np.ndarray]
    ncs: np.ndarray
    tau: np.ndarray
    fdr: np.ndarray
    p: np.ndarray | None
    report: Sequence[Mapping[str, Any]]
    groups: Sequence[Mapping[str, Any]]
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    null_types: Sequence[tuple[str, int]] = ()
    p_control: np.ndarray | None = None
    q_control: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """What queries are scored against.

    Attributes
    ----------
    blocks
        Signatures, gene-major, in the order of `siginfo`.
    siginfo
        Annotation, one row per signature: pert_type, the fields of `group_by`.
    background
        For tau; without it tau is missing.
    groups
        :func:`make_groups` of the same siginfo and parameters, to save time.
    controls
        Control signatures that p-values are measured against; None for no such p-values.
    notes
        What else is worth knowing about every answer.
    """

    blocks: Sequence[SignatureBlock]
    siginfo: SignatureTable | pd.DataFrame
    background: Background | None = None
    groups: ReferenceGroups | None = None
    controls: ControlPlaces | None = None
    notes: Sequence[str] = ()


def connect(
    reference: Reference,
    queries: Sequence[MappedQuery],
    *,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    threads: int = 1,
    wtcs: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Connections:
    """Score queries against the signatures of an index.

    Parameters
    ----------
    queries
        Queries on the rows of the index (:func:`beadwork.stages.connectivity.gene_mapping.map_query`).
    wtcs
        Scores of :func:`score_sets`, if they are there already.
    progress
        Called with the share of WTCS that is done.

    Raises
    ------
    GeneSetError
        A metric needs a full signature, but a query has gene sets only.
    """
    from beadwork.stages.connectivity.scores import check_metrics, score_metric

    check_metrics(queries, params)
    blocks, siginfo, background = reference.blocks, SignatureTable.of(reference.siginfo), reference.background
    groups = reference.groups or make_groups(siginfo, params)
    up, down = [query.up for query in queries], [query.down for query in queries]
    if wtcs is None:
        wtcs = score_sets(blocks, up, down, threads=threads, progress=progress)
    scores = {"wtcs": wtcs}
    for name in dict.fromkeys(params.metric):
        if name == "ks":
            scores[name] = score_sets(blocks, up, down, weighted=False, threads=threads)
        elif name != "wtcs":
            scores[name] = score_metric(name, blocks, queries, params, threads)
    null, treated = null_mask(siginfo, params), treatment_mask(siginfo, params)
    ncs, tau, fdr = (np.full(wtcs.shape, np.nan, np.float32) for _ in range(3))
    base = scores["cosine"] if params.rank_by == "cosine" else wtcs
    has_background = base is wtcs and background is not None and background.size >= params.min_background

    def finish(start: int, stop: int) -> None:
        for query in range(start, stop):
            scale = fit_scale(base[query], groups)
            ncs[query] = scale_within(base[query], groups, scale, params.ncs_floor)
            fdr[query] = fdr_score(ncs[query], null, treated, params.min_null, bounded=params.fdr_bound)

    run_chunks(finish, len(queries), threads=threads)
    if has_background:
        assert background is not None
        if use_compiled(wtcs.size):
            from beadwork.kernels.connectivity.tau_numba import fill_tau
        else:
            from beadwork.kernels.connectivity.tau import fill_tau
        start = 0
        for part in background.scores:
            fill_tau(ncs, part, tau, start, threads)
            start += len(part)
    p = None
    if params.permutations:
        p = permutation_p_values(blocks, queries, wtcs, params, threads)
    p_control, q_control = None, None
    unknown: list[tuple[str, ...]] = [()] * len(queries)
    if reference.controls is not None:
        names = [query.name for query in queries]
        p_control, q_control, unknown = control_p_values(base, names, reference.controls, params)
    size = 0 if background is None else background.size
    null_types = type_counts(siginfo, null)
    said = {
        query.name: (*query.notes, *_trust(ncs[place], null, treated, size, params), *unknown[place], *reference.notes)
        for place, query in enumerate(queries)
    }
    report = [
        {
            "query": query.name,
            **dict(query.counts),
            **_null_counts(ncs[place], null),
            "null_types": ", ".join(f"{kind or 'no type'}: {count}" for kind, count in null_types),
            "n_background": size,
            "n_permutations": params.permutations,
            "notes": "; ".join(said[query.name]),
        }
        for place, query in enumerate(queries)
    ]
    return Connections(queries, scores, ncs, tau, fdr, p, report, groups.describe(), said, null_types,
                       p_control, q_control)  # fmt: skip


def _null_counts(ncs: np.ndarray, null: np.ndarray) -> dict[str, int]:
    above, below = signed_counts(ncs, null)
    return {"n_null_positive": above, "n_null_negative": below}


def _trust(ncs: np.ndarray, null: np.ndarray, treated: np.ndarray, background: int, params: QueryParams) -> list[str]:
    """Say what cannot be known about the scores of a query."""
    notes = []
    for word, sign, count in zip(("positive", "negative"), (1, -1), signed_counts(ncs, null), strict=True):
        scored = int((ncs[treated] * sign > 0).sum())
        if count < params.min_null or scored < params.min_null:
            notes.append(
                f"no fdr for {word} scores: {count} null and {scored} treatment signatures have one, "
                f"{params.min_null} of each are needed"
            )
    if params.rank_by == "cosine":
        notes.append("no tau: its background holds scores of gene sets, but these are cosines of signatures")
    elif background < params.min_background:
        notes.append(f"no tau: the background has {counted(background, 'query')}, {params.min_background} are needed")
    if np.isnan(ncs).any():
        n = int(np.isnan(ncs).sum())
        notes.append(f"{how_many(n, 'signature', 'has')} no score: all {agree(n, 'its')} set genes have z = 0")
    return notes


def permutation_p_values(
    blocks: Sequence[SignatureBlock],
    queries: Sequence[MappedQuery],
    scores: np.ndarray,
    params: QueryParams,
    threads: int,
) -> np.ndarray:
    """Permutation p-value of every score, float32; queries of the same sizes share their random queries."""
    from beadwork.kernels.connectivity.permutation import count_reached, permutation_p, random_sets

    n_genes = blocks[0].rank.shape[0]
    result = np.empty(scores.shape, np.float32)
    sizes = [(len(query.up), len(query.down)) for query in queries]
    for n_up, n_down in sorted(set(sizes)):
        if n_up + n_down > n_genes:
            raise GeneSetError(f"{n_up} up and {n_down} down genes: more than the {n_genes} of the index; no p-value")
        members = [place for place, size in enumerate(sizes) if size == (n_up, n_down)]
        reached = np.zeros((len(members), scores.shape[1]), np.int64)
        rng = np.random.default_rng([params.seed, n_up, n_down])
        done = 0
        while done < params.permutations:  # in portions, so that memory stays small
            count = min(100, params.permutations - done)
            rows = random_sets(n_genes, n_up, n_down, count, rng)
            drawn = score_sets(blocks, list(rows[:, :n_up]), list(rows[:, n_up:]), threads=threads)
            for place, member in enumerate(members):
                reached[place] += count_reached(scores[member], drawn)
            done += count
        for place, member in enumerate(members):
            result[member] = permutation_p(scores[member], reached[place], params.permutations)
    return result


def signature_sets(z: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the `size` most positive and most negative genes of one signature, by one stable descending sort."""
    order = np.argsort(-np.asarray(z, np.float64), kind="stable")
    return order[:size], order[len(order) - size :]
