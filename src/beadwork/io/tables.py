"""Tab-separated tables: plate maps, plate sheets, QC rows, siginfo."""

from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.atomic import atomic_path
from beadwork.io.gctx import typed_column
from beadwork.model.errors import FileError


def read_table(path: str | Path, *, required: tuple[str, ...] = (), text_only: bool = False) -> pd.DataFrame:
    """Read a tab-separated file with a header line; lines that start with ``#`` above the header are skipped.

    ``-666`` and empty cells are missing (NaN).  Known fields get the type of the registry, others numbers where every
    cell is one; `text_only` leaves all as text.

    Raises
    ------
    FileError
        The file is absent, empty, not text, ragged, repeats a column or lacks a required one.
    """
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror})") from None
    if b"\x00" in raw:
        raise FileError(f"{path}: is not a text file; a tab-separated table is needed")
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = raw.decode("latin-1")
    lines = [(number, line) for number, line in enumerate(content.splitlines(), start=1) if line.strip()]
    while lines and lines[0][1].startswith("#"):
        lines.pop(0)
    if not lines:
        raise FileError(f"{path}: is empty; a tab-separated table with a header line is needed")
    header = [name.strip().strip('"') for name in lines[0][1].split("\t")]
    if len(set(header)) < len(header):
        twice = sorted({name for name in header if header.count(name) > 1})
        raise FileError(f"{path}: columns stand twice: {', '.join(twice)}; rename them")
    absent = [name for name in required if name not in header]
    if absent:
        hint = "; columns must be separated by tabs" if len(header) == 1 else f"; it has {', '.join(header[:12])}"
        raise FileError(f"{path}: lacks the column(s) {', '.join(absent)}{hint}")
    cells = []
    for number, line in lines[1:]:
        row = [cell.strip().strip('"') for cell in line.split("\t")]
        if len(row) > len(header) and any(row[len(header) :]):
            raise FileError(f"{path}: line {number} has {len(row)} cells, but the header has {len(header)} columns")
        cells.append((row + [""] * len(header))[: len(header)])
    columns = {}
    for position, name in enumerate(header):
        texts = np.array([row[position] for row in cells], dtype=object)
        if text_only:
            columns[name] = np.where(np.isin(texts.astype(str), ["", "-666"]), np.nan, texts).astype(object)
        else:
            columns[name] = typed_column(name, texts)
    return pd.DataFrame(columns)


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a tab-separated file with a header line; missing values are empty, the index is left out."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")
