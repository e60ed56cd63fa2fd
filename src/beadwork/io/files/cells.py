"""Texts as cells of a tab-separated table.

A table holds texts that others wrote: names, descriptions.  A spreadsheet takes a cell that begins with ``=``, ``+``,
``-`` or ``@`` for a formula and runs it.  So such a text gets a blank in front, unless it is a number: spreadsheets
show it as it is then, and our readers, which drop blanks around cells, get the text back.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

FORMULA = r"^[=+\-@][^\x00]"
FORMULA_SIGNS = np.frombuffer(b"=+-@", np.uint8)
NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+|inf)([eE][+-]?[0-9]+)?$"
_FORMULA, _NUMBER = re.compile(FORMULA), re.compile(NUMBER)
_ENDS = str.maketrans("\t\r\n", "   ")


def plain_cell(text: str) -> str:
    """Text that stays one cell, and no formula: tabs and line ends are blanks."""
    text = text.translate(_ENDS)
    return f" {text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def is_plain(texts: Any) -> bool:
    """Whether no text of an Arrow array has tabs, line ends or quotes, or begins as formulas do: most columns of names.

    Bytes are looked at, many times faster than texts; ``large_string`` arrays are not.
    """
    import pyarrow as pa

    if not pa.types.is_string(texts.type):
        return False
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1] if offsets else np.zeros(1)
    if starts[0] == starts[-1]:
        return True
    content = memoryview(data)[int(starts[0]) : int(starts[-1])].tobytes()
    if any(content.count(sign) for sign in (b"\t", b"\r", b"\n", b'"')):
        return False
    first = np.frombuffer(data, np.uint8)[starts[:-1][np.diff(starts) > 0]]
    return not np.isin(first, FORMULA_SIGNS).any()


def no_formulas(texts: Any) -> Any:
    """Put a blank before the formulas of an Arrow array of texts."""
    import pyarrow.compute as pc

    from beadwork.model.connectivity.signature_table import arrow_text

    found = pc.match_substring_regex(texts, FORMULA)
    if not any(found.drop_null().unique().to_pylist()):
        return texts
    found = pc.and_(found, pc.invert(pc.match_substring_regex(texts, NUMBER)))
    return pc.if_else(found, pc.binary_join_element_wise(arrow_text(""), texts, arrow_text(" ")), texts)
