"""The one place that imports cmapPy, with the line it needs on NumPy 2.

cmapPy 4.0.1 (2019) still names ``numpy.string_``, which NumPy 2 removed; see docs/decisions.
"""

import importlib
import warnings
from types import ModuleType

import numpy as np


def _mend_numpy() -> None:
    if not hasattr(np, "string_"):
        setattr(np, "string_", np.bytes_)  # noqa: B010  a plain assignment is "mended" by linters


def load_cmappy(module: str) -> ModuleType:
    """Return a module of ``cmapPy.pandasGEXpress``: ``GCToo``, ``parse``, ``write_gct``, ``write_gctx``, ..."""
    _mend_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"cmapPy.pandasGEXpress.{module}")


def load_gctoo() -> ModuleType:
    """Return ``cmapPy.pandasGEXpress.GCToo``."""
    return load_cmappy("GCToo")
