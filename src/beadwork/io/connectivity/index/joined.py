"""Several indexes, each in its folder, read as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from beadwork.io.connectivity.index.layout import Segment
from beadwork.io.connectivity.index.reader import IndexStore, StoredBlock
from beadwork.io.files.digest import digest_bytes
from beadwork.model.errors import IndexStoreError, name_some


class JoinedStore(IndexStore):
    """Indexes of the same genes and level, one after the other.

    Scores, and what is normalised over all signatures, are those of one index of all.  The background of tau is there
    where all have the same one: the same queries and scales, as parts of one index have that `index sync` cut out of
    copies of it.  Backgrounds that were learned apart are none of the whole.

    Raises
    ------
    IndexStoreError
        They are of several levels, hold different genes, or the same signature.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.stores = [IndexStore(path) for path in paths]
        first = self.stores[0]
        for store in self.stores[1:]:
            self._check(first, store)
        self.path, self._raw, self._maps = first.path, b"", []
        self.n_genes, self.block, self.space = first.n_genes, first.block, first.space
        self._owners: list[tuple[Segment, IndexStore, Segment]] = []
        start = 0
        for store in self.stores:
            self._owners += [(replace(item, start=item.start + start), store, item) for item in store.segments]
            start += store.n_signatures
        self.segments, self.n_signatures = tuple(moved for moved, _, _ in self._owners), start
        self.manifest = {**first.manifest, "background": self._common_background()}
        self._check_repeated()

    @staticmethod
    def _check(one: IndexStore, two: IndexStore) -> None:
        levels = [store.manifest.get("level") for store in (one, two)]
        if levels[0] != levels[1]:
            said = " but ".join(f"{store.path} holds {level or 'no level that is known'}" for store, level in
                                zip((one, two), levels, strict=True))  # fmt: skip
            raise IndexStoreError(f"{said}; indexes that are asked together must hold one level")
        if one.gene_ids != two.gene_ids:
            what = f"{one.n_genes:,} and {two.n_genes:,} genes"
            if one.n_genes == two.n_genes:
                what = f"{one.n_genes:,} genes each, but not the same in the same order"
            raise IndexStoreError(
                f"{one.path} and {two.path} hold {what}; indexes that are asked together must have the same genes, "
                "build them with the same --space"
            )

    def _check_repeated(self) -> None:
        seen: dict[str, Path] = {}
        for store in self.stores:
            ids = [str(item) for item in store.signature_table(["sig_id"]).column("sig_id").to_pylist()]
            twice = [item for item in ids if item in seen]
            if twice:
                raise IndexStoreError(
                    f"{seen[twice[0]]} and {store.path} both hold {name_some(twice)}; each signature must be in one"
                )
            seen.update(dict.fromkeys(ids, store.path))

    def _common_background(self) -> Mapping[str, Any] | None:
        first = self.stores[0]
        for store in self.stores:
            if store.background is None or first.background is None:
                return None
            for name in ("n_queries", "group_by", "min_reference", "ncs_floor"):
                if store.background.get(name) != first.background.get(name):
                    return None
            if store is not first and not all(
                str(store.background_table(name).to_pydict()) == str(first.background_table(name).to_pydict())
                for name in ("queries", "scales")  # by their text, in which missing means are equal
            ):
                return None
        return first.background

    @property
    def remarks(self) -> tuple[str, ...]:
        """Say where there are backgrounds of tau, but none of all."""
        if self.background is not None or all(store.background is None for store in self.stores):
            return ()
        names = name_some(store.path for store in self.stores)
        return (f"the backgrounds of tau of {names} were learned apart; one index of all has one of all",)

    @property
    def digest(self) -> str:
        """Checksum of all manifests."""
        return digest_bytes("\n".join(store.digest for store in self.stores).encode())

    def is_replaced(self) -> bool:
        """Whether a writer has published another manifest of one since."""
        return any(store.is_replaced() for store in self.stores)

    def release(self) -> None:
        """Give memory of mapped files back."""
        for store in self.stores:
            store.release()

    @cached_property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return self.stores[0].gene_ids

    def gene_columns(self, names: Sequence[str] | None = None) -> dict[str, list[Any]]:
        """Columns of the gene table."""
        return self.stores[0].gene_columns(names)

    def _owner(self, segment: Segment) -> tuple[IndexStore, Segment]:
        return next((store, own) for moved, store, own in self._owners if moved is segment)

    def segment_table(self, segment: Segment, columns: Sequence[str] | None = None) -> Any:
        """Annotation of the signatures of one segment as an Arrow table."""
        store, own = self._owner(segment)
        return store.segment_table(own, columns)

    def segment_fields(self, segment: Segment) -> list[str]:
        """Names of the columns of :meth:`segment_table`."""
        store, own = self._owner(segment)
        return store.segment_fields(own)

    def segment_sources(self, segment: Segment) -> list[str]:
        """Checksums of the matrices that a segment was made from."""
        store, own = self._owner(segment)
        return store.segment_sources(own)

    def segment_blocks(self, segment: Segment) -> list[StoredBlock]:
        """Blocks of one segment, mapped from disk."""
        store, own = self._owner(segment)
        shift = segment.start - own.start
        return [replace(block, start=block.start + shift) for block in store.segment_blocks(own)]

    @cached_property
    def background_scores(self) -> list[Any]:
        """NCS of the signatures for the background queries, by segment."""
        if self.background is None:
            return []
        return [scores for store in self.stores for scores in store.background_scores]

    def background_table(self, name: str) -> Any:
        """Read a table of the background as an Arrow table."""
        return self.stores[0].background_table(name)


def open_store(path: str | Path | Sequence[str | Path]) -> IndexStore:
    """Open an index, or several as one."""
    if isinstance(path, str | Path):
        return IndexStore(path)
    return IndexStore(path[0]) if len(path) == 1 else JoinedStore(path)
