"""What an address takes, by its document: anything else is refused, as a misspelt filter would pass unnoticed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import Request

from beadwork.serve.refusals import RefusedError

EVERYWHERE = ("user_key",)
"""Parameters that every address takes: programs written for clue.io send their key with each request."""
NESTED = ("filter", "where")
"""Parameters of LoopBack, which may also be written in brackets: ``filter[where][cell_id]=A375``."""


def unknown_words(what: str, given: str, known: Iterable[str]) -> str:
    """Say that a name is not known: what was probably meant, else what there is."""
    names = list(known)
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(given.lower(), list(by_lower), n=1)
    there = ", ".join(names[:60]) or "none"
    return f"there is no {what} {given[:60]!r}; " + (
        f"did you mean {by_lower[near[0]]!r}?" if near else f"there are {there}"
    )


async def refuse_unknown(request: Request) -> None:
    """Refuse query parameters that the address of a request does not take.

    Raises
    ------
    RefusedError
        There is one.
    """
    given = list(request.query_params)
    operation = operation_of(request) if given else None
    if operation is None:
        return
    taken = {item["name"]: item for item in operation.get("parameters", ()) if item["in"] == "query"}
    known = list(taken)
    names = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name in taken and names.count(name) > 1 and not _takes_several(taken[name].get("schema", {})):
            raise RefusedError(f"{name}: is given {names.count(name)} times; one at a time", field=name)
        whole = name.partition("[")[0]
        if name in known or name in EVERYWHERE or (whole in NESTED and whole in known):
            continue
        words = unknown_words("parameter", name, known)
        hint = "; a search as of clue.io is filter={...}" if "filter" in known and whole in ("where", "order") else ""
        raise RefusedError(words + hint, field=name[:60])


def _takes_several(schema: Mapping[str, Any]) -> bool:
    return any(item.get("type") == "array" for item in (schema, *schema.get("anyOf", ())))


async def refuse_unknown_fields(request: Request) -> None:
    """Refuse fields of a form that the address of a request does not take, or that come twice.

    Raises
    ------
    RefusedError
        There is one.
    """
    form, known = await request.form(), body_fields(request)
    given = [name for name, _ in form.multi_items()]
    for name in given:
        if name not in known and name not in EVERYWHERE:
            raise RefusedError(unknown_words("field", name, known), field=name[:60])
        if given.count(name) > 1:
            raise RefusedError(f"{name}: is given {given.count(name)} times; one at a time", field=name)


def operation_of(request: Request) -> Mapping[str, Any] | None:
    """Give what the document says of the address of a request; None for an address that it leaves out."""
    path = getattr(request.scope.get("route"), "path_format", "")
    found: Mapping[str, Any] | None = request.app.openapi()["paths"].get(path, {}).get(request.method.lower())
    return found


def body_fields(request: Request) -> Sequence[str]:
    """Fields that the body of a request may have."""
    operation = operation_of(request) or {}
    fields: dict[str, None] = {}
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = media.get("schema", {})
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        schema = request.app.openapi()["components"]["schemas"].get(name, schema)
        fields |= dict.fromkeys(schema.get("properties", {}))
    return list(fields)
