"""Layout of a connectivity index, format version 1: names of its files, and the manifest.

docs/reference/formats/connectivity-index.md describes it.

An index is a folder.  Its signatures lie in segments, which are never changed once they are there; ``manifest.json``
names the segments that count and is replaced as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from beadwork import __version__
from beadwork.io.files.digest import digest_bytes, digest_file
from beadwork.model.connectivity.query import BLOCK
from beadwork.model.errors import IndexStoreError, name_some
from beadwork.model.plates.compatibility import COMPATIBILITY

FORMAT, VERSION = "beadwork-index", 1
MANIFEST, GENES, SEGMENTS, BACKGROUNDS, LOCK = "manifest.json", "genes.parquet", "segments", "backgrounds", "lock"
MAP = "map.npz"
"""Places of signatures on a map, which `index layout` makes."""
OWN = frozenset({MANIFEST, GENES, SEGMENTS, BACKGROUNDS, LOCK, MAP})
"""What may lie in the folder of an index, beside hidden files."""
RANKS, SCORES, SIGNATURES, IDS, SOURCES = "rank.bin", "z.bin", "signatures.parquet", "ids.bin", "provenance.parquet"
DAMAGED = "the index is damaged, restore or rebuild it"


@dataclass(frozen=True)
class Segment:
    """A segment as the manifest lists it; `siginfo` holds the checksums of the tables its annotation came from."""

    name: str
    start: int
    n_signatures: int
    files: Mapping[str, Mapping[str, Any]] = field(hash=False)
    siginfo: tuple[str, ...] | None = None

    def file(self, name: str) -> str:
        """Path of one of its files, from the folder of the index."""
        return f"{SEGMENTS}/{self.name}/{name}"


def list_segments(manifest: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Segments of a manifest, in order."""
    start, found = 0, []
    for item in manifest["segments"]:
        siginfo = item.get("siginfo")
        digests = None if siginfo is None else tuple(str(digest) for digest in siginfo)
        found.append(Segment(item["name"], start, item["n_signatures"], item["files"], digests))
        start += item["n_signatures"]
    return tuple(found)


def background_path(name: str, file: str) -> str:
    """Path of a file of a background, from the folder of the index."""
    return f"{BACKGROUNDS}/{name}/{file}"


