"""LoopBack filters, as clue.io's API takes them, over a table.

``{"where": {...}, "fields": [...], "limit": n, "skip": n, "order": "field DESC", "include": [...]}``; conditions of a
field are a value, ``inq``, ``nin``, ``neq``, ``gt``, ``gte``, ``lt``, ``lte``, ``between``, ``like``, ``nlike``,
``ilike``, ``nilike``, ``regexp``, ``exists``; ``and``, ``or`` and ``nor`` join conditions.  As in clue.io's database, a
condition on a field that lists several values holds where it holds for one of them, and a number and its text are the
same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beadwork.model.connectivity.annotation import SEVERAL
from beadwork.model.connectivity.signature_table import SignatureTable, as_written
from beadwork.serve.parameters import unknown_words
from beadwork.serve.refusals import RefusedError

MOST_DEPTH = 20
MOST_VALUES = 20_000
MOST_WILD = 5
KEYS = ("where", "fields", "limit", "skip", "offset", "order", "include")
CONDITIONS = ("inq", "nin", "eq", "neq", "gt", "gte", "lt", "lte", "between", "like", "nlike", "ilike", "nilike",
              "regexp", "exists")  # fmt: skip
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
Test = Callable[[Any], bool]


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
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError(f"{name}: is not JSON", 400, field=name) from None
    if not isinstance(found, dict):
        raise RefusedError(f"{name}: is no JSON object", 400, field=name)
    return found


def from_brackets(parameters: Sequence[tuple[str, str]], name: str) -> str:
    """Turn ``filter[where][cell_id]=A375&filter[limit]=2`` into the JSON of the filter."""
    found: dict[str, Any] = {}
    for key, value in parameters:
        if key == name:
            return value
        if not key.startswith(f"{name}["):
            continue
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
    """Objects whose keys are 0, 1, 2 ... are lists, as in ``[inq][0]=``."""
    if not isinstance(item, dict):
        return item
    inner = {key: _lists(value) for key, value in item.items()}
    if inner and all(key.isdigit() or key == "" for key in inner):
        values = list(inner.values())
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
        chosen = tuple(str(name) for name, wanted in given.items() if _is_true(wanted))
        left_out = tuple(str(name) for name, wanted in given.items() if not _is_true(wanted))
        return chosen or None, left_out
    if isinstance(given, list) and all(isinstance(name, str) for name in given):
        return tuple(given), ()
    raise RefusedError("filter: fields is neither a list of names nor an object", 400, field="filter")


def _is_true(item: Any) -> bool:
    return item is True or (isinstance(item, int | float) and item == 1) or item in ("true", "1")


def _order(given: Any) -> tuple[tuple[str, bool], ...]:
    parts = [given] if isinstance(given, str) else given or []
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
    tests = _tests(condition, values)
    held = np.ones(len(values) + 1, bool)
    for test, on_missing in tests:
        held[: len(values)] &= np.array([test(value) for value in values], bool)
        held[len(values)] &= on_missing
    result: np.ndarray = held[codes]
    return result


def _tests(condition: Any, values: Sequence[Any]) -> list[tuple[Test, bool]]:
    """Read the tests of a condition, and what each says of a missing value."""
    if isinstance(condition, list):
        raise RefusedError('where: a list of values is written {"inq": [...]}', 400, field="where")
    if not isinstance(condition, Mapping):
        return [_test("eq", condition, "", values)]
    options = str(condition.get("options", ""))
    found = [_test(operator, value, options, values) for operator, value in condition.items() if operator != "options"]
    if not found:
        raise RefusedError("where: a condition is empty", 400, field="where")
    return found


def _test(operator: str, wanted: Any, options: str, values: Sequence[Any]) -> tuple[Test, bool]:
    if operator in ("eq", "neq"):
        if wanted is None:
            return (lambda value: operator == "neq"), operator == "eq"
        same = _any_part(_is_one_of([wanted]))
        return (same, False) if operator == "eq" else ((lambda value: not same(value)), True)
    if operator in ("inq", "nin"):
        listed = wanted if isinstance(wanted, list) else [wanted]
        if len(listed) > MOST_VALUES:
            raise RefusedError(f"where: more than {MOST_VALUES:,} values", 400, field="where")
        among = _any_part(_is_one_of(listed))
        has_none = any(item is None for item in listed)
        return (among, has_none) if operator == "inq" else ((lambda value: not among(value)), not has_none)
    if operator == "between":
        if not isinstance(wanted, list) or len(wanted) != 2:
            raise RefusedError("where: between needs a list of two values", 400, field="where")
        low, high = _compare(">=", wanted[0]), _compare("<=", wanted[1])
        return _any_part(lambda value: low(value) and high(value)), False
    if operator in _SIGNS:
        return _any_part(_compare(_SIGNS[operator], wanted)), False
    if operator == "regexp":
        return _any_part(_regexp(wanted, options, values)), False
    if operator in ("like", "nlike", "ilike", "nilike"):
        found = _any_part(_like(wanted, operator, options))
        return (found, False) if operator in ("like", "ilike") else ((lambda value: not found(value)), True)
    if operator == "exists":
        there = _is_true(wanted)
        return (lambda value: there), not there
    raise RefusedError(f"where: {unknown_words('condition', operator, CONDITIONS)}", 400, field="where")


_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _any_part(test: Test) -> Test:
    """Test a value, and each of several that are joined."""

    def tested(value: Any) -> bool:
        if test(value):
            return True
        return isinstance(value, str) and SEVERAL in value and any(test(part) for part in value.split(SEVERAL))

    return tested


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, float | np.floating):
        value = as_written(float(value))
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_one_of(wanted: Sequence[Any]) -> Test:
    for item in wanted:
        if isinstance(item, list | Mapping):
            raise RefusedError("where: a value is a text, a number, true, false or null", 400, field="where")
    texts = {_text(item) for item in wanted if item is not None}
    numbers = {_number(item) for item in wanted if item is not None} - {None}

    def test(value: Any) -> bool:
        if _text(value) in texts:
            return True
        return isinstance(value, float | int | np.number) and as_written(float(value)) in numbers

    return test


def _compare(sign: str, wanted: Any) -> Test:
    if isinstance(wanted, list | Mapping) or wanted is None:
        raise RefusedError("where: a number or a text is needed to compare with", 400, field="where")
    bound = _number(wanted)

    def test(value: Any) -> bool:
        number = _number(value)
        if bound is not None and number is not None:
            return _holds(as_written(number), sign, bound)
        return bound is None and number is None and _holds(str(value), sign, str(wanted))

    return test


def _holds(one: Any, sign: str, two: Any) -> bool:
    if sign == ">":
        return bool(one > two)
    if sign == ">=":
        return bool(one >= two)
    return bool(one < two) if sign == "<" else bool(one <= two)


def _like(wanted: Any, operator: str, options: str) -> Test:
    """Match a pattern: ``%`` and ``.*`` are any letters, ``^`` and ``$`` the ends; else the text may stand anywhere."""
    if not isinstance(wanted, str) or len(wanted) > 200:
        raise RefusedError(f"where: {operator} needs a text of up to 200 letters", 400, field="where")
    text, flags = wanted, re.IGNORECASE if "i" in options or operator in ("ilike", "nilike") else 0
    start, end = text.startswith("^"), text.endswith("$") and not text.endswith("\\$")
    pieces = re.split(r"%|\.\*", text[1 if start else 0 : len(text) - end])
    if len(pieces) > MOST_WILD + 1:
        raise RefusedError(f"where: {operator} with more than {MOST_WILD} wildcards", 400, field="where")
    whole = "%" in text  # as in SQL, where % says where the rest may stand
    body = ".*".join(re.escape(re.sub(r"\\(.)", r"\1", piece)) for piece in pieces)
    pattern = re.compile(f"{'^' if start or whole else ''}{body}{'$' if end or whole else ''}", flags | re.DOTALL)
    return lambda value: pattern.search(_text(value)) is not None


def _regexp(wanted: Any, options: str, values: Sequence[Any]) -> Test:
    """Match a regular expression, also one written ``/.../i``, by RE2: no pattern makes it take long."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(wanted, str) or len(wanted) > 200:
        raise RefusedError("where: regexp needs a text of up to 200 letters", 400, field="where")
    slashed = re.fullmatch(r"/(.*)/([a-z]*)", wanted, re.DOTALL)
    pattern, flags = (slashed[1], slashed[2]) if slashed else (wanted, options)
    texts = dict.fromkeys(part for value in values for text in [_text(value)] for part in [text, *text.split(SEVERAL)])
    listed = pa.array(list(texts), pa.string())
    try:
        hits = pc.match_substring_regex(listed, pattern, ignore_case="i" in flags)
    except pa.ArrowInvalid as error:
        reason = str(error).rpartition(": ")[2]
        raise RefusedError(f"where: regexp cannot be read ({reason[:80]})", 400, field="where") from None
    held = set(listed.filter(hits).to_pylist())
    return lambda value: _text(value) in held


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
    number = _number(value)
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
