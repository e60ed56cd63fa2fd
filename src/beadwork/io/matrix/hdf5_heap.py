"""Damage that hangs the HDF5 library: a global heap whose objects do not add up.

HDF5 keeps text of variable length in global heaps ("GCOL").  Where the size of an object is damaged, the library can
come to walk a heap in steps of nothing, for ever, in compiled code that no signal interrupts (found by fuzzing, HDF5
1.14).  So heaps are walked here first.  Layout: HDF5 file format specification, section III.E.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

SIGNATURE = b"GCOL\x01\x00\x00\x00"
MOST_BYTES = 64 << 20
"""No more than this is searched; matrices, which hold no text, do not count."""


def find_broken_heap(source: str | Path | io.BytesIO, skip: tuple[int, int] = (0, 0)) -> int | None:
    """Position of the first heap of a file that does not add up; None if all do.

    Parameters
    ----------
    source
        The file, or its content.
    skip
        First byte and end of a part that holds values, not text.
    """
    if isinstance(source, io.BytesIO):
        return _broken(memoryview(source.getvalue()), 0)
    with open(source, "rb") as stream:
        for start, stop in ((0, skip[0]), (skip[1], None)):
            stream.seek(start)
            raw = stream.read(MOST_BYTES if stop is None else min(stop - start, MOST_BYTES))
            if (found := _broken(memoryview(raw), start)) is not None:
                return found
    return None


def values_span(data: h5py.Dataset) -> tuple[int, int]:
    """First byte and end of a dataset that lies in one piece; (0, 0) if it does not."""
    offset = data.id.get_offset()
    return (0, 0) if offset is None else (offset, offset + data.id.get_storage_size())


_REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
"""How HDF5 refers to a text in a heap."""


def find_boastful_text(source: str | Path | io.BytesIO, datasets: Iterable[h5py.Dataset]) -> str | None:
    """Name of the first dataset whose texts claim to be longer than the file; None if there is none.

    HDF5 takes memory for what a reference claims, up to 4 GB each, before it looks whether it is there.  Datasets that
    are compressed cannot be looked into.
    """
    with io.BytesIO(source.getvalue()) if isinstance(source, io.BytesIO) else open(source, "rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        for dataset in datasets:
            if not _refers(dataset):
                continue
            stream.seek(min(dataset.id.get_offset(), size))
            raw = stream.read(dataset.id.get_storage_size())
            found = np.frombuffer(raw[: len(raw) // 16 * 16], _REFERENCE)
            if int(found["length"].sum(dtype=np.int64)) > size:
                return str(dataset.name).lstrip("/")
    return None


def _refers(dataset: h5py.Dataset) -> bool:
    kind = h5py.check_string_dtype(dataset.dtype)
    return kind is not None and kind.length is None and dataset.id.get_offset() is not None


_OBJECT = struct.Struct("<H6xQ")
"""Index and size of an object in a heap."""
_HEAD = np.dtype({"names": ["index", "size"], "formats": ["<u2", "<u8"], "offsets": [0, 8], "itemsize": 16})
_ALIKE = 16


def _broken(raw: memoryview, base: int) -> int | None:
    content = raw.obj
    assert isinstance(content, bytes)
    place = content.find(SIGNATURE)
    while place >= 0:
        size = struct.unpack_from("<Q", raw, place + 8)[0] if place + 16 <= len(raw) else 0
        sound = (base + place) % 8 == 0 and 4096 <= size <= len(raw) - place
        if sound and not _adds_up(raw[place : place + size]):
            return base + place
        place = content.find(SIGNATURE, place + (size if sound else 8))
    return None


def _adds_up(heap: memoryview) -> bool:
    """Whether the objects of a heap fill it without gap or overlap."""
    place, end, read = 16, len(heap), _OBJECT.unpack_from
    last = alike = 0
    while end - place >= 16:
        index, size = read(heap, place)
        step = size if index == 0 else 16 + (size + 7) // 8 * 8
        if step < 16 or step > end - place:
            return False
        place += step
        alike = alike + 1 if step == last and index else 0
        last = step
        if alike == _ALIKE:
            place += _row_of(heap, place, step) * step
            alike = 0
    return True


def _row_of(heap: memoryview, place: int, step: int) -> int:
    """How many objects from `place` on take `step` bytes each: texts of about one length are looked at together."""
    count = (len(heap) - place) // step
    if count < _ALIKE:
        return 0
    objects = np.ndarray((count,), _HEAD, heap, place, (step,))
    alike = (objects["index"] != 0) & ((objects["size"] + 7) // 8 * 8 + 16 == step)
    return count if alike.all() else int(np.argmin(alike))
