"""Whole files as bytes, unpacked if gzipped, with limits on what a packed file may grow to."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from beadwork.model.errors import FileError

GZIP_MAGIC = b"\x1f\x8b"
MAX_GROWTH = 200
"""A gzipped file that unpacks to more than this many times its size (and more than 256 MiB) is refused."""

_FREE = 1 << 28
_STEP = 1 << 20


def read_bytes(path: str | Path) -> bytes:
    """Content of a file, unpacked if it is gzipped.

    Raises
    ------
    FileError
        The file is absent, a folder, unreadable, damaged, or unpacks to an absurd size.
    """
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a folder, but a file is needed") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error})") from None
    return unpack(raw, path) if raw.startswith(GZIP_MAGIC) else raw


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


def decode_text(raw: bytes) -> str:
    """Text of bytes: UTF-8 (with or without mark), else latin-1, in which older CMap files are written."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def split_lines(text: str) -> list[str]:
    r"""Lines that end in ``\n``, ``\r\n`` or ``\r``; no other character ends one, unlike ``str.splitlines``."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
