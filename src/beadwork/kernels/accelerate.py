"""The one place that imports numba; compiled kernels run on threads by :mod:`beadwork.kernels.threads`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numba
from numba.np import linalg


def cache_folder(base: Path, kernels: Path) -> Path:
    """Folder of compiled kernels, by a checksum of all modules in `kernels`.

    numba asks only whether the file of a kernel itself has changed; but a kernel holds constants and code of others
    too, and would stay as it was.
    """
    state = hashlib.blake2s(digest_size=6)
    for path in sorted(kernels.glob("*.py")):
        state.update(path.name.encode() + b"\0" + path.read_bytes())
    return base / f"kernels-{state.hexdigest()}"


_FOLDER = Path(__file__).parent
numba.config.CACHE_DIR = str(  # type: ignore[attr-defined]
    cache_folder(Path(numba.config.CACHE_DIR or _FOLDER / "__pycache__"), _FOLDER)  # type: ignore[attr-defined]
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
