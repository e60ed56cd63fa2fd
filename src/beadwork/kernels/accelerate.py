"""The one place that imports numba; compiled kernels run on threads by :mod:`beadwork.kernels.threads`."""

from __future__ import annotations

import hashlib
import os

import numba
from numba.np import linalg


def cache_folder(base: str, kernels: str) -> str:
    """Folder of compiled kernels, by a checksum of all modules in `kernels`.

    numba asks only whether the file of a kernel itself has changed; but a kernel holds constants and code of others
    too, and would stay as it was.
    """
    state = hashlib.blake2s(digest_size=6)
    for name in sorted(os.listdir(kernels)):
        if name.endswith(".py"):
            with open(os.path.join(kernels, name), "rb") as stream:
                state.update(name.encode() + b"\0" + stream.read())
    return os.path.join(base, f"kernels-{state.hexdigest()}")


_FOLDER = os.path.dirname(os.path.abspath(__file__))
numba.config.CACHE_DIR = cache_folder(  # type: ignore[attr-defined]
    numba.config.CACHE_DIR or os.path.join(_FOLDER, "__pycache__"),  # type: ignore[attr-defined]
    _FOLDER,
)


def _no_blas() -> None:
    raise ImportError("kernels need no linear algebra")


linalg.ensure_blas = _no_blas
"""numba looks for SciPy's BLAS as soon as it loads a kernel, a third of a second of every command; none needs it."""

jit = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Decorator of all compiled kernels: nopython, cached on disk, lock released.  NUMBA_DISABLE_JIT=1 switches it off.

No fastmath: with sums reordered, a run that compiles and a run that loads from the cache differ in the last bits.
"""


def jit_disabled() -> bool:
    """Whether kernels run uncompiled (NUMBA_DISABLE_JIT=1, for coverage)."""
    return bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
