"""Build and check a connectivity index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beadwork.api.index.writing.background import learn_background
from beadwork.api.index.writing.inputs import (
    Progress,
    add_segment,
    common_level,
    fill_blocks,
    index_genes,
    open_matrices,
    prepare_segment,
    space_of,
)
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.connectivity.index.verify import verify_store
from beadwork.io.connectivity.index.writer import create_index
from beadwork.io.connectivity.siginfo import read_siginfo
from beadwork.model.params import IndexParams


def build_index(
    path: str | Path,
    matrices: Sequence[str | Path],
    siginfo: str | Path | Sequence[str | Path] | None = None,
    *,
    params: IndexParams = IndexParams(),  # noqa: B008 (frozen)
    overwrite: bool = False,
    per_segment: int | None = None,
    threads: int = 1,
    progress: Progress = lambda text: None,
) -> IndexStore:
    """Build an index from MODZ matrices; the folder appears as a whole or not at all.

    Parameters
    ----------
    path
        Folder of the index.
    matrices
        GCTX files (streamed), or any other matrix format (read whole), genes by signatures, of the same genes.
    siginfo
        Table(s) with a row per signature, joined by sig_id; without, the column annotation of the matrices is taken.
    per_segment
        Matrices in one segment, at most; None: all.

    Raises
    ------
    BeadworkError
        The matrices do not fit together, miss values, or their signatures are not in siginfo; or another process is
        writing to the index.
    """
    info = read_siginfo(siginfo)
    size = per_segment or max(1, len(matrices))
    level: str | None = None
    gene_ids: list[str] = []
    with create_index(path, overwrite=overwrite) as writer:
        for start in range(0, max(1, len(matrices)), size):
            with open_matrices(matrices[start : start + size]) as opened:
                level = common_level(opened, level, str(path) if start else "")
                if not start:
                    gene_ids, symbols = index_genes(opened[0], params)
                    writer.set_genes(
                        gene_ids, symbols, space=space_of(gene_ids), level=level,
                        parameters=params.model_dump(mode="json"),
                    )  # fmt: skip
                inputs = prepare_segment(opened, gene_ids, info, params)
                writer.refuse_repeated(inputs.table["sig_id"].tolist(), "stand in more than one matrix", "give")
                add_segment(writer, inputs, threads, progress)
        if params.background:
            learn_background(writer, params, threads, progress)
        writer.publish()
    return IndexStore(path)


def verify_index(
    path: str | Path, *, quick: bool = False, threads: int = 1, progress: Progress = lambda text: None
) -> tuple[list[str], list[str]]:
    """Check sizes and checksums of all files and, unless `quick`, recompute all ranks.

    Returns
    -------
    (faults, remarks), each a list of sentences; no faults: the index is sound.
    """

    def rank_columns(z: np.ndarray) -> np.ndarray:
        rank, scores = np.empty(z.shape, np.uint16), np.empty(z.shape, np.float32)
        fill_blocks(threads)(np.ascontiguousarray(z.T), rank, scores, 0)
        return rank

    return verify_store(path, None if quick else rank_columns, progress)
