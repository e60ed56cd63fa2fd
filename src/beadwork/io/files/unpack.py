"""Whole files as bytes, unpacked if gzipped, with limits on what a packed file may grow to."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

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


class Growth:
    """Counts what a packed file unpacks to, and refuses it where that is absurd.

    Parameters
    ----------
    path
        The file, for messages.
    packed
        Its size in bytes.
    what
        What it is taken for, for messages.
    """

    def __init__(self, path: str | Path, packed: int, what: str) -> None:
        self.path, self.what, self.limit, self.size = path, what, max(_FREE, MAX_GROWTH * packed), 0

    def add(self, data: bytes) -> bytes:
        """Count bytes and pass them on.

        Raises
        ------
        FileError
            There are too many by now.
        """
        self.size += len(data)
        if self.size > self.limit:
            raise FileError(
                f"{self.path}: unpacks to more than {MAX_GROWTH} times its size, as no {self.what} does; "
                "unpack it yourself if it is sound"
            )
        return data


class UnpackedStream:
    """A file that may be packed (gzip, bzip2, xz), unpacked as it is read, its growth limited."""

    def __init__(self, file: BinaryIO, growth: Growth) -> None:
        self.growth = growth
        start = file.peek(6) if isinstance(file, io.BufferedReader) else b""
        packed = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
        self.stream: Any = file if packed is None else packed(file)

    def read(self, size: int = -1) -> bytes:
        """Read unpacked bytes."""
        return self.growth.add(self.stream.read(size))


_OPENERS: dict[bytes, Callable[[Any], Any]] = {GZIP_MAGIC: gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}


def unpack(raw: bytes, path: str | Path) -> bytes:
    """Unpack gzipped bytes; `path` is for messages."""
    growth = Growth(path, len(raw), "table")
    parts = []
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            while part := stream.read(_STEP):
                parts.append(growth.add(part))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileError(f"{path}: damaged gzip file ({error}); fetch or make it anew") from None
    return b"".join(parts)
