"""What all routes share: states of the index, jobs, answers, the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, Field

from beadwork.api.figures.wells import RunPlates
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.answer.answers import Answers
from beadwork.serve.answer.pages import (
    MOST_ROWS,
    View,
    chosen_columns,
    cursor_of,
    page,
    read_cursor,
    rows_of,
)
from beadwork.serve.clue.jobs import ClueJobs
from beadwork.serve.jobs import Jobs
from beadwork.serve.lookup.states import States
from beadwork.serve.questions import Uploads
from beadwork.serve.store import Store


@dataclass(eq=False)
class Service:
    """Everything that a route needs.

    Attributes
    ----------
    results
        Plates of the run that the signatures come from, if they are known.
    starter
        Whether the index is the small library that ships.
    """

    states: States
    store: Store
    jobs: Jobs
    answers: Answers
    uploads: Uploads = field(default_factory=Uploads)
    clue_jobs: ClueJobs = field(default_factory=ClueJobs)
    results: RunPlates | None = None
    starter: bool = False


class Rows(BaseModel):
    """A page of a table."""

    total: int = Field(description="rows that pass the filters")
    offset: int
    columns: list[str]
    rows: list[list[Any]]
    next: str | None = Field(None, description="cursor of the next page")
    state: str = Field("", description="state of the index that the rows are of")
    reason: str | None = Field(None, description="why there are no rows")
    strip: dict[str, float] | None = Field(None, description="scale of the column strip: low, high, bins")


@dataclass(frozen=True)
class PageRequest:
    """Which page of which view a request wants."""

    view: View
    offset: int
    limit: int
    cursor: str
    fields: str

    def page_of(self, table: SignatureTable, state: str, rows: Any = None) -> tuple[Rows, Any]:
        """Page, and the positions of its rows."""
        rows = rows_of(table, self.view) if rows is None else rows
        tag = f"{state[:8]}{self.view.key}"
        offset = read_cursor(self.cursor, tag) if self.cursor else max(0, self.offset)
        limit = min(max(1, self.limit), MOST_ROWS)
        columns, values = page(table, rows, offset=offset, limit=limit, names=chosen_columns(table, self.fields))
        following = cursor_of(offset + limit, len(rows), tag)
        found = Rows(
            total=len(rows),
            offset=offset,
            columns=columns,
            rows=values,
            next=following,
            state=state,
            strip=None,
            reason=None,
        )
        return found, rows[offset : offset + limit]


def is_unchanged(request: Request, response: Response, *parts: str) -> bool:
    """Set the ETag of an answer; True where the client has it already."""
    import hashlib

    tag = hashlib.sha256("\n".join((*parts, str(request.url.path), str(request.url.query))).encode()).hexdigest()[:20]
    response.headers["ETag"] = f'"{tag}"'
    return f'"{tag}"' in request.headers.get("if-none-match", "")
