"""Large tab-separated tables: the answer of :func:`beadwork.io.files.tables.read_table`, at a tenth of its cost.

A table of a million signatures is read a portion at a time by Arrow, unwanted rows and columns leave at once, and
repeated texts are held once, as categories.  What is not a plain table (ragged rows, lines above the header, other
encodings) goes to ``read_table``, which reads it or says what is wrong with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.files.delimited import unquote
from beadwork.io.files.tables import read_table
from beadwork.io.files.typed_column import typed_column
from beadwork.io.files.unpack import GZIP_MAGIC, STANDARD_INPUT
from beadwork.model.errors import FileError
from beadwork.model.fields import field_kind
from beadwork.model.missing import MISSING_NUMBER, WORDS

log = logging.getLogger("beadwork")
OLDER = "cp1252"
"""Encoding of tables that are not UTF-8, such as sig_info of GSE92742 with its micro signs; that is said."""
BLOCK_BYTES = 8 << 20
HEADER_BYTES = 1 << 20
_CODE = r"^([+-][+-]|[+-]?0[0-9]|[+-]?[^0-9.+-]|[+-]?\.?$)"
"""Beginning of a text that reads as a number and is none: a leading zero, inf, nan."""
_MOST_DIGITS = 15
Keep = Callable[[Callable[[str], Any]], Any]
"""Which rows of a portion to keep: receives a function that gives a column of it, Arrow texts; returns Arrow bools."""


def read_large_table(
    path: str | Path,
    *,
    required: tuple[str, ...] = (),
    wanted: Callable[[str], bool] = lambda name: True,
    keep: Keep | None = None,
) -> pd.DataFrame:
    """Read a tab-separated file (also .gz) with a header line, as ``read_table`` does; repeated texts are categories.

    Parameters
    ----------
    wanted
        Which columns to keep, by name.
    keep
        Which rows to keep.

    Raises
    ------
    FileError
        As ``read_table``.
    """
    found = _read_plain(path, required, wanted, keep)
    if found is not None:
        return found
    table = read_table(path, required=required)
    table = table[[name for name in table.columns if wanted(name)]]
    if keep is not None:
        chosen = keep(lambda name: _arrow_texts(table[name]))
        table = table[np.asarray(chosen.to_pylist(), bool)].reset_index(drop=True)
    return table


def find_header(path: str | Path, comments: tuple[str, ...] = ("#",)) -> tuple[list[str], int] | None:
    """Names of the columns of a tab-separated file, also .gz, and how many lines stand above them.

    None if its first lines are not the header of a table.

    Raises
    ------
    FileError
        The file cannot be read.
    """
    import gzip
    import zlib

    try:
        with open(path, "rb") as stream:
            packed = stream.read(2) == GZIP_MAGIC[:2]
        with gzip.open(path, "rb") if packed else open(path, "rb") as stream:
            head = stream.read(HEADER_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}); check the name") from None
    if b"\x00" in head[:4096]:
        return None
    for number, raw in enumerate(head.removeprefix(b"\xef\xbb\xbf").splitlines()[:100]):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError:
            line = raw.decode(OLDER, errors="replace")
        if not line.strip() or line.lstrip('"').startswith(comments):
            continue
        cells = [unquote(cell) for cell in line.split("\t")]
        return (cells, number) if len(cells) > 1 else None
    return None


def _read_plain(
    path: str | Path,
    required: tuple[str, ...],
    wanted: Callable[[str], bool],
    keep: Keep | None,
    encoding: str = "utf8",
) -> pd.DataFrame | None:
    """Read a plain table; None if it is not one."""
    import pyarrow as pa
    from pyarrow import csv

    if str(path) == STANDARD_INPUT or not Path(path).is_file():
        return None
    found = find_header(path)
    if found is None or found[1]:
        return None
    header = found[0]
    if len(set(header)) < len(header) or not set(required) <= set(header):
        return None
    # places stand for names, which may be anything; a last column without a name is what R and pandas write first
    places = {name: str(place) for place, name in enumerate(header)}
    kept = [name for name in header if name and wanted(name)]
    read = csv.ReadOptions(
        use_threads=False, block_size=BLOCK_BYTES, skip_rows=1, column_names=list(places.values()), encoding=encoding
    )
    parse = csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False, escape_char=False)
    columns = list(places.values())
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True, null_values=sorted(WORDS),
        include_columns=columns if keep is not None else [places[name] for name in [*kept, *_unnamed(header)]],
    )  # fmt: skip
    parts, coded = [], None
    try:
        with _open(path) as stream, csv.open_csv(stream, read, parse, convert) as reader:
            for batch in reader:
                if batch.num_rows and keep is not None:
                    batch = batch.filter(keep(partial(_column, batch, places)))
                batch = batch.select([places[name] for name in [*kept, *_unnamed(header)]])
                if batch.num_rows:
                    coded = coded or [not _begins_as_number(column) for column in batch.columns]
                    parts.append(_encoded(batch, coded))
            parts = parts or [batch]
    except (pa.ArrowException, OSError, KeyError, UnboundLocalError, UnicodeError) as error:
        if encoding != "utf8" or "utf8" not in str(error).lower().replace("-", ""):
            return None
        older = _read_plain(path, required, wanted, keep, OLDER)
        if older is not None:
            log.warning("%s: is not UTF-8; read as Windows-1252: check letters beyond ASCII, or save it as UTF-8", path)
        return older
    table = pa.Table.from_batches(parts).unify_dictionaries()
    del parts, batch
    if _is_torn(table):
        return None
    frame = {}
    for name in kept:
        place = table.schema.get_field_index(places[name])
        column = table.column(place)
        table = table.remove_column(place)
        frame[name] = _typed(name, column)
        del column
    pa.default_memory_pool().release_unused()
    return pd.DataFrame(frame, copy=False)


def _column(batch: Any, places: dict[str, str], name: str) -> Any:
    return batch.column(places[name])


def _begins_as_number(column: Any) -> bool:
    """Whether the first texts of a column are numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(column.slice(0, 1000), pa.float64()) is not None
    except pa.ArrowException:
        return False


