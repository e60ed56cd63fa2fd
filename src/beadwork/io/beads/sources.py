"""Where LXB files come from: a folder, or an archive that is read in memory and never unpacked to disk."""

from __future__ import annotations

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from beadwork.io.beads.fcs import BadFile
from beadwork.io.files.unpack import Growth, UnpackedStream
from beadwork.model.errors import FileError

_MOST_MEMBERS = 100_000
"""Most members of an archive; a plate has 384."""
MAX_FILE = 256 << 20
"""Largest file of one well in bytes, unpacked; real ones have 1 to 4 MB."""
ENDING = re.compile(r"\.lxb(\.gz)?$", re.IGNORECASE)
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")


class Source(NamedTuple):
    """One file of a folder or archive: its base name, and how to get its bytes."""

    name: str
    load: Callable[[], bytes]
    growth: Growth | None = None


def limited(data: bytes) -> bytes:
    """Refuse a file that is larger than any of one well."""
    return too_large() if len(data) > MAX_FILE else data


def too_large() -> bytes:
    """Refuse a file for its size; returns never."""
    raise BadFile(f"is larger than {MAX_FILE >> 20} MB, far more than one well")


def find_sources(path: Path, stack: ExitStack) -> Iterator[Source]:
    """Files of a folder or archive, whatever their kind."""
    lower = path.name.lower()
    if path.is_dir():
        yield from _folder(path)
    elif not path.exists():
        raise FileError(f"{path}: no such folder or archive; check the name")
    elif lower.endswith(".zip"):
        yield from _zip(path, stack)
    elif lower.endswith(_ARCHIVES):
        yield from _tar(path)
    else:
        raise FileError(f"{path}: a folder or one of {', '.join(_ARCHIVES)} with LXB files is needed")


def _folder(path: Path) -> Iterator[Source]:
    def loader(file: Path) -> Callable[[], bytes]:
        def load() -> bytes:
            try:
                return file.read_bytes() if file.stat().st_size <= MAX_FILE else too_large()
            except OSError as error:
                raise BadFile(f"cannot be read ({error.strerror})") from None

        return load

    for file in sorted(path.iterdir()):
        if file.is_file() or (file.is_symlink() and not file.exists()):
            yield Source(file.name, loader(file))


def _check_member(path: Path, name: str, is_link: bool) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or re.match(r"[A-Za-z]:", name):
        raise FileError(
            f"{path}: member {name!r} points outside the archive; such an archive is not read, pack it anew"
        )
    if is_link:
        raise FileError(f"{path}: member {name!r} is a link; pack the files themselves")


def _check_number(path: Path, number: int) -> None:
    if number >= _MOST_MEMBERS:
        raise FileError(f"{path}: holds more than {_MOST_MEMBERS:,} members, far more than a plate; pack the LXB files")


def _tar(path: Path) -> Iterator[Source]:
    try:
        growth = Growth(path, path.stat().st_size, "archive of LXB files")
        with (
            open(path, "rb") as file,
            tarfile.open(fileobj=cast(IO[bytes], UnpackedStream(file, growth)), mode="r|") as archive,
        ):
            for number, member in enumerate(archive):
                _check_number(path, number)
                _check_member(path, member.name, member.islnk() or member.issym())
                if member.isdir():
                    continue
                name = PurePosixPath(member.name).name
                if not member.isfile() or not ENDING.search(name):
                    yield Source(name if member.isfile() else "special", bytes)
                    continue
                if member.size > MAX_FILE:
                    yield Source(name, too_large)
                    continue
                stream = archive.extractfile(member)
                data = stream.read() if stream else b""
                if member.issparse():
                    growth.add(data)
                yield Source(name, partial(bytes, data), growth)
    except EOFError:
        raise FileError(
            f"{path}: damaged or truncated archive (unexpected end of data); fetch or pack it anew"
        ) from None
    except (lzma.LZMAError, tarfile.TarError, zlib.error, OSError, TypeError, ValueError, struct.error) as error:
        # tarfile answers a gzip header that ends early with a TypeError
        raise FileError(f"{path}: damaged or truncated archive ({error}); fetch or pack it anew") from None


def _zip(path: Path, stack: ExitStack) -> Iterator[Source]:
    def loader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], bytes]:
        def load() -> bytes:
            try:
                with archive.open(member) as stream:
                    return limited(growth.add(stream.read(MAX_FILE + 1)))
            except (zipfile.BadZipFile, EOFError, zlib.error, OSError, struct.error) as error:
                raise BadFile(f"is damaged in the archive ({error})") from None
            except (RuntimeError, NotImplementedError) as error:
                raise BadFile(f"cannot be unpacked ({error})") from None

        return load

    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise FileError(f"{path}: damaged or truncated archive ({error}); fetch or pack it anew") from None
    growth = Growth(path, path.stat().st_size, "archive of LXB files")
    for number, member in enumerate(archive.infolist()):
        _check_number(path, number)
        _check_member(path, member.filename, (member.external_attr >> 16) & 0o170000 == 0o120000)
        if not member.filename.endswith("/"):
            load = loader(archive, member) if member.file_size <= MAX_FILE else too_large
            yield Source(PurePosixPath(member.filename).name, load, growth)
