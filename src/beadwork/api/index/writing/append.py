"""Add signatures to a connectivity index."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from beadwork.api.index.writing.background import extend_background
from beadwork.api.index.writing.inputs import (
    MIXES,
    Progress,
    SegmentInputs,
    add_segment,
    arrow_table,
    common_level,
    open_matrices,
    other_number,
    prepare_segment,
    same_annotation,
)
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.connectivity.index.writer import extend_index
from beadwork.io.connectivity.siginfo import read_siginfo
from beadwork.model.params import IndexParams

log = logging.getLogger("beadwork")


def append_index(
    path: str | Path,
    matrices: Sequence[str | Path],
    siginfo: str | Path | Sequence[str | Path] | None = None,
    *,
    threads: int = 1,
    progress: Progress = lambda text: None,
) -> IndexStore:
    """Add signatures to an index as a new segment; nothing that is there is rewritten.

    The background stays the one that was learned; the new signatures are scored against it.  An append that was done
    before, of the same matrices with the same annotation, changes nothing: one that was killed can be started again.

    Raises
    ------
    BeadworkError
        Genes are missing, a signature is in the index already, or another process is writing.
    """
    with extend_index(path) as writer, open_matrices(matrices) as opened:
        store = writer.store
        params = IndexParams(**writer.manifest["parameters"])
        common_level(opened, writer.manifest.get("level"), str(path))
        inputs = prepare_segment(opened, store.gene_ids, read_siginfo(siginfo), params)
        if _is_there(store, inputs):
            log.warning(
                "%s: these %d signatures are in the index already, from the same files; nothing is added",
                path, len(inputs.table),
            )  # fmt: skip
            return IndexStore(path)
        writer.refuse_repeated(inputs.table["sig_id"].tolist(), "are in the index already", "append")
        if older := other_number(writer):
            log.warning("%s: %s; %s", path, older, MIXES)
        segment = add_segment(writer, inputs, threads, progress)
        progress("background")
        extend_background(writer, [segment], threads)
        writer.publish()
    return IndexStore(path)


def _is_there(store: IndexStore, inputs: SegmentInputs) -> bool:
    """Whether a segment of the index holds just these inputs: the same matrices, with the same annotation."""
    digests = inputs.provenance["digest"].tolist()
    for segment in store.segments:
        if segment.n_signatures == len(inputs.table) and store.segment_sources(segment) == digests:
            return same_annotation(store.segment_table(segment), arrow_table(inputs.table))
    return False
