"""Doses and times as people write them: numbers, with or without their unit; and which spellings are one unit.

A dose is read value by value, so that a text in one well never changes what another well holds.  What is plain is
read: a decimal comma, blanks, a unit that is that of the unit field.  Everything else is not guessed.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from beadwork.model.errors import BeadworkError, name_some
from beadwork.model.missing import is_missing

if TYPE_CHECKING:
    import pandas as pd

UNIT_FIELDS: Mapping[str, str] = {"pert_dose": "pert_dose_unit", "pert_time": "pert_time_unit"}
"""Fields that hold a number, and the field of its unit."""

UNITS: Mapping[str, tuple[str, ...]] = {
    "pM": ("pM", "pm", "PM", "pmol/l"),
    "nM": ("nM", "nm", "NM", "nmol/l"),
    "uM": ("uM", "um", "UM", "Um", "micromolar", "umol/l"),
    "mM": ("mM", "mm", "millimolar", "mmol/l"),
    "M": ("M", "mol/l"),
    "pg/ml": ("pg/ml",), "ng/ml": ("ng/ml",), "ug/ml": ("ug/ml",), "mg/ml": ("mg/ml",),
    "ng/ul": ("ng/ul",), "ug/ul": ("ug/ul",), "ng": ("ng",), "ug": ("ug",), "mg": ("mg",),
    "ul": ("ul",), "ml": ("ml",), "U/ml": ("u/ml", "iu/ml"), "%": ("%", "percent", "pct"), "MOI": ("moi",),
    "s": ("s", "sec", "secs", "second", "seconds"), "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"), "d": ("d", "day", "days"), "wk": ("wk", "wks", "week", "weeks"),
}  # fmt: skip
"""Spellings of one unit.  The micro sign, the Greek letter and u are one letter; case does not count, but in molar
units, where it distinguishes milli from mega."""
_CASE_COUNTS = {"pM", "nM", "uM", "mM", "M"}
_EXACT = {text: unit for unit in _CASE_COUNTS for text in UNITS[unit]}
_FOLDED = {text.casefold(): unit for unit, texts in UNITS.items() for text in texts if "/" in text or len(text) > 5} | {
    text.casefold(): unit for unit, texts in UNITS.items() if unit not in _CASE_COUNTS for text in texts
}
QUANTITIES = ("pert_idose", "pert_itime")
"""Fields whose texts are a number and its unit."""
MICROMOLAR: Mapping[str, float] = {"pM": 1e-6, "nM": 1e-3, "uM": 1.0, "mM": 1e3, "M": 1e6}
"""Molar units in micromolar."""
_HOURS = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "wk": 168.0}
_AMOUNTS = {unit: ("M", factor) for unit, factor in MICROMOLAR.items()} | {
    unit: ("h", factor) for unit, factor in _HOURS.items()
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WITH_UNIT = re.compile(rf"({_NUMBER.pattern})\s*([^\W\d_%][^\d]*|%)")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


class Quantity(NamedTuple):
    """What a text says: a number (None if it is none), and its unit if the text has one."""

    number: float | None
    unit: str = ""


def plain_unit(text: str) -> str:
    """One spelling for all spellings of a unit; of a text that is no unit we know, its letters made plain.

    Examples
    --------
    >>> plain_unit("µM"), plain_unit("hours")
    ('uM', 'h')
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).replace("μ", "u").split())
    return _EXACT.get(plain) or _FOLDED.get(plain.casefold().replace(" ", "")) or plain


def is_unit(text: str) -> bool:
    """Whether a text is a unit that we know."""
    return plain_unit(text) in UNITS


