"""Flags of signatures: yes or no, as tables of R, spreadsheets and LINCS write them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from beadwork.model.errors import AlignmentError
from beadwork.model.missing import WORDS

if TYPE_CHECKING:
    import pandas as pd

FLAGS = ("is_null_sig", "is_ncs_sig", "is_gold", "is_hiq", "is_exemplar_sig", "is_exemplar", "qc_pass",
         "is_touchstone")  # fmt: skip
"""Fields of siginfo that say yes or no."""
USED = ("is_null_sig", "is_ncs_sig", "is_gold", "is_hiq")
"""Those that scores and tables depend on: a value that cannot be read is refused."""
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


def read_flags(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Read the flags of a siginfo, in whatever spelling, as 1, 0 and missing; other columns stay as they are.

    Parameters
    ----------
    what
        How messages name the table.

    Raises
    ------
    AlignmentError
        A flag that is used is no flag; file, row, field and value are named.
    """
    import numpy as np
    import pandas as pd

    table = table.copy(deep=False)
    for field in (name for name in FLAGS if name in table.columns):
        column = table[field]
        if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
            if (column.isin([0, 1]) | column.isna()).all():
                continue
        flags = np.full(len(column), np.nan)
        for row, item in enumerate(column):
            try:
                flags[row] = read_flag(item)
            except ValueError:
                if field not in USED:
                    break
                name = f" ({table['sig_id'].iloc[row]})" if "sig_id" in table.columns else f" ({table.index[row]})"
                raise AlignmentError(
                    f"{what}: row {row + 1}{name}: {field} is {str(item)!r}; {FLAG_WORDS} is needed, empty where it is "
                    "not known"
                ) from None
        else:
            table[field] = flags
    return table
