"""Ids of rows and columns as they are meant: what other programs made of them is undone, or refused.

Entrez ids come back from tables of floating point as ``5982.0``, from Python as ``b'5982'``, from R as ``1e+05``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import numpy as np

from beadwork.model.errors import FileError, name_some
from beadwork.model.missing import WORDS, is_missing, missing_numbers

log = logging.getLogger("beadwork")

_BLANKS = " \t\r\x0b\x0c\x1c\x1d\x1e\x1f"
_BYTES = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
_DECIMAL = re.compile(r"([+-]?\d+)\.(\d*)")
_WHOLE = re.compile(r"[+-]?\d+")
_SHORTENED = re.compile(r"\d(?:\.\d+)?[eE]\+?\d{1,2}")
_EXACT = re.compile(r"(\d)e\+05")
EXACT_TO = {"f2": 2**11, "f4": 2**24}
"""Largest whole number that floats of few bits hold; 2^53 for others."""


def ids_of_texts(texts: Sequence[str], path: object, side: str, *, own: bool = False) -> list[str]:
    """Ids that texts mean.

    Parameters
    ----------
    path, side
        File and ``row`` or ``column``, for messages.
    own
        Whether the file is one of ours, in which no id is missing or shortened.

    Raises
    ------
    FileError
        An id is missing, was shortened to few digits, or two texts mean the same id.
    """
    joined = "\n".join(texts)
    unpadded = joined.isascii() and not any(blank in joined for blank in _BLANKS)
    ids = list(texts) if unpadded else [text.strip() for text in texts]
    if not _suspect(ids, joined) and (own or WORDS.isdisjoint(ids)):
        return ids
    plain = [found[2].strip() if (found := _BYTES.fullmatch(item)) else item for item in ids]
    for place, item in enumerate(plain):
        if not own and is_missing(item):
            raise FileError(f"{path}: {side} {place + 1} has no id ({item or 'empty'}); give each {side} its own")
    if not own:
        _refuse_shortened(plain, path, side)
    return _checked(_whole_numbers(plain), ids, path, side)


def ids_of_numbers(numbers: np.ndarray, path: object, side: str) -> list[str]:
    """Ids that are stored as numbers: whole numbers as they are.

    Raises
    ------
    FileError
        A number is missing, has a fraction, or is larger than what its type holds exactly.
    """
    missing = missing_numbers(numbers)
    if missing.any():
        raise FileError(
            f"{path}: {side} {int(np.argmax(missing)) + 1} has no id (it is missing); give each {side} its own"
        )
    if numbers.dtype.kind == "f":
        most = EXACT_TO.get(numbers.dtype.str[1:], 2**53)
        strange = ~np.isfinite(numbers) | (numbers != np.floor(numbers)) | (np.abs(numbers) > most)
        if strange.any():
            raise FileError(
                f"{path}: {side} ids are numbers that are no ids ({name_some(numbers[strange].tolist())}); "
                "store them as text or whole numbers"
            )
    ids = [str(int(number)) for number in numbers.tolist()]
    if numbers.dtype.kind == "f" and len(ids):
        log.warning("%s: %s ids are stored as numbers such as %s.0; read as %s", path, side, ids[0], ids[0])
    return ids


def _suspect(ids: Sequence[str], joined: str) -> bool:
    """Whether any of many ids may have to be looked at: most files are passed quickly."""
    return any(sign in joined for sign in (".", "e+", "E", "b'", 'b"')) and not {item[:1] for item in ids}.isdisjoint(
        "b+-0123456789"
    )


def _refuse_shortened(ids: Sequence[str], path: object, side: str) -> None:
    """Refuse ids that a spreadsheet or a printed table has cut to some digits: which ones they were is a guess."""
    if shortened := [item for item in ids if _SHORTENED.fullmatch(item) and not _EXACT.fullmatch(item)]:
        numeric = sum(bool(_WHOLE.fullmatch(item) or _DECIMAL.fullmatch(item)) for item in ids)
        if 2 * (numeric + len(shortened)) > len(ids):
            raise FileError(
                f"{path}: {side} ids were shortened to few digits ({name_some(shortened)}); "
                "write them anew as text or whole numbers"
            )


def _whole_numbers(ids: list[str]) -> list[str]:
    """Ids without the point and zeros of whole numbers that were floating point for a time."""
    decimals = [found for item in ids if (found := _DECIMAL.fullmatch(item))]
    if any(found[2].strip("0") for found in decimals):  # fractions: these are no whole numbers in disguise
        return ids
    return [
        found[1]
        if (found := _DECIMAL.fullmatch(item))
        else f"{found[1]}00000"
        if (found := _EXACT.fullmatch(item))
        else item
        for item in ids
    ]


def _checked(ids: list[str], written: list[str], path: object, side: str) -> list[str]:
    changed = [(new, old) for new, old in zip(ids, written, strict=True) if new != old]
    if not changed:
        return ids
    if len(set(ids)) < len(ids):
        first: dict[str, str] = {}
        for new, old in zip(ids, written, strict=True):
            if first.setdefault(new, old) != old:
                raise FileError(f"{path}: {side} ids {first[new]} and {old} mean the same, {new}; keep one of them")
    new, old = changed[0]
    log.warning("%s: %d %s ids are written such as %s; read as %s", path, len(changed), side, old, new)
    return ids
