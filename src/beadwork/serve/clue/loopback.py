"""LoopBack filters, as clue.io's API takes them, over a table.

``{"where": {...}, "fields": [...], "limit": n, "skip": n, "order": "field DESC", "include": [...]}``; conditions of a
field are a value, ``inq``, ``nin``, ``neq``, ``gt``, ``gte``, ``lt``, ``lte``, ``between``, ``like``, ``nlike``,
``ilike``, ``nilike``, ``regexp``, ``exists``; ``and``, ``or`` and ``nor`` join conditions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beadwork.model.connectivity.annotation import SEVERAL
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.clue.conditions import is_true, number_of, read_tests
from beadwork.serve.parameters import unknown_words
from beadwork.serve.refusals import RefusedError

MOST_DEPTH = 20
KEYS = ("where", "fields", "limit", "skip", "offset", "order", "include")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Filter:
    """A filter that was read."""

    where: Mapping[str, Any]
    fields: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()
    limit: int | None = None
    skip: int = 0
    order: tuple[tuple[str, bool], ...] = ()
    include: tuple[str, ...] = ()


def read_filter(text: str) -> Filter:
    """Read a filter.

    Raises
    ------
    RefusedError
        It is no JSON object, or a part of it cannot be used.
    """
    given = read_object(text, "filter")
    if unknown := [key for key in given if key not in KEYS]:
        raise RefusedError(f"filter: {unknown_words('key', unknown[0], KEYS)}", 400, field="filter")
    where = given.get("where") or {}
    if not isinstance(where, Mapping):
        raise RefusedError("filter: where is no object", 400, field="filter")
    fields, left_out = _fields(given.get("fields"))
    skip = _whole(given.get("skip", given.get("offset")), "skip") or 0
    limit = _whole(given.get("limit"), "limit")
    return Filter(
        where, fields, left_out, limit or None, skip, _order(given.get("order")), _include(given.get("include"))
    )


def read_object(text: str, name: str) -> dict[str, Any]:
    """Read a JSON object; nothing is an empty one."""
    if not text.strip():
        return {}
    try:
        found = json.loads(text, parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RefusedError(f"{name}: holds a text that UTF-8 cannot write", 400, field=name) from None
    except (ValueError, RecursionError):
        raise RefusedError(f"{name}: is not JSON", 400, field=name) from None
    if not isinstance(found, dict):
        raise RefusedError(f"{name}: is no JSON object", 400, field=name)
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def from_brackets(parameters: Sequence[tuple[str, str]], name: str) -> str:
    """Turn ``filter[where][cell_id]=A375&filter[limit]=2`` into the JSON of the filter.

    Raises
    ------
    RefusedError
        It is given twice, or says two things of one field.
    """
    found: dict[str, Any] = {}
    own = [(key, value) for key, value in parameters if key == name or key.startswith(f"{name}[")]
    if any(key == name for key, _ in own):
        if len(own) > 1:
            raise RefusedError(f"{name} is given twice; give it once, as JSON or in brackets", 400, field=name)
        return own[0][1]
    for key, text in own:
        value = None if text == "null" else text
        path = _BRACKETS.findall(key)
        place = found
        for piece in path[:-1]:
            inner = place.setdefault(piece, {})
            if not isinstance(inner, dict):
                raise RefusedError(f"{key}: says two things of one field", 400, field=name)
            place = inner
        last = path[-1] if path else ""
        if last in place and isinstance(place[last], list):
            place[last].append(value)
        else:
            place[last] = [place[last], value] if last in place else value
    return json.dumps(_lists(found)) if found else ""


def _lists(item: Any) -> Any:
    """Objects whose keys are 0, 1, 2 ... are lists in that order, as in ``[inq][0]=``."""
    if not isinstance(item, dict):
        return item
    inner = {key: _lists(value) for key, value in item.items()}
    if inner and all(key.isdigit() or key == "" for key in inner):
        values = [inner[key] for key in sorted(inner, key=lambda key: int(key or 0))]
        return values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return inner


def _whole(item: Any, name: str) -> int | None:
    if item is None:
        return None
    try:
        number = int(item)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or isinstance(item, bool) or (isinstance(item, float) and item != number):
        raise RefusedError(f"filter: {name} is no whole number", 400, field="filter")
    if number < 0:
        raise RefusedError(f"filter: {name} is below 0", 400, field="filter")
    return number


def _fields(given: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    if given in (None, {}, [], "", [""]):  # R sends a text of no letters for none
        return None, ()
    if isinstance(given, str):
        return (given,), ()
    if isinstance(given, Mapping):
        chosen = tuple(str(name) for name, wanted in given.items() if is_true(wanted))
        left_out = tuple(str(name) for name, wanted in given.items() if not is_true(wanted))
        return chosen or None, left_out
    if isinstance(given, list) and all(isinstance(name, str) for name in given):
        return tuple(given), ()
    raise RefusedError("filter: fields is neither a list of names nor an object", 400, field="filter")


def _order(given: Any) -> tuple[tuple[str, bool], ...]:
    parts = given.split(",") if isinstance(given, str) and given.strip() else given or []
    found = []
    for part in parts if isinstance(parts, list) else [None]:
        words = part.split() if isinstance(part, str) else []
        if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            raise RefusedError("filter: order is a field, and ASC or DESC", 400, field="filter")
        found.append((words[0], len(words) == 2 and words[1].upper() == "DESC"))
    return tuple(found)


def _include(given: Any) -> tuple[str, ...]:
    parts = [given] if isinstance(given, str | Mapping) else given or []
    found = []
    for part in parts if isinstance(parts, list) else [None]:
        name = part.get("relation") if isinstance(part, Mapping) else part
        if isinstance(part, Mapping) and any(value for key, value in part.items() if key != "relation"):
            raise RefusedError("filter: include takes relation alone, without scope", 400, field="filter")
        if not isinstance(name, str):
            raise RefusedError("filter: include is a name, or a list of names", 400, field="filter")
        found.append(name)
    return tuple(found)


def matching(table: SignatureTable, where: Mapping[str, Any], depth: int = 0) -> np.ndarray:
    """Which rows meet the conditions."""
    if depth > MOST_DEPTH:
        raise RefusedError(f"where: more than {MOST_DEPTH} levels", 400, field="where")
    keep = np.ones(len(table), bool)
    for name, condition in where.items():
        if name in ("and", "or", "nor"):
            if not isinstance(condition, list) or not all(isinstance(item, Mapping) for item in condition):
                raise RefusedError(f"where: {name} is no list of conditions", 400, field="where")
            if not condition and name == "or":
                raise RefusedError("where: or has no conditions, which no row meets", 400, field="where")
            masks = [matching(table, item, depth + 1) for item in condition]
            if not masks:
                continue
            joined = np.logical_and.reduce(masks) if name == "and" else np.logical_or.reduce(masks)
            keep &= ~joined if name == "nor" else joined
        else:
            keep &= _column(table, name, condition)
    return keep


def _column(table: SignatureTable, name: str, condition: Any) -> np.ndarray:
    """Rows whose field meets a condition; a field that no row has is missing everywhere."""
    codes, values = table.coded(name) if name in table else (np.full(len(table), -1, np.int32), [])
    tests = read_tests(condition, values)
    held = np.ones(len(values) + 1, bool)
    for test, on_missing in tests:
        held[: len(values)] &= np.array([test(value) for value in values], bool)
        held[len(values)] &= on_missing
    result: np.ndarray = held[codes]
    return result


def ordered(table: SignatureTable, rows: np.ndarray, order: Sequence[tuple[str, bool]]) -> np.ndarray:
    """Rows in the order of a filter; missing values last."""
    keys = []
    for name, descending in reversed(order):
        if name not in table:
            raise RefusedError(f"filter: no field {name!r} to order by", 400, field="filter")
        codes, values = table.coded(name)
        place = [at for _, at in sorted((_sort_key(value), at) for at, value in enumerate(values))]
        rank = np.full(len(values) + 1, np.nan)
        rank[place] = np.arange(len(values))
        own = rank[codes[rows]]
        keys.append(-own if descending else own)
    return rows[np.lexsort(keys)] if keys else rows


def _sort_key(value: Any) -> tuple[int, float, str]:
    number = number_of(value)
    return (0, number, "") if number is not None else (1, 0.0, str(value))


def records(
    table: SignatureTable,
    rows: np.ndarray,
    fields: Sequence[str] | None,
    left_out: Sequence[str],
    lists: Sequence[str],
    made: Mapping[str, list[Any]] | None = None,
) -> list[dict[str, Any]]:
    """Rows as objects without what is missing; fields that list several values are lists.

    Parameters
    ----------
    made
        Fields that the table does not hold, a value for each row.
    """
    from beadwork.serve.answer.pages import plain_values

    names = [name for name in (table.names if fields is None else fields) if name in table and name not in left_out]
    names = list(dict.fromkeys(names))
    part = table.take(rows, names)
    columns = {name: plain_values(part.column(name)) for name in names}
    for name in lists:
        if name in columns:
            columns[name] = [value.split(SEVERAL) if isinstance(value, str) else value for value in columns[name]]
    columns |= made or {}
    return [
        {name: column[place] for name, column in columns.items() if column[place] is not None}
        for place in range(len(rows))
    ]
