"""Connectivity: scores of queries against the signatures of an index, and what each score is worth.

WTCS says how a query lies in a signature; NCS puts it on the scale of the signature's group; tau says how rarely other
queries reach as far on this signature; FDR says how often null signatures reach as far for this query; the permutation
p-value says how often random gene sets do.  Each is missing, not guessed, where what it is measured against is too
small.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.connectivity import wtcs as definition
from beadwork.kernels.connectivity.fdr import fdr_score, signed_counts
from beadwork.kernels.connectivity.ncs import scale_scores, signed_means, signed_sums
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.connectivity.query import MappedQuery, SignatureBlock
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import GeneSetError, ParameterError, name_some
from beadwork.model.params import QueryParams

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float], None]
FEW = 400_000
"""Scores (queries x signatures) from which on loading the compiled kernels, about a second, pays."""


@dataclass(frozen=True, eq=False)
class ReferenceGroups:
    """Groups within which scores are normalised, from the narrowest level to all signatures.

    Parameters
    ----------
    keys
        By level, the key of each group (a tuple of field values); the last level has the one key ().
    codes
        By level, the group of each signature, shape (signatures,).
    chosen
        Level that each signature is normalised at, shape (signatures,).
    reference
        Which signatures the means are taken over.
    sizes
        By level, number of reference signatures of each group.
    parents
        By level, the group that each narrowest group belongs to.
    """

    fields: tuple[str, ...]
    keys: tuple[list[tuple[str, ...]], ...]
    codes: tuple[np.ndarray, ...]
    chosen: np.ndarray
    reference: np.ndarray
    sizes: tuple[np.ndarray, ...]
    parents: tuple[np.ndarray, ...]

    def describe(self) -> list[dict[str, Any]]:
        """One row a narrowest group: its fields, signatures, reference signatures and the level it is scored at."""
        members = np.bincount(self.codes[0], minlength=len(self.keys[0]))
        example = np.zeros(len(members), np.int64)
        example[self.codes[0]] = np.arange(len(self.codes[0]))
        rows = []
        for code, key in enumerate(self.keys[0]):
            level = int(self.chosen[example[code]])
            rows.append(
                {
                    **dict(zip(self.fields, key, strict=True)),
                    "n_signatures": int(members[code]),
                    "n_reference": int(self.sizes[0][code]),
                    "normalised_within": " x ".join(self.fields[: len(self.fields) - level]) or "all signatures",
                    "n_reference_used": int(self.sizes[level][self.codes[level][example[code]]]),
                }
            )
        return rows


def make_groups(siginfo: SignatureTable | pd.DataFrame, params: QueryParams = QueryParams()) -> ReferenceGroups:  # noqa: B008 (frozen)
    """Group signatures for normalisation.

    Reference signatures are those with ``is_ncs_sig`` 1 where the index has that field, else all that are not null
    signatures.  A group with fewer than `min_reference` of them joins the wider group without the last field, and so
    on up to all signatures; this depends on the index alone, never on chance.

    Raises
    ------
    ParameterError
        A field is not in the index.
    """
    siginfo = SignatureTable.of(siginfo)
    absent = [name for name in params.group_by if name not in siginfo]
    if absent:
        raise ParameterError(
            f"group-by: the index has no field {name_some(absent)}; it has {name_some(siginfo.names, 30)}"
        )
    null = null_mask(siginfo, params)
    if "is_ncs_sig" in siginfo:
        reference = siginfo.numbers("is_ncs_sig") > 0
    else:
        reference = ~null
    keys, codes, sizes = [], [], []
    for depth in range(len(params.group_by), -1, -1):
        level_keys, code = _codes(siginfo, params.group_by[:depth])
        keys.append(level_keys)
        codes.append(code)
        sizes.append(np.bincount(code[reference], minlength=len(level_keys)))
    chosen = np.full(len(siginfo), len(keys) - 1)
    for level in range(len(keys) - 2, -1, -1):
        chosen[sizes[level][codes[level]] >= params.min_reference] = level
    parents = []
    for code in codes:
        parent = np.zeros(len(keys[0]), np.int64)
        parent[codes[0]] = code
        parents.append(parent)
    return ReferenceGroups(params.group_by, tuple(keys), tuple(codes), chosen, reference, tuple(sizes), tuple(parents))


def _codes(siginfo: SignatureTable, fields: Sequence[str]) -> tuple[list[tuple[str, ...]], np.ndarray]:
    combined = np.zeros(len(siginfo), np.int64)
    categories: list[list[str]] = []
    for name in fields:
        code, texts = siginfo.texts(name)
        combined = combined * (len(texts) + 1) + (code + 1)
        categories.append(["", *texts])
    distinct, code = np.unique(combined, return_inverse=True)
    keys = []
    for number in distinct:
        key = []
        for texts in reversed(categories):
            number, place = divmod(int(number), len(texts))
            key.append(texts[place])
        keys.append(tuple(reversed(key)))
    return keys, code.reshape(-1)


def null_mask(
    siginfo: SignatureTable | pd.DataFrame,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """Which signatures are null signatures: ``is_null_sig`` 1 where the index has that field, else by pert_type."""
    siginfo = SignatureTable.of(siginfo)
    if "is_null_sig" in siginfo:
        return siginfo.numbers("is_null_sig") > 0
    codes, kinds = siginfo.texts("pert_type")
    wanted = {name.lower() for name in params.null_type}
    is_null: np.ndarray = np.array([*(name.lower() in wanted for name in kinds), False])[codes]
    return is_null


@dataclass(frozen=True, eq=False)
class NcsScale:
    """Means that the scores of one query are divided by: positive and negative, by level and group."""

    positive: tuple[np.ndarray, ...]
    negative: tuple[np.ndarray, ...]


def fit_scale(scores: np.ndarray, groups: ReferenceGroups) -> NcsScale:
    """Means of the reference scores of each sign, by level and group.

    A NaN score (all weights 0) counts nowhere.
    """
    kept = groups.reference & ~np.isnan(scores)
    narrow = signed_sums(scores[kept], groups.codes[0][kept], len(groups.keys[0]))
    positive, negative = [], []
    for keys, parent in zip(groups.keys, groups.parents, strict=True):
        sums = np.stack([np.bincount(parent, weights=row, minlength=len(keys)) for row in narrow])
        one, two = signed_means(sums)
        positive.append(one)
        negative.append(two)
    return NcsScale(tuple(positive), tuple(negative))


def scale_within(scores: np.ndarray, groups: ReferenceGroups, scale: NcsScale, floor: float) -> np.ndarray:
    """NCS of the scores of all signatures of the index (:func:`apply_scale`, group by group)."""
    width = len(groups.keys[0])
    first = np.zeros(width, np.int64)
    first[groups.codes[0]] = np.arange(len(scores))
    chosen = groups.chosen[first]
    positive, negative = (_means(by_level, groups.parents, chosen) for by_level in (scale.positive, scale.negative))
    return scale_scores(scores, positive[groups.codes[0]], negative[groups.codes[0]], floor)


def _means(by_level: Sequence[np.ndarray], codes: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """Mean that applies: that of the level chosen, or of the next wider one that has any."""
    mean = np.full(len(chosen), np.nan)
    for level in range(len(by_level) - 1, -1, -1):
        here = np.where(codes[level] >= 0, by_level[level][codes[level]], np.nan)
        mean = np.where((level >= chosen) & ~np.isnan(here), here, mean)
    return mean


def apply_scale(
    scores: np.ndarray, codes: Sequence[np.ndarray], chosen: np.ndarray, scale: NcsScale, floor: float
) -> np.ndarray:
    """NCS of scores; where a signature's group has no mean of a sign, the next wider group that has one is taken.

    `codes` holds the group of each signature by level, -1 where the scale does not know it.
    """
    means = [_means(by_level, codes, chosen) for by_level in (scale.positive, scale.negative)]
    return scale_scores(scores, means[0], means[1], floor)


def use_compiled(n_scores: int) -> bool:
    """Whether to take the compiled kernels: where they are loaded, or there is enough to do. The results are the same.

    Parameters
    ----------
    n_scores
        Queries x signatures.
    """
    return "numba" in sys.modules or n_scores > FEW


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
        Told the share that is done, after each block.

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
        from beadwork.kernels.connectivity.wtcs_numba import SetPlan

        compiled = SetPlan(genes, bounds, weighted)
    rows, place = np.unique(genes.astype(np.int64), return_inverse=True)
    place = place.reshape(-1)
    width = max((block.rank.shape[1] for block in blocks), default=0) if compiled is None else 0
    # used again for every block: fresh memory costs more than the arithmetic
    room = np.empty((len(rows), width), np.uint16), np.empty((len(rows), width), np.float32)
    scratch: dict[tuple[int, int], definition.Scratch] = {}

    def work(start: int, stop: int) -> None:
        for block in blocks[start:stop]:
            if compiled is not None:
                compiled.score(block.rank, block.z, result, block.start)
            else:
                part = result[:, block.start : block.stop]
                definition.score_sets_at_once(
                    *block.take_genes(rows, room), place, bounds, part, weighted=weighted,
                    n_genes=len(block.rank), scratch=scratch,
                )  # fmt: skip
            if progress is not None:
                progress(block.stop / total)

    # without compiled kernels threads would but wait for each other: most steps are short and hold the interpreter
    run_chunks(work, len(blocks), threads=threads if compiled is not None else 1)
    return result


@dataclass(frozen=True, eq=False)
class Background:
    """Background of tau: scores that the index's own signatures get on it.

    Parameters
    ----------
    size
        Number of background queries.
    scores
        NCS, float32, shape (signatures, background queries), for portions of the index in their order.
    """

    size: int
    scores: Sequence[np.ndarray]

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """Scores of some signatures, shape (positions, background queries)."""
        if len(self.scores) == 1:
            found: np.ndarray = self.scores[0][positions]
            return found
        starts = np.cumsum([0, *(len(part) for part in self.scores)])
        which = np.searchsorted(starts, positions, side="right") - 1
        result = np.empty((len(positions), self.size), np.float32)
        for number in np.unique(which):
            chosen = which == number
            result[chosen] = self.scores[number][positions[chosen] - starts[number]]
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
        One row a query: genes given and found, sizes of null and background, what is missing and why.
    groups
        One row a group of the normalisation.
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


def connect(
    blocks: Sequence[SignatureBlock],
    siginfo: SignatureTable | pd.DataFrame,
    queries: Sequence[MappedQuery],
    *,
    background: Background | None = None,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    threads: int = 1,
    groups: ReferenceGroups | None = None,
    wtcs: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Connections:
    """Score queries against an index.

    Parameters
    ----------
    blocks
        Signatures, gene-major, in the order of `siginfo`.
    siginfo
        Annotation, one row a signature: pert_type, the fields of `group_by`.
    queries
        Queries on the rows of the index (:func:`beadwork.stages.connectivity.gene_mapping.map_query`).
    background
        For tau; without it tau is missing.
    groups
        :func:`make_groups` of the same siginfo and parameters, to save time.
    wtcs
        Scores of :func:`score_sets`, if they are there already.
    progress
        Told the share of WTCS that is done.

    Raises
    ------
    GeneSetError
        A metric needs a full signature, but a query has gene sets only.
    """
    from beadwork.stages.connectivity.metrics import check_metrics, score_metric

    check_metrics(queries, params)
    siginfo = SignatureTable.of(siginfo)
    if groups is None:
        groups = make_groups(siginfo, params)
    up, down = [query.up for query in queries], [query.down for query in queries]
    if wtcs is None:
        wtcs = score_sets(blocks, up, down, threads=threads, progress=progress)
    scores = {"wtcs": wtcs}
    for name in dict.fromkeys(params.metric):
        if name == "ks":
            scores[name] = score_sets(blocks, up, down, weighted=False, threads=threads)
        elif name != "wtcs":
            scores[name] = score_metric(name, blocks, queries, params, threads)
    null = null_mask(siginfo, params)
    ncs, tau, fdr = (np.full(wtcs.shape, np.nan, np.float32) for _ in range(3))
    has_background = background is not None and background.size >= params.min_background

    def finish(start: int, stop: int) -> None:
        for query in range(start, stop):
            scale = fit_scale(wtcs[query], groups)
            ncs[query] = scale_within(wtcs[query], groups, scale, params.ncs_floor)
            fdr[query] = fdr_score(ncs[query], null, ~null, params.min_null, bounded=params.fdr_bound)

    run_chunks(finish, len(queries), threads=threads)
    if has_background:
        assert background is not None
        if use_compiled(wtcs.size):
            from beadwork.kernels.connectivity.tau_numba import tau_scores
        else:
            from beadwork.kernels.connectivity.tau import tau_scores
        start = 0
        for part in background.scores:
            tau_scores(ncs, part, tau, start, threads)
            start += len(part)
    p = None
    if params.permutations:
        p = permutation_p_values(blocks, queries, wtcs, params, threads)
    size = 0 if background is None else background.size
    notes = {query.name: (*query.notes, *_trust(ncs[place], null, size, params)) for place, query in enumerate(queries)}
    report = [
        {
            "query": query.name,
            **dict(query.counts),
            **_null_counts(ncs[place], null),
            "n_background": size,
            "n_permutations": params.permutations,
            "notes": "; ".join(notes[query.name]),
        }
        for place, query in enumerate(queries)
    ]
    return Connections(queries, scores, ncs, tau, fdr, p, report, groups.describe(), notes)


def _null_counts(ncs: np.ndarray, null: np.ndarray) -> dict[str, int]:
    above, below = signed_counts(ncs, null)
    return {"n_null_positive": above, "n_null_negative": below}


def _trust(ncs: np.ndarray, null: np.ndarray, background: int, params: QueryParams) -> list[str]:
    """Say what cannot be known about the scores of a query."""
    notes = []
    for word, sign, count in zip(("positive", "negative"), (1, -1), signed_counts(ncs, null), strict=True):
        treated = int((ncs[~null] * sign > 0).sum())
        if count < params.min_null or treated < params.min_null:
            notes.append(
                f"no fdr for {word} scores: {count} null and {treated} treatment signatures have one, "
                f"{params.min_null} of each are needed"
            )
    if background < params.min_background:
        notes.append(f"no tau: the background has {background} queries, {params.min_background} are needed")
    if np.isnan(ncs).any():
        notes.append(f"{int(np.isnan(ncs).sum())} signatures have no score: all their set genes have z = 0")
    return notes


def permutation_p_values(
    blocks: Sequence[SignatureBlock],
    queries: Sequence[MappedQuery],
    scores: np.ndarray,
    params: QueryParams,
    threads: int,
) -> np.ndarray:
    """Permutation p-value of every score, float32; queries of the same sizes share their random queries."""
    from beadwork.kernels.connectivity.permutation import random_sets

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
            drawn = np.abs(score_sets(blocks, list(rows[:, :n_up]), list(rows[:, n_up:]), threads=threads))
            for place, member in enumerate(members):
                reached[place] += (drawn >= np.abs(scores[member])).sum(axis=0)
            done += count
        for place, member in enumerate(members):
            p = (1.0 + reached[place]) / (1.0 + params.permutations)
            result[member] = np.where(np.isnan(scores[member]), np.nan, p)
    return result


def signature_sets(z: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the `size` most positive and most negative genes of one signature, by one stable descending sort."""
    order = np.argsort(-np.asarray(z, np.float64), kind="stable")
    return order[:size], order[len(order) - size :]


