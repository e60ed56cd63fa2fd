"""Gzipped matrices, unpacked once beside the index that is made of them, so that they can be read in portions."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

from beadwork.io.connectivity.library.recognise import named_size
from beadwork.model.errors import FileError

PORTION = 16 << 20


def unpacked_size(path: Path) -> int:
    """Bytes that a gzipped matrix takes unpacked, from the size in its name, else about four times what it is."""
    shape = named_size(path.name.removesuffix(".gz"))
    return path.stat().st_size * 4 if shape is None else shape[0] * shape[1] * 4 + (64 << 20)


def unpack_matrix(path: Path, folder: Path, progress: Callable[[str], None] = lambda text: None) -> Path:
    """Unpack a gzipped matrix into a folder; what was unpacked before is taken as it is.

    Raises
    ------
    FileError
        It is cut off or damaged, or the disk has not enough space.
    """
    target = folder / path.name.removesuffix(".gz")
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = unpacked_size(path), shutil.disk_usage(folder).free
    shape = named_size(target.name)
    if shape is not None and free < needed:
        raise FileError(
            f"{path}: takes {needed / 1e9:.1f} GB unpacked, but {folder} has {free / 1e9:.1f} GB free; free some, or "
            "put the index elsewhere"
        )
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        done = 0
        with gzip.open(path, "rb") as source, open(part, "wb") as stream:
            while portion := source.read(PORTION):
                stream.write(portion)
                done += len(portion)
                progress(f"{path.name}: unpacked {done / 1e9:.1f} of about {needed / 1e9:.1f} GB")
        os.replace(part, target)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(f"{path}: is cut off or damaged ({error}); fetch it anew") from None
    except OSError as error:
        raise FileError(
            f"{path}: cannot be unpacked ({error.strerror or error}); check the file and free space"
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return target
