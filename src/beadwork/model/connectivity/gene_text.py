"""Texts that stand for genes, as they come out of files: numbers, quotes, invisible characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from beadwork.model.connectivity.spreadsheet import is_scientific
from beadwork.model.missing import NO_GENE

PLACEHOLDERS = frozenset(word.upper() for word in NO_GENE) | {"-", "--", ".", "?"}
"""Texts, in capitals, that stand for a missing gene."""

_WHOLE = re.compile(r"\+?(\d+)(?:[.,]0*)?")
_EXACT = re.compile(r"(\d)[.,](\d+)[eE]\+?(\d+)")
_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?|[-+]?inf(?:inity)?", re.I)
_BYTES = re.compile(r"b(['\"])(.*)\1")
_MOUSE_CASE = re.compile(r"(?!C(?:\d+|X|Y)orf\d)[A-Z][a-z\d.-]*[a-z][a-z\d.-]*")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−﹣－"), "-") | dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))


def gene_text(value: object) -> str:
    """Text of a name as a person means it: without blanks, quotes and invisible characters; bytes are read."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = value if isinstance(value, str) else str(value)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_DASHES).replace("\u00a0", " "))
    text = text.strip().strip("\"'").strip()
    if text[:1] == "b" and (match := _BYTES.fullmatch(f"{text}'" if text[1:2] == "'" else f'{text}"')):
        return match[2].strip()
    return text


def entrez_text(text: str) -> str | None:
    """Digits of a whole number such as 5982, 5982.0 or 5.982e+03; None for any other text."""
    if match := _WHOLE.fullmatch(text):
        return match[1].lstrip("0") or "0"
    if (match := _EXACT.fullmatch(text)) and len(match[2].rstrip("0")) <= int(match[3]) <= len(match[2]):
        return (match[1] + match[2][: int(match[3])]).lstrip("0") or "0"
    return None


def is_list_of_ids(texts: Sequence[str]) -> bool:
    """Are the numbers of a list Entrez ids?  They are more than three quarters of it, and none has a fraction."""
    n_numbers = n_names = 0
    for text in texts:
        if text[:1] and text[0] in "0123456789+-.," and is_number(text):
            if entrez_text(text) is None and text.upper() not in PLACEHOLDERS and not is_scientific(text):
                return False
            n_numbers += 1
        elif text.upper() not in PLACEHOLDERS:
            n_names += 1
    return n_numbers > 3 * n_names


def are_row_numbers(texts: Sequence[str]) -> bool:
    """Say whether the values count 0, 1, 2, ... or 1, 2, 3, ..., as the rows of a table do."""
    if len(texts) < 5 or texts[0] not in ("0", "1", "0.0", "1.0"):
        return False
    first = int(float(texts[0]))
    return all(entrez_text(text) == str(place) for place, text in enumerate(texts[:1000], first))


def is_mouse_case(name: str) -> bool:
    """Say whether a symbol is written as those of mouse and rat are: Cdkn1a."""
    return _MOUSE_CASE.fullmatch(name) is not None


def is_number(text: str) -> bool:
    """Say whether a text is a number of any form."""
    return _NUMBER.fullmatch(text) is not None
