"""Where the events of an FCS 3.0 file are: its header of fixed width, and the keys of its TEXT.

Both say where DATA begins and ends, and TEXT says how many events of which width are there.  What they say must fit
together and fit the bytes that are there: a file read from one byte beside its events would give values, only wrong
ones.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

_MAX_CHANNELS = 256
_MAX_TEXT = 1 << 20
_CHECKSUM = 8
"""Bytes of the checksum, which may follow the last segment."""


class BadFile(Exception):
    """One file cannot be used; the text says why."""


class Layout(NamedTuple):
    """Where the events of a file are, and what its TEXT says."""

    dtype: np.dtype
    start: int
    n_events: int
    text: dict[str, str]

    def span(self, channel: str) -> int | None:
        """Range of a channel ($PnR): its values are below; None if TEXT does not say."""
        digits = self.text.get(f"$P{(self.dtype.names or ()).index(channel) + 1}R", "")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None


def read_layout(data: bytes) -> Layout:
    """Layout of a file, checked against itself and against its length.

    Raises
    ------
    BadFile
        The file is empty, of another kind, truncated or damaged, or what its header and its TEXT say does not agree.
    """
    if not data:
        raise BadFile("is empty")
    if data[:3] != b"FCS":
        raise BadFile("is not an LXB file (FCS 3.0): it does not start with 'FCS'")
    if len(data) < 58:
        raise BadFile(f"is truncated: {len(data)} bytes are less than a header")
    text_start, text_end, data_start, data_end = (_number(data[at : at + 8], "header") for at in (10, 18, 26, 34))
    if not 58 <= text_start < text_end or text_end - text_start > _MAX_TEXT:
        raise BadFile(f"has a damaged header: TEXT from {text_start} to {text_end}")
    if text_end >= len(data):
        raise BadFile(f"is truncated: {len(data):,} bytes, but its TEXT goes to {text_end:,}")
    text = _parse_text(data[text_start : text_end + 1])
    start, ends = _data_offsets(text, data_start, data_end)
    dtype, n_events = _event_type(text), _value(text, "$TOT")
    size = n_events * dtype.itemsize
    if start < 58 or (n_events and start <= text_end and start + size > text_start):
        raise BadFile(f"has a header that contradicts itself: DATA from {start:,} lies within header or TEXT")
    if not _fits(size, start, ends):
        raise BadFile(
            f"has a header that contradicts itself: {n_events:,} events of {dtype.itemsize} bytes do not "
            f"{'fit into' if size > max(ends) - start + 1 else 'fill'} DATA from {start:,} to {max(ends):,}"
        )
    there = max(len(data) - start, 0) // dtype.itemsize
    if there < n_events or start > len(data):
        raise BadFile(f"is truncated: it holds {there:,} of {n_events:,} events")
    _check_rest(data, start + size, dtype.itemsize, text)
    return Layout(dtype, start, n_events, text)


def _data_offsets(text: dict[str, str], first: int, last: int) -> tuple[int, list[int]]:
    """First byte of DATA, and its last byte as header and TEXT have it.

    Both must say the same beginning; the header says 0, 0 where the offsets have more than its eight digits, and
    a TEXT of older versions says nothing.
    """
    keys = ("$BEGINDATA", "$ENDDATA")
    if first == 0 and last == 0:
        return _value(text, keys[0]), [_value(text, keys[1])]
    begin, end = (_value(text, key) if key in text else None for key in keys)
    if begin is not None and begin != first:
        raise BadFile(
            f"has offsets that disagree: DATA begins at {first:,} in its header, but $BEGINDATA is {begin:,}; "
            "fetch the file anew"
        )
    return first, [last] if end is None else [last, end]


def _fits(size: int, start: int, ends: list[int]) -> bool:
    """Whether one of the last bytes is that of so many bytes of events.

    Where two sources agree on the beginning, the last byte may be counted one too far, as some programs do.
    """
    spare = 1 if len(ends) > 1 else 0
    return any(0 <= end - start + 1 - size <= spare for end in ends)


def _check_rest(data: bytes, end: int, itemsize: int, text: dict[str, str]) -> None:
    """Refuse a file that holds more events than are read."""
    if text.get("$NEXTDATA", "").strip("0").isdecimal():
        raise BadFile(f"holds a second data set ($NEXTDATA is {text['$NEXTDATA']}); give a file for each well")
    rest = len(data) - end - _CHECKSUM
    described = any(data[at : at + 8].strip(b" 0") for at in (42, 50)) or any(
        text.get(key, "0").strip("0") for key in ("$BEGINANALYSIS", "$ENDANALYSIS", "$BEGINSTEXT", "$ENDSTEXT")
    )
    if rest >= itemsize and not described and data[end:].strip(b"\0 0"):
        raise BadFile(
            f"holds {rest:,} bytes behind its events that its header does not explain, as many as "
            f"{rest // itemsize:,} events; $TOT may be too low"
        )


def _parse_text(segment: bytes) -> dict[str, str]:
    """Keys (upper case) and values of TEXT; a doubled delimiter stands for itself, unless a keyword follows."""
    content = segment.decode("latin-1")
    delimiter = content[0]
    content = re.sub(re.escape(delimiter) * 2 + r"(?!\$)", "\0", content[1:])
    pieces = content.split(delimiter)
    if "\0" in content:
        pieces = [piece.replace("\0", delimiter) for piece in pieces]
    text: dict[str, str] = {}
    for key, value in zip(pieces[::2], map(str.strip, pieces[1::2]), strict=False):
        key = key.strip().upper()
        if text.get(key, value) != value and key.startswith("$"):
            raise BadFile(f"has a damaged header: {key} stands twice, as {text[key]} and as {value}")
        text[key] = value
    return text


def _event_type(text: dict[str, str]) -> np.dtype:
    """Structured type of one event, from $PAR, $PnN, $PnB, $BYTEORD and $DATATYPE."""
    if text.get("$DATATYPE", "").upper() != "I" or text.get("$MODE", "L").upper() != "L":
        kind, mode = text.get("$DATATYPE"), text.get("$MODE", "L")
        raise BadFile(f"is not an LXB file: $DATATYPE {kind}, $MODE {mode}, but integers (I) in a list (L) are needed")
    orders = {"1,2,3,4": "<", "1,2": "<", "4,3,2,1": ">", "2,1": ">"}
    order = orders.get(text.get("$BYTEORD", "").replace(" ", ""))
    if order is None:
        raise BadFile(f"has an unknown $BYTEORD {text.get('$BYTEORD')!r}; 1,2,3,4 or 4,3,2,1 is expected")
    n_channels = _value(text, "$PAR")
    if not 1 <= n_channels <= _MAX_CHANNELS:
        raise BadFile(f"has a damaged header: $PAR is {n_channels}")
    fields = []
    for number in range(1, n_channels + 1):
        bits = _value(text, f"$P{number}B")
        if bits not in (8, 16, 32, 64):
            raise BadFile(f"has a damaged header: $P{number}B is {bits}; 8, 16, 32 or 64 bits are expected")
        fields.append((text.get(f"$P{number}N", ""), f"{order}u{bits // 8}"))
    names = [name for name, _ in fields]
    if len(set(names)) < len(names) or "" in names:
        raise BadFile(f"has a damaged header: channels without a name or named twice ({', '.join(names)})")
    return np.dtype(fields)


def _value(text: dict[str, str], key: str) -> int:
    if key not in text:
        raise BadFile(f"has a damaged header: {key} is missing")
    return _number(text[key].encode(), key)


def _number(raw: bytes, what: str) -> int:
    digits = raw.strip()
    if not digits.isdigit() or len(digits) > 12:
        raise BadFile(f"has a damaged header: {raw.decode('latin-1')!r} in {what} is not a number")
    return int(digits)
