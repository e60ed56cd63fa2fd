"""Parquet tables: genes as rows, samples as columns, annotation as JSON in the metadata of the schema."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path
from beadwork.model.matrix import Level, Matrix, Space


def write_parquet(matrix: Matrix, path: str | Path) -> None:
    """Write a parquet table, which appears by rename."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rid = "rid" if "rid" not in matrix.cids else "__rid__"
    table = pa.Table.from_pandas(matrix.to_frame().rename_axis(index=rid, columns=None))
    extra = {
        "rows": _annotation_json(matrix.rows),
        "cols": _annotation_json(matrix.cols),
        "level": str(matrix.level or ""),
        "space": str(matrix.space or ""),
        "provenance": json.dumps(matrix.provenance, sort_keys=True),
    }
    metadata = {**table.schema.metadata, **{f"beadwork_{key}".encode(): text.encode() for key, text in extra.items()}}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def read_parquet(path: Path) -> Matrix:
    """Read a parquet table, one of ours or a plain one; whatever is wrong raises ValueError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        frame = table.to_pandas()
    except pa.ArrowException as error:  # not all kinds are a ValueError, as ArrowInvalid is
        raise ValueError(str(error)) from None
    metadata = table.schema.metadata or {}
    if isinstance(frame.index, pd.RangeIndex) and len(frame.columns) and not _is_number(frame.iloc[:, 0]):
        frame = frame.set_index(frame.columns[0])
    textual = [str(name) for name in frame.columns if not _is_number(frame[name])]
    if textual:
        raise ValueError(f"columns {', '.join(textual[:5])} hold no numbers; rows must be genes and columns samples")
    level = metadata.get(b"beadwork_level", b"").decode() or None
    space = metadata.get(b"beadwork_space", b"").decode() or None
    return Matrix(
        frame.to_numpy(np.float32),
        _annotation(metadata.get(b"beadwork_rows"), frame.index),
        _annotation(metadata.get(b"beadwork_cols"), frame.columns),
        level=Level(level) if level else None,
        space=Space(space) if space else None,
        provenance=json.loads(metadata.get(b"beadwork_provenance", b"{}")),
    )


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype)


def _annotation_json(table: pd.DataFrame) -> str:
    """Annotation as JSON: ids, and the values of each field, null if missing."""
    fields = {}
    for name, column in table.items():
        items = column.astype(object).where(column.notna(), None)
        fields[str(name)] = [item.item() if isinstance(item, np.generic) else item for item in items]
    return json.dumps({"ids": [str(item) for item in table.index], "fields": fields}, default=str)


def _annotation(text: bytes | None, ids: pd.Index) -> pd.DataFrame:
    if text is None:
        return pd.DataFrame(index=ids.astype(str).astype(object).rename(None))
    found = json.loads(text)
    columns = {}
    for name, items in found["fields"].items():
        column = pd.Series(items, dtype=object)
        numeric = all(isinstance(item, int | float) for item in items if item is not None)
        columns[name] = (pd.to_numeric(column) if numeric else column.where(column.notna(), np.nan)).to_numpy()
    return pd.DataFrame(columns, index=pd.Index(found["ids"], dtype=object))
