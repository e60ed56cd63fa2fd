"""What the API refuses: words for people, a code for programs, and the field at fault."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

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


class LoopBackError(BaseModel):
    """A refusal as clue.io's API said it."""

    statusCode: int = Field(description="HTTP status")
    name: str = Field(description="Error")
    message: str = Field(description="the words once more")


class ErrorBody(BaseModel):
    """Body of every refusal."""

    code: str = Field(description="kind of refusal, for programs")
    words: str = Field(description="what is wrong and how to fix it")
    field: str | None = Field(description="field of the request that is at fault")
    detail: str = Field(description="the words once more")
    error: LoopBackError = Field(description="the same, for programs written for clue.io")


REFUSALS = {
    400: "a filter or an address that cannot be read",
    401: "the token is missing",
    403: "from another site",
    404: "nothing of that name",
    405: "no such method here",
    408: "the request took too long to come",
    409: "of another state",
    410: "not kept any more",
    413: "too large",
    422: "cannot be used",
    429: "too many wait",
    500: "a fault of the program",
    503: "takes too long here",
}
"""Statuses of refusals, in words."""


def not_found(words: str, field: str | None = None) -> RefusedError:
    """Nothing of that name."""
    return RefusedError(words, 404, "not_found", field)


def refused_as(
    words: str, status: int, code: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Answer with a refusal; ``detail`` and ``error`` repeat the words for programs that look for them there."""
    words = words.encode("utf-8", "backslashreplace").decode()  # half letters cannot be sent
    error = {"statusCode": status, "name": "Error", "message": words}
    body = {"code": code, "words": words, "field": field, "detail": words, "error": error}
    return JSONResponse(body, status, headers=headers)


def refusal(error: BeadworkError) -> JSONResponse:
    """Answer to a mistake of the user."""
    words = _OPTION.sub("", str(error))
    if not isinstance(error, RefusedError):
        return refused_as(words, 422, "invalid")
    headers = {"Retry-After": "2"} if error.status in (429, 503) else None
    return refused_as(words, error.status, error.code, error.field, headers)
