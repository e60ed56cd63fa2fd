"""Memory of a server that runs for weeks: what is given back is given back to the system.

glibc learns from freed arrays: after one of 20 MB was freed, arrays of up to 20 MB come from arenas, of which each
thread may get one of its own, and every arena keeps up to twice as much at its end.  With states of an index that come
and go, and threads that come and go, free memory adds up.  So large arrays always come from the system directly, and
there are few arenas.
"""

from __future__ import annotations

import ctypes
import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

LARGE = 16 << 20
"""Bytes from which on memory is asked of the system, and goes back to it."""
ARENAS = 2
"""Arenas that all threads share."""
_TRIM, _MAP, _COUNT = -1, -3, -8  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX of malloc.h
_SETTINGS = {
    "MALLOC_TRIM_THRESHOLD_": (_TRIM, 2 * LARGE),
    "MALLOC_MMAP_THRESHOLD_": (_MAP, LARGE),
    "MALLOC_ARENA_MAX": (_COUNT, ARENAS),
}


def limit_arenas() -> bool:
    """Limit what freed memory the C library keeps; what the user's environment sets stays. False if it is not glibc."""
    library = _glibc()
    if library is None or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    return all([library.mallopt(*setting) for name, setting in _SETTINGS.items() if name not in os.environ])


def mapped_array(shape: tuple[int, int], folder: Path | None) -> np.ndarray:
    """Array of float64 in a file without a name, which goes with the array; the system writes out what is not in use.

    Raises
    ------
    OSError
        There is no space for it: asked for at once, as one who writes to a mapped file on a full disk is killed.
    """
    with tempfile.TemporaryFile(dir=folder) as stream:
        size = 8 * shape[0] * shape[1]
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
        stream.truncate(size)
        return np.memmap(stream, np.float64, "r+", shape=shape)


def give_back() -> None:
    """Give memory that nothing uses any more back to the system."""
    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> Any | None:
    """Return the C library, where it is glibc."""
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return None
    return ctypes.CDLL(None) if name.startswith("glibc") else None
