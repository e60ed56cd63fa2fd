"""Names that a spreadsheet changed: dates made of symbols, and numbers made of clone names."""

from __future__ import annotations

import re
from datetime import date, timedelta

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FAMILIES = {3: ("MARCHF", "MTARC"), 9: ("SEPTIN",)}
"""Families of today whose symbols began with the name of a month, by month."""
_ELSEWHERE = {
    "FÉV": 2, "FEV": 2, "MRZ": 3, "MÄR": 3, "AVR": 4, "ABR": 4, "MAI": 5, "AOÛ": 8, "AGO": 8, "SET": 9,
    "OKT": 10, "OTT": 10, "DEZ": 12, "DÉC": 12, "DIC": 12,
}  # fmt: skip
"""Months by their first letters, as spreadsheets of other languages write them."""
_MONTH = rf"({'|'.join((*_MONTHS, *_ELSEWHERE))})[^\W\d]*"
_DAY_FIRST = re.compile(rf"(\d{{1,2}})[-./ ]+{_MONTH}(?:[-./ ]+\d{{2,4}})?", re.I)
_MONTH_FIRST = re.compile(rf"{_MONTH}[-./ ]+(\d{{1,2}})(?:[-./, ]+\d{{2,4}})?", re.I)
_YEAR_FIRST = re.compile(r"(?:19|20)\d\d[-./](\d{1,2})[-./](\d{1,2})(?:[ T]0?0:00(?::00(?:\.0+)?)?)?")
_YEAR_LAST = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](?:(?:19|20)\d\d|\d\d)")
_SCIENTIFIC = re.compile(r"[-+]?\d+(?:[.,]\d+)?[eE][-+]?\d+")
_SERIALS = range(36526, 54789)
"""Day numbers of spreadsheets from 2000 to 2049."""


def gene_dates(text: str) -> list[tuple[int, int]]:
    """(month, day) that a text such as ``1-Sep``, ``Mar-02``, ``2020-09-01`` or ``9/1/2020`` may mean; else nothing."""
    if match := _DAY_FIRST.fullmatch(text):
        return _days((_month(match[2]), int(match[1])))
    if match := _MONTH_FIRST.fullmatch(text):
        return _days((_month(match[1]), int(match[2])))
    if match := _YEAR_FIRST.fullmatch(text):
        return _days((int(match[1]), int(match[2])))
    if match := _YEAR_LAST.fullmatch(text):
        first, second = int(match[1]), int(match[2])
        return _days((first, second), (second, first))
    return []


def serial_date(number: int) -> date | None:
    """Date of a spreadsheet's day number, if it lies between 2000 and 2049."""
    return date(1899, 12, 30) + timedelta(days=number) if number in _SERIALS else None


def symbols_of_date(month: int, day: int) -> list[str]:
    """Symbols, old and new, that a spreadsheet turns into this day: of the 1st of September SEPT1, SEP1 and SEPTIN1."""
    name = _MONTHS[month - 1]
    old = {3: ("MARCH", "MARC"), 9: ("SEPT",)}.get(month, ())
    return [f"{stem}{day}" for stem in (*_FAMILIES.get(month, ()), *old, name)]


def is_scientific(text: str) -> bool:
    """Say whether it is a number such as 2.31E+13."""
    return _SCIENTIFIC.fullmatch(text) is not None


def _month(name: str) -> int:
    name = name.upper()
    return _ELSEWHERE[name] if name in _ELSEWHERE else _MONTHS.index(name) + 1


def _days(*pairs: tuple[int, int]) -> list[tuple[int, int]]:
    return list(dict.fromkeys((month, day) for month, day in pairs if 1 <= month <= 12 and 1 <= day <= 31))
