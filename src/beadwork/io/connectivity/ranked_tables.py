"""Long result tables as TSV and GCT, written by Arrow: a hundred thousand rows in a tenth of a second."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from beadwork.io.files.atomic import atomic_path, write_text
from beadwork.io.files.cells import is_plain, no_formulas, plain_cell
from beadwork.model.connectivity.signature_table import arrow_numbers, arrow_text, plain_numbers
from beadwork.model.missing import MISSING_TEXT

DECIMALS = 6
ROWS = 50_000
"""Rows that are printed at a time, so that memory stays small."""
SMALL = ("fdr", "p")
"""Columns whose digits after the point do not end at the sixth."""
_PLAIN = re.compile(r"[\t\r\n\"]+")


def _printable(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Arrow arrays of columns (Arrow, NumPy or pandas) as they are printed: texts, null where missing.

    Numbers have six decimals; tabs, line ends and quotes, which a TSV cannot hold, are blanks.
    """
    same: dict[int, Any] = {}  # a column may stand under two names
    found = {}
    for name, column in columns.items():
        if id(column) not in same:
            same[id(column)] = _print_column(name, column)
        found[name] = same[id(column)]
    return found


def _print_column(name: str, column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.Array):
        number = plain_numbers(column) if pa.types.is_floating(column.type) else None
    else:
        number = np.asarray(column) if getattr(column.dtype, "kind", "O") == "f" else None
    if number is not None:
        number = np.asarray(number, np.float64)
        rounded = (number.astype(np.float32) if name in SMALL else np.round(number, DECIMALS)) + 0.0  # never -0
        return pc.cast(arrow_numbers(rounded, np.isnan(number)), pa.string())
    if isinstance(column, pa.Array):
        return _plain_text(column)
    if getattr(column.dtype, "kind", "O") in "iu":
        return pc.cast(arrow_numbers(np.asarray(column)), pa.string())
    return _plain_text(pa.Array.from_pandas(column))


def _plain_text(array: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        return _plain_text(array.dictionary).take(array.indices)
    if not pa.types.is_string(array.type) and not pa.types.is_large_string(array.type):
        return pc.cast(array, pa.string())
    if is_plain(array):
        return array
    return no_formulas(pc.replace_substring_regex(array, r"[\t\r\n\"]+", " "))


def write_ranked(columns: Mapping[str, Any], path: Path) -> None:
    """Write columns as TSV: numbers to six decimals, missing values empty."""
    count = len(next(iter(columns.values())))
    starts = range(0, max(1, count), ROWS)
    write_parts(({name: column[at : at + ROWS] for name, column in columns.items()} for at in starts), path)


def write_parts(
    parts: Iterable[Mapping[str, Any]], path: Path | None, gct: Path | None = None, name: str = "", count: int = 0
) -> None:
    """Write a long table part by part as TSV and, where `gct` is given, as clue.io's query_result.gct.

    Parameters
    ----------
    parts
        Columns of some rows each, one part at least.
    path
        File for all columns, None for none.
    gct
        File for one column, norm_cs, which everything else annotates.
    name, count
        For the GCT: name of the query, and rows in all.
    """
    with ExitStack() as stack:
        table = stack.enter_context(_new_file(path)) if path is not None else None
        result = stack.enter_context(_new_file(gct)) if gct is not None else None
        for number, part in enumerate(parts):
            arrays = _printable(part)
            fields = [field for field in arrays if field not in ("rank", "sig_id", "wtcs", "ncs", "norm_cs")]
            if table is not None:
                if number == 0:
                    table.write(("\t".join(arrays) + "\n").encode())
                _write_lines(arrays, table, missing="")
            if result is not None:
                if number == 0:
                    result.write(_gct_head(fields, {"norm_cs": _PLAIN.sub(" ", name)}, count).encode())
                body = {field: arrays[field] for field in ("sig_id", *fields, "norm_cs")}
                _write_lines(body, result, missing=MISSING_TEXT)
            if number >= 3:
                _give_back()


def _give_back() -> None:
    """Give memory back that Arrow keeps for later; that takes time, so not for short tables."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def write_scores(annotation: Mapping[str, Any], scores: Mapping[str, Any], path: Path) -> None:
    """Write scores of signatures as clue.io's ncs.gct: a column a query, everything else annotates the rows.

    Parameters
    ----------
    annotation
        Columns of the rows; sig_id names them.
    scores
        Column of scores by the name of a query.
    """
    count = len(next(iter(annotation.values())))
    fields = [name for name in annotation if name != "sig_id"]
    names = [_PLAIN.sub(" ", name) for name in scores]
    with _new_file(path) as stream:
        stream.write(_gct_head(fields, dict(zip(names, names, strict=True)), count).encode())
        for at in range(0, count, ROWS):
            part = slice(at, at + ROWS)
            columns = {f"row {name}": annotation[name][part] for name in ("sig_id", *fields)}
            columns |= {f"query {name}": values[part] for name, values in scores.items()}
            _write_lines(_printable(columns), stream, missing=MISSING_TEXT)


def _gct_head(fields: Sequence[str], columns: Mapping[str, str], count: int) -> str:
    """First lines of a GCT with one field of its columns, ``desc``."""
    return "\n".join(
        ["#1.3", f"{count}\t{len(columns)}\t{len(fields)}\t1", "\t".join(["id", *fields, *columns]),
         "\t".join(["desc", *["na"] * len(fields), *columns.values()]), ""]
    )  # fmt: skip


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        yield stream


def _write_lines(arrays: Mapping[str, Any], stream: BinaryIO, missing: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as csv

    if missing:
        arrays = {
            name: pc.fill_null(array, arrow_text(missing)) if array.null_count else array
            for name, array in arrays.items()
        }
    options = csv.WriteOptions(delimiter="\t", quoting_style="none", include_header=False)
    csv.write_csv(pa.Table.from_arrays(list(arrays.values()), names=list(arrays)), stream, options)


def write_records(rows: Sequence[Mapping[str, Any]], path: Path, names: Sequence[str] = ()) -> None:
    """Write rows of a short table as TSV; columns in the order in which they first occur, after `names`."""
    header = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    lines = ["\t".join(header)]
    lines += ["\t".join(_cell(row.get(name)) for name in header) for row in rows]
    write_text(path, "\n".join(lines) + "\n")


def _cell(item: Any) -> str:
    return "" if item is None or item != item else plain_cell(str(item))
