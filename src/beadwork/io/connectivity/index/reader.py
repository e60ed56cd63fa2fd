"""Read a connectivity index.

A reader opens the files that a query may need together with the manifest.  They stay what they are for as long as it
holds them, whatever becomes of their names: an open index answers wholly from what it was when it was opened.
"""

from __future__ import annotations

import itertools
import mmap
import os
import resource
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from beadwork.io.connectivity.index.layout import (
    DAMAGED,
    GENES,
    IDS,
    MANIFEST,
    RANKS,
    SCORES,
    SIGNATURES,
    SOURCES,
    Segment,
    background_path,
    hash_ids,
    list_segments,
    no_index,
    parse_manifest,
)
from beadwork.io.files.digest import digest_bytes
from beadwork.model.connectivity.query import SignatureBlock
from beadwork.model.errors import IndexStoreError

MANY = 300_000
"""Signatures from which on memory counts more than the time to give it back."""
TRIES = 50
"""Times that the manifest is read again when a writer replaced it while its files were being opened."""


class OpenFiles:
    """Files of the folder of an index, kept open; names are relative to the folder as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handles: dict[str, int] = {"": os.open(path, os.O_RDONLY | os.O_DIRECTORY)}
        weakref.finalize(self, _close_all, self._handles)

    def moved(self) -> bool:
        """Whether another folder has taken the place of this one."""
        with suppress(OSError):
            here, there = os.fstat(self._handles[""]), os.stat(self.path)
            return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)
        return False

    def open(self, name: str) -> int:
        """Descriptor of a file."""
        if name in self._handles:
            return self._handles[name]
        handle = os.open(name, os.O_RDONLY, dir_fd=self._handles[""])
        kept = self._handles.setdefault(name, handle)
        if kept != handle:  # another thread was faster
            os.close(handle)
        return kept

    def read(self, name: str) -> bytes:
        """Whole content of a file, as it is now."""
        with open(os.open(name, os.O_RDONLY, dir_fd=self._handles[""]), "rb") as stream:
            return stream.read()

    def map(self, name: str) -> mmap.mmap | bytes:
        """Content of a file, mapped: nothing is read before it is touched."""
        handle = self.open(name)
        return mmap.mmap(handle, 0, access=mmap.ACCESS_READ) if os.fstat(handle).st_size else b""


def release(mapped: object) -> None:
    """Give the memory of a mapped file back; what was written to it stays in the file."""
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _close_all(handles: dict[str, int]) -> None:
    for handle in handles.values():
        os.close(handle)


@dataclass(frozen=True, eq=False)
class StoredBlock(SignatureBlock):
    """A block whose `rank` and `z` are mapped from the files of a segment.

    Parameters
    ----------
    files
        Open files of the index.
    names
        Files of ranks and of scores.
    offset
        Values (of both files) that come before the block.
    """

    files: OpenFiles
    names: tuple[str, str]
    offset: int

    def take_genes(
        self, rows: np.ndarray, buffer: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read some genes from the files: for rows that are asked for once, that costs half of mapping their pages."""
        width = self.rank.shape[1]
        if buffer is None:
            return self._read(rows, _buffers(len(rows), width))
        return self._read(rows, (buffer[0][:, :width], buffer[1][:, :width]))

    def take_column(self, rows: np.ndarray, column: int, *, ahead: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Read some genes of one signature; `ahead`: the disk is asked for all of them at once."""
        for name, values in zip(self.names, (self.rank, self.z), strict=True) if ahead else ():
            self._announce(name, rows, column, 1, values.itemsize)
        return self.rank[rows, column], self.z[rows, column]

    def _announce(self, name: str, rows: np.ndarray, column: int, width: int, itemsize: int) -> tuple[int, list[int]]:
        """Ask the disk for all rows at once; returns the open file and the places of the rows in it."""
        places = ((self.offset + rows.astype(np.int64) * self.rank.shape[1] + column) * itemsize).tolist()
        descriptor = self.files.open(name)
        if hasattr(os, "posix_fadvise"):
            for place in places:
                os.posix_fadvise(descriptor, place, width * itemsize, os.POSIX_FADV_WILLNEED)
        return descriptor, places

    def _read(self, rows: np.ndarray, buffers: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        for name, target in zip(self.names, buffers, strict=True):
            size = target.shape[1] * target.itemsize
            descriptor, places = self._announce(name, rows, 0, target.shape[1], target.itemsize)
            for row, place in zip(target, places, strict=True):
                if os.preadv(descriptor, [row], place) != size:
                    raise IndexStoreError(f"{self.files.path / name}: ends too early; {DAMAGED}")
        return buffers


def _buffers(n_rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return np.empty((n_rows, width), np.uint16), np.empty((n_rows, width), np.float32)


class IndexStore:
    """A readable index; opening it reads the manifest and opens the files, which are read when they are needed.

    Parameters
    ----------
    path
        Folder of the index.
    manifest
        What to take for its manifest: a writer looks so at what it is about to publish.
    """

    def __init__(self, path: str | Path, manifest: Mapping[str, Any] | None = None) -> None:
        self.path = Path(path)
        self._raw = b""
        self._maps: list[mmap.mmap] = []
        if manifest is None:
            self.manifest, self._files = self._open()
        else:
            self.manifest, self._files = dict(manifest), OpenFiles(self.path)
        self.n_genes = int(self.manifest["n_genes"])
        self.block = int(self.manifest["block"])
        self.space: str | None = self.manifest["space"]
        self.segments = list_segments(self.manifest)
        self.n_signatures = sum(segment.n_signatures for segment in self.segments)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth knowing about every answer."""
        return ()

    def _open(self) -> tuple[dict[str, Any], OpenFiles]:
        """Manifest, and the files it names; once more if a writer came between the two."""
        for _ in range(TRIES):
            try:
                files = OpenFiles(self.path)
            except OSError as error:
                raise no_index(self.path, error) from None
            try:
                self._raw = files.read(MANIFEST)
            except OSError as error:
                if files.moved():
                    continue
                raise no_index(self.path, error) from None
            manifest = parse_manifest(self._raw, self.path)
            if _open_all(files, manifest) or not self.is_replaced():
                return manifest, files  # what an index that nobody changes lacks is reported when it is needed
        raise IndexStoreError(f"{self.path}: is changed without a pause; try again when its writers are done")

    def is_replaced(self) -> bool:
        """Whether a writer has published another manifest since."""
        with suppress(OSError):
            return bool(self._raw) and (self.path / MANIFEST).read_bytes() != self._raw
        return False

    @property
    def digest(self) -> str:
        """Checksum of the manifest that was read: what the answers were made from."""
        return digest_bytes(self._raw)

    @property
    def digest_of_values(self) -> str:
        """Checksum of the signatures and their values, in order, whatever their annotation says."""
        files = ((segment.files[name]["digest"] for name in (IDS, SCORES)) for segment in self.segments)
        return digest_bytes(" ".join(itertools.chain.from_iterable(files)).encode())

    def _fail(self, name: str, reason: object) -> IndexStoreError:
        if self.is_replaced():
            return IndexStoreError(f"{self.path}: was changed by another process since it was opened; open it again")
        return IndexStoreError(f"{self.path / name}: {reason}; {DAMAGED}")

    @cached_property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return [str(item) for item in self.gene_columns(["gene_id"])["gene_id"]]

    def gene_columns(self, names: Sequence[str] | None = None) -> dict[str, list[Any]]:
        """Columns of the gene table: gene_id, symbol."""
        table = self._read_parquet(GENES, names)
        if table.num_rows != self.n_genes:
            raise self._fail(GENES, f"{table.num_rows} genes instead of {self.n_genes}")
        lacking = [name for name in names or ("gene_id", "symbol") if name not in table.column_names]
        if lacking:
            raise self._fail(GENES, f"lacks the column(s) {', '.join(lacking)}")
        return dict(table.to_pydict())

    def segment_table(self, segment: Segment, columns: Sequence[str] | None = None) -> Any:
        """Annotation of the signatures of one segment as an Arrow table."""
        table = self._read_parquet(segment.file(SIGNATURES), columns)
        if table.num_rows != segment.n_signatures:
            what = f"{table.num_rows} rows instead of {segment.n_signatures}"
            raise self._fail(segment.file(SIGNATURES), what)
        return table

    def segment_fields(self, segment: Segment) -> list[str]:
        """Names of the columns of :meth:`segment_table`."""
        names: list[str] = self._open_parquet(segment.file(SIGNATURES)).schema_arrow.names
        return names

    @property
    def signature_fields(self) -> list[str]:
        """Names of the columns of :meth:`signature_table`."""
        return list(dict.fromkeys(name for segment in self.segments for name in self.segment_fields(segment)))

    def signature_table(self, columns: Sequence[str] | None = None) -> Any:
        """Annotation of all signatures as an Arrow table, in index order; columns a segment lacks are null."""
        import pyarrow as pa

        tables = [self.segment_table(segment, columns) for segment in self.segments]
        if self.n_signatures > MANY:
            pa.default_memory_pool().release_unused()  # what reading took beside the table
        if len(tables) == 1:
            return tables[0]
        joined = pa.concat_tables(_same_types(tables), promote_options="permissive")
        for number, item in enumerate(joined.schema):
            if item.name != "sig_id" and pa.types.is_string(item.type):
                joined = joined.set_column(number, item.name, joined.column(number).dictionary_encode())
        return joined

    def segment_sources(self, segment: Segment) -> list[str]:
        """Checksums of the matrices that a segment was made from."""
        table = self._read_parquet(segment.file(SOURCES), ["digest"])
        return [str(item) for item in table.column("digest").to_pylist()] if "digest" in table.column_names else []

    def segment_provenance(self, segment: Segment) -> list[dict[str, Any]]:
        """Matrices that a segment was made from: name, digest and how they came to be."""
        rows: list[dict[str, Any]] = self._read_parquet(segment.file(SOURCES)).to_pylist()
        return rows

    def find_repeated(self, sig_ids: Sequence[str]) -> list[str]:
        """Ids that the index holds already."""
        hashes = hash_ids(sig_ids)
        found: set[str] = set()
        for segment in self.segments:
            known = self._map_array(segment.file(IDS), np.dtype("<u8"), segment.n_signatures)
            place = np.searchsorted(known, hashes).clip(max=max(len(known) - 1, 0))
            hits = np.flatnonzero(known[place] == hashes).tolist() if len(known) else []
            if hits:
                there = self.segment_table(segment, ["sig_id"]).column("sig_id").to_pylist()
                found |= {str(sig_ids[hit]) for hit in hits}.intersection(there)
        return [item for item in sig_ids if item in found]

    @cached_property
    def blocks(self) -> list[StoredBlock]:
        """All blocks, mapped from disk: nothing is read before a query touches it."""
        return [block for segment in self.segments for block in self.segment_blocks(segment)]

    def segment_blocks(self, segment: Segment) -> list[StoredBlock]:
        """Blocks of one segment, mapped from disk."""
        names = segment.file(RANKS), segment.file(SCORES)
        size = segment.n_signatures * self.n_genes
        ranks = self._map_array(names[0], np.dtype("<u2"), size)
        scores = self._map_array(names[1], np.dtype("<f4"), size)
        found = []
        for first in range(0, segment.n_signatures, self.block):
            width = min(self.block, segment.n_signatures - first)
            offset = first * self.n_genes
            place = slice(offset, offset + width * self.n_genes)
            shape = (self.n_genes, width)
            rank, z = ranks[place].reshape(shape), scores[place].reshape(shape)
            found.append(StoredBlock(segment.start + first, rank, z, self._files, names, offset))
        return found

    def read_signatures(self, positions: Iterable[int]) -> np.ndarray:
        """Scores of some signatures, float32, shape (len(positions), genes)."""
        positions = np.asarray(list(positions), np.int64)
        starts = np.array([block.start for block in self.blocks])
        which = np.searchsorted(starts, positions, side="right") - 1
        result = np.empty((len(positions), self.n_genes), np.float32)
        for number in np.unique(which):
            chosen = which == number
            block = self.blocks[number]
            result[chosen] = block.z[:, positions[chosen] - block.start].T
        return result

    def release(self) -> None:
        """Give the memory back that what was read of mapped files takes; it is read again when it is needed."""
        for mapped in self._maps:
            release(mapped)

    def read_genes(self, position: int, rows: np.ndarray, *, ahead: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Ranks and scores of some genes in one signature; `ahead`: they may not have been read yet."""
        block = next(block for block in self.blocks if position < block.stop)
        return block.take_column(rows, position - block.start, ahead=ahead)

    @property
    def background(self) -> Mapping[str, Any] | None:
        """The manifest's entry of the background, None if there is none."""
        found: Mapping[str, Any] | None = self.manifest.get("background")
        return found

    @cached_property
    def background_scores(self) -> list[np.ndarray]:
        """NCS of the signatures for the background queries, float32 (signatures, background queries) by segment."""
        if self.background is None:
            return []
        width, name = int(self.background["n_queries"]), self.background["name"]
        return [
            self._map_array(
                background_path(name, f"{segment.name}.bin"), np.dtype("<f4"), segment.n_signatures * width
            ).reshape(-1, width)
            for segment in self.segments
        ]

    def background_table(self, name: str) -> Any:
        """Read a table of the background (queries or scales) as an Arrow table."""
        assert self.background is not None
        return self._read_parquet(background_path(self.background["name"], f"{name}.parquet"))

    def _map_array(self, name: str, dtype: np.dtype, size: int) -> np.ndarray:
        expected = size * dtype.itemsize
        try:
            mapped = self._files.map(name)
        except OSError as error:
            raise self._fail(name, f"cannot be read ({error.strerror})") from None
        if len(mapped) != expected:
            raise self._fail(name, f"{len(mapped)} bytes instead of {expected}")
        if isinstance(mapped, mmap.mmap):
            self._maps.append(mapped)
        return np.frombuffer(mapped, dtype)

    def _open_parquet(self, name: str) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._clear_errors(name):
            return pq.ParquetFile(pa.BufferReader(pa.py_buffer(self._files.map(name))))

    def _read_parquet(self, name: str, columns: Sequence[str] | None = None) -> Any:
        file = self._open_parquet(name)
        with self._clear_errors(name):
            if columns is not None:
                columns = [column for column in columns if column in file.schema_arrow.names]
            # alone: a thread of Arrow's own that lets go of the mapped file when Python ends would abort the process
            table = file.read(columns=columns, use_threads=False)
            table.validate(full=True)
            return table

    @contextmanager
    def _clear_errors(self, name: str) -> Iterator[None]:
        """Whatever is wrong with a table becomes one clear line."""
        import pyarrow as pa

        try:
            yield
        except (OSError, pa.ArrowException, ValueError, KeyError) as error:
            raise self._fail(name, f"cannot be read ({' '.join(str(error).split())[:120]})") from None


def _open_all(files: OpenFiles, manifest: Mapping[str, Any]) -> bool:
    """Open what queries need; False if a file is not there."""
    segments = list_segments(manifest)
    names = [GENES, *(segment.file(name) for segment in segments for name in (RANKS, SCORES, SIGNATURES))]
    if background := manifest.get("background"):
        names += [background_path(background["name"], f"{segment.name}.bin") for segment in segments]
    _allow_files(2 * len(names) + 64)
    complete = True
    for name in names:
        try:
            files.open(name)
        except FileNotFoundError:
            complete = False
        except OSError:
            break  # too many open files, say: the rest is opened when it is needed
    return complete


def _allow_files(count: int) -> None:
    """Ask for as many open files as an index of many segments needs; systems start at 1,024 or less."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count and (hard == resource.RLIM_INFINITY or soft < hard):
        with suppress(OSError, ValueError):
            wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _same_types(tables: list[Any]) -> list[Any]:
    """Give a column that is text in one segment and a number in another the type text in all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def is_text(kind: Any) -> bool:
        return bool(pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))

    textual = {field.name for table in tables for field in table.schema if is_text(field.type)}
    result = []
    for table in tables:
        for number, item in enumerate(table.schema):
            if item.name in textual:
                column = table.column(number)
                if pa.types.is_dictionary(item.type):
                    column = pc.cast(column, pa.string())
                elif not is_text(item.type):
                    column = pc.cast(column, pa.string())
                table = table.set_column(number, item.name, column)
        result.append(table)
    return result
