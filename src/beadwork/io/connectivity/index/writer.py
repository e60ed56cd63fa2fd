"""Write a connectivity index: add segments, drop some, then publish all of it at once, under one lock.

Nothing that readers see changes before :meth:`IndexWriter.publish`, and nothing is removed before what takes its place
is there.  A writer that dies leaves the old index, and files that the next writer removes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beadwork.io.connectivity.index.folders import (
    new_folder,
    remove_abandoned,
    replace_folder,
    restore,
    writer_lock,
)
from beadwork.io.connectivity.index.layout import (
    BACKGROUNDS,
    GENES,
    IDS,
    MANIFEST,
    OWN,
    RANKS,
    SCORES,
    SEGMENTS,
    SIGNATURES,
    SOURCES,
    Segment,
    background_path,
    file_record,
    hash_ids,
    left_over,
    list_segments,
    new_manifest,
    read_manifest,
    segment_name,
    segment_number,
    sync_folder,
    write_manifest,
)
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.files.atomic import write_error
from beadwork.model.connectivity.query import BLOCK
from beadwork.model.errors import FileError, IndexStoreError, counted, name_some

SLAB = 512
"""Signatures read and ranked at a time while building."""


@dataclass(frozen=True, eq=False)
class SignatureSource:
    """Signatures to be written: ``read(start, stop)`` gives float32 (signatures, genes), genes in index order."""

    name: str
    n_signatures: int
    read: Callable[[int, int], np.ndarray]


FillBlock = Callable[[np.ndarray, np.ndarray, np.ndarray, int], None]
"""Ranks signatures into a gene-major block (``fill_block`` of the kernels, run on threads)."""


class IndexWriter:
    """The one writer of an index (:func:`create_index`, :func:`extend_index`).

    Attributes
    ----------
    path
        The index, as messages name it.
    folder
        Where its files are written: the index itself, or the hidden folder of a new one until it is published.
    """

    def __init__(
        self, path: Path, folder: Path, manifest: Mapping[str, Any], claim: Callable[[], object] = lambda: None
    ) -> None:
        self.path, self.folder = path, folder
        self._manifest, self._claim = dict(manifest), claim
        self._last = max((segment_number(item["name"]) for item in manifest.get("segments", ())), default=0)
        self._published = dict(manifest)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What would be published now."""
        return self._manifest

    @property
    def store(self) -> IndexStore:
        """The index as it would be published now, to read from."""
        return IndexStore(self.folder, self._manifest)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Segments that would be published now."""
        return list_segments(self._manifest)

    def set_genes(
        self, gene_ids: Sequence[str], symbols: Sequence[str | None], *, space: str | None, level: str | None,
        parameters: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Begin a new index: its genes, in row order, and what is to be recorded of it."""
        import pyarrow as pa

        table = pa.table({"gene_id": pa.array(gene_ids, pa.string()), "symbol": pa.array(symbols, pa.string())})
        _write_parquet(table, self.folder / GENES)
        self._manifest = new_manifest(
            n_genes=len(gene_ids), genes=file_record(self.folder / GENES), space=space, level=level,
            parameters=parameters,
        )  # fmt: skip

    def set_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record other parameters."""
        self._manifest["parameters"] = dict(parameters)

    def add_segment(
        self,
        sources: Sequence[SignatureSource],
        annotation: Any,
        provenance: Any,
        fill: FillBlock,
        *,
        siginfo: Iterable[str] | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Segment:
        """Write signatures as one segment; memory holds one block at a time.

        Parameters
        ----------
        sources
            Where the signatures come from, in order.
        annotation, provenance
            Arrow tables: annotation, one row per signature, with the column sig_id; and inputs, one row per source.
        fill
            Ranks signatures into a block.
        siginfo
            Checksums of the tables that the annotation came from.
        progress
            Receives how many signatures are done.
        """
        inputs = provenance.column("digest").to_pylist() if "digest" in provenance.column_names else []
        with self._new_segment(annotation, inputs, siginfo) as part:
            _write_blocks(part, int(self._manifest["n_genes"]), sources, fill, progress)
            _write_parquet(provenance, part / SOURCES)
            np.sort(hash_ids(annotation.column("sig_id"))).tofile(part / IDS)
        return self.segments[-1]

    def annotate(self, segment: Segment, annotation: Any, *, siginfo: Iterable[str] | None = None) -> Segment:
        """Put another annotation of the same signatures in the place of a segment's; scores and ranks are shared."""
        place = [item.name for item in self.segments].index(segment.name)
        inputs = [f"{name} {record['digest']}" for name, record in sorted(segment.files.items())]
        with self._new_segment(annotation, inputs, siginfo) as part:
            for name in (RANKS, SCORES, IDS, SOURCES):
                _link(self.folder / segment.file(name), part / name)
        new = self.segments[-1]
        items = list(self._manifest["segments"])
        items[place] = items.pop()
        self._manifest["segments"] = items
        if background := self._manifest["background"]:
            old_file, new_file = f"{segment.name}.bin", f"{new.name}.bin"
            files = dict(background["files"])
            files[new_file] = files.pop(old_file)
            target = self.folder / background_path(background["name"], new_file)
            target.unlink(missing_ok=True)
            _link(target.with_name(old_file), target)
            self._manifest["background"] = {**background, "files": files}
        return self.segments[place]

    def refuse_repeated(self, sig_ids: Sequence[str], what: str, verb: str) -> None:
        """Refuse signatures that the index would hold already.

        Raises
        ------
        IndexStoreError
            Some are there; `what` says so, and `verb` what to do with each signature once.
        """
        if repeated := self.store.find_repeated(sig_ids):
            raise IndexStoreError(
                f"{self.path}: {counted(len(repeated), 'signature')} {what}: {name_some(repeated)}; {verb} "
                f"each signature once"
            )

    @contextmanager
    def _new_segment(
        self, annotation: Any, inputs: Iterable[str], siginfo: Iterable[str] | None
    ) -> Iterator[Path]:  # fmt: skip
        """Yield a folder for the other files of a segment, which joins the index at the end."""
        sig_ids = annotation.column("sig_id").to_pylist()
        digests = None if siginfo is None else list(siginfo)
        self._last += 1
        name = segment_name(self._last, [*map(str, sig_ids), *map(str, inputs), *(digests or ())])
        target, part = self.folder / SEGMENTS / name, self.folder / SEGMENTS / f".{name}.part"
        part.mkdir(parents=True)
        yield part
        _write_parquet(annotation, part / SIGNATURES)
        record: dict[str, Any] = {
            "name": name,
            "n_signatures": len(sig_ids),
            "files": {item: file_record(part / item) for item in (RANKS, SCORES, SIGNATURES, IDS, SOURCES)},
        }
        if digests is not None:
            record["siginfo"] = digests
        sync_folder(part)
        os.rename(part, target)
        self._manifest["segments"] = [*self._manifest["segments"], record]

    def drop(self, segments: Iterable[Segment]) -> None:
        """Leave segments out of what is published; their files are removed after that."""
        names = {segment.name for segment in segments}
        self._manifest["segments"] = [item for item in self._manifest["segments"] if item["name"] not in names]
        if background := self._manifest["background"]:
            files = {name: record for name, record in background["files"].items() if name[:-4] not in names}
            self._manifest["background"] = {**background, "files": files}

    # ---- background of tau -----------------------------------------------------------------------------------------

    def new_background(self, n_queries: int) -> str:
        """Name for a new background, whose files lie in a folder of their own."""
        count = sum(segment.n_signatures for segment in self.segments)
        name = f"{self._next_generation():06d}-{count}-{n_queries}"
        while (self.folder / BACKGROUNDS / name).exists():
            name += "-1"
        return name

    def background_scores(self, name: str, segment: Segment, n_queries: int) -> np.ndarray:
        """Make the file of a segment's background scores, float32, and map it to be filled."""
        target = self.folder / background_path(name, f"{segment.name}.bin")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # not overwritten: a reader may have it open
        return np.memmap(target, np.dtype("<f4"), "w+", shape=(segment.n_signatures, n_queries))

    def set_background(
        self, name: str, tables: Mapping[str, Any], scores: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> None:
        """Take a background, new or extended, into what is published.

        Parameters
        ----------
        tables
            Arrow tables by name, written once when the background is new.
        scores
            By segment name, filled arrays of :meth:`background_scores`.
        facts
            Further entries of the manifest.
        """
        target = self.folder / BACKGROUNDS / name
        earlier = self._manifest["background"] or {}
        files = dict(earlier["files"]) if earlier.get("name") == name else {}
        for key, table in tables.items():
            _write_parquet(table, target / f"{key}.parquet")
            files[f"{key}.parquet"] = file_record(target / f"{key}.parquet")
        width = 0
        for segment, values in scores.items():
            values.flush()
            width = values.shape[1]
            files[f"{segment}.bin"] = file_record(target / f"{segment}.bin")
        sync_folder(target)
        self._manifest["background"] = {**facts, "name": name, "n_queries": width, "files": files}

    def clear_background(self) -> None:
        """Publish no background."""
        self._manifest["background"] = None

    # ---- publish ---------------------------------------------------------------------------------------------------

    def _is_new(self) -> bool:
        return not self._published

    def _next_generation(self) -> int:
        return 1 if self._is_new() else int(self._published["generation"]) + 1

    def publish(self) -> None:
        """Make the index what was written: from here on readers see it. Then what it does not name is removed."""
        self._manifest["generation"] = self._next_generation()
        write_manifest(self.folder, self._manifest)
        if self._is_new():
            self._move_in_place()
        self._published = dict(self._manifest)
        _remove(left_over(self.folder, self._manifest))

    def _move_in_place(self) -> None:
        self._claim()
        target = _real(self.path)
        replace_folder(target, self.folder)
        if self.folder.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = target


@contextmanager
def create_index(path: str | Path, *, overwrite: bool = False) -> Iterator[IndexWriter]:
    """Write a new index in a hidden folder, which takes the place of `path` when it is published.

    Raises
    ------
    IndexStoreError
        There is something at `path` and `overwrite` is off, or what is there is no index, or another process writes to
        it.
    """
    path = Path(path)
    with _named_errors(path), ExitStack() as stack:
        real = _real(path)
        restore(real)
        real.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(real)
        locked = False

        def claim() -> None:
            nonlocal locked
            if _check_place(path, overwrite) and not locked:
                stack.enter_context(writer_lock(path))
                locked = True

        claim()
        folder = new_folder(real)
        stack.callback(lambda: shutil.rmtree(folder, ignore_errors=True))
        stack.enter_context(writer_lock(folder))
        (folder / SEGMENTS).mkdir()
        yield IndexWriter(path, folder, {}, claim)  # an index may come to be there meanwhile: claimed once more


@contextmanager
def extend_index(path: str | Path) -> Iterator[IndexWriter]:
    """Write to an index that is there; what earlier, killed writers left is removed first.

    Raises
    ------
    IndexStoreError
        There is no index, or another process writes to it.
    """
    path = Path(path)
    with _named_errors(path), ExitStack() as stack:
        real = _real(path)
        restore(real)
        read_manifest(path)
        stack.enter_context(writer_lock(path))
        remove_abandoned(real)
        manifest = read_manifest(path)
        _remove(left_over(path, manifest))
        try:
            yield IndexWriter(path, path, manifest)
        finally:
            with suppress(IndexStoreError):
                _remove(left_over(path, read_manifest(path)))


def _check_place(path: Path, overwrite: bool) -> bool:
    """Whether there is an index to be replaced."""
    if path.is_file():
        raise IndexStoreError(f"{path}: is a file; name a folder for the index")
    if not path.exists() or not any(path.iterdir()):
        return False
    if not (path / MANIFEST).exists():
        raise IndexStoreError(f"{path}: is a folder with other content; name a new folder for the index")
    if not overwrite:
        raise IndexStoreError(
            f"{path}: there is an index already; `beadwork index append` adds to it, --overwrite replaces it"
        )
    if foreign := sorted(item.name for item in path.iterdir() if item.name not in OWN and item.name[:1] != "."):
        raise IndexStoreError(
            f"{path}: holds what is no part of an index ({name_some(foreign, 3)}) and would be lost; move it elsewhere"
        )
    return True


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = write_error(error) or error
        raise FileError(f"{path}: cannot be written ({reason}); check the folder and free space") from error


def _real(path: Path) -> Path:
    """Folder itself, where `path` is a link to it, or a name such as ``.``."""
    return Path(os.path.realpath(path))


def _remove(items: Iterable[Path]) -> None:
    for item in items:
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item, ignore_errors=True)
        else:
            with suppress(OSError):
                item.unlink()


def _write_blocks(
    part: Path, n_genes: int, sources: Sequence[SignatureSource], fill: FillBlock, progress: Callable[[int], None]
) -> None:
    """Write the scores and ranks of a segment, block by block."""
    width = min(BLOCK, sum(source.n_signatures for source in sources))
    rank_block, z_block = np.empty((n_genes, width), np.uint16), np.empty((n_genes, width), np.float32)
    done = filled = 0
    with open(part / RANKS, "wb") as ranks, open(part / SCORES, "wb") as scores:

        def flush() -> None:
            np.ascontiguousarray(rank_block[:, :filled]).tofile(ranks)
            np.ascontiguousarray(z_block[:, :filled]).tofile(scores)

        for source in sources:
            start = 0
            while start < source.n_signatures:
                count = min(SLAB, source.n_signatures - start, width - filled)
                fill(source.read(start, start + count), rank_block, z_block, filled)
                start, filled, done = start + count, filled + count, done + count
                progress(done)
                if filled == width:
                    flush()
                    filled = 0
        if filled:
            flush()


def _write_parquet(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _link(source: Path, target: Path) -> None:
    """Give a file that never changes another name; a copy where the disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
