"""GCT 1.2, GCT 1.3 and GCTX files, read into and written from :class:`~beadwork.model.matrix.Matrix`.

Why not cmapPy: its writer loses integer ids, breaks on non-ASCII text and on "/" in a field's name, and on NumPy 2
(docs/decisions/0002-own-gctx.md).  Tests hold both together: its files load here and ours load there.  The tree of a
GCTX file is described in docs/formats/levels.md.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import h5py
import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.io.files.text import text_of
from beadwork.io.files.unpack import GZIP_MAGIC, read_bytes
from beadwork.io.matrix.gctx_layout import COL, DATA, ROW, SLASH
from beadwork.io.matrix.hdf5_file import matrix_room, new_hdf5
from beadwork.io.matrix.hdf5_heap import find_boastful_text, find_broken_heap, values_span
from beadwork.model.errors import AlignmentError, FileError, name_some
from beadwork.model.fields import field_kind
from beadwork.model.lines import split_lines
from beadwork.model.matrix import SPACE_SIZES, Level, Matrix, Space
from beadwork.model.missing import (
    MISSING_NUMBER,
    MISSING_TEXT,
    OWN_WORDS,
    WORDS,
    is_missing,
    missing_numbers,
    missing_texts,
)

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_BLOCK = 1 << 22
"""Values that are copied at a time between the order of the file and that of memory."""
_MAX_DEFLATE = 1100
"""No deflated dataset holds more than about this many times the bytes it takes in the file."""
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, IndexError)
"""What h5py raises on files that are not what they seem."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """All of a matrix but its values."""

    rows: pd.DataFrame
    cols: pd.DataFrame
    level: Level | None
    space: Space | None
    provenance: Mapping[str, Any]


def read_matrix(
    path: str | Path,
    *,
    level: Level | None = None,
    space: Space | None = None,
    rids: Sequence[str] | pd.Index | None = None,
    cids: Sequence[str] | pd.Index | None = None,
) -> Matrix:
    """Read a GCT or GCTX file (also .gz), or a part of it.

    Parameters
    ----------
    path
        File; what it is follows from its first bytes, not from its name.
    level, space
        Level and space if the file does not say them itself.
    rids, cids
        Ids of the rows and columns to read, in the order wanted; None for all.  Of a GCTX file only these columns are
        read from disk.  A choice of rows is in no named space.

    Raises
    ------
    FileError
        The file is absent, empty, damaged or of another kind.
    AlignmentError
        An id that was asked for is not there.
    """
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        matrix = _parse_gct(source, path, level, space)
        try:
            matrix = matrix if rids is None else matrix.take_rows(pd.Index(rids))
            return matrix if cids is None else matrix.take_cols(pd.Index(cids))
        except AlignmentError as error:
            raise AlignmentError(f"{path}: {error}") from None
    with _gctx(source, path) as file:
        found = _read_annotation(file, path)
        take_rows, rows = _choose(found.rows, rids, f"{path}: row")
        take_cols, cols = _choose(found.cols, cids, f"{path}: column")
        values = _read_values(file[DATA], path, take_rows, take_cols)
    return _matrix(path, values, rows, cols, found.level or level,
                   (found.space or space) if rids is None else None, found.provenance)  # fmt: skip


def read_annotation(path: str | Path) -> Annotation:
    """Read ids, annotation, level, space and provenance of a matrix file; of a GCTX file no value is read."""
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        matrix = _parse_gct(source, path, None, None)
        return Annotation(matrix.rows, matrix.cols, None, None, {})
    with _gctx(source, path) as file:
        return _read_annotation(file, path)


def read_provenance(path: str | Path) -> Mapping[str, Any]:
    """Read only the provenance of a GCTX file; empty for files of others."""
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        return {}
    with _gctx(source, path) as file:
        return _json(file.attrs.get("beadwork_provenance"))


def read_summary(path: str | Path) -> tuple[int, Mapping[str, Any]]:
    """Count the columns of a matrix file and read its provenance; of a GCTX file neither ids nor values are read."""
    source, is_hdf5 = _open(path)
    if not is_hdf5:
        return len(_parse_gct(source, path, None, None).cids), {}
    with _gctx(source, path) as file:
        data, ids = file[DATA], (file[f"{COL}/id"], file[f"{ROW}/id"])
        if data.shape != tuple(len(names) for names in ids):
            raise FileError(f"{path}: matrix of shape {data.shape} does not fit its ids; the file is damaged")
        return len(ids[0]), _json(file.attrs.get("beadwork_provenance"))


def write_matrix(matrix: Matrix, path: str | Path, *, decimals: int = 4) -> None:
    """Write GCT 1.3 if the name ends in ``.gct`` (or ``.gct.gz``), else GCTX; the file appears by rename.

    GCT is text with `decimals` digits after the point and carries neither level, space nor provenance.
    """
    name = str(path).lower()
    with atomic_path(path) as temporary:
        if name.endswith(".gct"):
            with open(temporary, "w", encoding="utf-8", newline="\n") as stream:
                _write_gct(matrix, stream, decimals)
        elif name.endswith(".gct.gz"):
            with (
                open(temporary, "wb") as file,
                gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream,
            ):
                _write_gct(matrix, stream, decimals)
        else:
            _write_gctx(matrix, temporary)


def _open(path: str | Path) -> tuple[Any, bool]:
    """Return what to read from, and whether it is HDF5: the path itself if so, else the content."""
    try:
        with open(path, "rb") as stream:
            magic = stream.read(len(HDF5_MAGIC))
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a folder; a GCT or GCTX file is needed") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from None
    if magic == HDF5_MAGIC:
        return path, True
    if not magic:
        raise FileError(f"{path}: is empty; a GCT or GCTX file is needed")
    if not (magic.startswith(GZIP_MAGIC) or _is_gct(magic)):
        raise FileError(f"{path}: neither GCT (first line #1.2 or #1.3) nor GCTX (HDF5)")
    content = read_bytes(path)
    if content.startswith(HDF5_MAGIC):
        return io.BytesIO(content), True
    if not content:
        raise FileError(f"{path}: is empty; a GCT or GCTX file is needed")
    if not _is_gct(content):
        raise FileError(f"{path}: neither GCT (first line #1.2 or #1.3) nor GCTX (HDF5)")
    return content, False


def _is_gct(content: bytes) -> bool:
    """Whether a text begins as a GCT, in whatever encoding."""
    return content[:16].lstrip(b"\xef\xbb\xbf\xfe\xff\x00").replace(b"\x00", b"").startswith(b"#1.")


def _matrix(path: Any, values: np.ndarray, rows: pd.DataFrame, cols: pd.DataFrame, level: Level | None,
            space: Space | None, provenance: Mapping[str, Any]) -> Matrix:  # fmt: skip
    try:
        return Matrix(values, rows, cols, level=level, space=space, provenance=provenance)
    except AlignmentError as error:
        raise FileError(f"{path}: {error}") from None


# ---- GCTX ----------------------------------------------------------------------------------------------------------


@contextmanager
def _gctx(source: Any, path: str | Path) -> Iterator[h5py.File]:
    """Open HDF5; whatever h5py finds wrong with it becomes one clear line."""
    try:
        with h5py.File(source, "r") as file:
            data = file.get(DATA)
            span = values_span(data) if isinstance(data, h5py.Dataset) else (0, 0)
            if (place := find_broken_heap(source, span)) is not None:
                raise FileError(f"{path}: damaged GCTX file (text heap at byte {place}); fetch or make it anew")
            if (name := find_boastful_text(source, file, (ROW, COL))) is not None:
                raise FileError(f"{path}: damaged GCTX file (texts of {name} longer than it); fetch or make it anew")
            yield file
    except MemoryError:
        raise FileError(f"{path}: does not fit into memory; read a part of it, or use a larger machine") from None
    except _DAMAGE as error:
        raise FileError(f"{path}: damaged GCTX file ({_one_line(error)}); fetch or make it anew") from None


def _read_annotation(file: h5py.File, path: str | Path) -> Annotation:
    if any(not isinstance(file.get(name), h5py.Dataset) for name in (DATA, f"{ROW}/id", f"{COL}/id")):
        raise FileError(f"{path}: HDF5, but not GCTX: no {DATA} with {ROW}/id and {COL}/id")
    ours = "beadwork_provenance" in file.attrs
    rows, cols = (_read_meta(file[group], path, ours) for group in (ROW, COL))
    data = file[DATA]
    if data.shape != (len(cols), len(rows)):
        raise FileError(
            f"{path}: matrix of shape {data.shape} does not fit {len(cols)} column and {len(rows)} row ids; "
            "the file is damaged or of another layout"
        )
    if data.dtype.kind not in "fiu":
        raise FileError(f"{path}: the matrix holds {data.dtype}, not numbers")
    attributes = dict(file.attrs)
    return Annotation(
        rows, cols, _enum(Level, attributes.get("beadwork_level")), _enum(Space, attributes.get("beadwork_space")),
        _json(attributes.get("beadwork_provenance")),
    )  # fmt: skip


def _choose(table: pd.DataFrame, ids: Any, what: str) -> tuple[np.ndarray | None, pd.DataFrame]:
    """Positions of `ids` in a table and the table of them; None and the whole table if all are wanted."""
    if ids is None:
        return None, table
    wanted = pd.Index(ids)
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()].unique()
        raise FileError(f"{what} ids must be unique; repeated: {name_some(twice)}")
    position = table.index.get_indexer(wanted)
    if (position < 0).any():
        raise AlignmentError(f"{what} ids are not in the matrix: {name_some(wanted[position < 0])}")
    return position, table.iloc[position]


def _read_values(data: h5py.Dataset, path: str | Path, rows: np.ndarray | None, cols: np.ndarray | None) -> np.ndarray:
    """Values as (rows, columns) in memory from (columns, rows) on disk, block by block."""
    _check_size(data, path)
    n_cols, n_rows = data.shape
    if cols is None:
        cols = np.arange(n_cols)
    values = np.empty((n_rows if rows is None else len(rows), len(cols)), dtype=np.float32)
    order = np.argsort(cols, kind="stable")
    ascending = cols[order]
    step = max(1, _BLOCK // max(n_rows, 1))
    start = 0
    while start < len(ascending):
        # columns that follow one another on disk are read at once
        stop = start + 1
        while stop < len(ascending) and stop - start < step and ascending[stop] == ascending[stop - 1] + 1:
            stop += 1
        block = data[ascending[start] : ascending[stop - 1] + 1, :]
        values[:, order[start:stop]] = (block if rows is None else block[:, rows]).T
        start = stop
    return values


def _check_size(data: h5py.Dataset, path: str | Path) -> None:
    """Refuse a dataset whose shape promises more than the bytes it takes in the file can hold."""
    stored = data.id.get_storage_size()
    if data.size and data.nbytes > _MAX_DEFLATE * stored + (1 << 20):
        raise FileError(
            f"{path}: {data.name} promises {data.size:,} values, but only {stored:,} bytes are there; "
            "the file is damaged"
        )


def _read_meta(group: h5py.Group, path: str | Path, ours: bool = False) -> pd.DataFrame:
    _check_size(group["id"], path)
    ids = [_text(item).strip() for item in np.atleast_1d(group["id"][()])]
    table = {}
    for name, dataset in group.items():
        if name == "id" or not isinstance(dataset, h5py.Dataset):
            continue
        _check_size(dataset, path)
        column = np.atleast_1d(dataset[()])
        if column.shape != (len(ids),):
            raise FileError(f"{path}: field {name} has {len(column)} values for {len(ids)} ids; the file is damaged")
        if column.dtype.kind not in "fiubOSU":
            raise FileError(f"{path}: field {name} holds {column.dtype}, neither numbers nor text")
        table[name.replace(SLASH, "/")] = _column(name, column, ours)
    return pd.DataFrame(table, index=pd.Index(ids, dtype=object))


def _column(name: str, column: np.ndarray, ours: bool) -> np.ndarray:
    """Values of one field as floats, integers or text, with missing values as NaN.

    Text that looks like numbers becomes numbers, as programs that write all fields as text mean it so; not in files of
    ours, which have numbers where numbers are meant.
    """
    if column.dtype.kind in "OSU":
        texts = np.array([_text(item) for item in column], dtype=object)
        return typed_column(name, texts, keep_text=ours)
    if column.dtype.kind == "b":
        return column.astype(np.int64)
    missing = missing_numbers(column)
    if field_kind(name) is str:
        return np.array(
            [np.nan if gone else f"{item:.15g}" for item, gone in zip(column, missing, strict=True)], object
        )
    return np.where(missing, np.nan, column) if missing.any() else column


def typed_column(name: str, texts: np.ndarray, *, keep_text: bool = False) -> np.ndarray:
    """Give a column of texts its type: what the field registry says, else numbers where every text is a plain number.

    A text such as ``001`` is an id, not a number, and keeps the column textual; words for missing are NaN.  With
    `keep_text` only the registry makes numbers.
    """
    missing = missing_texts(texts, OWN_WORDS if keep_text else WORDS)
    kind = field_kind(name)
    if kind is not str and not missing.all() and not (keep_text and kind is None):
        try:
            numbers = np.array([np.nan if gone else float(text) for text, gone in zip(texts, missing, strict=True)])
        except ValueError:
            numbers = None
        if numbers is not None and (kind is not None or not any(_is_code(text) for text in texts[~missing])):
            plain = all(text.strip().lstrip("+-").isdigit() for text in texts[~missing])
            if not missing.any() and plain and kind is not float and np.abs(numbers).max() < 2**53:
                return numbers.astype(np.int64)
            return numbers
    result = texts.copy()
    result[missing] = np.nan
    return result


def _is_code(text: str) -> bool:
    """Whether a text that reads as a number is rather a code: leading zeros, more digits than a float holds, 1_000."""
    digits = text.strip().lstrip("+-")
    return (
        not text.isascii()
        or "_" in text
        or not (digits[:1].isdigit() or digits[:1] == ".")
        or (len(digits) > 1 and digits[0] == "0" and digits[1].isdigit())
        or sum(map(str.isdigit, digits.lower().partition("e")[0].lstrip("0."))) > 17
        or (digits.isdigit() and len(digits) > 15)
    )


def _write_gctx(matrix: Matrix, path: Path) -> None:
    # v108: attributes may exceed 64 KiB, which the provenance of many plates does
    cells = sum(len(table) * (table.shape[1] + 1) for table in (matrix.rows, matrix.cols))
    with new_hdf5(path, matrix_room(matrix.values.size, cells)) as file:
        file.attrs["version"] = "GCTX1.0"
        if matrix.level:
            file.attrs["beadwork_level"] = str(matrix.level)
        if matrix.space:
            file.attrs["beadwork_space"] = str(matrix.space)
        file.attrs["beadwork_provenance"] = json.dumps(matrix.provenance, sort_keys=True, ensure_ascii=False)
        n_rows, n_cols = matrix.values.shape
        data = file.create_dataset(DATA, shape=(n_cols, n_rows), dtype=np.float32)
        step = max(1, _BLOCK // max(n_rows, 1))
        for start in range(0, n_cols if n_rows else 0, step):
            data[start : start + step] = np.ascontiguousarray(matrix.values[:, start : start + step].T)
        for group, table in ((ROW, matrix.rows), (COL, matrix.cols)):
            _write_meta(file.create_group(group, track_order=True), table)


def _write_meta(group: h5py.Group, table: pd.DataFrame) -> None:
    text = h5py.string_dtype("utf-8")
    group.create_dataset("id", data=np.array([str(item) for item in table.index], dtype=object), dtype=text)
    for name, column in table.items():
        key = "id_" if name == "id" else str(name).replace("/", SLASH)  # GCTX keeps the ids themselves under "id"
        if key in ("", ".") or "\0" in key:
            raise AlignmentError(f"annotation field {name!r}: no name that GCTX can hold; rename it")
        if key in group:
            raise AlignmentError(f"annotation field {name!r} stands twice; rename one")
        if pd.api.types.is_bool_dtype(column) and not column.hasnans:
            group.create_dataset(key, data=column.to_numpy().astype(np.int64))
        elif pd.api.types.is_numeric_dtype(column):
            whole = pd.api.types.is_integer_dtype(column) and not column.hasnans
            numbers = column.to_numpy(np.int64) if whole else column.to_numpy(np.float64, na_value=np.nan)
            group.create_dataset(key, data=numbers if whole else np.where(numbers == numbers, numbers, MISSING_NUMBER))
        else:
            missing = column.isna()
            values = [MISSING_TEXT if gone else str(item).replace("\0", "")
                      for item, gone in zip(column, missing, strict=True)]  # fmt: skip
            group.create_dataset(key, data=np.array(values, dtype=object), dtype=text)


def _text(item: Any) -> str:
    if isinstance(item, bytes):
        try:
            return item.decode("utf-8")
        except UnicodeDecodeError:
            return item.decode("latin-1")
    if isinstance(item, str) and not item.isascii():
        try:  # h5py hands bytes that are no UTF-8 over as lone surrogates
            item.encode("utf-8")
        except UnicodeEncodeError:
            return item.encode("utf-8", "surrogateescape").decode("latin-1")
    return str(item)


def _enum(kind: Any, value: Any) -> Any:
    try:
        return kind(_text(value)) if value is not None else None
    except ValueError:
        return None


def _json(value: Any) -> dict[str, Any]:
    try:
        found = json.loads(_text(value)) if value is not None else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


# ---- GCT -----------------------------------------------------------------------------------------------------------


def _parse_gct(content: bytes, path: str | Path, level: Level | None, space: Space | None) -> Matrix:
    lines = split_lines(text_of(content, str(path), "a GCT file is needed"))
    while lines and not lines[-1].strip():
        lines.pop()
    version = lines[0].strip()
    if version not in ("#1.2", "#1.3"):
        raise FileError(f"{path}: line 1 is {version[:40]!r}; only GCT #1.2 and #1.3 are known")
    n_rows, n_cols, n_row_fields, n_col_fields = _gct_sizes(lines, version, path)
    promised = 3 + n_col_fields + n_rows
    if len(lines) != promised:
        raise FileError(
            f"{path}: {len(lines)} lines, but its header promises {promised}; the file is truncated or edited"
        )
    first = 1 + n_row_fields
    width = first + n_cols
    header = lines[2].split("\t")
    if len(header) != width:
        raise FileError(f"{path}: line 3 has {len(header)} columns, but its header promises {width}")
    fields = [_split(lines[3 + number], 4 + number, width, path) for number in range(n_col_fields)]
    for what, names in (("row", header[1:first]), ("column", [cells[0] for cells in fields])):
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise FileError(f"{path}: {what} fields stand twice: {name_some(twice)}; rename one of each")
    cols = pd.DataFrame(
        {cells[0]: typed_column(cells[0], np.array(cells[first:], dtype=object)) for cells in fields},
        index=pd.Index([item.strip() for item in header[first:]], dtype=object),
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
        index=pd.Index([head[0].strip() for head in heads], dtype=object),
    )
    return _matrix(path, values, rows, cols, level, space, {})


def _gct_sizes(lines: list[str], version: str, path: str | Path) -> tuple[int, int, int, int]:
    """Numbers of rows, columns, row fields and column fields of the second line."""
    try:
        sizes = [int(item) for item in lines[1].split("\t") if item.strip()]
        chosen = (sizes[0], sizes[1], 1, 0) if version == "#1.2" else (sizes[0], sizes[1], sizes[2], sizes[3])
        if min(chosen) < 0:
            raise ValueError
    except (ValueError, IndexError):
        raise FileError(
            f"{path}: line 2 must hold the numbers of rows, columns (and fields of each in #1.3), separated by tabs"
        ) from None
    return chosen


def _split(line: str, number: int, width: int, path: str | Path) -> list[str]:
    cells = line.split("\t")
    if len(cells) != width:
        raise FileError(f"{path}: line {number} has {len(cells)} columns instead of {width}")
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
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _write_gct(matrix: Matrix, stream: TextIO, decimals: int) -> None:
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
    if isinstance(item, float | np.floating) and float(item).is_integer() and abs(item) < 1e15:
        return f"{item:.0f}"
    return " ".join(str(item).replace("\r", " ").replace("\n", " ").split("\t"))


def guess_space(rids: pd.Index, genes: pd.DataFrame) -> Space | None:
    """Space whose genes are exactly `rids`, from the gene table (index Entrez id; pr_is_lm, pr_is_bing)."""
    for space, size in SPACE_SIZES.items():
        if len(rids) == size and set(rids) == set(space_genes(genes, space)):
            return space
    return None


def space_genes(genes: pd.DataFrame, space: Space) -> pd.Index:
    """Entrez ids of a space, in the order of the gene table."""
    if space is Space.LM:
        return genes.index[genes["pr_is_lm"] == 1]
    return genes.index[genes["pr_is_bing"] == 1] if space is Space.BING else genes.index
