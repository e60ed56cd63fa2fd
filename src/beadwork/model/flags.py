"""Flags of signatures: yes or no, as tables of R, spreadsheets and LINCS write them."""

from __future__ import annotations

import math
import re
from typing import Any

from beadwork.model.missing import WORDS

FLAGS = ("is_null_sig", "is_ncs_sig", "is_gold", "is_hiq", "is_exemplar_sig", "qc_pass", "is_touchstone")
"""Fields of siginfo that say yes or no."""
FLAG_WORDS = "TRUE/FALSE, T/F, yes/no or 1/0"
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?")
_YES = frozenset({"true", "t", "yes", "y"})
_NO = frozenset({"false", "f", "no", "n"})
_MISSING = frozenset(word.lower() for word in WORDS)


def read_flag(item: Any) -> float:
    """Read a flag: 1.0 for yes, 0.0 for no, NaN where it is missing; case does not matter.

    Raises
    ------
    ValueError
        It is none of these.
    """
    text = "" if item is None else str(item).strip().strip("\"'").strip().lower()
    if text in _MISSING:
        return math.nan
    if text in _YES:
        return 1.0
    if text in _NO:
        return 0.0
    if not text.isascii() or _NUMBER.fullmatch(text) is None or float(text) not in (0.0, 1.0):
        raise ValueError(f"{item!r} is no flag")
    return abs(float(text))
