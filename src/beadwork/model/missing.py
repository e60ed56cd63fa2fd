"""What "missing" looks like in files of the field: one home for the words and the numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MISSING_TEXT, MISSING_NUMBER = "-666", -666.0
"""How CMap's files say that an annotation is missing; its programs know no other way, so we write no other."""

_NUMBERS = (MISSING_TEXT, *(f"{MISSING_TEXT}.{'0' * zeros}" for zeros in range(9)), "-6.66e+02", "-6.66E+02")
_PYTHON = ("NaN", "nan", "NAN", "-NaN", "-nan", "None", "<NA>", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND")
_LOWEST = -(2**31)
"""R's missing integer, as other programs read it."""
_R = ("NA", "na", "NULL", "null", "NA_character_", "NA_integer_", "NA_real_", str(_LOWEST), f"{_LOWEST}.0")
_SPREADSHEETS = ("N/A", "n/a", "#N/A", "#N/A!", "#N/A N/A", "#n/a", "#NA", "#VALUE!", "#DIV/0!", "#REF!", "#NUM!",
                 "#NAME?", "#NULL!")  # fmt: skip

WORDS = frozenset({"", *_NUMBERS, *_PYTHON, *_R, *_SPREADSHEETS})
"""Texts that mean missing, in cells of numbers and of text: CMap's -666, and what pandas, R, spreadsheets and the
readers of GCT in Python and R write or take for it."""
OWN_WORDS = frozenset({"", MISSING_TEXT, "-666.0", "NA", "NaN", "nan"})
"""What is missing in texts of our own GCTX files: we write -666, so that a perturbagen may be called None."""
NO_GENE = WORDS | {"---", "NOT_ASSIGNED"}
"""Texts that stand where a gene has no name: also those of probe tables."""


def is_missing(text: str, words: Collection[str] = WORDS) -> bool:
    """Whether a text means that a value is missing.

    Examples
    --------
    >>> [is_missing(text) for text in ("-666", "NA", "0", "none")]
    [True, True, False, False]
    """
    return text.strip() in words


def missing_texts(texts: Collection[str], words: Collection[str] = WORDS) -> np.ndarray:
    """Which of many texts are missing, as an array of booleans."""
    import numpy as np

    return np.fromiter((text.strip() in words for text in texts), bool, len(texts))


def missing_numbers(numbers: np.ndarray) -> np.ndarray:
    """Which of an array's numbers are missing: NaN, -666, and the lowest number of a signed type.

    R keeps its missing integers as -2^31 and writes them as they are into 32 bits, or into 64; logicals go into 8 bits,
    where -128 is what they become, and 64-bit integers of R have -2^63.

    Examples
    --------
    >>> import numpy as np
    >>> missing_numbers(np.array([-666.0, 0.0, np.nan])).tolist()
    [True, False, True]
    """
    import numpy as np

    kind = numbers.dtype.kind
    if kind == "f":
        return np.asarray((numbers != numbers) | (numbers == MISSING_NUMBER))
    if kind == "i":
        lowest = np.iinfo(numbers.dtype).min
        missing = (numbers == lowest) | (numbers == int(MISSING_NUMBER))
        return np.asarray(missing if lowest > _LOWEST else missing | (numbers == _LOWEST))
    return np.zeros(numbers.shape, bool)
