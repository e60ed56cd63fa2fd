"""Texts and numbers of a GCTX file's annotation, as Python, R and CMap's tools write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from beadwork.io.files.typed_column import typed_column
from beadwork.io.matrix.ids import ids_of_numbers, ids_of_texts
from beadwork.model.errors import FileError, name_some
from beadwork.model.fields import field_kind
from beadwork.model.missing import missing_numbers

_BYTES = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
_LOGICAL = {"FALSE": 0.0, "TRUE": 1.0, "NA": np.nan}


def text_of(item: Any) -> str:
    """Text of what h5py gives: UTF-8, else latin-1, in which older files are written."""
    if isinstance(item, bytes):
        try:
            return item.decode("utf-8")
        except UnicodeDecodeError:
            return item.decode("latin-1")
    if isinstance(item, str) and not item.isascii():
        try:  # h5py hands bytes that are no UTF-8 over as lone surrogates
            item.encode("utf-8")
        except UnicodeEncodeError:
            return item.encode("utf-8", "surrogateescape").decode("latin-1")
    return str(item)


def texts_of(items: np.ndarray) -> list[str]:
    """Texts of an array of bytes or texts; all at once where all are plain."""
    found = items.tolist()
    try:
        joined = b"\n".join(found)
    except TypeError:  # not all are bytes
        joined = b""
    if joined.isascii() and joined.count(b"\n") == len(found) - 1:
        return joined.decode("ascii").split("\n")
    return [text_of(item) for item in found]


def read_ids(data: h5py.Dataset, path: object, side: str, *, own: bool) -> list[str]:
    """Ids of rows or columns (`side`), whatever they are stored as."""
    names = h5py.check_enum_dtype(data.dtype)
    stored = _flat(data, path, f"{side} ids")
    if names is not None:
        return ids_of_texts(_names_of(stored, names, path, f"{side} ids").tolist(), path, side)
    if stored.dtype.kind in "fiu":
        return ids_of_numbers(stored, path, side)
    if stored.dtype.kind not in "OSU":
        raise FileError(f"{path}: {side} ids are {data.dtype}, neither texts nor numbers")
    return ids_of_texts(texts_of(stored), path, side, own=own)


def read_field(name: str, data: h5py.Dataset, count: int, path: object, *, own: bool) -> np.ndarray:
    """Values of one field as floats, integers or text, with missing values as NaN.

    Text that looks like numbers becomes numbers, as programs that write all fields as text mean it so; not in files of
    ours, which have numbers where numbers are meant.
    """
    names = h5py.check_enum_dtype(data.dtype)
    stored = _flat(data, path, f"field {name}")
    if stored.shape != (count,):
        raise FileError(f"{path}: field {name} has {len(stored)} values for {count} ids; the file is damaged")
    if names is not None and set(names) <= set(_LOGICAL):
        return _logical(_names_of(stored, names, path, f"field {name}"))
    if names is not None:
        return typed_column(name, _names_of(stored, names, path, f"field {name}"))
    if stored.dtype.kind in "OSU":
        return typed_column(name, _plain_texts(texts_of(stored), own), keep_text=own)
    if stored.dtype.kind == "b":
        return stored.astype(np.int64)
    missing = missing_numbers(stored)
    if field_kind(name) is str:
        shown = [str(item) if isinstance(item, int) else f"{item:.15g}" for item in stored.tolist()]
        return np.array([np.nan if absent else item for item, absent in zip(shown, missing, strict=True)], object)
    return np.where(missing, np.nan, stored) if missing.any() else stored


def _flat(data: h5py.Dataset, path: object, what: str) -> np.ndarray:
    """Values of a dataset in one dimension, in the byte order of this machine."""
    kind = data.dtype.kind
    if kind not in "fiubOSU" or (kind == "O" and h5py.check_string_dtype(data.dtype) is None):
        raise FileError(f"{path}: {what} holds {_kind_name(data.dtype)}, neither numbers nor text")
    stored = np.atleast_1d(data[()])
    if stored.ndim > 1:
        if max(stored.shape) != stored.size:
            raise FileError(f"{path}: {what} has the shape {data.shape}; one value each is needed")
        stored = stored.reshape(-1)
    return stored.astype(stored.dtype.newbyteorder("=")) if stored.dtype.kind in "fiu" else stored


def _kind_name(kind: np.dtype) -> str:
    return "lists" if h5py.check_vlen_dtype(kind) else "references" if h5py.check_ref_dtype(kind) else str(kind)


def _names_of(codes: np.ndarray, names: dict[str, int], path: object, what: str) -> np.ndarray:
    """Names that the codes of an enumeration (a factor or logical of R) stand for; missing ones are empty."""
    by_code = {code: name for name, code in names.items()}
    missing = missing_numbers(codes)
    found = np.array([by_code.get(code, "") for code in codes.tolist()], object)
    if unknown := sorted({int(code) for code in codes[~missing]} - set(by_code)):
        raise FileError(f"{path}: {what} has codes without a name ({name_some(unknown)}); the file is damaged")
    return found


def _logical(names: np.ndarray) -> np.ndarray:
    numbers = np.array([_LOGICAL.get(name, np.nan) for name in names])
    return numbers if np.isnan(numbers).any() else numbers.astype(np.int64)


def _plain_texts(texts: Sequence[str], own: bool) -> np.ndarray:
    """Texts as objects; those that Python wrote as bytes (``b'x'``) without what it put around them."""
    found = np.empty(len(texts), object)
    found[:] = texts
    if not own and any(text.startswith(("b'", 'b"')) for text in texts):
        found[:] = [match[2] if (match := _BYTES.fullmatch(text)) else text for text in texts]
    return found
