"""Tables as files: TSV, JSON, Arrow; the same rows and order as on the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from beadwork.io.files.cells import plain_cell
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.answer.pages import page, shown_names

ARROW = "application/vnd.apache.arrow.stream"
PORTION = 5000
"""Rows that are written at a time."""


def tsv_lines(table: SignatureTable, rows: np.ndarray, names: Sequence[str] | None = None) -> Iterator[str]:
    """Text of a table by portions."""
    columns = shown_names(table) if names is None else list(names)
    yield "\t".join(columns) + "\n"
    for first in range(0, len(rows), PORTION):
        _, values = page(table, rows, offset=first, limit=PORTION, names=columns)
        yield "".join("\t".join(map(_cell, row)) + "\n" for row in values)


def _cell(item: Any) -> str:
    if item is None:
        return ""
    if isinstance(item, float):
        return f"{item:.6g}"
    return plain_cell(str(item))


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
