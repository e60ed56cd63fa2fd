"""Tables as files: TSV, GCT, JSON, Arrow; the same rows and order as on the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from beadwork.io.files.cells import plain_cell
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.missing import MISSING_TEXT
from beadwork.serve.answer.pages import is_text, page, shown_names

ARROW = "application/vnd.apache.arrow.stream"
PORTION = 5000
"""Rows that are written at a time."""
WHOLE = 1e15
"""Whole numbers below this are written in full; the page, which cannot distinguish 3 from 3.0, writes the same."""


def attachment(name: str) -> dict[str, str]:
    """Header that says under which name a file is saved: letters beyond ASCII stand in its second form (RFC 6266).

    >>> print(attachment("α 1.tsv")["Content-Disposition"])
    attachment; filename="_ 1.tsv"; filename*=UTF-8''%CE%B1%201.tsv
    """
    plain = "".join(letter if letter.isascii() and letter.isprintable() and letter != '"' else "_" for letter in name)
    whole = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return {"Content-Disposition": f'attachment; filename="{plain}"{whole}'}


def tsv_lines(table: SignatureTable, rows: np.ndarray, names: Sequence[str] | None = None) -> Iterator[str]:
    """Text of a table by portions."""
    columns = shown_names(table) if names is None else list(names)
    yield "\t".join(map(plain_cell, columns)) + "\n"
    for first in range(0, len(rows), PORTION):
        _, values = page(table, rows, offset=first, limit=PORTION, names=columns)
        yield "".join("\t".join(map(_cell, row)) + "\n" for row in values)


def _cell(item: Any) -> str:
    if item is None:
        return ""
    if isinstance(item, float):
        return str(int(item)) if item.is_integer() and abs(item) < WHOLE else f"{item:.6g}"
    return plain_cell(str(item))


def gct_lines(table: SignatureTable, rows: np.ndarray, names: Sequence[str], id_name: str) -> Iterator[str]:
    """Text of a table as GCT 1.3 by portions: columns of numbers are the matrix, columns of text fields of the rows."""
    fields = [name for name in names if name != id_name and is_text(table, name)]
    numbers = [name for name in names if name != id_name and name not in fields]
    yield f"#1.3\n{len(rows)}\t{len(numbers)}\t{len(fields)}\t0\n"
    yield "\t".join(["id", *map(plain_cell, [*fields, *numbers])]) + "\n"
    seen: dict[str, int] = {}
    for first in range(0, len(rows), PORTION):
        _, values = page(table, rows, offset=first, limit=PORTION, names=[id_name, *fields, *numbers])
        lines = []
        for place, (own, *items) in enumerate(values, first + 1):
            key = _cell(own) or str(place)
            seen[key] = seen.get(key, 0) + 1
            key = key if seen[key] == 1 else f"{key}:{seen[key]}"  # a GCT needs each id once
            texts = [_cell(item) or MISSING_TEXT for item in items[: len(fields)]]
            lines.append("\t".join([key, *texts, *(_cell(item) or "NaN" for item in items[len(fields) :])]) + "\n")
        yield "".join(lines)


def json_lines(table: SignatureTable, rows: np.ndarray, names: Sequence[str] | None, state: str) -> Iterator[str]:
    """Text of a table as JSON: columns, rows, state."""
    columns = shown_names(table) if names is None else list(names)
    yield f'{{"state": {json.dumps(state)}, "columns": {json.dumps(columns)}, "rows": ['
    for first in range(0, len(rows), PORTION):
        _, values = page(table, rows, offset=first, limit=PORTION, names=columns)
        yield ("," if first else "") + ",".join(json.dumps(row) for row in values)
    yield "]}\n"


def arrow_stream(table: Any) -> bytes:
    """Arrow table as a stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
