"""New HDF5 files whose writing may fail without harm."""

from __future__ import annotations

import errno
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py

_LAST = 1 << 16
"""Bytes that may come on closing."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def new_hdf5(path: str | Path, reserve: int = 1 << 20) -> Iterator[h5py.File]:
    """Yield a new HDF5 file in the format of HDF5 1.8, which all readers know; it is complete when the block ends.

    HDF5 1.14 crashes where it cannot write what it has kept back until a dataset or the file is closed: errors that
    nobody can catch, then a segmentation fault when the program ends.  So `reserve` is taken when the file is made, all
    that is lacking before it is closed, and after a failure the file's descriptor is turned to another file, where the
    rest can be written in peace.

    Parameters
    ----------
    path
        File to write.
    reserve
        About how many bytes it will have.

    Raises
    ------
    OSError, RuntimeError
        The disk is full, for example.
    """
    import h5py

    file = h5py.File(path, "w", libver=("v108", "v108"))
    try:
        _take_space(file.id.get_vfd_handle(), reserve)
        yield file
        _take_space(file.id.get_vfd_handle(), file.id.get_filesize() + _LAST)
    except BaseException:
        with tempfile.TemporaryFile(dir=_memory()) as rest:
            os.dup2(rest.fileno(), file.id.get_vfd_handle())
        raise
    finally:
        file.close()
    with open(path, "rb") as stream:  # superblock of version 2: what HDF5 takes for the end of the file
        (end,) = struct.unpack_from("<Q", stream.read(48), 28)
    os.truncate(path, end)


def matrix_size(n_values: int, n_cells: int) -> int:
    """Bytes that a matrix takes at most, about: its values, and the cells of its annotation with their ids."""
    return 4 * n_values + 64 * n_cells + (1 << 16)


def _take_space(descriptor: int, size: int) -> None:
    """Have the file system set aside all bytes of a file, where it can."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise


def _memory() -> str | None:
    """Folder in memory, if there is one: the disk may be the one that is full."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