def _encoded(batch: Any, coded: list[bool]) -> Any:
    """Hold repeated texts of some columns once."""
    import pyarrow as pa

    columns = [
        column.dictionary_encode() if code else column for column, code in zip(batch.columns, coded, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _unnamed(header: list[str]) -> list[str]:
    """List the column without a name, which is read only to see whether rows are empty."""
    return [name for name in header if not name]


def _open(path: str | Path) -> Any:
    import pyarrow as pa

    with open(path, "rb") as stream:
        packed = stream.read(2) == GZIP_MAGIC[:2]
    file = pa.OSFile(str(path))
    return pa.CompressedInputStream(file, "gzip") if packed else file


def _is_torn(table: Any) -> bool:
    """Whether rows are empty, or a line end stands within quotes."""
    import pyarrow.compute as pc

    if not table.num_columns or not table.num_rows:
        return False
    first = table.column(0)
    return bool(pc.any(pc.starts_with(first.cast("string"), '"')).as_py()) or (
        first.null_count > 0 and all(column.null_count for column in table.columns)
    )


def _typed(name: str, column: Any) -> Any:
    """Give a column of texts its type, as ``typed_column`` does: NumPy numbers, or texts as categories."""
    import pyarrow as pa

    kind, coded = field_kind(name), pa.types.is_dictionary(column.type)
    if kind is not str and not coded and column.null_count < len(column):
        numbers = _numbers(column, kind)
        if numbers is not None:
            return numbers
    encoded = column.combine_chunks() if coded else column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks() if encoded.num_chunks else pa.array([], column.type)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    texts = encoded.dictionary.to_pylist()
    if _is_text(kind, encoded.dictionary):
        if column.null_count or len(texts) <= len(codes) // 2:
            return pd.Categorical.from_codes(codes, pd.Index(texts, dtype=object), validate=False)
        return np.array(texts, dtype=object)[codes]
    texts = [unquote(text) for text in texts]
    if column.null_count:
        texts.append("")  # the place of code -1
    values = typed_column(name, np.array(texts, dtype=object))
    return values[codes]


def _is_text(kind: type | None, distinct: Any) -> bool:
    """Whether texts stay as they are: no blanks or quotes around them, and no numbers wanted, or one that is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind not in (None, str) or pc.any(pc.match_substring_regex(distinct, r'^[\s"]|[\s"]$')).as_py():
        return False
    if kind is str:
        return bool(pc.all(pc.string_is_ascii(distinct)).as_py())
    try:
        pc.cast(distinct, pa.float64())
    except pa.ArrowException:
        return bool(pc.all(pc.string_is_ascii(distinct)).as_py())
    return False


def _numbers(column: Any, kind: type | None) -> np.ndarray | None:
    """Numbers of texts, None if some text is none, or might be a code."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        cast = pc.cast(column, pa.float64())
    except pa.ArrowException:
        return None
    if kind is None and (
        (
            (pc.max(pc.binary_length(column)).as_py() or 0) > _MOST_DIGITS
            and bool(pc.any(pc.match_substring_regex(column, r"[0-9.]{16}")).as_py())
        )
        or bool(pc.any(pc.match_substring_regex(column, _CODE)).as_py())
    ):
        return None  # left to the rules of ``typed_column``
    numbers: np.ndarray = cast.to_numpy().astype(np.float64)
    if not np.isfinite(numbers[~np.isnan(numbers)]).all():
        return None
    if kind is not float and not column.null_count and np.abs(numbers).max() < 2**53:
        whole = numbers == np.floor(numbers)
        if whole.all() and not bool(pc.any(pc.match_substring_regex(column, r"[^0-9+-]")).as_py()):
            return numbers.astype(np.int64)
    numbers[numbers == MISSING_NUMBER] = np.nan
    return numbers


def _arrow_texts(column: pd.Series) -> Any:
    import pyarrow as pa

    return pa.array([None if item != item else _plain(item) for item in column.astype(object)], pa.string())


def _plain(item: object) -> str:
    return str(int(item)) if isinstance(item, float) and item.is_integer() else str(item)
