"""The one place that imports cmapPy, with the two amends it needs.

cmapPy 4.0.1 (2019) still names ``numpy.string_``, which NumPy 2 removed, and reads text in GCTX files as ASCII; see
docs/decisions/0002-own-gctx.md.
"""

import functools
import importlib
import warnings
from types import ModuleType
from typing import Any

import numpy as np


def _mend_numpy() -> None:
    if not hasattr(np, "string_"):
        setattr(np, "string_", np.bytes_)  # noqa: B010  a plain assignment is "mended" by linters


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


@functools.cache
def load_cmappy(module: str) -> ModuleType:
    """Return a module of ``cmapPy.pandasGEXpress``: ``GCToo``, ``parse``, ``write_gct``, ``write_gctx``, ...

    Its GCTX parser is lent the decoding of text that is not ASCII.
    """
    _mend_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = importlib.import_module(f"cmapPy.pandasGEXpress.{module}")
        parser = importlib.import_module("cmapPy.pandasGEXpress.parse_gctx")
    if not hasattr(parser, "beadwork_original"):
        original = parser.beadwork_original = parser.parse_metadata_df  # type: ignore[attr-defined]
        parser.parse_metadata_df = lambda dim, group, convert: original(dim, _DecodedGroup(group), convert)  # type: ignore[attr-defined]
    return loaded


def load_gctoo() -> ModuleType:
    """Return ``cmapPy.pandasGEXpress.GCToo``."""
    return load_cmappy("GCToo")