def filter_signatures(siginfo: SignatureTable | pd.DataFrame, filters: Sequence[str]) -> np.ndarray:
    """Which signatures pass all filters.

    A filter is ``field=value,value``, ``field!=value`` or ``field>=number`` (>, <, <= too); texts are compared whatever
    their case.  Filters choose what is shown; scores are always those of the whole index.

    Raises
    ------
    ParameterError
        A filter cannot be read, or its field is not in the index, or nothing passes.
    """
    siginfo = SignatureTable.of(siginfo)
    keep = np.ones(len(siginfo), bool)
    for text in filters:
        name, operator, value = _split_filter(text)
        if name not in siginfo:
            raise ParameterError(
                f"filter {text!r}: the index has no field {name!r}; it has {name_some(siginfo.names, 30)}"
            )
        if operator in ("=", "!="):
            wanted = {part.strip().lower() for part in value.split(",")}
            codes, values = siginfo.coded(name)
            hit = np.array([_same(item, wanted) for item in values] + [False])
            passed = hit[codes]
            keep &= passed if operator == "=" else ~passed
        else:
            numbers = siginfo.numbers(name)
            try:
                bound = float(value)
            except ValueError:
                raise ParameterError(f"filter {text!r}: {value!r} is no number") from None
            with np.errstate(invalid="ignore"):
                keep &= _COMPARE[operator](numbers, bound)
    if filters and not keep.any():
        raise ParameterError(f"no signature of the index passes {' and '.join(repr(text) for text in filters)}")
    return keep


_COMPARE: dict[str, Callable[..., np.ndarray]] = {
    ">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less,
}  # fmt: skip


def _split_filter(text: str) -> tuple[str, str, str]:
    for operator in (">=", "<=", "!=", "=", ">", "<"):
        name, found, value = text.partition(operator)
        if found and name.strip() and value.strip():
            return name.strip(), operator, value.strip()
    raise ParameterError(f"filter {text!r}: field=value, field!=value or field>=number is needed")


def _same(item: object, wanted: set[str]) -> bool:
    text = str(item).lower()
    return text in wanted or (isinstance(item, float) and item.is_integer() and str(int(item)) in wanted)
