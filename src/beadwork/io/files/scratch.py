"""A hidden folder for what is needed in between, and the removal of what killed processes left beside it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beadwork.io.files.atomic import write_error
from beadwork.model.errors import FileError

PREFIXES = (".scratch-", ".scores-")
"""Names of such folders; the second one is of earlier versions."""
LOCK = "lock"
_NEW_SECONDS = 60
_UNFINISHED = re.compile(r"\..+\.(\d+)\.part(\.\w+)?")


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a hidden folder in `parent`, which is made if need be; the hidden folder is removed at the end.

    Its process holds a lock, so the folders of processes that were killed are known: they are removed at the start, and
    unless another process works in `parent`, so are the unfinished files of processes that are no more.

    Raises
    ------
    FileError
        The folder cannot be written to.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIXES[0], dir=parent))
        lock = open(folder / LOCK, "wb")
    except OSError as error:
        reason = write_error(error) or error
        raise FileError(f"{parent}: cannot be written ({reason}); check the folder and the free space") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    living = False
    for folder in sorted(parent.iterdir()):
        if folder.name.startswith(PREFIXES) and folder.is_dir() and not folder.is_symlink():
            if _is_held(folder):
                living = True
            else:
                shutil.rmtree(folder, ignore_errors=True)
    if living:
        return
    for file in _unfinished(parent, *parent.glob("*/")):
        file.unlink(missing_ok=True)


def remove_unfinished(*folders: Path) -> None:
    """Remove unfinished files of processes that are no more; a new one may be that of a process on another machine."""
    for file in filter(_is_old, _unfinished(*folders)):
        file.unlink(missing_ok=True)


def _unfinished(*folders: Path) -> Iterator[Path]:
    """Unfinished files in some folders, of processes that are no more."""
    for folder in folders:
        for file in folder.glob(".*.part*"):
            found = _UNFINISHED.fullmatch(file.name)
            if found and file.is_file() and not _is_alive(int(found[1])):
                yield file


def _is_old(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime > _NEW_SECONDS
    except FileNotFoundError:
        return False


def _is_held(folder: Path) -> bool:
    """Whether a process works with a folder; one without a lock may be about to get it."""
    try:
        lock = open(folder / LOCK, "rb+")
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime < _NEW_SECONDS
    except OSError:
        return True
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
