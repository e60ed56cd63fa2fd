"""The one place that imports numba; compiled kernels run on threads by :mod:`beadwork.kernels.numeric.threads`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import numba
from numba.np import linalg


def cache_folder(base: str, kernels: str) -> str:
    """Folder of compiled kernels, by a checksum of all modules in `kernels` and its folders.

    numba asks only whether the file of a kernel itself has changed; but a kernel holds constants and code of others
    too, and would stay as it was.
    """
    state = hashlib.blake2s(digest_size=6)
    for folder, _, names in sorted(os.walk(kernels)):
        for name in sorted(name for name in names if name.endswith(".py")):
            path = os.path.join(folder, name)
            with open(path, "rb") as stream:
                state.update(os.path.relpath(path, kernels).encode() + b"\0" + stream.read())
    return os.path.join(base, f"kernels-{state.hexdigest()}")


def _base(kernels: str) -> str:
    """Folder of all caches: the one asked for, else beside the kernels, else the user's."""
    if numba.config.CACHE_DIR:  # type: ignore[attr-defined]
        return str(numba.config.CACHE_DIR)  # type: ignore[attr-defined]
    if os.access(kernels, os.W_OK):
        return os.path.join(kernels, "__pycache__")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "beadwork")


_KERNELS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CACHE = cache_folder(_base(_KERNELS), _KERNELS)


def _no_blas() -> None:
    raise ImportError("kernels need no linear algebra")


linalg.ensure_blas = _no_blas
"""numba looks for SciPy's BLAS as soon as it loads a kernel, a third of a second of every command; none needs it."""


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel: nopython, cached on disk, lock released.  NUMBA_DISABLE_JIT=1 switches it off.

    No fastmath: with sums reordered, a run that compiles and a run that loads from the cache differ in the last bits.
    """
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = _CACHE  # type: ignore[attr-defined]  # asked for when a kernel is decorated
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


def jit_disabled() -> bool:
    """Whether kernels run uncompiled (NUMBA_DISABLE_JIT=1, for coverage)."""
    return bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
