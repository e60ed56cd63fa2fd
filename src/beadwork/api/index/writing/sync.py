"""Bring an index in step with a set of matrices: what did not change is not computed again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beadwork.api.index.writing.background import extend_background
from beadwork.api.index.writing.build import build_index
from beadwork.api.index.writing.inputs import (
    MIXES,
    Progress,
    add_segment,
    annotate_matrices,
    arrow_table,
    changed_fields,
    common_level,
    open_matrices,
    open_streams,
    other_number,
    prepare_segment,
)
from beadwork.io.connectivity.index.layout import MANIFEST, Segment
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.connectivity.index.writer import IndexWriter, extend_index
from beadwork.io.connectivity.siginfo import Siginfo, read_siginfo
from beadwork.io.files.digest import digest_file
from beadwork.model.errors import FileError, IndexStoreError
from beadwork.model.params import IndexParams

log = logging.getLogger("beadwork")
SEGMENT_MATRICES = 64
"""Most matrices in one segment, so that a change in one of them costs no more than this many."""
BACKGROUND_FIELDS = ("pert_type", "is_null_sig", "is_ncs_sig")
"""Fields that say which signatures a background is learned from, beside those of its groups."""


@dataclass(frozen=True)
class SyncReport:
    """What was done: names of the segments kept, annotated anew and dropped, and number of matrices added."""

    kept: tuple[str, ...]
    annotated: tuple[str, ...]
    dropped: tuple[str, ...]
    added: int
    rebuilt: bool


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is to be done with the segments of an index, and the matrices that are new to it."""

    kept: tuple[Segment, ...]
    annotated: Mapping[Segment, object]
    regrouped: frozenset[Segment]
    dropped: tuple[Segment, ...]
    new: list[Path]


def sync_index(
    path: str | Path,
    matrices: Sequence[str | Path],
    siginfo: str | Path | Sequence[str | Path] | None = None,
    *,
    params: IndexParams = IndexParams(),  # noqa: B008 (frozen)
    threads: int = 1,
    keep_older: bool = False,
    progress: Progress = lambda text: None,
) -> tuple[IndexStore, SyncReport]:
    """Make an index hold just the signatures of some matrices, with the annotation of some siginfo.

    A segment all of whose matrices are there unchanged stays as it is; one whose annotation changed keeps its scores;
    the others are dropped, and the matrices that are then missing are added as new segments.  The background of tau
    stays as it was learned (it is the frozen reference of the index) unless the index is built anew, which happens
    where there is none yet, where its parameters differ, or where nothing of it can be kept.

    Parameters
    ----------
    keep_older
        Whether parts of an index stay that a version of another compatibility number built; it is said where new ones
        come to stand beside them.

    Raises
    ------
    BeadworkError
        As :func:`beadwork.api.index.writing.build.build_index` and ``append_index``.
    """
    path = Path(path)
    by_digest: dict[str, Path] = {}
    for item in matrices:
        by_digest.setdefault(digest_file(item), Path(item))
    if not by_digest:
        raise FileError("no matrix given; name at least one MODZ file")
    info = read_siginfo(siginfo)
    dropped: tuple[Segment, ...] = ()
    if _is_readable(path):
        with extend_index(path) as writer:
            older = other_number(writer)
            plan = None if older and not keep_older else _plan(writer, by_digest, info, params)
            if older and (plan is None or plan.new):
                log.warning("%s: %s; %s", path, older, "it is built anew" if plan is None else MIXES)
            if plan is not None:
                if plan.annotated or plan.dropped or plan.new:
                    _apply(writer, plan, info, params, threads, progress)
                report = SyncReport(
                    tuple(item.name for item in plan.kept), tuple(item.name for item in plan.annotated),
                    tuple(item.name for item in plan.dropped), len(plan.new), False,
                )  # fmt: skip
                return IndexStore(path), report
            dropped = writer.segments
    store = build_index(
        path, list(by_digest.values()), siginfo, params=params, overwrite=True, per_segment=SEGMENT_MATRICES,
        threads=threads, progress=progress,
    )  # fmt: skip
    return store, SyncReport((), (), tuple(item.name for item in dropped), len(by_digest), True)


def _is_readable(path: Path) -> bool:
    """Whether there is an index whose inputs can be read; said if there is one that cannot."""
    try:
        store = IndexStore(path)
        for segment in store.segments:
            store.segment_sources(segment)
    except IndexStoreError as error:
        if (path / MANIFEST).exists():
            log.warning("%s; it is built anew", error)
        return False
    return True


def _plan(
    writer: IndexWriter, by_digest: Mapping[str, Path], info: Siginfo | None, params: IndexParams
) -> _Plan | None:
    """Say what is to be done; None: build the index anew."""
    if writer.manifest["parameters"] != params.model_dump(mode="json"):
        return None
    store = writer.store
    inputs = {segment: store.segment_sources(segment) for segment in store.segments}
    if not any(digest in by_digest for digests in inputs.values() for digest in digests):
        return None
    kept, annotated, regrouped, dropped = [], {}, set(), []
    digests = () if info is None else info.digests
    grouped = {*BACKGROUND_FIELDS, *(store.background["group_by"] if store.background else ())}
    for segment, found in inputs.items():
        if not found or not set(found) <= set(by_digest):
            dropped.append(segment)
        elif segment.siginfo == digests:
            kept.append(segment)
        else:
            with open_streams([by_digest[digest] for digest in found]) as streams:
                table = arrow_table(annotate_matrices(streams, info))
            changed = changed_fields(store.segment_table(segment), table)
            if not changed:
                kept.append(segment)
                continue
            annotated[segment] = table
            if grouped & set(changed):
                regrouped.add(segment)
    if regrouped and not kept and len(regrouped) == len(annotated):
        return None  # the background was learned from another annotation throughout
    known = {digest for segment in (*kept, *annotated) for digest in inputs[segment]}
    new = [source for digest, source in by_digest.items() if digest not in known]
    return _Plan(tuple(kept), annotated, frozenset(regrouped), tuple(dropped), new)


def _apply(
    writer: IndexWriter, plan: _Plan, info: Siginfo | None, params: IndexParams, threads: int, progress: Progress
) -> None:
    """Write what is new, then publish all at once."""
    gene_ids = writer.store.gene_ids
    writer.drop(plan.dropped)
    rescored = []
    for segment, table in plan.annotated.items():
        new = writer.annotate(segment, table, siginfo=() if info is None else info.digests)
        if segment in plan.regrouped:
            rescored.append(new)
    for start in range(0, len(plan.new), SEGMENT_MATRICES):
        with open_matrices(plan.new[start : start + SEGMENT_MATRICES]) as opened:
            common_level(opened, writer.manifest.get("level"), str(writer.path))
            inputs = prepare_segment(opened, gene_ids, info, params)
            writer.refuse_repeated(inputs.table["sig_id"].tolist(), "stand in more than one matrix", "give")
            rescored.append(add_segment(writer, inputs, threads, progress))
    if plan.regrouped and writer.manifest["background"]:
        log.warning(
            "%s: %d segments have other groups or controls now; the background of tau stays as it was learned, "
            "`beadwork index background` learns it anew", writer.path, len(plan.regrouped),
        )  # fmt: skip
    extend_background(writer, rescored, threads)
    writer.publish()
