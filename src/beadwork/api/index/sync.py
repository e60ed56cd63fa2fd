"""Bring an index in step with a set of matrices: what did not change is not computed again."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beadwork.api.index import build as building
from beadwork.io.connectivity import index_store
from beadwork.io.connectivity.index_store import IndexStore, Segment
from beadwork.io.files.digest import digest_file
from beadwork.io.matrix.column_stream import open_columns
from beadwork.model.errors import FileError, IndexStoreError, name_some
from beadwork.model.params import IndexParams

log = logging.getLogger("beadwork")
SEGMENT_MATRICES = 64
"""Most matrices in one segment, so that a change in one of them costs no more than this many."""


@dataclass(frozen=True)
class SyncReport:
    """What was done: names of the segments kept and dropped, and number of matrices added."""

    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    added: int
    rebuilt: bool


def sync_index(
    path: str | Path,
    matrices: Sequence[str | Path],
    siginfo: str | Path | Sequence[str | Path] | None = None,
    *,
    params: IndexParams = IndexParams(),  # noqa: B008 (frozen)
    threads: int = 1,
    progress: building.Progress = lambda text: None,
) -> tuple[IndexStore, SyncReport]:
    """Make an index hold just the signatures of some matrices.

    A segment all of whose matrices are there unchanged stays as it is; the others are dropped, and the matrices that
    are then missing are added as new segments.  The background of tau stays as it was learned (it is the frozen
    reference of the index) unless the index is built anew, which happens where there is none yet, where its parameters
    differ, or where nothing of it can be kept.

    Raises
    ------
    BeadworkError
        As :func:`beadwork.api.index.build.build_index` and ``append_index``.
    """
    path = Path(path)
    by_digest: dict[str, Path] = {}
    for item in matrices:
        by_digest.setdefault(digest_file(item), Path(item))
    if not by_digest:
        raise FileError("no matrix given; name at least one MODZ file")
    kept, dropped = _compare(path, by_digest, params)
    if not kept:
        store = _build(path, list(by_digest.values()), siginfo, params, threads, progress)
        return store, SyncReport((), tuple(item.name for item in dropped), len(by_digest), True)
    known = {digest for segment in kept for digest in _digests(path, segment)}
    new = [source for digest, source in by_digest.items() if digest not in known]
    if new or dropped:
        _replace(path, kept, dropped, new, siginfo, params, threads, progress)
    return IndexStore(path), SyncReport(
        tuple(item.name for item in kept), tuple(item.name for item in dropped), len(new), False
    )


def _compare(path: Path, wanted: dict[str, Path], params: IndexParams) -> tuple[list[Segment], list[Segment]]:
    """Segments to keep, and segments to drop."""
    try:
        store = IndexStore(path)
        segments = {segment: _digests(path, segment) for segment in store.segments}
    except IndexStoreError as error:
        if (path / index_store.MANIFEST).exists():
            log.warning("%s; it is built anew", error)
        return [], []
    if store.manifest["parameters"] != params.model_dump(mode="json"):
        return [], list(segments)
    kept = [segment for segment, digests in segments.items() if digests and digests <= set(wanted)]
    return kept, [segment for segment in segments if segment not in kept]


def _digests(path: Path, segment: Segment) -> set[str]:
    table = index_store._read_parquet(path / index_store.SEGMENTS / segment.name / index_store.SOURCES, ["digest"])
    return {str(item) for item in table.column("digest").to_pylist()} if "digest" in table.column_names else set()


def _build(
    path: Path, matrices: list[Path], siginfo: Any, params: IndexParams, threads: int, progress: building.Progress
) -> IndexStore:
    if len(matrices) <= SEGMENT_MATRICES:
        return building.build_index(path, matrices, siginfo, params=params, overwrite=True, threads=threads,
                                    progress=progress)  # fmt: skip
    bare = params.model_copy(update={"background": 0})
    with index_store.new_index(path, overwrite=True) as folder:
        shutil.rmtree(folder)
        building.build_index(folder, matrices[:SEGMENT_MATRICES], siginfo, params=bare, threads=threads,
                             progress=progress)  # fmt: skip
        for start in range(SEGMENT_MATRICES, len(matrices), SEGMENT_MATRICES):
            building.append_index(folder, matrices[start : start + SEGMENT_MATRICES], siginfo, threads=threads,
                                  progress=progress)  # fmt: skip
        building.relearn_background(folder, params=params, threads=threads, progress=progress)
    return IndexStore(path)


def _replace(
    path: Path, kept: list[Segment], dropped: list[Segment], new: list[Path], siginfo: Any, params: IndexParams,
    threads: int, progress: building.Progress,
) -> None:  # fmt: skip
    """Write the new segments, then one manifest, and remove what it does not name any more."""
    with index_store.appending(path) as manifest, ExitStack() as stack:
        store = IndexStore(path)
        store.segments = tuple(kept)
        names = {segment.name for segment in kept}
        manifest = {**manifest, "segments": [item for item in manifest["segments"] if item["name"] in names]}
        if manifest.get("background"):
            gone = {f"{segment.name}.bin" for segment in dropped}
            files = {name: record for name, record in manifest["background"]["files"].items() if name not in gone}
            manifest["background"] = {**manifest["background"], "files": files}
        number = max(int(segment.name.split("-")[0]) for segment in (*kept, *dropped))
        for start in range(0, len(new), SEGMENT_MATRICES):
            streams = [stack.enter_context(open_columns(item)) for item in new[start : start + SEGMENT_MATRICES]]
            building._level(streams, manifest.get("level"), str(path))
            genes = [building._genes(stream) for stream in streams]
            sources, table, provenance = building._prepare(streams, genes, store.gene_ids, siginfo, params)
            repeated = index_store.find_repeated(store, table["sig_id"].tolist())
            if repeated:
                raise IndexStoreError(
                    f"{path}: {len(repeated)} signatures stand in more than one matrix: {name_some(repeated)}; "
                    "give each signature once"
                )
            number += 1
            record = building._write(path, number, store.n_genes, sources, table, provenance, threads, progress)
            manifest["segments"] = [*manifest["segments"], record]
            store.segments = (*store.segments, Segment(record["name"], 0, record["n_signatures"], record["files"]))
            if manifest.get("background"):
                store.manifest = {**store.manifest, "background": manifest["background"]}
                manifest["background"] = building._extend_background(store, manifest, record, table, threads)
        manifest["generation"] += 1
        index_store.write_manifest(path, manifest)
        for folder in index_store.leftovers(path, manifest):
            shutil.rmtree(folder, ignore_errors=True)
        background = manifest.get("background")
        if background:
            for segment in dropped:
                (path / index_store.BACKGROUNDS / background["name"] / f"{segment.name}.bin").unlink(missing_ok=True)
