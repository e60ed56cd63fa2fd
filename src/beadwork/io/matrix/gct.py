"""GCT 1.2 and 1.3, tables of text."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from beadwork.io.files.delimited import unquote
from beadwork.io.files.text import text_of
from beadwork.io.files.typed_column import typed_column
from beadwork.io.matrix.ids import ids_of_texts
from beadwork.model.errors import AlignmentError, FileError, counted, name_some
from beadwork.model.lines import split_lines
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.missing import MISSING_TEXT, is_missing, missing_numbers


def is_gct(content: bytes) -> bool:
    """Whether a file that begins so may be a GCT, in whatever encoding."""
    return content[:16].lstrip(b'\xef\xbb\xbf\xfe\xff\x00"').replace(b"\x00", b"").startswith(b"#1.")


def parse_gct(content: bytes, path: str | Path, level: Level | None = None, space: Space | None = None) -> Matrix:
    """Read the content of a GCT file, plain or with every cell in quotes, as R writes it by default.

    Raises
    ------
    FileError
        A line is not as long as the header promises, a value is no number, ids or fields stand twice.
    """
    lines = split_lines(text_of(content, str(path), "a GCT file is needed"))
    while lines and not lines[-1].strip():
        lines.pop()
    version = unquote(lines[0].split("\t")[0])
    if version not in ("#1.2", "#1.3"):
        raise FileError(f"{path}: line 1 is {version[:40]!r}; only GCT #1.2 and #1.3 are known")
    n_rows, n_cols, n_row_fields, n_col_fields = _sizes(lines, version, path)
    promised = 3 + n_col_fields + n_rows
    if len(lines) != promised:
        raise FileError(
            f"{path}: {counted(len(lines), 'line')}, but its header promises {promised}; the file is "
            f"truncated or edited"
        )
    first = 1 + n_row_fields
    width = first + n_cols
    header = _cells(lines[2])
    if len(header) != width:
        raise FileError(f"{path}: line 3 has {counted(len(header), 'column')}, but its header promises {width}")
    fields = [_split(lines[3 + number], 4 + number, width, path) for number in range(n_col_fields)]
    for what, names in (("row", header[1:first]), ("column", [cells[0] for cells in fields])):
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise FileError(f"{path}: {what} fields stand twice: {name_some(twice)}; rename one of each")
    cols = pd.DataFrame(
        {cells[0]: typed_column(cells[0], np.array(cells[first:], dtype=object)) for cells in fields},
        index=pd.Index(ids_of_texts(header[first:], path, "column"), dtype=object),
    )
    heads = []
    values = np.empty((n_rows, n_cols), dtype=np.float32)
    for row in range(n_rows):
        number = 4 + n_col_fields + row
        cells = _split(lines[number - 1], number, width, path)
        heads.append(cells[:first])
        values[row] = _numbers(cells[first:], number, path)
    rows = pd.DataFrame(
        {
            name: typed_column(name, np.array([head[1 + position] for head in heads], dtype=object))
            for position, name in enumerate(header[1:first])
        },
        index=pd.Index(ids_of_texts([head[0] for head in heads], path, "row"), dtype=object),
    )
    try:
        return Matrix(values, rows, cols, level=level, space=space)
    except AlignmentError as error:
        raise FileError(f"{path}: {error}") from None


def _sizes(lines: list[str], version: str, path: str | Path) -> tuple[int, int, int, int]:
    """Numbers of rows, columns, row fields and column fields of the second line."""
    try:
        sizes = [int(item) for item in _cells(lines[1]) if item.strip()]
        chosen = (sizes[0], sizes[1], 1, 0) if version == "#1.2" else (sizes[0], sizes[1], sizes[2], sizes[3])
        if min(chosen) < 0:
            raise ValueError
    except (ValueError, IndexError):
        raise FileError(
            f"{path}: line 2 must hold the numbers of rows, columns (and fields of each in #1.3), separated by tabs"
        ) from None
    return chosen


def _cells(line: str) -> list[str]:
    cells = line.split("\t")
    return [unquote(cell) for cell in cells] if '"' in line else cells


def _split(line: str, number: int, width: int, path: str | Path) -> list[str]:
    cells = _cells(line)
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):  # empty columns of spreadsheets
        return cells[:width]
    if len(cells) != width:
        raise FileError(f"{path}: line {number} has {counted(len(cells), 'column')} instead of {width}")
    return cells


def _numbers(cells: list[str], number: int, path: str | Path) -> np.ndarray:
    """Values of a line; -666 and words for missing are NaN."""
    try:
        try:
            values = np.array(list(map(float, cells)))
        except ValueError:
            values = np.array([np.nan if is_missing(cell) else float(cell) for cell in cells])
    except ValueError as error:
        raise FileError(f"{path}: line {number}: {error}; numbers are needed") from None
    values[missing_numbers(values)] = np.nan
    if "_" in "".join(cells):  # Python takes 1_000 for a number
        raise FileError(f"{path}: line {number}: {next(cell for cell in cells if '_' in cell)!r}; numbers are needed")
    try:
        with np.errstate(over="raise"):
            return values.astype(np.float32)
    except FloatingPointError:
        most = np.finfo(np.float32).max
        raise FileError(f"{path}: line {number} holds a value beyond {most:.2g}, which float32 cannot hold") from None


@contextmanager
def text_stream(path: Path, *, packed: bool) -> Iterator[TextIO]:
    """Yield a text file to write, gzipped without a time if `packed`."""
    if not packed:
        with open(path, "w", encoding="utf-8", newline="\n") as stream:
            yield stream
        return
    with (
        open(path, "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped,
        io.TextIOWrapper(zipped, encoding="utf-8", newline="\n") as stream,
    ):
        yield stream


def write_gct(matrix: Matrix, stream: TextIO, decimals: int) -> None:
    """Write GCT 1.3; level, space and provenance do not fit in one."""
    rows, cols = matrix.rows, matrix.cols
    stream.write(f"#1.3\n{len(rows)}\t{len(cols)}\t{rows.shape[1]}\t{cols.shape[1]}\n")
    stream.write("\t".join(["id", *(_cell(name) for name in rows.columns), *(_cell(cid) for cid in cols.index)]) + "\n")
    padding = ["na"] * rows.shape[1]
    for name in cols.columns:
        stream.write("\t".join([_cell(name), *padding, *(_cell(item) for item in cols[name])]) + "\n")
    fields = [rows[name].tolist() for name in rows.columns]
    number = f"%.{decimals}f"
    for position, rid in enumerate(rows.index):
        head = [_cell(rid), *(_cell(column[position]) for column in fields)]
        values = matrix.values[position].tolist()
        stream.write("\t".join(head + ["nan" if value != value else number % value for value in values]) + "\n")


def _cell(item: Any) -> str:
    if item is None or item is pd.NA or (isinstance(item, float | np.floating) and np.isnan(item)):
        return MISSING_TEXT
    if isinstance(item, bool | np.bool_):
        return str(int(item))
    if isinstance(item, float | np.floating) and float(item).is_integer() and abs(float(item)) < 1e15:
        return f"{item:.0f}"
    return " ".join(str(item).replace("\r", " ").replace("\n", " ").split("\t"))
