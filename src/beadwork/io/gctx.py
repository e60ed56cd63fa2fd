"""GCT 1.2, GCT 1.3 and GCTX files, read into and written from :class:`~beadwork.model.matrix.Matrix`.

Why not cmapPy: its writer loses integer ids, breaks on non-ASCII text and on "/" in a field's name, and on NumPy 2
(docs/decisions/0002-own-gctx.md).  Tests hold both together: its files load here and ours load there.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import h5py
import numpy as np
import pandas as pd

from beadwork.io.atomic import atomic_path
from beadwork.model.errors import AlignmentError, FileError
from beadwork.model.fields import field_kind
from beadwork.model.matrix import SPACE_SIZES, Level, Matrix, Space

DATA = "0/DATA/0/matrix"
ROW, COL = "0/META/ROW", "0/META/COL"
MISSING_TEXTS = frozenset({"", "-666", "-666.0", "NA", "NaN", "nan"})
SLASH = "\N{DIVISION SLASH}"
"""Stands for "/" in the name of a field, which HDF5 would take for a group."""


def read_matrix(path: str | Path, *, level: Level | None = None, space: Space | None = None) -> Matrix:
    """Read a GCT or GCTX file (also .gz).

    Parameters
    ----------
    path
        File; what it is follows from its first bytes, not from its name.
    level, space
        Level and space if the file does not say them itself.

    Raises
    ------
    FileError
        The file is absent, empty, damaged or of another kind.
    """
    path = Path(path)
    try:
        with open(path, "rb") as stream:
            magic = stream.read(8)
            if magic[:2] == b"\x1f\x8b":
                stream.seek(0)
                with gzip.open(stream) as unpacked:
                    magic = unpacked.read(8)
                    if magic == b"\x89HDF\r\n\x1a\n":
                        unpacked.seek(0)
                        return _read_gctx(unpacked, path, level, space)
            elif magic == b"\x89HDF\r\n\x1a\n":
                return _read_gctx(path, path, level, space)
        if magic.startswith(b"#1."):
            return _read_gct(path, level, space)
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a folder; a GCT or GCTX file is needed") from None
    except (EOFError, gzip.BadGzipFile) as error:
        raise FileError(f"{path}: damaged gzip file ({error}); fetch or make it anew") from None
    except PermissionError:
        raise FileError(f"{path}: may not be read; check its permissions") from None
    if not magic:
        raise FileError(f"{path}: is empty; a GCT or GCTX file is needed")
    raise FileError(f"{path}: neither GCT (first line #1.2 or #1.3) nor GCTX (HDF5)")


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
            with gzip.GzipFile(temporary, "wb", mtime=0) as packed:
                import io

                with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream:
                    _write_gct(matrix, stream, decimals)
        else:
            _write_gctx(matrix, temporary)


# ---- GCTX ----------------------------------------------------------------------------------------------------------


def _read_gctx(source: Any, path: Path, level: Level | None, space: Space | None) -> Matrix:
    try:
        with h5py.File(source, "r") as file:
            if DATA not in file or f"{ROW}/id" not in file or f"{COL}/id" not in file:
                raise FileError(f"{path}: HDF5, but not GCTX: no {DATA} with {ROW}/id and {COL}/id")
            rows, cols = (_read_meta(file[group], path) for group in (ROW, COL))
            data = file[DATA]
            if data.ndim != 2 or data.shape != (len(cols), len(rows)):
                raise FileError(
                    f"{path}: matrix of shape {data.shape} does not fit {len(cols)} column and {len(rows)} row ids; "
                    "the file is damaged or of another layout"
                )
            if data.dtype.kind not in "fiu":
                raise FileError(f"{path}: the matrix holds {data.dtype}, not numbers")
            values = data[:].astype(np.float32, copy=False).T
            attributes = dict(file.attrs)
    except FileError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise FileError(f"{path}: damaged GCTX file ({_one_line(error)}); fetch or make it anew") from None
    try:
        return Matrix(
            values,
            rows,
            cols,
            level=level or _enum(Level, attributes.get("beadwork_level")),
            space=space or _enum(Space, attributes.get("beadwork_space")),
            provenance=_json(attributes.get("beadwork_provenance")),
        )
    except AlignmentError as error:
        raise FileError(f"{path}: {error}") from None


def read_provenance(path: str | Path) -> Mapping[str, Any]:
    """Read only the provenance of a GCTX file; empty for files of others."""
    try:
        with h5py.File(path, "r") as file:
            return _json(file.attrs.get("beadwork_provenance"))
    except OSError as error:
        raise FileError(f"{path}: no readable GCTX file ({_one_line(error)})") from None


def _read_meta(group: h5py.Group, path: Path) -> pd.DataFrame:
    ids = [_text(item).strip() for item in np.atleast_1d(group["id"][:])]
    table = {}
    for name, dataset in group.items():
        if name == "id" or not isinstance(dataset, h5py.Dataset):
            continue
        column = np.atleast_1d(dataset[()])
        if len(column) != len(ids):
            raise FileError(f"{path}: field {name} has {len(column)} values for {len(ids)} ids; the file is damaged")
        table[name.replace(SLASH, "/")] = _column(name, column)
    return pd.DataFrame(table, index=pd.Index(ids, dtype=object))


def _column(name: str, column: np.ndarray) -> np.ndarray:
    """Values of one field as floats, integers or text, with missing values as NaN."""
    if column.dtype.kind in "OSU":
        texts = np.array([_text(item) for item in column], dtype=object)
        return typed_column(name, texts)
    if column.dtype.kind == "b":
        return column.astype(np.int64)
    missing = column == -666
    if field_kind(name) is str:
        return np.array([np.nan if gone else f"{item:g}" for item, gone in zip(column, missing, strict=True)], object)
    return np.where(missing, np.nan, column) if missing.any() else column


def typed_column(name: str, texts: np.ndarray) -> np.ndarray:
    """Give a column of texts its type: what the field registry says, else numbers where every text is a plain number.

    A text such as ``001`` is an id, not a number, and keeps the column textual; -666 and empty are missing.
    """
    missing = np.array([text.strip() in MISSING_TEXTS for text in texts], dtype=bool)
    kind = field_kind(name)
    if kind is not str and not missing.all():
        try:
            numbers = np.array([np.nan if gone else float(text) for text, gone in zip(texts, missing, strict=True)])
        except ValueError:
            numbers = None
        if numbers is not None and (kind is not None or not any(_is_code(text) for text in texts[~missing])):
            if not missing.any() and (np.mod(numbers, 1) == 0).all() and all("." not in text for text in texts):
                return numbers.astype(np.int64) if kind is not float else numbers
            return numbers
    result = texts.copy()
    result[missing] = np.nan
    return result


def _is_code(text: str) -> bool:
    """Whether a text that reads as a number is rather a code: leading zeros, or a longer integer than a float holds."""
    digits = text.strip().lstrip("+-")
    leading_zero = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    return leading_zero or (digits.isdigit() and len(digits) > 15) or not digits[:1].isdigit()


def _write_gctx(matrix: Matrix, path: Path) -> None:
    # v108: attributes may exceed 64 KiB, which the provenance of many plates does
    with h5py.File(path, "w", libver=("v108", "v108")) as file:
        file.attrs["version"] = "GCTX1.0"
        if matrix.level:
            file.attrs["beadwork_level"] = str(matrix.level)
        if matrix.space:
            file.attrs["beadwork_space"] = str(matrix.space)
        file.attrs["beadwork_provenance"] = json.dumps(matrix.provenance, sort_keys=True, ensure_ascii=False)
        file.create_dataset(DATA, data=np.ascontiguousarray(matrix.values.T), dtype=np.float32)
        for group, table in ((ROW, matrix.rows), (COL, matrix.cols)):
            _write_meta(file.create_group(group, track_order=True), table)


def _write_meta(group: h5py.Group, table: pd.DataFrame) -> None:
    text = h5py.string_dtype("utf-8")
    group.create_dataset("id", data=np.array([str(item) for item in table.index], dtype=object), dtype=text)
    for name, column in table.items():
        key = "id_" if name == "id" else str(name).replace("/", SLASH)  # GCTX keeps the ids themselves under "id"
        if key in group:
            raise AlignmentError(f"annotation field {name!r} stands twice; rename one")
        if pd.api.types.is_bool_dtype(column):
            group.create_dataset(key, data=column.to_numpy().astype(np.int64))
        elif pd.api.types.is_numeric_dtype(column):
            group.create_dataset(key, data=column.to_numpy())
        else:
            values = np.array(
                ["" if missing else str(item) for item, missing in zip(column, column.isna(), strict=True)],
                dtype=object,
            )
            group.create_dataset(key, data=values, dtype=text)


def _text(item: Any) -> str:
    if isinstance(item, bytes):
        try:
            return item.decode("utf-8")
        except UnicodeDecodeError:
            return item.decode("latin-1")
    return str(item)


def _enum(kind: Any, value: Any) -> Any:
    try:
        return kind(_text(value)) if value is not None else None
    except ValueError:
        return None


def _json(value: Any) -> dict[str, Any]:
    try:
        found = json.loads(_text(value)) if value is not None else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


# ---- GCT -----------------------------------------------------------------------------------------------------------


def _read_gct(path: Path, level: Level | None, space: Space | None) -> Matrix:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    try:
        content = raw.decode("utf-8")
    except UnicodeDecodeError:
        content = raw.decode("latin-1")
    lines = content.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    version = lines[0].strip()
    if version not in ("#1.2", "#1.3"):
        raise FileError(f"{path}: line 1 is {version!r}; only GCT #1.2 and #1.3 are known")
    try:
        sizes = [int(item) for item in lines[1].split("\t") if item.strip()]
        n_rows, n_cols = sizes[:2]
        n_row_fields, n_col_fields = (1, 0) if version == "#1.2" else (sizes[2], sizes[3])
        if min(sizes) < 0:
            raise ValueError
    except (ValueError, IndexError):
        raise FileError(f"{path}: line 2 must hold the numbers of rows, columns (and fields of each in #1.3)") from None
    if len(lines) != 3 + n_col_fields + n_rows:
        raise FileError(
            f"{path}: {len(lines)} lines, but its header promises {3 + n_col_fields + n_rows}; "
            "the file is truncated or edited"
        )
    first = 1 + n_row_fields
    header = lines[2].split("\t")
    if len(header) != first + n_cols:
        raise FileError(f"{path}: line 3 has {len(header)} columns, but its header promises {first + n_cols}")
    cells = [line.split("\t") for line in lines[3:]]
    for number, row in enumerate(cells, start=4):
        if len(row) != first + n_cols:
            raise FileError(f"{path}: line {number} has {len(row)} columns instead of {first + n_cols}")
    cols = pd.DataFrame(
        {row[0]: typed_column(row[0], np.array(row[first:], dtype=object)) for row in cells[:n_col_fields]},
        index=pd.Index([item.strip() for item in header[first:]], dtype=object),
    )
    body = cells[n_col_fields:]
    rows = pd.DataFrame(
        {
            header[1 + field]: typed_column(header[1 + field], np.array([row[1 + field] for row in body], dtype=object))
            for field in range(n_row_fields)
        },
        index=pd.Index([row[0].strip() for row in body], dtype=object),
    )
    values = np.empty((n_rows, n_cols), dtype=np.float32)
    for number, row in enumerate(body):
        try:
            values[number] = [np.nan if item.strip() in MISSING_TEXTS else float(item) for item in row[first:]]
        except ValueError as error:
            raise FileError(f"{path}: line {4 + n_col_fields + number}: {error}; numbers are needed") from None
    try:
        return Matrix(values, rows, cols, level=level, space=space)
    except AlignmentError as error:
        raise FileError(f"{path}: {error}") from None


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
    if item is None or (isinstance(item, float) and np.isnan(item)):
        return "-666"
    if isinstance(item, float) and item.is_integer() and abs(item) < 1e15:
        return f"{item:.0f}"
    return " ".join(str(item).split("\t")).replace("\n", " ")


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
