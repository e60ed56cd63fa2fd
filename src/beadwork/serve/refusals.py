"""What the API refuses: words for people, a code for programs, and the field at fault."""

from __future__ import annotations

import re
from typing import Any

from fastapi.responses import JSONResponse

from beadwork.model.errors import BeadworkError

_OPTION = re.compile(r",? or lower the limit \(--min-set\)")
"""Advice that only the command line can follow."""


class RefusedError(BeadworkError):
    """A request that cannot be answered.

    Parameters
    ----------
    words
        What is wrong and how to fix it.
    status
        HTTP status.
    code
        Name of the kind of refusal, for programs.
    field
        Field of the request that is at fault.
    """

    def __init__(self, words: str, status: int = 422, code: str = "invalid", field: str | None = None) -> None:
        super().__init__(words)
        self.status, self.code, self.field = status, code, field


def not_found(words: str, field: str | None = None) -> RefusedError:
    """Nothing of that name."""
    return RefusedError(words, 404, "not_found", field)


def error_body(words: str, code: str, field: str | None = None) -> dict[str, Any]:
    """Body of every refusal; ``detail`` repeats the words for programs that look for it."""
    return {"code": code, "words": words, "field": field, "detail": words}


def refusal(error: BeadworkError) -> JSONResponse:
    """Answer to a mistake of the user."""
    words = _OPTION.sub("", str(error))
    if not isinstance(error, RefusedError):
        return JSONResponse(error_body(words, "invalid"), 422)
    headers = {"Retry-After": "2"} if error.status in (429, 503) else None
    return JSONResponse(error_body(words, error.code, error.field), error.status, headers=headers)