def listed_files(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """All files that a manifest names, by path from the folder of the index, and their size and checksum."""
    found: dict[str, Mapping[str, Any]] = {GENES: manifest["genes"]}
    for segment in list_segments(manifest):
        found |= {segment.file(name): record for name, record in segment.files.items()}
    if background := manifest.get("background"):
        found |= {background_path(background["name"], name): record for name, record in background["files"].items()}
    return found


def left_over(path: Path, manifest: Mapping[str, Any]) -> list[Path]:
    """List what lies in the folder of an index but not in its manifest: left by a writer that was killed."""
    background = manifest.get("background") or {"name": None, "files": ()}
    names = {item["name"] for item in manifest["segments"]}
    found = [item for item in _items(path / SEGMENTS) if item.name not in names]
    found += [item for item in _items(path / BACKGROUNDS) if item.name != background["name"]]
    if background["name"]:
        found += [
            item for item in _items(path / BACKGROUNDS / background["name"]) if item.name not in background["files"]
        ]
    return found + [item for item in _items(path) if item.name.startswith(f".{MANIFEST}.")]


def _items(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


# ---- manifest ------------------------------------------------------------------------------------------------------


def parse_manifest(raw: bytes, path: Path) -> dict[str, Any]:
    """Read and check the bytes of a manifest; `path` is the folder of the index.

    Raises
    ------
    IndexStoreError
        It is damaged, or of a version that this program does not know.
    """
    file = path / MANIFEST
    try:
        manifest = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise IndexStoreError(f"{file}: cannot be read ({error}); {DAMAGED}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise IndexStoreError(f"{file}: is not the manifest of a beadwork index; check the name")
    if manifest.get("version") != VERSION:
        raise IndexStoreError(
            f"{path}: index format version {manifest.get('version')!r}, but this program knows version {VERSION}; "
            "use the program that made it, or rebuild the index"
        )
    absent = [key for key in _MANIFEST_KEYS if key not in manifest]
    if absent:
        raise IndexStoreError(f"{file}: lacks {name_some(absent)}; {DAMAGED}")
    if fault := _manifest_fault(manifest):
        raise IndexStoreError(f"{file}: {fault}; {DAMAGED}")
    return manifest


def read_manifest(path: Path) -> dict[str, Any]:
    """Read and check the manifest of the index that is at `path` now.

    Raises
    ------
    IndexStoreError
        There is no index, or it is damaged, or of a version that this program does not know.
    """
    try:
        return parse_manifest((path / MANIFEST).read_bytes(), path)
    except OSError as error:
        raise no_index(path, error) from None


def no_index(path: Path, error: OSError) -> IndexStoreError:
    """Say why a manifest could not be read."""
    if isinstance(error, NotADirectoryError) or path.is_file():
        return IndexStoreError(f"{path}: is a file; a connectivity index is a folder")
    if isinstance(error, FileNotFoundError):
        what = "is not a connectivity index (no manifest.json)" if path.exists() else "no such index"
        return IndexStoreError(f"{path}: {what}; `beadwork index build` makes one")
    return IndexStoreError(f"{path / MANIFEST}: cannot be read ({error.strerror or error}); {DAMAGED}")


_MANIFEST_KEYS = ("n_genes", "block", "space", "segments", "genes", "generation", "parameters", "software")


def _manifest_fault(manifest: Mapping[str, Any]) -> str | None:
    """Say what entry of a manifest is not what it must be, None if all are."""

    def is_count(value: Any, least: int = 0) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value < 1 << 40

    def is_name(value: Any) -> bool:
        return isinstance(value, str) and bool(value) and "/" not in value and value not in (".", "..")

    def are_files(files: Any) -> bool:
        return isinstance(files, Mapping) and all(
            is_name(name)
            and isinstance(record, Mapping)
            and is_count(record.get("bytes"))
            and isinstance(record.get("digest"), str)
            for name, record in files.items()
        )

    if not isinstance(manifest["parameters"], Mapping):
        return "parameters are not what they must be"
    for key in ("n_genes", "block", "generation"):
        if not is_count(manifest[key], 1):
            return f"{key} is {manifest[key]!r}, not a number above 0"
    if not isinstance(manifest["segments"], list) or not are_files({GENES: manifest["genes"]}):
        return "segments or genes are not what they must be"
    for item in manifest["segments"]:
        if not (
            isinstance(item, Mapping)
            and is_name(item.get("name"))
            and is_count(item.get("n_signatures"), 1)
            and are_files(item.get("files"))
            and isinstance(item.get("siginfo", []), list)
        ):
            return "an entry of segments is not what it must be"
    background = manifest.get("background")
    if background is not None and not (
        isinstance(background, Mapping)
        and is_name(background.get("name"))
        and all(is_count(background.get(key)) for key in ("n_queries", "n_signatures", "min_reference"))
        and are_files(background.get("files"))
        and isinstance(background.get("group_by"), list)
    ):
        return "background is not what it must be"
    return None


def new_manifest(
    *, n_genes: int, genes: Mapping[str, Any], space: str | None, level: str | None, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Manifest of a new index without signatures."""
    number = COMPATIBILITY["index"]
    return {
        **({} if number == 1 else {"compatibility": number}),  # the first one is not written
        "format": FORMAT,
        "version": VERSION,
        "software": f"beadwork {__version__}",
        "generation": 1,
        "n_genes": n_genes,
        "space": space,
        "level": level,
        "block": BLOCK,
        "genes": dict(genes),
        "segments": [],
        "background": None,
        "parameters": dict(parameters),
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest: from here on readers see the new index."""
    temporary = folder / f".{MANIFEST}.{os.getpid()}.part"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(manifest, stream, indent=1, sort_keys=True, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, folder / MANIFEST)
    sync_folder(folder, files=False)


# ---- names and checksums -------------------------------------------------------------------------------------------


def segment_number(name: str) -> int:
    """Read the number at the start of a segment's name, 0 if there is none."""
    head = name.split("-")[0]
    return int(head) if head.isdecimal() else 0


def segment_name(number: int, content: Iterable[str]) -> str:
    """Name of a segment: its number and a checksum of its signature ids and inputs, so that a name has one content."""
    return f"{number:06d}-{digest_bytes(chr(10).join(content).encode()).split(':')[1][:12]}"


def hash_ids(sig_ids: Sequence[str] | Any) -> np.ndarray:
    """64-bit hashes of signature ids (texts or an Arrow column): an append finds repeated ids by them."""
    import xxhash

    hashes = (xxhash.xxh3_64_intdigest(str(item).encode()) for item in sig_ids)
    return np.fromiter(hashes, np.uint64, len(sig_ids))


def file_record(path: Path) -> dict[str, Any]:
    """Size and checksum of a file, as a manifest lists them."""
    return {"bytes": path.stat().st_size, "digest": digest_file(path)}


def sync_folder(folder: Path, files: bool = True) -> None:
    """Wait until a folder, and its files, are on the disk."""
    paths = [item for item in folder.iterdir() if item.is_file()] if files else []
    for path in [*paths, folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
