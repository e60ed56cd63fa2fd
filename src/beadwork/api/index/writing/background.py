"""Background of tau: learned once, kept as it is, extended by the signatures that come later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beadwork.api.index.writing.inputs import Progress
from beadwork.io.connectivity.index.layout import Segment, hash_ids
from beadwork.io.connectivity.index.reader import IndexStore, release
from beadwork.io.connectivity.index.writer import IndexWriter, extend_index
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import IndexStoreError
from beadwork.model.params import IndexParams, QueryParams
from beadwork.stages.connectivity.groups import (
    LearnedScales,
    NcsScale,
    ReferenceGroups,
    apply_scale,
    fit_scale,
    make_groups,
    scale_within,
    treatment_mask,
)
from beadwork.stages.connectivity.score import score_sets, signature_sets

BACKGROUND_BATCH = 32
"""Background queries scored at a time, at most."""
BATCH_BYTES = 32 << 20
"""Memory that their scores may take."""
SLAB = 1 << 16
"""Signatures whose scores are written at a time: a column by itself would touch every page of the mapped file."""


def learn_background(
    writer: IndexWriter,
    params: IndexParams,
    threads: int,
    progress: Progress,
    queries: Sequence[MappedQuery] = (),
) -> None:
    """Ask the index with its own signatures, or with given queries, and keep the NCS as its background.

    Without given ones, the background queries are the treatment signatures with the smallest hashes of their ids: as
    good as drawn at random, and the same on every run.  Without treatment signatures there is no background.
    """
    import pyarrow as pa

    store, query_params = writer.store, QueryParams()
    fields = ["sig_id", "pert_type", "is_null_sig", "is_ncs_sig", *query_params.group_by]
    siginfo = SignatureTable(store.signature_table(list(dict.fromkeys(fields))))
    groups = make_groups(siginfo, query_params)
    if queries:
        names = [query.name for query in queries]
        sets = [(query.up, query.down) for query in queries]
    else:
        names, chosen = _background_signatures(siginfo, treatment_mask(siginfo, query_params), params.background)
        if not names:
            writer.clear_background()
            return
        size = max(1, min(params.background_set, store.n_genes // 6))
        sets = []
        for start in range(0, len(chosen), BACKGROUND_BATCH):  # each signature lies on as many pages as it has genes
            sets += [signature_sets(z, size) for z in store.read_signatures(chosen[start : start + BACKGROUND_BATCH])]
            store.release()
    del siginfo
    name = writer.new_background(len(sets))
    scores = {segment.name: writer.background_scores(name, segment, len(sets)) for segment in store.segments}
    scales = []
    step = max(1, min(BACKGROUND_BATCH, BATCH_BYTES // (4 * store.n_signatures)))
    for first in range(0, len(sets), step):
        progress(f"background {first} of {len(sets)}")
        batch = sets[first : first + step]
        raw = score_sets(
            store.blocks, [one for one, _ in batch], [two for _, two in batch], threads=threads,
            progress=lambda share: store.release(),
        )  # fmt: skip
        for row, query in enumerate(raw):
            scale = fit_scale(query, groups)
            scales.append(scale)
            raw[row] = scale_within(query, groups, scale, query_params.ncs_floor)
        for segment in store.segments:
            _write_columns(scores[segment.name], first, raw[:, segment.start : segment.start + segment.n_signatures])
    tables = {
        "queries": pa.table(
            {
                "sig_id": pa.array(names, pa.string()),
                "up": pa.array([up.tolist() for up, _ in sets], pa.list_(pa.int32())),
                "down": pa.array([down.tolist() for _, down in sets], pa.list_(pa.int32())),
            }
        ),
        "scales": _scale_table(groups, scales),
    }
    facts = {
        "made_of": "queries" if queries else "signatures",
        "group_by": list(query_params.group_by),
        "min_reference": query_params.min_reference,
        "ncs_floor": query_params.ncs_floor,
        "n_signatures": store.n_signatures,
    }
    writer.set_background(name, tables, scores, facts)


def _write_columns(scores: np.ndarray, first: int, ncs: np.ndarray) -> None:
    """Write the NCS of some queries as columns of a mapped file, a portion of its pages at a time."""
    for start in range(0, len(scores), SLAB):
        rows = slice(start, start + SLAB)
        scores[rows, first : first + len(ncs)] = ncs[:, rows].T
        release(scores.base)


def _background_signatures(siginfo: SignatureTable, treated: np.ndarray, count: int) -> tuple[list[str], np.ndarray]:
    """Ids and positions of the treatment signatures that make the background."""
    places = np.flatnonzero(treated)
    hashes = hash_ids(siginfo.column("sig_id"))[places]
    chosen = np.sort(places[np.argsort(hashes, kind="stable")[:count]])
    return siginfo.take(chosen, ["sig_id"]).column("sig_id").to_pylist(), chosen


def _scale_table(groups: ReferenceGroups, scales: Sequence[NcsScale]) -> Any:
    import json

    import pyarrow as pa

    rows: dict[str, list[Any]] = {"level": [], "key": [], "n_reference": [], "positive": [], "negative": []}
    for level, keys in enumerate(groups.keys):
        for code, key in enumerate(keys):
            rows["level"].append(level)
            rows["key"].append(json.dumps(key, ensure_ascii=False))
            rows["n_reference"].append(int(groups.sizes[level][code]))
            rows["positive"].append([float(scale.positive[level][code]) for scale in scales])
            rows["negative"].append([float(scale.negative[level][code]) for scale in scales])
    return pa.table(rows)


def extend_background(writer: IndexWriter, segments: Sequence[Segment], threads: int) -> None:
    """Score the signatures of new segments against the background queries, on the scales learned then."""
    store = writer.store
    if store.background is None or not segments:
        return
    background = dict(store.background)
    queries = store.background_table("queries").to_pydict()
    learned = _read_scales(store)
    up, down = ([np.array(item, np.int64) for item in queries[side]] for side in ("up", "down"))
    added = {}
    for segment in segments:
        codes, chosen = learned.place(SignatureTable(store.segment_table(segment, learned.fields)))
        scores = writer.background_scores(background["name"], segment, len(up))
        blocks = store.segment_blocks(replace(segment, start=0))
        for first in range(0, len(up), BACKGROUND_BATCH):
            last = first + BACKGROUND_BATCH
            raw = score_sets(blocks, up[first:last], down[first:last], threads=threads)
            for query, row in enumerate(raw, start=first):
                row[:] = apply_scale(row, codes, chosen, learned.scales[query], learned.floor)
            _write_columns(scores, first, raw)
        added[segment.name] = scores
    writer.set_background(background["name"], {}, added, background)


def _read_scales(store: IndexStore) -> LearnedScales:
    """Read the groups and means that the background of an index was learned with."""
    import json

    assert store.background is not None
    fields = tuple(store.background["group_by"])
    rows = store.background_table("scales").to_pydict()
    places, sizes, positive, negative = [], [], [], []
    for level in range(len(fields) + 1):
        here = [place for place, item in enumerate(rows["level"]) if item == level]
        places.append({tuple(json.loads(rows["key"][place])): number for number, place in enumerate(here)})
        sizes.append(np.array([rows["n_reference"][place] for place in here]))
        positive.append(np.array([rows["positive"][place] for place in here], float))
        negative.append(np.array([rows["negative"][place] for place in here], float))
    scales = [
        NcsScale(tuple(level[:, query] for level in positive), tuple(level[:, query] for level in negative))
        for query in range(int(store.background["n_queries"]))
    ]
    least, floor = store.background["min_reference"], store.background["ncs_floor"]
    return LearnedScales(fields, tuple(places), tuple(sizes), scales, least, floor)


def relearn_background(
    path: str | Path,
    *,
    params: IndexParams,
    queries: Sequence[MappedQuery] = (),
    mapped_on: IndexStore | None = None,
    threads: int = 1,
    progress: Progress = lambda text: None,
) -> IndexStore:
    """Learn the background of tau anew: from signatures that are in the index now, or from given queries.

    Parameters
    ----------
    mapped_on
        The index whose genes the queries refer to.

    Raises
    ------
    IndexStoreError
        Another process is writing to the index, or it was rebuilt with other genes since the queries were mapped.
    """
    with extend_index(path) as writer:
        if mapped_on is not None and mapped_on.manifest["genes"] != writer.manifest["genes"]:
            raise IndexStoreError(f"{path}: was rebuilt with other genes since it was opened; open it again")
        if params.background or queries:
            learn_background(writer, params, threads, progress, queries)
        else:
            writer.clear_background()
        settings = {"background": params.background, "background_set": params.background_set}
        writer.set_parameters({**writer.manifest["parameters"], **settings})
        writer.publish()
    return IndexStore(path)
