"""Outputs appear by rename: a reader sees a whole file or none."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beadwork.model.errors import FileError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; on success it is renamed to `path`, on failure removed.

    Raises
    ------
    FileError
        If the folder cannot be made or written to, or the disk is full.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise FileError(f"{target}: is a folder, but a file is to be written there; choose another name")
        if target.exists() and not target.is_file():  # renaming onto /dev/null would replace the device
            raise FileError(f"{target}: is a device or a pipe, but a file is to be written; choose another name")
        try:
            yield temporary
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        reason = write_error(error)
        if reason is None:
            raise
        raise FileError(f"{target}: cannot be written ({reason}); check the folder and the free space") from error


def check_folder(path: Path, what: str) -> None:
    """Refuse a file where a folder for `what` is to be written.

    Raises
    ------
    FileError
        There is a file of that name.
    """
    if path.exists() and not path.is_dir():
        raise FileError(f"{path}: is a file; name a folder for {what}")


def write_error(error: OSError | RuntimeError) -> str | None:
    """Say in a few words why a file could not be written; None if that was not the reason of the error.

    HDF5 and Arrow put what the system said somewhere into a long text, and HDF5 may raise a RuntimeError.
    """
    text = str(error)
    if found := re.search(r"error message = '([^']+)'|\[errno \d+\] ([A-Z][\w ]+)", text):
        return found[1] or found[2]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return None


def write_text(path: str | Path, text: str) -> None:
    """Write a text file as a whole (UTF-8)."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
