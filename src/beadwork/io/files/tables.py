"""Tab-separated tables: plate maps, plate sheets, QC rows, siginfo."""

import csv
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.io.files.cells import plain_cell
from beadwork.io.files.delimited import unquote
from beadwork.io.files.text import file_label, read_text
from beadwork.io.files.typed_column import typed_column
from beadwork.model.errors import FileError, counted
from beadwork.model.lines import iter_lines
from beadwork.model.missing import missing_texts


def read_table(
    path: str | Path, *, required: tuple[str, ...] = (), text_only: bool = False, comments: tuple[str, ...] = ("#",)
) -> pd.DataFrame:
    """Read a tab-separated file (also .gz) with a header line; lines above it that begin with `comments` are skipped.

    Empty cells, ``-666`` and the other words of :mod:`beadwork.model.missing` are missing (NaN).  Known fields
    get the type of the registry, others numbers where every cell is one; `text_only` leaves all as text.

    Raises
    ------
    FileError
        The file is absent, empty, not text, ragged, repeats a column or lacks a required one.
    """
    text, path = read_text(path, "a tab-separated table is needed"), file_label(path)
    lines = ((number, line) for number, line in enumerate(iter_lines(text), start=1) if line.strip())
    del text  # the lines hold it as long as there are any
    first = next(((number, line) for number, line in lines if not line.lstrip('"').startswith(comments)), None)
    if first is None:
        raise FileError(f"{path}: is empty; a tab-separated table with a header line is needed")
    header = [unquote(name) for name in first[1].split("\t")]
    columns = _read_columns(lines, header, path)
    del lines
    kept = _named_columns(header, columns, path)
    header = [header[place] for place in kept]
    absent = [name for name in required if name not in header]
    if absent:
        hint = "; columns must be separated by tabs" if len(header) == 1 else f"; it has {', '.join(header[:12])}"
        raise FileError(f"{path}: lacks the column(s) {', '.join(absent)}{hint}")
    found = {}
    for position, name in zip(kept, header, strict=True):
        texts, codes = columns[position].texts, columns[position].codes
        columns[position] = _Column()  # memory: this one is not needed any more
        distinct = np.array([*texts, ""], dtype=object)[: len(texts)]
        if text_only:
            values = np.where(missing_texts(distinct), np.nan, distinct).astype(object)
        else:
            values = typed_column(name, distinct)
        found[name] = values[np.frombuffer(codes, np.int32)] if len(codes) else values[:0]
    return pd.DataFrame(found)


_PROBED = 4096
_PORTION = 2048
"""Rows that are taken apart at a time."""


class _Column:
    """Cells of a column: distinct texts, and the place of each row's among them.

    A table of a million rows is mostly repetitions.  Where nearly all cells differ, as ids do, none is sought.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.codes = array("i")
        self._places: dict[str, int] | None = {}

    def add(self, cells: Sequence[str]) -> None:
        """Add the cells of some rows, as they stand in the file."""
        places, count = self._places, len(self.texts)
        if places is None:
            self.texts.extend(map(unquote, cells))
            self.codes.extend(range(count, count + len(cells)))
            return
        for cell in dict.fromkeys(cells):
            if cell not in places:
                places[cell] = len(self.texts)
                self.texts.append(unquote(cell))
        self.codes.extend(map(places.__getitem__, cells))
        if len(self.texts) > max(_PROBED, 0.9 * len(self.codes)):
            self._places = None

    def __bool__(self) -> bool:
        """Whether there is a cell that is not empty."""
        return any(self.texts)


def _read_columns(lines: Iterator[tuple[int, str]], header: list[str], path: str) -> list[_Column]:
    """Columns of the lines after the header."""
    columns = [_Column() for _ in header]
    width, rows = len(header), list[list[str]]()

    def add_rows() -> None:
        for column, cells in zip(columns, zip(*rows, strict=True), strict=False):
            column.add(cells)
        rows.clear()

    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != width:
            if len(cells) < width and unquote(cells[-1]).startswith('"'):
                raise FileError(f"{path}: line {number} ends within quotes; put each row on one line")
            if len(cells) > width and any(unquote(cell) for cell in cells[width:]):
                raise FileError(
                    f"{path}: line {number} has {counted(len(cells), 'cell')}, but the header has "
                    f"{counted(width, 'column')}"
                )
            cells = (cells + [""] * width)[:width]
        rows.append(cells)
        if len(rows) == _PORTION:
            add_rows()
    add_rows()
    return columns


def _named_columns(header: list[str], columns: list[_Column], path: str) -> list[int]:
    """Places of the columns that count: those without a name and without values, as spreadsheets leave, do not."""
    kept = [place for place in range(len(header)) if header[place] or columns[place]]
    unnamed = [str(place + 1) for place in kept if not header[place]]
    if len(unnamed) > 1:
        raise FileError(f"{path}: columns {', '.join(unnamed[:5])} have values, but no name; name or remove them")
    names = [header[place] for place in kept]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise FileError(f"{path}: columns stand twice: {', '.join(twice)}; rename them")
    return kept


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a tab-separated file with a header line; missing values are empty, the index is left out.

    A tab or line end within a text becomes a blank, so that every line is a row and nothing needs quotes; a text that
    a spreadsheet would take for a formula begins with one (:mod:`beadwork.io.files.cells`).
    """
    write_portions([table], path)


def write_portions(tables: Iterable[pd.DataFrame], path: str | Path) -> None:
    """Write tables of the same columns, one at least, one below the other (:func:`write_table`), each as it comes."""
    known_cell = lru_cache(_PROBED)(plain_cell)  # most texts are those of many rows
    with atomic_path(path) as temporary:
        for number, table in enumerate(tables):
            plain = table.rename(columns=lambda name: plain_cell(str(name)))
            for name in plain.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in plain.dtypes]]:
                plain[name] = plain[name].map(lambda item: known_cell(item) if isinstance(item, str) else item)
            plain.to_csv(
                temporary, sep="\t", index=False, lineterminator="\n", quoting=csv.QUOTE_NONE,
                mode="a" if number else "w", header=not number,
            )  # fmt: skip
