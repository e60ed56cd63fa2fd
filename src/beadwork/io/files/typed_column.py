"""Types of columns of text: what the field registry says, else numbers where every cell is a plain one."""

from __future__ import annotations

import numpy as np

from beadwork.model.fields import field_kind
from beadwork.model.missing import OWN_WORDS, WORDS, missing_numbers, missing_texts


def typed_column(name: str, texts: np.ndarray, *, keep_text: bool = False) -> np.ndarray:
    """Give a column of texts its type: what the field registry says, else numbers where every text is a plain number.

    A text such as ``001`` is an id, not a number, and keeps the column textual; words for missing are NaN.  With
    `keep_text`, for files of our own, only the registry makes numbers.
    """
    missing = missing_texts(texts, OWN_WORDS if keep_text else WORDS)
    kind = field_kind(name)
    if kind is not str and not missing.all() and not (keep_text and kind is None):
        try:
            numbers = np.array([np.nan if none else _number(text) for text, none in zip(texts, missing, strict=True)])
        except ValueError:
            numbers = None
        if numbers is not None and (kind is not None or not any(_is_code(text) for text in texts[~missing])):
            plain = all(text.strip().lstrip("+-").isdigit() for text in texts[~missing])
            if not missing.any() and plain and kind is not float and np.abs(numbers).max() < 2**53:
                return numbers.astype(np.int64)
            numbers[missing_numbers(numbers)] = np.nan
            return numbers
    result = texts.copy()
    result[missing] = np.nan
    return result


def _number(text: str) -> float:
    if "_" in text:  # Python takes 1_0 for ten; nobody else does
        raise ValueError(text)
    return float(text)


def _is_code(text: str) -> bool:
    """Whether a text that reads as a number is rather a code: leading zeros, more digits than a float holds, 1_000."""
    digits = text.strip().lstrip("+-")
    return (
        not text.isascii()
        or "_" in text
        or not (digits[:1].isdigit() or digits[:1] == ".")
        or (len(digits) > 1 and digits[0] == "0" and digits[1].isdigit())
        or (len(digits) > 17 and sum(map(str.isdigit, digits.lower().partition("e")[0].lstrip("0."))) > 17)
        or (digits.isdigit() and len(digits) > 15)
    )