def read_quantity(text: str) -> Quantity:
    """Read a number with or without a unit; not a number if it is not plain.

    ``10``, `` 10.0 ``, ``1e-3``, ``0,37``, ``10 uM``, ``0.1%`` are; ``~10``, ``<1``, ``1,000`` (a thousand, or one?),
    ``10 000``, ``high``, ``inf`` are not.

    Examples
    --------
    >>> read_quantity("10 uM")
    Quantity(number=10.0, unit='uM')
    >>> read_quantity("0.1%")
    Quantity(number=0.1, unit='%')
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-").split())
    if "," in plain:
        comma = re.fullmatch(r"([+-]?\d*,\d+)(\D.*)?", plain)
        if comma is None or _THOUSANDS.fullmatch(comma[1]):
            return Quantity(None)
        plain = comma[1].replace(",", ".") + (comma[2] or "")
    if _NUMBER.fullmatch(plain):
        number = float(plain)
        return Quantity(number if math.isfinite(number) else None)
    parts = _WITH_UNIT.fullmatch(plain)
    return Quantity(None) if parts is None else Quantity(float(parts[1]), parts[5].strip())


def quantity_order(text: str) -> tuple[bool, str, float, str]:
    """Key that sorts doses and times by what they amount to, each kind of unit by itself; texts without a number last.

    Examples
    --------
    >>> sorted(["10 uM", "3.33 uM", "500 nM", "high", "1 d", "6 h"], key=quantity_order)
    ['500 nM', '3.33 uM', '10 uM', '6 h', '1 d', 'high']
    """
    found = read_quantity(text)
    if found.number is None:
        return (True, "", math.inf, text)
    unit = plain_unit(found.unit)
    kind, factor = _AMOUNTS.get(unit, (unit, 1.0))
    return (False, kind, found.number * factor, text)


class Reading(NamedTuple):
    """A value read against the unit beside it."""

    number: float
    unit: str = ""
    """Unit that the text itself gave where the unit field is empty."""
    was_text: bool = False
    """Whether anything but a number was read, so that it should be reported."""


def read_value(value: Any, unit: Any = "") -> Reading | str:
    """Read one dose or time, missing as NaN; or say in words why it is not read.

    A text with a unit is read if its unit is that of the unit field, however spelt, or if the unit field is empty.
    """
    if value is None or value != value:
        return Reading(math.nan)
    if not isinstance(value, str):
        return Reading(float(value)) if math.isfinite(value) else "is not a plain number"
    if is_missing(value):
        return Reading(math.nan)
    found = read_quantity(value)
    if found.number is None:
        return "is not a plain number"
    plain = bool(_NUMBER.fullmatch(value.strip())) and value.isascii()
    beside = "" if unit is None or unit != unit or is_missing(str(unit)) else str(unit).strip()
    if found.unit and beside and plain_unit(found.unit) != plain_unit(beside):
        return f"does not have the unit of its unit field, {beside}"
    if found.unit and not beside and not is_unit(found.unit):
        return "is not a number with a unit that is known"
    return Reading(found.number, found.unit if not beside else "", not plain)


def read_quantities(
    table: pd.DataFrame, where: Sequence[str], *, error: type[BeadworkError] = BeadworkError, what: str = ""
) -> tuple[pd.DataFrame, list[str]]:
    """Read the doses and times of wells, value by value, where a column of them is not numbers already.

    Parameters
    ----------
    table
        One row per well; a column that is numbers stays as it is.
    where
        How messages name the rows: plate and well.
    what
        What messages begin with, usually a file.

    Returns
    -------
    tuple
        The table with numbers, and with the units that only the texts gave; and what was read, in words.

    Raises
    ------
    error
        A value is not plain; the message names its well.
    """
    from pandas.api.types import is_numeric_dtype

    faults, read = [], []
    for name, unit_field in UNIT_FIELDS.items():
        if name not in table:
            continue
        if is_numeric_dtype(table[name]):
            infinite = (place for place, value in enumerate(table[name]) if value in (math.inf, -math.inf))
            faults += [f"{where[place]}: {name} is infinite" for place in infinite]
            continue
        units = list(table[unit_field]) if unit_field in table else [None] * len(table)
        numbers, given = [], list(units)
        for place, (value, unit) in enumerate(zip(table[name], units, strict=True)):
            found = read_value(value, unit)
            if isinstance(found, str):
                faults.append(f"{where[place]}: {name} {value!r} {found}")
                continue
            numbers.append(found.number)
            given[place] = found.unit or given[place]
            if found.was_text:
                beside = f" {found.unit}" if found.unit else ""
                read.append(f"{where[place]}: {name} {value!r} as {found.number:g}{beside}")
        if not faults:
            table = table.copy()
            table[name] = numbers
            if any(old is not new for old, new in zip(units, given, strict=True)):
                table[unit_field] = given
    if faults:
        raise error(
            f"{what}{': ' if what else ''}{name_some(faults, 3)}; give a plain number, in the unit of its unit field, "
            "or -666 where it is missing"
        )
    return table, read
