"""The one place that imports cmapPy, and the two corrections that it needs, lent for the length of a block.

cmapPy 4.0.1 (2019) still names ``numpy.string_``, which NumPy 2 removed, and reads text in GCTX files as ASCII; see
docs/decisions/0002-own-gctx.md.
"""

import importlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np


class _DecodedGroup:
    """Annotation of a GCTX file as cmapPy wants it: text, where it would take UTF-8 bytes for ASCII and fail."""

    def __init__(self, group: Any) -> None:
        self._group = group

    def keys(self) -> Any:
        return self._group.keys()

    def __getitem__(self, name: str) -> Any:
        dataset = self._group[name]
        return dataset if dataset.dtype.kind in "fiu" else _DecodedDataset(dataset)


class _DecodedDataset:
    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.shape, self.dtype = dataset.shape, np.dtype(object)

    def read_direct(self, target: np.ndarray) -> None:
        for position, item in enumerate(self._dataset[()]):
            target[position] = _decode(item) if isinstance(item, bytes) else str(item)


def _decode(item: bytes) -> str:
    try:
        return item.decode("utf-8")
    except UnicodeDecodeError:
        return item.decode("latin-1")


def load_cmappy(module: str) -> ModuleType:
    """Return a module of ``cmapPy.pandasGEXpress``: ``GCToo``, ``parse``, ``write_gct``, ``write_gctx``, ...

    Nothing in it is changed; its GCTX reader and writer work within :func:`corrected_cmappy`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"cmapPy.pandasGEXpress.{module}")


_LOCK = threading.Lock()
_undo: list[Any] = []
_depth = 0


@contextmanager
def corrected_cmappy() -> Iterator[None]:
    """Lend NumPy the name, and cmapPy's GCTX reader the decoding, that cmapPy lacks; afterwards all is as it was.

    Blocks may nest, and several threads may be in one: the last that leaves puts things back.
    """
    global _depth
    with _LOCK:
        if _depth == 0:
            _lend()
        _depth += 1
    try:
        yield
    finally:
        with _LOCK:
            _depth -= 1
            while _depth == 0 and _undo:
                _undo.pop()()


def _lend() -> None:
    parser: Any = load_cmappy("parse_gctx")
    if not hasattr(np, "string_"):
        setattr(np, "string_", np.bytes_)  # noqa: B010  linters replace the name in a plain assignment
        _undo.append(lambda: delattr(np, "string_"))
    original = parser.parse_metadata_df
    parser.parse_metadata_df = lambda dim, group, convert: original(dim, _DecodedGroup(group), convert)
    _undo.append(lambda: setattr(parser, "parse_metadata_df", original))


def load_gctoo() -> ModuleType:
    """Return ``cmapPy.pandasGEXpress.GCToo``."""
    return load_cmappy("GCToo")
