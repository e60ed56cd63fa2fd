"""What all routes share: states of the index, jobs, answers, the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fastapi import Request, Response
from pydantic import BaseModel, Field

from beadwork.api.figures.wells import RunPlates
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.answer.answers import Answers
from beadwork.serve.answer.pages import (
    USUAL_ROWS,
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
from beadwork.serve.questions import References, Uploads
from beadwork.serve.store import Store
from beadwork.serve.upload.apart import Apart


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
    apart: Apart = field(default_factory=Apart)
    results: RunPlates | None = None
    starter: bool = False

    @property
    def references(self) -> References:
        """What questions may name."""
        return References(self.uploads, self.store)


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
    """Which page of which view a request wants.

    Attributes
    ----------
    of
        Short name of the address and of all that chooses its rows, for cursors.
    """

    view: View
    offset: int
    limit: int | None
    cursor: str
    fields: str
    of: str = ""

    @property
    def given(self) -> list[str]:
        """Parameters that a request has."""
        said = {"f": self.view.filters, "text": self.view.text, "sort": self.view.sort, "fields": self.fields,
                "cursor": self.cursor, "offset": self.offset, "limit": self.limit}  # fmt: skip
        return [name for name, item in said.items() if item]

    def first(self, state: str) -> int:
        """Place of the first row that is wanted, in the order of the view."""
        return read_cursor(self.cursor, self.tag(state)) if self.cursor else self.offset

    def tag(self, state: str) -> str:
        """Name of what a cursor belongs to: these rows of this state."""
        return f"{state[:8]}{self.of}"

    def cut(self, rows: np.ndarray, state: str) -> np.ndarray:
        """Rows for a file: all of them, or the part that a request wants."""
        first = self.first(state)
        return rows[first:] if self.limit is None else rows[first : first + self.limit]

    def page_of(self, table: SignatureTable, state: str, rows: Any = None) -> tuple[Rows, Any]:
        """Page, and the positions of its rows."""
        rows = rows_of(table, self.view) if rows is None else rows
        offset, limit = self.first(state), self.limit or USUAL_ROWS
        columns, values = page(table, rows, offset=offset, limit=limit, names=chosen_columns(table, self.fields))
        following = cursor_of(offset + limit, len(rows), self.tag(state))
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
