"""Rows of a table as a request wants them: filtered, sorted, by the page; the same rows for the screen and a file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beadwork.model.connectivity.annotation import SEVERAL
from beadwork.model.connectivity.signature_table import SignatureTable, as_written
from beadwork.model.errors import BeadworkError
from beadwork.model.quantities import QUANTITIES, quantity_order
from beadwork.serve.parameters import unknown_words
from beadwork.serve.refusals import RefusedError
from beadwork.stages.connectivity.filters import filter_signatures

MOST_ROWS = 500
"""Most rows of one page."""
USUAL_ROWS = 50
"""Rows of a page where a request does not say how many."""
SEARCHED = ("sig_id", "pert_iname", "pert_id", "cell_id", "class", "symbol", "gene_id", "moa", "target", "leading")
"""Columns that words are looked for in."""
_PART = re.compile(r"\s*([A-Za-z_]\w*)\s*([:~])\s*(.*\S)\s*", re.DOTALL)


@dataclass(frozen=True)
class View:
    """Which rows of a table, in which order.

    Parameters
    ----------
    filters
        ``field:value|value`` (one of the values, also where a cell lists several), ``field~part`` (holds the text),
        and the filters of queries: ``field=value,value``, ``field!=value``, ``field>=number``; all must hold.
    text
        Words that must all stand somewhere in a row.
    sort
        Columns, ``-`` before one turns it round; empty for the order of the table.
    """

    filters: tuple[str, ...] = ()
    text: str = ""
    sort: str = ""

    @property
    def key(self) -> str:
        """Short name of this view, for cursors and tags."""
        return hashlib.sha256(json.dumps([self.filters, self.text, self.sort]).encode()).hexdigest()[:8]


def why_no_rows(name: str, size: int, fields: Collection[str]) -> str:
    """Say why a page of a table of this size shows no rows, where tables have the same reasons; empty where not.

    `fields` are those of the annotation.
    """
    if size:
        return "no row passes the filters"
    if name == "classes" and "moa" not in fields and "target" not in fields:
        return "the index has no mechanisms and targets (moa, target); `beadwork index annotate` joins them"
    return ""


def rows_of(table: SignatureTable, view: View) -> np.ndarray:
    """Positions of the rows of a view, in its order."""
    rows = np.flatnonzero(_passing(table, view))
    keys = []
    for item in reversed([part.strip() for part in view.sort.split(",") if part.strip()]):
        name = item[1:].lstrip() if item[0] in "-+" else item
        if name not in table:
            raise RefusedError(unknown_words("column", name, shown_names(table)), field="sort")
        values = _sortable(table, name)[rows]
        keys.append(-values if item.startswith("-") else values)  # NaN stays last both ways
    return rows[np.lexsort(keys)] if keys else rows


def _passing(table: SignatureTable, view: View) -> np.ndarray:
    keep = np.ones(len(table), bool)
    for text in view.filters:
        part = _PART.fullmatch(text)
        if part is None:
            try:
                keep &= filter_signatures(table, [text], may_be_none=True)
            except BeadworkError as error:
                raise RefusedError(str(error).replace("the index has", "these rows have"), field="f") from None
            continue
        name, how, wanted = part.groups()
        if name not in table:
            words = f"these rows have no {name}; roll-ups follow the filters of the query (where)"
            raise RefusedError(f"{words}; columns are {', '.join(shown_names(table))}", field="f")
        if how == ":" and not is_text(table, name):
            keep &= filter_signatures(table, [f"{name}={wanted.replace(SEVERAL, ',')}"], may_be_none=True)
            continue
        codes, values = table.texts(name)
        listed = {item.strip().lower() for item in wanted.split(SEVERAL)}
        if how == "~":
            hit = [wanted.lower() in value.lower() for value in values]
        else:
            whole = wanted.strip().lower()
            hit = [
                value.lower() == whole or bool(listed & {one.strip() for one in value.lower().split(SEVERAL)})
                for value in values
            ]
        keep &= np.array([*hit, False], bool)[codes]
    for word in view.text.lower().split():
        found = np.zeros(len(table), bool)
        for name in SEARCHED:
            if name in table:
                codes, values = table.texts(name)
                found |= np.array([*(word in value.lower() for value in values), False], bool)[codes]
        keep &= found
    return keep


def _sortable(table: SignatureTable, name: str) -> np.ndarray:
    """Numbers that sort as a column does; missing ones are NaN."""
    if not is_text(table, name):
        return table.numbers(name)
    codes, values = table.texts(name)
    if name in QUANTITIES:
        order = sorted(range(len(values)), key=lambda place: quantity_order(values[place]))
    else:
        order = sorted(range(len(values)), key=lambda place: (values[place].lower(), values[place]))
    rank = np.full(len(values) + 1, np.nan)
    rank[order] = np.arange(len(values))
    result: np.ndarray = rank[codes]
    return result


def shown_names(table: SignatureTable) -> list[str]:
    """Columns that are shown; names with a line before them are of the program."""
    return [name for name in table.names if not name.startswith("_")]


def is_text(table: SignatureTable, name: str) -> bool:
    """Whether a column holds texts, not numbers."""
    import pyarrow as pa

    kind = table.column(name).type
    return not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def page(
    table: SignatureTable, rows: np.ndarray, *, offset: int = 0, limit: int = 50, names: Sequence[str] | None = None
) -> tuple[list[str], list[list[Any]]]:
    """Columns and values of some rows, as JSON takes them."""
    names = shown_names(table) if names is None else list(names)
    part = table.take(rows[offset : offset + limit], names)
    columns = [plain_values(part.column(name)) for name in names]
    return names, [list(row) for row in zip(*columns, strict=True)] if names else []


def plain_values(column: Any) -> list[Any]:
    """Values of an Arrow column for JSON: missing and infinite numbers are null, floats have eight digits."""
    import pyarrow as pa

    values = column.to_pylist()
    if pa.types.is_floating(column.type):
        return [plain(value) for value in values]
    return list(values)


def plain(value: Any) -> Any:
    """One value for JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{as_written(value):.8g}") if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def chosen_columns(table: SignatureTable, fields: str) -> list[str] | None:
    """Columns that ``fields=a,b`` asks for; None for all."""
    names = [name.strip() for name in fields.split(",") if name.strip()]
    lacking = [name for name in names if name not in table]
    if lacking:
        raise RefusedError(unknown_words("column", lacking[0], shown_names(table)), field="fields")
    return names or None


def cursor_of(offset: int, total: int, tag: str) -> str | None:
    """Cursor of the page that begins at `offset`; None behind the end."""
    if offset >= total:
        return None
    return base64.urlsafe_b64encode(json.dumps([offset, tag]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, tag: str) -> int:
    """Where the page of a cursor begins.

    Raises
    ------
    RefusedError
        It is none, or it belongs to other rows: to another question, order, filter, or state of the index.
    """
    try:
        offset, own = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        offset = int(offset)
    except (ValueError, TypeError, OverflowError):
        raise RefusedError("cursor: is none of this server's; take it from `next` of the page before",
                           field="cursor") from None  # fmt: skip
    if own != tag or offset < 0:
        words = "cursor: belongs to another order, filter or state of the index; begin with the first page"
        raise RefusedError(words, 409, "stale_cursor", "cursor")
    return offset
