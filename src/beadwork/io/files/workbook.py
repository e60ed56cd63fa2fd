"""The first sheet of an Excel workbook, as lines of cells; needs python-calamine (``beadwork[xlsx]``)."""

from __future__ import annotations

import datetime
import io
from typing import Any

from beadwork.model.errors import FileError

ZIP_MAGIC, OLD_MAGIC = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
MOST_BYTES = 64 << 20
"""A larger workbook is refused: it would take gigabytes when it is unpacked."""


def is_workbook(raw: bytes) -> bool:
    """Whether bytes begin as an Excel workbook does (xlsx or xls)."""
    return raw.startswith(OLD_MAGIC) or (raw.startswith(ZIP_MAGIC) and b"xl/" in raw[-(1 << 16) :])


def read_workbook(raw: bytes, name: str) -> tuple[list[list[str]], list[str]]:
    """Lines of the first sheet that holds any, and what is worth a word.

    Raises
    ------
    FileError
        The reader is not installed, or the workbook is damaged or empty.
    """
    try:
        from python_calamine import CalamineWorkbook
    except ImportError:
        raise FileError(
            f"{name}: is an Excel workbook, which needs the package python-calamine; install beadwork[xlsx], "
            "or save the sheet as CSV or tab-separated text"
        ) from None
    if len(raw) > MOST_BYTES:
        raise FileError(f"{name}: is a workbook of more than {MOST_BYTES >> 20} MB; save the sheet as CSV")
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        sheets = {sheet: book.get_sheet_by_name(sheet).to_python() for sheet in book.sheet_names}
    except Exception as error:  # calamine has a class of its own for each kind of file
        raise FileError(f"{name}: is a damaged workbook ({' '.join(str(error).split())[:100]}); save it anew") from None
    filled = [sheet for sheet, rows in sheets.items() if any(any(item != "" for item in row) for row in rows)]
    if not filled:
        raise FileError(f"{name}: the workbook is empty")
    notes = []
    if len(filled) > 1:
        notes.append(f"sheet {filled[0]!r} of {len(filled)} was read")
    rows = [[_text(item) for item in row] for row in sheets[filled[0]]]
    return [row for row in rows if any(row)], notes


def _text(item: Any) -> str:
    """Cell as a person reads it: whole numbers without a fraction, dates as a spreadsheet shows gene names it took."""
    if isinstance(item, bool):
        return str(item).upper()
    if isinstance(item, float):
        return str(int(item)) if item.is_integer() and abs(item) < 1e15 else repr(item)
    if isinstance(item, datetime.datetime | datetime.date):
        return f"{item.day}-{item:%b}"
    return str(item).strip()
