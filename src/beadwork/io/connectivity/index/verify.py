"""Check a connectivity index against its manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from beadwork.io.connectivity.index.layout import GENES, SIGNATURES, left_over, listed_files
from beadwork.io.connectivity.index.reader import TRIES, IndexStore
from beadwork.io.files.digest import digest_file
from beadwork.model.errors import FileError, IndexStoreError, name_some

RankColumns = Callable[[np.ndarray], np.ndarray]


def verify_store(
    path: str | Path, rank_columns: RankColumns | None = None, progress: Callable[[str], None] = lambda name: None
) -> tuple[list[str], list[str]]:
    """Check an index against its manifest.

    Parameters
    ----------
    rank_columns
        Ranks of scores (genes, signatures), to recompute all ranks; None to check sizes and checksums only.

    Returns
    -------
    (faults, remarks): faults make an index unusable; remarks are harmless, e.g. leftovers of a broken append.
    """
    for _ in range(TRIES):
        store = IndexStore(path)
        faults = _verify_files(store, progress)
        if not faults:
            faults = _verify_tables(store)
        if not faults and rank_columns is not None:
            faults = _verify_ranks(store, rank_columns, progress)
        if not faults or not store.is_replaced():
            break  # else a writer changed the index meanwhile, and what was checked is no more
    remarks = [
        f"{item.relative_to(store.path)}: not part of the index (left by a broken append; the next append removes it)"
        for item in left_over(store.path, store.manifest)
        if not store.is_replaced()
    ]
    return faults, remarks


def _verify_files(store: IndexStore, progress: Callable[[str], None]) -> list[str]:
    faults = []
    for name, record in listed_files(store.manifest).items():
        progress(name)
        file = store.path / name
        if not file.is_file():
            faults.append(f"{name}: is missing")
        elif file.stat().st_size != record["bytes"]:
            faults.append(f"{name}: {file.stat().st_size} bytes instead of {record['bytes']}")
        elif _digest(file) != record["digest"]:
            faults.append(f"{name}: content does not match its checksum")
    return faults


def _digest(file: Path) -> str:
    try:
        return digest_file(file)
    except FileError:
        return ""


def _verify_tables(store: IndexStore) -> list[str]:
    faults = []
    try:
        genes = store.gene_ids
        if len(set(genes)) < len(genes):
            faults.append(f"{GENES}: a gene stands twice")
        ids = store.signature_table(["sig_id"]).column("sig_id").to_pylist()
        if len(set(ids)) < len(ids):
            twice = sorted(item for item, count in Counter(ids).items() if count > 1)
            faults.append(f"{SIGNATURES}: signature ids stand twice: {name_some(twice)}")
        _ = store.blocks
        background = store.background_scores
        if background and not any(np.isfinite(part).any() for part in background):
            faults.append("background: holds no scores")
    except IndexStoreError as error:
        faults.append(str(error))
    return faults


def _verify_ranks(store: IndexStore, rank_columns: RankColumns, progress: Callable[[str], None]) -> list[str]:
    faults = []
    for block in store.blocks:
        progress(f"signatures {block.start + 1} to {block.stop}")
        if not np.isfinite(block.z).all():
            faults.append(f"signatures {block.start + 1} to {block.stop}: missing or infinite scores")
        elif not np.array_equal(rank_columns(block.z), block.rank):
            faults.append(f"signatures {block.start + 1} to {block.stop}: ranks do not follow from the scores")
    return faults
