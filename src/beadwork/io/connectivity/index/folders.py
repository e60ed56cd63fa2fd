"""Locks of the writers of an index, and what takes the place of its folder.

A writer holds an exclusive lock (``flock``) on the file ``lock`` of the folder that it writes to, also of a folder that
is being built.  The system releases it with the process, so a hidden folder whose lock is free was left by a writer
that was killed.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from beadwork.io.connectivity.index.layout import LOCK, MANIFEST
from beadwork.model.errors import FileError, IndexStoreError


@contextmanager
def writer_lock(path: Path) -> Iterator[BinaryIO]:
    """Hold the lock of the folder that is at `path`; its file stays when the folder moves.

    Raises
    ------
    IndexStoreError
        Another process is writing to the index.
    """
    while True:
        try:
            lock = open(path / LOCK, "ab")
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({error.strerror}); check its permissions") from None
        with lock:
            if not _take(lock):
                raise IndexStoreError(f"{path}: another process is writing to this index; try again when it is done")
            if _is_at(lock, path / LOCK):  # else the folder was replaced since the file was opened
                yield lock
                return


def _take(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise FileError(f"{lock.name}: cannot be locked ({error.strerror}); put the index on another disk") from None
    return True


def _is_at(lock: BinaryIO, path: Path) -> bool:
    with suppress(OSError):
        here, there = os.fstat(lock.fileno()), os.stat(path)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    return False


def new_folder(path: Path) -> Path:
    """Make a hidden folder beside `path`, in which what shall take its place is built."""
    folder = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    folder.mkdir(parents=True)
    return folder


def replace_folder(path: Path, folder: Path) -> None:
    """Put `folder` in the place of `path`, and what was there, if anything, in the place of `folder`.

    In one step where the system has one, so that at any time either the old or the new index is there; else in two, and
    :func:`restore` undoes the first if the second did not come.
    """
    if not path.exists() or not any(path.iterdir()):
        os.rename(folder, path)
        return
    if not _exchange(folder, path):
        old = folder.with_suffix(".old")
        os.rename(path, old)
        os.rename(folder, path)
        os.rename(old, folder)


def restore(path: Path) -> None:
    """Put an index back whose replacement was interrupted between two renames."""
    if path.exists():
        return
    for old in _hidden(path, "old"):
        with suppress(OSError):
            if (old / MANIFEST).is_file() and is_abandoned(old):
                os.rename(old, path)
                return


def remove_abandoned(path: Path) -> None:
    """Remove hidden folders beside `path` that writers left which are no more; those of living ones stay."""
    for folder in [*_hidden(path, "part"), *_hidden(path, "old")]:
        if is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _hidden(path: Path, suffix: str) -> list[Path]:
    """Hidden folders of writers of `path`: ``.NAME.PROCESS-RANDOM.SUFFIX``, older ones without the random part."""
    pattern = re.compile(re.escape(f".{path.name}.") + r"\d+(-[0-9a-f]{8})?" + re.escape(f".{suffix}"))
    found = path.parent.glob(f".{glob.escape(path.name)}.*.{suffix}")
    return sorted(item for item in found if pattern.fullmatch(item.name) and item.is_dir() and not item.is_symlink())


def is_abandoned(folder: Path) -> bool:
    """Whether nobody holds the lock of a hidden folder."""
    try:
        lock = open(folder / LOCK, "rb+")
    except FileNotFoundError:  # killed, or still about to make it, or left by an older version
        return not _is_alive(folder)
    except OSError:
        return False
    with lock:
        return _take(lock)


def _is_alive(folder: Path) -> bool:
    """Whether the process in the name of a hidden folder runs on this machine."""
    head = folder.name.split(".")[-2].split("-")[0]
    try:
        os.kill(int(head), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _exchange(one: Path, two: Path) -> bool:
    """Exchange two names in one step; False where the system or its disk cannot."""
    names = os.fsencode(one), os.fsencode(two)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return bool(library.renamex_np(*names, ctypes.c_uint(2)) == 0)  # RENAME_SWAP
        here = ctypes.c_int(-100)  # AT_FDCWD
        return bool(library.renameat2(here, names[0], here, names[1], ctypes.c_uint(2)) == 0)  # RENAME_EXCHANGE
    except (AttributeError, OSError):
        return False
