"""Whole files as bytes, unpacked if gzipped, with limits on what a packed file may grow to."""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path
from typing import BinaryIO

from beadwork.model.errors import FileError

GZIP_MAGIC = b"\x1f\x8b"
STANDARD_INPUT = "-"
MAX_GROWTH = 200
"""A gzipped file that unpacks to more than this many times its size (and more than 256 MiB) is refused."""

_FREE = 1 << 28
_STEP = 1 << 20


def read_bytes(path: str | Path) -> bytes:
    """Content of a file, or of standard input (``-``), unpacked if it is gzipped.

    Raises
    ------
    FileError
        The file is absent, a folder, unreadable, damaged, or unpacks to an absurd size.
    """
    try:
        raw = standard_input() if str(path) == STANDARD_INPUT else Path(path).read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a folder, but a file is needed") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error})") from None
    return unpack(raw, path) if raw.startswith(GZIP_MAGIC) else raw


_read: list[tuple[BinaryIO, bytes]] = []


def standard_input() -> bytes:
    """Content of standard input, read once and kept: what reads it a second time finds the same."""
    stream = sys.stdin.buffer
    if not _read or _read[0][0] is not stream:
        _read[:] = [(stream, stream.read())]
    return _read[0][1]


def unpack(raw: bytes, path: str | Path) -> bytes:
    """Unpack gzipped bytes; `path` is for messages."""
    import io

    limit = max(_FREE, MAX_GROWTH * len(raw))
    parts, size = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            while part := stream.read(_STEP):
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise FileError(
                        f"{path}: unpacks to more than {MAX_GROWTH} times its size, as no table does; "
                        "unpack it yourself if it is sound"
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileError(f"{path}: damaged gzip file ({error}); fetch or make it anew") from None
    return b"".join(parts)
