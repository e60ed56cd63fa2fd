"""The one place that imports numba; compiled kernels run on threads by :mod:`beadwork.kernels.numeric.threads`."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
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


def load_without_blas() -> None:
    """Load numba's array functions without its search for SciPy's BLAS: a third of a second, and no kernel needs it.

    numba searches once when that module loads, to learn whether there is one, and again for each product that it
    compiles.  Only the first search is skipped, and the function is put back: products of others compile as ever.  A
    thread that compiles one meanwhile loses nothing, as BLAS itself is looked up when the product runs.
    """
    if "numba.np.arraymath" in sys.modules:
        return
    search = linalg.ensure_blas
    linalg.ensure_blas = _assume_blas
    try:
        arraymath = importlib.import_module("numba.np.arraymath")
        if getattr(arraymath, "ensure_blas", None) is _assume_blas:
            arraymath.ensure_blas = search  # type: ignore[attr-defined]
    finally:
        linalg.ensure_blas = search


def _assume_blas() -> None:
    """Say that there is a BLAS: SciPy, which we require, brings it."""


load_without_blas()


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
