"""Where LXB files come from: a folder, or an archive that is read in memory and never unpacked to disk.

Archives may hold archives, as those of a series on GEO do.
"""

from __future__ import annotations

import io
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
from typing import IO, Any, NamedTuple, cast

from beadwork.io.beads.fcs import BadFile
from beadwork.io.beads.names import ARCHIVES, holder_name, is_archive, is_lxb
from beadwork.io.files.unpack import Growth, UnpackedStream
from beadwork.model.errors import FileError

_MOST_MEMBERS = 100_000
"""Most members of an archive; a plate has 384."""
MAX_FILE = 256 << 20
"""Largest file of one well in bytes, unpacked; real ones have 1 to 4 MB."""
_DEEPEST = 3
"""Archives within archives: a series on GEO has one within, some labs two."""
_MAX_INNER_ZIP = 2 << 30
"""Largest zip within an archive; its list of members stands at its end, so all of it has to be in memory."""
_DAMAGE = (lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, TypeError, ValueError,
           NotImplementedError, RuntimeError, struct.error)  # fmt: skip
"""What a damaged archive raises; tarfile answers a gzip header that ends early with a TypeError."""


class Source(NamedTuple):
    """One file of a folder or archive: its base name, how to get its bytes, and the name of what holds it.

    ``within`` is the archive within an archive that it is in, as messages call it; empty if it is in none.
    """

    name: str
    load: Callable[[], bytes]
    growth: Growth | None = None
    holder: str = ""
    within: str = ""


class Lost(NamedTuple):
    """An archive within an archive that is damaged: how messages call it, what it is called after, what is wrong."""

    label: str
    holder: str
    error: FileError


Wanted = Callable[[str, str], bool]
"""Whether the bytes of a file are wanted, by its base name and the name of what holds it."""


def _all_wanted(name: str, holder: str) -> bool:
    return True


def limited(data: bytes) -> bytes:
    """Refuse a file that is larger than any of one well."""
    return too_large() if len(data) > MAX_FILE else data


def too_large() -> bytes:
    """Refuse a file for its size; returns never."""
    raise BadFile(f"is larger than {MAX_FILE >> 20} MB, far more than one well")


def find_sources(
    path: Path, stack: ExitStack, wanted: Wanted = _all_wanted, lost: Callable[[Lost], None] | None = None
) -> Iterator[Source]:
    """Files of a folder or archive, whatever their kind.

    Parameters
    ----------
    path
        Folder or archive.
    stack
        Closes what was opened.
    wanted
        Asked of each LXB file when it is reached; the others come without their bytes, which saves memory and time.
    lost
        Receives damaged archives within an archive, of which the others are read; None: they are errors.
    """
    if path.is_dir():
        yield from _folder(path)
    elif not path.exists():
        raise FileError(f"{path}: no such folder or archive; check the name")
    elif not path.name.lower().endswith(ARCHIVES):
        raise FileError(f"{path}: a folder or one of {', '.join(ARCHIVES)} with LXB files is needed")
    else:
        try:
            growth = Growth(path, path.stat().st_size, "archive of LXB files")
            file = stack.enter_context(open(path, "rb"))
        except OSError as error:
            raise FileError(f"{path}: cannot be read ({error.strerror or error})") from None
        yield from _Archive(str(path), growth, wanted, lost).files(file, path.name, "")


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


