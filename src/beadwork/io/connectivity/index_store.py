"""Connectivity index on disk, format version 1 (docs/formats/index.md).

An index is a folder.  Its signatures lie in segments, one per build or append, which are never changed once they are
there; ``manifest.json`` names the segments that count and is replaced as a whole.  So an append that dies leaves the
old index, and a reader keeps the index it opened.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from beadwork import __version__
from beadwork.io.files.atomic import write_error
from beadwork.io.files.digest import digest_bytes, digest_file
from beadwork.model.connectivity.query import BLOCK, SignatureBlock
from beadwork.model.errors import FileError, IndexStoreError, name_some

FORMAT, VERSION = "beadwork-index", 1
MANIFEST, GENES, SEGMENTS, BACKGROUNDS, LOCK = "manifest.json", "genes.parquet", "segments", "backgrounds", "lock"
RANKS, SCORES, SIGNATURES, IDS, SOURCES = "rank.bin", "z.bin", "signatures.parquet", "ids.bin", "provenance.parquet"
MANY = 300_000
"""Signatures from which on memory counts more than the time to give it back."""
SLAB = 512
"""Signatures read and ranked at a time while building."""


@dataclass(frozen=True)
class Segment:
    """A segment as the manifest lists it."""

    name: str
    start: int
    n_signatures: int
    files: Mapping[str, Mapping[str, Any]] = field(hash=False)


@dataclass(frozen=True, eq=False)
class StoredBlock(SignatureBlock):
    """A block whose `rank` and `z` are mapped from the files of a segment.

    Parameters
    ----------
    folder
        The segment.
    offset
        Values (of both files) that come before the block.
    """

    folder: Path
    offset: int

    def take_genes(
        self, rows: np.ndarray, room: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read some genes from the files: for rows that are asked for once, that costs half of mapping their pages."""
        width = self.rank.shape[1]
        if room is None:
            return self._read(rows, 0, _room(len(rows), width))
        return self._read(rows, 0, (room[0][:, :width], room[1][:, :width]))

    def take_column(self, rows: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Read some genes of one signature from the files."""
        ranks, scores = self._read(rows, column, _room(len(rows), 1))
        return ranks[:, 0], scores[:, 0]

    def _read(
        self, rows: np.ndarray, column: int, room: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        for name, target in zip((RANKS, SCORES), room, strict=True):
            places = ((self.offset + rows.astype(np.int64) * self.rank.shape[1] + column) * target.itemsize).tolist()
            size = target.shape[1] * target.itemsize
            with open(self.folder / name, "rb", buffering=0) as stream:
                descriptor = stream.fileno()
                if hasattr(os, "posix_fadvise"):  # ask the disk for all rows at once
                    for place in places:
                        os.posix_fadvise(descriptor, place, size, os.POSIX_FADV_WILLNEED)
                for row, place in zip(target, places, strict=True):
                    if os.preadv(descriptor, [row], place) != size:
                        raise IndexStoreError(f"{self.folder / name}: ends too early; {_DAMAGED}")
        return room


def _room(n_rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return np.empty((n_rows, width), np.uint16), np.empty((n_rows, width), np.float32)


class IndexStore:
    """A readable index; opening it reads the manifest only, everything else when it is needed."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = read_manifest(self.path)
        self.n_genes = int(self.manifest["n_genes"])
        self.block = int(self.manifest["block"])
        self.space: str | None = self.manifest["space"]
        start = 0
        segments = []
        for item in self.manifest["segments"]:
            segments.append(Segment(item["name"], start, item["n_signatures"], item["files"]))
            start += item["n_signatures"]
        self.segments = tuple(segments)
        self.n_signatures = start

    @cached_property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return [str(item) for item in self.gene_columns(["gene_id"])["gene_id"]]

    def gene_columns(self, names: Sequence[str] | None = None) -> dict[str, list[Any]]:
        """Columns of the gene table: gene_id, symbol."""
        table = _read_parquet(self.path / GENES, names)
        if table.num_rows != self.n_genes:
            raise IndexStoreError(f"{self.path / GENES}: {table.num_rows} genes instead of {self.n_genes}; {_DAMAGED}")
        lacking = [name for name in names or ("gene_id", "symbol") if name not in table.column_names]
        if lacking:
            raise IndexStoreError(f"{self.path / GENES}: lacks the column(s) {', '.join(lacking)}; {_DAMAGED}")
        return dict(table.to_pydict())

    def signature_table(self, columns: Sequence[str] | None = None) -> Any:
        """Annotation of all signatures as an Arrow table, in index order; columns a segment lacks are null."""
        import pyarrow as pa

        tables = []
        for segment in self.segments:
            path = self.path / SEGMENTS / segment.name / SIGNATURES
            known = _read_parquet(path, columns)
            if known.num_rows != segment.n_signatures:
                raise IndexStoreError(f"{path}: {known.num_rows} rows instead of {segment.n_signatures}; {_DAMAGED}")
            tables.append(known)
        if self.n_signatures > MANY:
            pa.default_memory_pool().release_unused()  # what reading took beside the table
        if len(tables) == 1:
            return tables[0]
        joined = pa.concat_tables(_same_types(tables), promote_options="permissive")
        for number, item in enumerate(joined.schema):
            if item.name != "sig_id" and pa.types.is_string(item.type):
                joined = joined.set_column(number, item.name, joined.column(number).dictionary_encode())
        return joined

    def provenance_table(self) -> Any:
        """Return the inputs of all segments as an Arrow table."""
        import pyarrow as pa

        tables = [_read_parquet(self.path / SEGMENTS / segment.name / SOURCES) for segment in self.segments]
        return pa.concat_tables(tables)

    @cached_property
    def blocks(self) -> list[StoredBlock]:
        """All blocks, mapped from disk: nothing is read before a query touches it."""
        return [block for segment in self.segments for block in self.segment_blocks(segment)]

    def segment_blocks(self, segment: Segment) -> list[StoredBlock]:
        """Blocks of one segment, mapped from disk."""
        folder = self.path / SEGMENTS / segment.name
        size = segment.n_signatures * self.n_genes
        ranks = _map_file(folder / RANKS, np.dtype("<u2"), size)
        scores = _map_file(folder / SCORES, np.dtype("<f4"), size)
        found = []
        for first in range(0, segment.n_signatures, self.block):
            width = min(self.block, segment.n_signatures - first)
            offset = first * self.n_genes
            place = slice(offset, offset + width * self.n_genes)
            shape = (self.n_genes, width)
            rank, z = ranks[place].reshape(shape), scores[place].reshape(shape)
            found.append(StoredBlock(segment.start + first, rank, z, folder, offset))
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

    def read_genes(self, position: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ranks and scores of some genes in one signature."""
        block = next(block for block in self.blocks if position < block.stop)
        return block.take_column(rows, position - block.start)

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
        width = int(self.background["n_queries"])
        folder = self.path / BACKGROUNDS / self.background["name"]
        return [
            _map_file(folder / f"{segment.name}.bin", np.dtype("<f4"), segment.n_signatures * width).reshape(-1, width)
            for segment in self.segments
        ]

    def background_table(self, name: str) -> Any:
        """Read a table of the background (queries or scales) as an Arrow table."""
        assert self.background is not None
        return _read_parquet(self.path / BACKGROUNDS / self.background["name"] / f"{name}.parquet")


_DAMAGED = "the index is damaged, restore or rebuild it"


def read_manifest(path: Path) -> dict[str, Any]:
    """Read and check the manifest of an index.

    Raises
    ------
    IndexStoreError
        There is no index, or it is damaged, or of a version that this program does not know.
    """
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = "is not a connectivity index (no manifest.json)" if path.exists() else "no such index"
        raise IndexStoreError(f"{path}: {what}; `beadwork index build` makes one") from None
    except NotADirectoryError:
        raise IndexStoreError(f"{path}: is a file; a connectivity index is a folder") from None
    except (ValueError, OSError) as error:
        raise IndexStoreError(f"{file}: cannot be read ({error}); {_DAMAGED}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise IndexStoreError(f"{file}: is not the manifest of a beadwork index; check the name")
    if manifest.get("version") != VERSION:
        raise IndexStoreError(
            f"{path}: index format version {manifest.get('version')!r}, but this program knows version {VERSION}; "
            "use the program that made it, or rebuild the index"
        )
    absent = [key for key in _MANIFEST_KEYS if key not in manifest]
    if absent:
        raise IndexStoreError(f"{file}: lacks {name_some(absent)}; {_DAMAGED}")
    if fault := _manifest_fault(manifest):
        raise IndexStoreError(f"{file}: {fault}; {_DAMAGED}")
    return manifest


_MANIFEST_KEYS = ("n_genes", "block", "space", "segments", "genes", "generation", "parameters", "software")


def _manifest_fault(manifest: Mapping[str, Any]) -> str | None:
    """Say what entry of a manifest is not what it must be, None if all are."""

    def is_count(value: Any, least: int = 0) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value < 1 << 40

    def are_files(files: Any) -> bool:
        return isinstance(files, Mapping) and all(
            isinstance(record, Mapping) and is_count(record.get("bytes")) and isinstance(record.get("digest"), str)
            for record in files.values()
        )

    if not isinstance(manifest["parameters"], Mapping):
        return "parameters are not what they must be"
    for key in ("n_genes", "block", "generation"):
        if not is_count(manifest[key], 1):
            return f"{key} is {manifest[key]!r}, not a number above 0"
    if not isinstance(manifest["segments"], list) or not are_files({"genes": manifest["genes"]}):
        return "segments or genes are not what they must be"
    for item in manifest["segments"]:
        if not (
            isinstance(item, Mapping)
            and isinstance(item.get("name"), str)
            and "/" not in item["name"]
            and is_count(item.get("n_signatures"), 1)
            and are_files(item.get("files"))
        ):
            return "an entry of segments is not what it must be"
    background = manifest.get("background")
    if background is not None and not (
        isinstance(background, Mapping)
        and isinstance(background.get("name"), str)
        and "/" not in background["name"]
        and all(is_count(background.get(key)) for key in ("n_queries", "n_signatures", "min_reference"))
        and are_files(background.get("files"))
        and isinstance(background.get("group_by"), list)
    ):
        return "background is not what it must be"
    return None


def _map_file(path: Path, dtype: np.dtype, size: int) -> np.ndarray:
    expected = size * dtype.itemsize
    try:
        with open(path, "rb") as stream:
            found = os.fstat(stream.fileno()).st_size
            if found != expected:
                raise IndexStoreError(f"{path}: {found} bytes instead of {expected}; {_DAMAGED}")
            if not expected:
                return np.empty(0, dtype)
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise IndexStoreError(f"{path}: cannot be read ({error.strerror}); {_DAMAGED}") from None
    return np.frombuffer(mapped, dtype)


def _read_parquet(path: Path, columns: Sequence[str] | None = None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        if columns is not None:
            columns = [name for name in columns if name in file.schema_arrow.names]
        table = file.read(columns=columns)
        table.validate(full=True)
        return table
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise IndexStoreError(f"{path}: cannot be read ({' '.join(str(error).split())[:120]}); {_DAMAGED}") from None


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


# ---- writing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SignatureSource:
    """Signatures to be written: ``read(start, stop)`` gives float32 (signatures, genes), genes in index order."""

    name: str
    n_signatures: int
    read: Callable[[int, int], np.ndarray]


FillBlock = Callable[[np.ndarray, np.ndarray, np.ndarray, int], None]
"""Ranks signatures into a gene-major block (``kernels.connectivity_numba.fill_block``, run on threads)."""


@contextmanager
def new_index(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a folder to build an index in, which then takes the place of `path`.

    Raises
    ------
    IndexStoreError
        There is something at `path` and `overwrite` is off, or what is there is no index.
    """
    path = Path(path)
    if path.is_file():
        raise IndexStoreError(f"{path}: is a file; name a folder for the index")
    if path.exists() and any(path.iterdir()):
        if not (path / MANIFEST).exists():
            raise IndexStoreError(f"{path}: is a folder with other content; name a new folder for the index")
        if not overwrite:
            raise IndexStoreError(
                f"{path}: there is an index already; `beadwork index append` adds to it, --overwrite replaces it"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        (temporary / SEGMENTS).mkdir(parents=True)
        try:
            yield temporary
            if path.exists():
                old = path.with_name(f".{path.name}.{os.getpid()}.old")
                os.rename(path, old)
                os.rename(temporary, path)
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.rename(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        reason = write_error(error) or error
        raise FileError(f"{path}: cannot be written ({reason}); check the folder and free space") from error


@contextmanager
def appending(path: str | Path) -> Iterator[dict[str, Any]]:
    """Hold the index's lock for one writer and yield its manifest; what earlier, broken appends left is removed.

    Raises
    ------
    IndexStoreError
        Another process is writing to the index.
    """
    path = Path(path)
    read_manifest(path)
    try:
        lock = open(path / LOCK, "wb")
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror}); check its permissions") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise IndexStoreError(
                f"{path}: another process is writing to this index; try again when it is done"
            ) from None
        manifest = read_manifest(path)
        for folder in leftovers(path, manifest):
            shutil.rmtree(folder, ignore_errors=True)
        yield manifest


def leftovers(path: Path, manifest: Mapping[str, Any]) -> list[Path]:
    """Folders of segments and backgrounds that the manifest does not name: traces of a broken append."""
    known = {item["name"] for item in manifest["segments"]}
    background = manifest.get("background") or {}
    found = [item for item in sorted((path / SEGMENTS).iterdir()) if item.name not in known]
    if (path / BACKGROUNDS).is_dir():
        found += [item for item in sorted((path / BACKGROUNDS).iterdir()) if item.name != background.get("name")]
    return found


def write_genes(folder: Path, gene_ids: Sequence[str], symbols: Sequence[str | None]) -> dict[str, Any]:
    """Write the gene table of a new index; returns its entry for the manifest."""
    import pyarrow as pa

    table = pa.table({"gene_id": pa.array(gene_ids, pa.string()), "symbol": pa.array(symbols, pa.string())})
    _write_parquet(table, folder / GENES)
    return _file_record(folder / GENES)


def write_segment(
    folder: Path,
    name: str,
    n_genes: int,
    sources: Sequence[SignatureSource],
    siginfo: Any,
    provenance: Any,
    fill: FillBlock,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Write signatures as one segment; memory holds one block at a time.

    Parameters
    ----------
    folder
        The index.
    name
        Name of the segment.
    sources
        Where the signatures come from, in order.
    siginfo, provenance
        Arrow tables: annotation, one row a signature, first column sig_id; and inputs, one row a source.
    fill
        Ranks signatures into a block.
    progress
        Told how many signatures are done.

    Returns
    -------
    The segment's entry for the manifest.
    """
    total = sum(source.n_signatures for source in sources)
    target = folder / SEGMENTS / name
    part = folder / SEGMENTS / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    width = min(BLOCK, total)
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
    _write_parquet(siginfo, part / SIGNATURES)
    _write_parquet(provenance, part / SOURCES)
    np.sort(hash_ids(siginfo.column("sig_id"))).tofile(part / IDS)
    record = {
        "name": name,
        "n_signatures": total,
        "files": {item: _file_record(part / item) for item in (RANKS, SCORES, SIGNATURES, IDS, SOURCES)},
    }
    _sync_folder(part)
    os.rename(part, target)
    return record


def background_file(folder: Path, name: str, segment: str, shape: tuple[int, int]) -> np.ndarray:
    """Make the file of a segment's background scores, float32, and map it to be filled."""
    target = folder / BACKGROUNDS / name
    target.mkdir(parents=True, exist_ok=True)
    return np.memmap(target / f"{segment}.bin", np.dtype("<f4"), "w+", shape=shape)


def write_background(
    folder: Path, name: str, tables: Mapping[str, Any], scores: Mapping[str, Any], earlier: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Complete a background, or add a segment to it; returns its entry for the manifest.

    Parameters
    ----------
    tables
        Arrow tables by name, written once when the background is new.
    scores
        By segment name, filled arrays of :func:`background_file`.
    earlier
        The background's entry so far, None for a new one.
    """
    target = folder / BACKGROUNDS / name
    files = dict(earlier["files"]) if earlier else {}
    for key, table in tables.items():
        _write_parquet(table, target / f"{key}.parquet")
        files[f"{key}.parquet"] = _file_record(target / f"{key}.parquet")
    width = 0
    for segment, values in scores.items():
        values.flush()
        width = values.shape[1]
        files[f"{segment}.bin"] = _file_record(target / f"{segment}.bin")
    _sync_folder(target)
    return {**(earlier or {}), "name": name, "n_queries": width, "files": files}


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest: from here on readers see the new index."""
    temporary = folder / f".{MANIFEST}.{os.getpid()}.part"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(manifest, stream, indent=1, sort_keys=True, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, folder / MANIFEST)
    _sync_folder(folder, files=False)


def new_manifest(
    *, n_genes: int, space: str | None, genes: Mapping[str, Any], segments: Sequence[Mapping[str, Any]],
    background: Mapping[str, Any] | None, parameters: Mapping[str, Any], level: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Manifest of an index that was just built."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "software": f"beadwork {__version__}",
        "generation": 1,
        "n_genes": n_genes,
        "space": space,
        "level": level,
        "block": BLOCK,
        "genes": dict(genes),
        "segments": list(segments),
        "background": background,
        "parameters": dict(parameters),
    }


def segment_name(number: int, sig_ids: Sequence[str]) -> str:
    """Name of a segment: its number and a checksum of its signature ids."""
    return f"{number:06d}-{digest_bytes(chr(10).join(sig_ids).encode()).split(':')[1][:12]}"


def hash_ids(sig_ids: Sequence[str] | Any) -> np.ndarray:
    """64-bit hashes of signature ids (texts or an Arrow column): an append finds repeated ids by them."""
    import xxhash

    hashes = (xxhash.xxh3_64_intdigest(str(item).encode()) for item in sig_ids)
    return np.fromiter(hashes, np.uint64, len(sig_ids))


def find_repeated(store: IndexStore, sig_ids: Sequence[str]) -> list[str]:
    """Ids that the index holds already."""
    hashes = hash_ids(sig_ids)
    suspects: set[str] = set()
    segments = []
    for segment in store.segments:
        known = _map_file(store.path / SEGMENTS / segment.name / IDS, np.dtype("<u8"), segment.n_signatures)
        place = np.searchsorted(known, hashes).clip(max=max(len(known) - 1, 0))
        hits = np.flatnonzero(known[place] == hashes) if len(known) else []
        if len(hits):
            segments.append(segment.name)
            suspects.update(str(sig_ids[hit]) for hit in hits)
    found: set[str] = set()
    for name in segments:
        there = _read_parquet(store.path / SEGMENTS / name / SIGNATURES, ["sig_id"]).column("sig_id").to_pylist()
        found |= suspects.intersection(there)
    return [item for item in sig_ids if item in found]


def _write_parquet(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _file_record(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "digest": digest_file(path)}


def _sync_folder(folder: Path, files: bool = True) -> None:
    paths = [item for item in folder.iterdir() if item.is_file()] if files else []
    for path in [*paths, folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# ---- verification --------------------------------------------------------------------------------------------------


def verify_store(
    path: str | Path, rank_columns: Callable[[np.ndarray], np.ndarray] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Check an index against its manifest.

    Parameters
    ----------
    rank_columns
        Ranks of scores (genes, signatures), to recompute all ranks; None to check sizes and checksums only.

    Returns
    -------
    (faults, remarks): faults make an index unusable; remarks are harmless, e.g. leftovers of a broken append.
    """
    store = IndexStore(path)
    faults: list[str] = []
    wanted: dict[Path, Mapping[str, Any]] = {store.path / GENES: store.manifest["genes"]}
    for segment in store.segments:
        for name, record in segment.files.items():
            wanted[store.path / SEGMENTS / segment.name / name] = record
    for name, record in (store.background or {}).get("files", {}).items():
        assert store.background is not None
        wanted[store.path / BACKGROUNDS / store.background["name"] / name] = record
    for file, record in wanted.items():
        progress(str(file.relative_to(store.path)))
        if not file.is_file():
            faults.append(f"{file.relative_to(store.path)}: is missing")
        elif file.stat().st_size != record["bytes"]:
            faults.append(f"{file.relative_to(store.path)}: {file.stat().st_size} bytes instead of {record['bytes']}")
        elif digest_file(file) != record["digest"]:
            faults.append(f"{file.relative_to(store.path)}: content does not match its checksum")
    if not faults:
        faults += _verify_tables(store)
    if not faults and rank_columns is not None:
        for block in store.blocks:
            progress(f"signatures {block.start + 1} to {block.stop}")
            if not np.isfinite(block.z).all():
                faults.append(f"signatures {block.start + 1} to {block.stop}: missing or infinite scores")
            elif not np.array_equal(rank_columns(block.z), block.rank):
                faults.append(f"signatures {block.start + 1} to {block.stop}: ranks do not follow from the scores")
    remarks = [
        f"{item.relative_to(store.path)}: not part of the index (left by a broken append; the next append removes it)"
        for item in leftovers(store.path, store.manifest)
    ]
    return faults, remarks


def _verify_tables(store: IndexStore) -> list[str]:
    faults = []
    try:
        genes = store.gene_ids
        if len(set(genes)) < len(genes):
            faults.append(f"{GENES}: a gene stands twice")
        ids = store.signature_table(["sig_id"]).column("sig_id").to_pylist()
        if len(set(ids)) < len(ids):
            twice = sorted({item for item in ids if ids.count(item) > 1}) if len(ids) < 10_000 else ["..."]
            faults.append(f"{SIGNATURES}: signature ids stand twice: {name_some(twice)}")
        _ = store.blocks
        background = store.background_scores
        if background and not any(np.isfinite(part).any() for part in background):
            faults.append("background: holds no scores")
    except IndexStoreError as error:
        faults.append(str(error))
    return faults
