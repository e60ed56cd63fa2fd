"""What is wrong with a request, in words of the field instead of those of the library that found it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beadwork.serve.parameters import unknown_words

_PARTS = {
    "up": "genes that go up", "down": "genes that go down", "signature": "the signature", "profile": "the signature",
    "signature_table": "the table", "where": "the filters", "name": "the name of the query",
    "min_set": "the smallest set",
}  # fmt: skip
_NEEDED = {
    "string_type": "a text is needed",
    "string_unicode": "is no text that UTF-8 can write",
    "list_type": "a list is needed",
    "dict_type": "values by gene are needed",
    "float_type": "a number is needed",
    "float_parsing": "a number is needed",
    "finite_number": "a finite number is needed",
    "int_type": "a whole number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "bool_type": "true or false is needed",
    "bool_parsing": "true or false is needed",
    "model_attributes_type": "a JSON object is needed",
    "string_pattern_mismatch": "is none of the values that there are",
    "missing": "is missing",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def in_words(error: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Say one error of pydantic in plain words.

    Parameters
    ----------
    error
        An item of ``ValidationError.errors()``.
    fields
        Fields that a request may have.
    """
    kind, context = str(error["type"]), error.get("ctx") or {}
    path = [piece for piece in error["loc"] if piece not in ("body", "query", "path", "[key]")]
    if kind == "json_invalid":
        return "the request is not JSON"
    if not path:
        return f"the request is no JSON object; it holds {', '.join(fields) or 'nothing'}"
    if kind == "extra_forbidden":
        return unknown_words("field", str(path[0]), fields)
    what = _PARTS.get(str(path[0]), str(path[0]))
    item = f", item {path[1] + 1}" if len(path) > 1 and isinstance(path[1], int) else ""
    item = item or (f", gene {str(path[1])[:40]}" if len(path) > 1 else "")
    if kind == "string_too_long" or (kind == "too_long" and item):
        return f"{what}{item}: longer than {context['max_length']:,} letters; give one name each"
    if kind == "too_long":
        return f"{what}: more than {context['max_length']:,}"
    if kind in ("too_short", "string_too_short"):
        return f"{what}{item}: at least {context['min_length']:,} needed"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{what}{item}: {words} {context[bound]:g} is needed"
    if kind in ("literal_error", "enum"):
        return f"{what}: {context['expected']} is needed"
    if kind == "value_error" and "UploadFile" in str(error.get("msg")):
        return f"{what}: a file is needed, not a text"
    return f"{what}{item}: {_NEEDED.get(kind, 'cannot be used')}"


def field_of(errors: Sequence[Mapping[str, Any]]) -> str | None:
    """Field of the first error that has one."""
    for error in errors:
        if error["type"] == "json_invalid":
            return None
        path = [str(piece) for piece in error["loc"] if piece not in ("body", "query", "path", "[key]")]
        if path:
            return path[0]
    return None