class _Archive(NamedTuple):
    """An archive, maybe within others; all of them grow together.

    Attributes
    ----------
    label
        How messages call it.
    """

    label: str
    growth: Growth
    wanted: Wanted
    lost: Callable[[Lost], None] | None = None
    depth: int = 0

    @property
    def _place(self) -> str:
        return self.label if self.depth else ""

    def files(self, file: Any, name: str, holder: str) -> Iterator[Source]:
        """Files in it and in those within; `file` can be sought where it is a zip."""
        try:
            yield from (self._zip if name.lower().endswith(".zip") else self._tar)(file, holder)
        except (EOFError, *_DAMAGE) as error:
            what = "unexpected end of data" if isinstance(error, EOFError) else error
            damage = FileError(f"{self.label}: damaged or truncated archive ({what}); fetch or pack it anew")
            if self.lost is None or not self.depth:
                raise damage from None
            self.lost(Lost(self.label, holder, damage))

    def _tar(self, file: Any, holder: str) -> Iterator[Source]:
        with tarfile.open(fileobj=cast(IO[bytes], UnpackedStream(file, self.growth)), mode="r|") as archive:
            for number, member in enumerate(archive):
                self._check(number, member.name, member.islnk() or member.issym())
                if member.isdir():
                    continue
                name, within = PurePosixPath(member.name).name, _holder(member.name, holder)
                if member.isfile() and is_archive(name):
                    stream = archive.extractfile(member)
                    if stream is not None:
                        yield from self._within(stream, name, member.name, member.size)
                elif not member.isfile() or not is_lxb(name) or not self.wanted(name, within):
                    yield Source(name if member.isfile() else "special", bytes, holder=within, within=self._place)
                elif member.size > MAX_FILE:
                    yield Source(name, too_large, holder=within, within=self._place)
                else:
                    stream = archive.extractfile(member)
                    data = stream.read() if stream else b""
                    if member.issparse():
                        self.growth.add(data)
                    yield Source(name, partial(bytes, data), self.growth, within, self._place)

    def _zip(self, file: Any, holder: str) -> Iterator[Source]:
        archive = zipfile.ZipFile(file)  # lives as long as one of its loaders; who opened the file closes it
        for number, member in enumerate(archive.infolist()):
            self._check(number, member.filename, (member.external_attr >> 16) & 0o170000 == 0o120000)
            if member.filename.endswith("/"):
                continue
            name, within = PurePosixPath(member.filename).name, _holder(member.filename, holder)
            if is_archive(name):
                with archive.open(member) as stream:
                    yield from self._within(
                        io.BufferedReader(cast(Any, stream)), name, member.filename, member.file_size
                    )
            else:
                load = self._loader(archive, member) if member.file_size <= MAX_FILE else too_large
                yield Source(name, load, self.growth, within, self._place)

    def _loader(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], bytes]:
        def load() -> bytes:
            try:
                with archive.open(member) as stream:
                    return limited(self.growth.add(stream.read(MAX_FILE + 1)))
            except (zipfile.BadZipFile, EOFError, zlib.error, OSError, struct.error) as error:
                raise BadFile(f"is damaged in the archive ({error})") from None
            except (RuntimeError, NotImplementedError) as error:
                raise BadFile(f"cannot be unpacked ({error})") from None

        return load

    def _within(self, stream: Any, name: str, member: str, size: int) -> Iterator[Source]:
        """Files of an archive that this one holds."""
        inner = self._replace(label=f"{self.label}: {member}", depth=self.depth + 1)
        if inner.depth > _DEEPEST:
            raise FileError(f"{inner.label}: more than {_DEEPEST} archives within each other; unpack the outer ones")
        if name.lower().endswith(".zip"):
            if size > _MAX_INNER_ZIP:
                raise FileError(
                    f"{inner.label}: a zip within an archive, of more than {_MAX_INNER_ZIP >> 30} GB; unpack that one"
                )
            stream = io.BytesIO(self.growth.add(stream.read(_MAX_INNER_ZIP + 1)))
        yield from inner.files(stream, name, holder_name(name))

    def _check(self, number: int, name: str, is_link: bool) -> None:
        if number >= _MOST_MEMBERS:
            raise FileError(
                f"{self.label}: holds more than {_MOST_MEMBERS:,} members, far more than a plate; pack the LXB files"
            )
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or re.match(r"[A-Za-z]:", name):
            raise FileError(
                f"{self.label}: member {name!r} points outside the archive; such an archive is not read, pack it anew"
            )
        if is_link:
            raise FileError(f"{self.label}: member {name!r} is a link; pack the files themselves")


def _holder(member: str, outer: str) -> str:
    """Name of what holds a member: its folder in the archive, else the archive."""
    return holder_name(str(PurePosixPath(member.replace("\\", "/")).parent)) or outer
