"""Conditions of LoopBack filters on the values of one field.

As in clue.io's database, a condition on a value of several parts holds where it holds for one of them; a number and
its text are the same, and so are true, 1 and ``"true"`` where a field says yes or no.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from beadwork.model.connectivity.annotation import SEVERAL
from beadwork.model.connectivity.signature_table import as_written
from beadwork.serve.parameters import unknown_words
from beadwork.serve.refusals import RefusedError

MOST_VALUES = 20_000
MOST_WILD = 5
CONDITIONS = ("inq", "nin", "eq", "neq", "gt", "gte", "lt", "lte", "between", "like", "nlike", "ilike", "nilike",
              "regexp", "exists")  # fmt: skip
TRUTH = {"true": 1.0, "false": 0.0}
_META = re.compile(r"[\\^$.|?*+()\[\]{}]")
Test = Callable[[Any], bool]


def read_tests(condition: Any, values: Sequence[Any]) -> list[tuple[Test, bool]]:
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
        same = _any_part(_is_one_of([wanted], values))
        return (same, False) if operator == "eq" else ((lambda value: not same(value)), True)
    if operator in ("inq", "nin"):
        listed = wanted if isinstance(wanted, list) else [wanted]
        if len(listed) > MOST_VALUES:
            raise RefusedError(f"where: more than {MOST_VALUES:,} values", 400, field="where")
        among = _any_part(_is_one_of(listed, values))
        has_none = any(item is None for item in listed)
        return (among, has_none) if operator == "inq" else ((lambda value: not among(value)), not has_none)
    if operator == "between":
        if not isinstance(wanted, list) or len(wanted) != 2:
            raise RefusedError("where: between needs a list of two values", 400, field="where")
        low, high = _compare(">=", wanted[0], values), _compare("<=", wanted[1], values)
        return _any_part(lambda value: low(value) and high(value)), False
    if operator in _SIGNS:
        return _any_part(_compare(_SIGNS[operator], wanted, values)), False
    if operator == "regexp":
        return _any_part(_regexp(wanted, options, values)), False
    if operator in ("like", "nlike", "ilike", "nilike"):
        found = _any_part(_like(wanted, operator, options, values))
        return (found, False) if operator in ("like", "ilike") else ((lambda value: not found(value)), True)
    if operator == "exists":
        there = is_true(wanted)
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


def is_true(item: Any) -> bool:
    """Whether something says yes: true, 1, and their texts."""
    return item is True or (isinstance(item, int | float) and item == 1) or item in ("true", "1")


def number_of(value: Any) -> float | None:
    """Give the number that a value is, or that its text says; None for a text."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | np.bool_ | int | float | np.number)


def _is_one_of(wanted: Sequence[Any], values: Sequence[Any]) -> Test:
    for item in wanted:
        if isinstance(item, list | Mapping):
            raise RefusedError("where: a value is a text, a number, true, false or null", 400, field="where")
    given = [item for item in wanted if item is not None]
    texts = {_text(item) for item in given}
    numbers = {number_of(item) for item in given} - {None}
    words = {str(item).lower() for item in given if isinstance(item, bool)}
    if all(_is_number(value) and value in (0, 1) for value in values):  # yes or no, also where an address says it
        numbers |= {TRUTH[text.lower()] for text in texts if text.lower() in TRUTH}

    def test(value: Any) -> bool:
        if _text(value) in texts:
            return True
        if _is_number(value):
            return as_written(float(value)) in numbers
        return isinstance(value, str) and value.lower() in words

    return test


def _compare(sign: str, wanted: Any, values: Sequence[Any]) -> Test:
    if isinstance(wanted, list | Mapping) or wanted is None:
        raise RefusedError("where: a number or a text is needed to compare with", 400, field="where")
    bound = number_of(wanted)
    if bound is None and values and all(_is_number(value) for value in values):
        raise RefusedError(f"where: the field holds numbers, and {str(wanted)[:40]!r} is none", 400, field="where")

    def test(value: Any) -> bool:
        number = number_of(value)
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


def _like(wanted: Any, operator: str, options: str, values: Sequence[Any]) -> Test:
    """Match a pattern: ``%`` and ``.*`` are any letters, ``^`` and ``$`` the ends; else the text may stand anywhere.

    clue.io took the pattern as a regular expression: where it is one, and no ``%`` is in it, it matches as that too.
    """
    if not isinstance(wanted, str) or len(wanted) > 200:
        raise RefusedError(f"where: {operator} needs a text of up to 200 letters", 400, field="where")
    ignore = "i" in options or operator in ("ilike", "nilike")
    text, flags = wanted, re.IGNORECASE if ignore else 0
    start, end = text.startswith("^"), text.endswith("$") and not text.endswith("\\$")
    pieces = re.split(r"%|\.\*", text[1 if start else 0 : len(text) - end])
    if len(pieces) > MOST_WILD + 1:
        raise RefusedError(f"where: {operator} with more than {MOST_WILD} wildcards", 400, field="where")
    whole = "%" in text  # as in SQL, where % says where the rest may stand
    body = ".*".join(re.escape(re.sub(r"\\(.)", r"\1", piece)) for piece in pieces)
    pattern = re.compile(f"{'^' if start or whole else ''}{body}{'$' if end or whole else ''}", flags | re.DOTALL)
    held: set[str] = set()
    if not whole and _META.search(text):
        try:
            held = _matched(text, ignore, values)
        except ValueError:  # the text itself, such as (+)-JQ1
            held = set()
    return lambda value: pattern.search(_text(value)) is not None or _text(value) in held


def _regexp(wanted: Any, options: str, values: Sequence[Any]) -> Test:
    """Match a regular expression, also one written ``/.../i``, by RE2: no pattern makes it take long."""
    if not isinstance(wanted, str) or len(wanted) > 200:
        raise RefusedError("where: regexp needs a text of up to 200 letters", 400, field="where")
    slashed = re.fullmatch(r"/(.*)/([a-z]*)", wanted, re.DOTALL)
    pattern, flags = (slashed[1], slashed[2]) if slashed else (wanted, options)
    try:
        held = _matched(pattern, "i" in flags, values)
    except ValueError as error:
        reason = str(error).rpartition(": ")[2]
        raise RefusedError(f"where: regexp cannot be read ({reason[:80]})", 400, field="where") from None
    return lambda value: _text(value) in held


def _matched(pattern: str, ignore_case: bool, values: Sequence[Any]) -> set[str]:
    """Texts of values, and of their parts, in which an expression of RE2 is found; ValueError where it is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = dict.fromkeys(part for value in values for text in [_text(value)] for part in [text, *text.split(SEVERAL)])
    listed = pa.array(list(texts), pa.string())
    return set(listed.filter(pc.match_substring_regex(listed, pattern, ignore_case=ignore_case)).to_pylist())
