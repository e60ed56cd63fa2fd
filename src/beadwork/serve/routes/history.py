"""Questions that were asked: list, note, star, delete; answers side by side."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from beadwork.serve.answer.compare import compare
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.routes.queries import QueryState, Text, answered, state_of
from beadwork.serve.service import Service
from beadwork.serve.store import MOST_QUESTIONS, Kept

MOST_COMPARED = 10
"""Answers side by side."""


class History(BaseModel):
    """Questions, newest first."""

    total: int
    rows: list[dict[str, Any]]
    next: int | None = Field(description="offset of the next page")
    state: str
    kept_in: str = Field(description="file, or memory until the server ends")


class Mark(BaseModel):
    """What is changed of a question."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    note: str | None = Field(None, max_length=10_000)
    star: bool | None = None


class CompareRequest(BaseModel):
    """Answers to lay side by side."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=2, max_length=MOST_COMPARED)
    table: str = Field("perts", pattern="^(perts|sigs|classes)$")
    rows: int = Field(100, ge=1, le=500, description="rows that differ most")


def routes(service: Service) -> APIRouter:
    """Routes of the history."""
    router = APIRouter(prefix="/api", tags=["history"])
    store = service.store

    @router.get("/history", summary="Questions that were asked here")
    def history(
        text: Text = "", star: bool = False, offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> History:  # fmt: skip
        total, rows = history_rows(service, text, star, offset, limit)
        end = offset + len(rows)
        return History(
            total=total, rows=rows, next=end if end < total else None, state=service.states.current.key,
            kept_in="memory until the server ends" if store.path is None else store.path.name,
        )  # fmt: skip

    @router.delete("/history", summary="Delete all questions without a star")
    def delete_all() -> dict[str, int]:
        return {"deleted": store.delete()}

    @router.get("/history/{key}", summary="One question")
    def one(key: str, request: Request) -> QueryState:
        return state_of(service, _find(service, key), request)

    @router.patch("/history/{key}", summary="Name a question, note something, give it a star")
    def mark(key: str, changes: Mark, request: Request) -> QueryState:
        if not store.mark(key, name=changes.name, note=changes.note, star=changes.star):
            raise not_found("no such query in the history")
        return state_of(service, _find(service, key), request)

    @router.delete("/history/{key}", summary="Delete a question and its answer")
    def delete(key: str) -> dict[str, int]:
        if not store.delete(key):
            raise not_found("no such query in the history")
        return {"deleted": 1}

    @router.post("/compare", summary="Two to ten answers side by side")
    def post_compare(wanted: CompareRequest) -> dict[str, Any]:
        if len(set(wanted.ids)) < len(wanted.ids):
            raise RefusedError("ids: each answer once", field="ids")
        return compare([answered(service, key) for key in wanted.ids], wanted.table, wanted.rows)

    return router


def _find(service: Service, key: str) -> Kept:
    kept = service.store.find(key)
    if kept is None:
        raise not_found("no such query in the history")
    return kept


def history_rows(
    service: Service, text: str = "", star: bool = False, offset: int = 0, limit: int = MOST_QUESTIONS
) -> tuple[int, list[dict[str, Any]]]:
    """How many questions there are, and some of them, newest first."""
    total, kept = service.store.history(text=text, star=star, offset=offset, limit=limit)
    return total, [_row(item, service.states.current.key) for item in kept]


def _row(kept: Kept, current: str) -> dict[str, Any]:
    sure = kept.facts["how_sure"]
    counts = kept.facts["counts"]
    return {
        "id": kept.id, "name": kept.name, "created": kept.created, "state": kept.state,
        "older": kept.state != current, "note": kept.note, "star": kept.star, "is_kept": kept.bytes > 0,
        "bytes": kept.bytes, "verdict": sure[0]["verdict"], "counts": counts,
        "like": kept.question.get("like", ""),
        "kind": next((name for name in ("like", "signature", "signature_table") if kept.question.get(name)), "sets"),
        "where": kept.question.get("where", []), "direction": kept.question.get("direction", "mimic"),
    }  # fmt: skip
