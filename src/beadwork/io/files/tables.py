"""Tab-separated tables: plate maps, plate sheets, QC rows, siginfo."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.io.files.cells import plain_cell
from beadwork.io.files.delimited import unquote
from beadwork.io.files.text import file_label, read_text
from beadwork.io.files.typed_column import typed_column
from beadwork.model.errors import FileError
from beadwork.model.lines import split_lines
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
    lines = [(number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip()]
    while lines and lines[0][1].lstrip('"').startswith(comments):
        lines.pop(0)
    if not lines:
        raise FileError(f"{path}: is empty; a tab-separated table with a header line is needed")
    header = [unquote(name) for name in lines[0][1].split("\t")]
    cells = []
    for number, line in lines[1:]:
        row = [unquote(cell) for cell in line.split("\t")]
        if len(row) < len(header) and row[-1].startswith('"'):
            raise FileError(f"{path}: line {number} ends within quotes; put each row on one line")
        if len(row) > len(header) and any(row[len(header) :]):
            raise FileError(f"{path}: line {number} has {len(row)} cells, but the header has {len(header)} columns")
        cells.append((row + [""] * len(header))[: len(header)])
    kept = _named_columns(header, cells, path)
    header = [header[place] for place in kept]
    absent = [name for name in required if name not in header]
    if absent:
        hint = "; columns must be separated by tabs" if len(header) == 1 else f"; it has {', '.join(header[:12])}"
        raise FileError(f"{path}: lacks the column(s) {', '.join(absent)}{hint}")
    columns = {}
    for position, name in zip(kept, header, strict=True):
        texts = np.array([row[position] for row in cells], dtype=object)
        if text_only:
            columns[name] = np.where(missing_texts(texts), np.nan, texts).astype(object)
        else:
            columns[name] = typed_column(name, texts)
    return pd.DataFrame(columns)


def _named_columns(header: list[str], cells: list[list[str]], path: str) -> list[int]:
    """Places of the columns that count: those without a name and without values, as spreadsheets leave, do not."""
    kept = [place for place in range(len(header)) if header[place] or any(row[place] for row in cells)]
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
    plain = table.rename(columns=lambda name: plain_cell(str(name)))
    for name in plain.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in plain.dtypes]]:
        plain[name] = plain[name].map(lambda item: plain_cell(item) if isinstance(item, str) else item)
    with atomic_path(path) as temporary:
        plain.to_csv(temporary, sep="\t", index=False, lineterminator="\n", quoting=csv.QUOTE_NONE)
