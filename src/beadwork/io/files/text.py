"""Text files of any encoding as text: the one place where bytes become lines.

UTF-8 with or without its mark, UTF-16 with a mark or clearly without one (spreadsheets call it "Unicode text"), UTF-32
with a mark, else Windows-1252 (and latin-1 where a byte is none of its), in which older files are written; that last
choice is a guess and is said.  ``-`` is standard input.  Lines are split by :mod:`beadwork.model.lines`.
"""

from __future__ import annotations

import codecs
import logging
from pathlib import Path
from typing import NamedTuple

from beadwork.io.files.unpack import STANDARD_INPUT, read_bytes
from beadwork.model.errors import FileError

log = logging.getLogger("beadwork")

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"\x89HDF", "HDF5, as GCTX and h5ad are"),
    (b"PAR1", "parquet"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a formatted document (RTF)"),
    (b"BZh", "packed by bzip2; unpack it"),
    (b"\xfd7zXZ", "packed by xz; unpack it"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd; unpack it"),
    (b"7z\xbc\xaf", "packed by 7-Zip; unpack it"),
    (b"\x1f\x8b", "packed twice by gzip; unpack it"),
    (b"RDX", "data of R; write a table with write.table or write.csv"),
    (b"FCS", "FCS, as LXB is"),
    (b"SQLite format 3", "a database"),
)
_PROBED = 1 << 16
_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32), 127])


class Text(NamedTuple):
    """Text of a file, and how it was read."""

    text: str
    encoding: str
    note: str = ""
    """What is worth a word: the encoding was guessed."""


def file_label(path: str | Path) -> str:
    """Name of a file in messages."""
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


def read_text(path: str | Path, needed: str) -> str:
    """Text of a file, unpacked if gzipped; a guessed encoding is reported.

    Parameters
    ----------
    path
        File, or ``-`` for standard input.
    needed
        What is expected, for the message where it is no text.

    Raises
    ------
    FileError
        The file cannot be read, or is no text.
    """
    return text_of(read_bytes(path), file_label(path), needed)


def text_of(raw: bytes, name: str, needed: str) -> str:
    """Text of bytes, as :func:`decode` finds it; a guessed encoding is reported."""
    found = decode(raw, name, needed)
    if found.note:
        log.warning("%s: %s", name, found.note)
    return found.text


def decode(raw: bytes, name: str, needed: str) -> Text:
    """Text of bytes.

    Raises
    ------
    FileError
        ``{name}: is not a text file ...; {needed}``.
    """
    try:
        for mark, encoding in _MARKS:
            if raw.startswith(mark):
                return _checked(raw.decode(encoding), encoding, name, needed)
    except UnicodeDecodeError:
        raise FileError(
            f"{name}: is damaged {encoding[:6].upper()} text, perhaps cut off; save it anew as UTF-8; {needed}"
        ) from None
    for magic, what in _FOREIGN:
        if raw.startswith(magic) and not (magic.decode("latin-1").isprintable() and raw[:_PROBED].isascii()):
            raise FileError(f"{name}: is not a text file; {needed} (it is {what})")
    if raw.startswith((b"%PDF-", b"{\\rtf1")):
        raise FileError(f"{name}: is not a plain text file; {needed}")
    if b"\x00" in raw:
        guessed = _utf16_without_mark(raw)
        if guessed is None:
            raise FileError(f"{name}: is not a text file; {needed}")
        return _checked(raw.decode(guessed), guessed, name, needed)
    try:
        return _checked(raw.decode("utf-8"), "utf-8", name, needed)
    except UnicodeDecodeError:
        pass
    start = raw[:_PROBED]
    if len(start.translate(None, _CONTROL)) < 0.98 * len(start):
        raise FileError(f"{name}: is not a text file; {needed}")
    try:
        text, encoding, called = raw.decode("cp1252"), "cp1252", "Windows-1252"
    except UnicodeDecodeError:
        text, encoding, called = raw.decode("latin-1"), "latin-1", "latin-1"
    return Text(text, encoding, f"is not UTF-8; read as {called}: check letters beyond ASCII, or save it as UTF-8")


def _checked(text: str, encoding: str, name: str, needed: str) -> Text:
    if "\x00" in text:
        raise FileError(f"{name}: is not a text file; {needed}")
    head = text[:200].lstrip().lower()
    if head.startswith(("<!doctype html", "<html")):
        raise FileError(f"{name}: is a web page, perhaps an error page or a login in place of the file; {needed}")
    return Text(text.removesuffix("\x1a"), encoding)


def _utf16_without_mark(raw: bytes) -> str | None:
    """Byte order of UTF-16 without a mark: most letters are ASCII, so that every other byte is zero."""
    even, odd = raw[0:_PROBED:2], raw[1:_PROBED:2]
    if len(raw) % 2 or not odd:
        return None
    zeros = even.count(0) / len(even), odd.count(0) / len(odd)
    guessed = "utf-16-le" if zeros[0] == 0 and zeros[1] > 0.7 else "utf-16-be" if zeros[1] == 0 < 0.7 < zeros[0] else ""
    if not guessed:
        return None
    try:
        raw.decode(guessed)
    except UnicodeDecodeError:
        return None
    return guessed
