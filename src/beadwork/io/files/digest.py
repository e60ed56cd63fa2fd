"""Checksums of inputs, for provenance: XXH3, 128 bits, which costs a tenth of reading the file."""

from pathlib import Path

import xxhash

from beadwork.model.errors import FileError

PREFIX = "xxh3_128:"


def digest_bytes(data: bytes | memoryview) -> str:
    """Checksum of bytes, as ``xxh3_128:<32 hex digits>`` (the tool ``xxhsum -H2`` prints the same digits)."""
    return PREFIX + xxhash.xxh3_128_hexdigest(data)


def digest_file(path: str | Path) -> str:
    """Checksum of a file's content."""
    state = xxhash.xxh3_128()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                state.update(chunk)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror})") from error
    return PREFIX + state.hexdigest()
