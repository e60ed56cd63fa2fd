"""Many questions at once, such as a library of diseases, and the matrix of their answers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.answer.answers import Answer
from beadwork.serve.answer.pages import plain, why_no_rows
from beadwork.serve.answer.recent import Recent
from beadwork.serve.library.batches import Batches, members_of
from beadwork.serve.library.matrix import answer_matrix
from beadwork.serve.questions import MOST_IN_LIST, Question
from beadwork.serve.refusals import not_found
from beadwork.serve.routes.exports import table_file
from beadwork.serve.routes.queries import Page
from beadwork.serve.service import PageRequest, Rows, Service
from beadwork.serve.store import KeptBatch

ENDS = 3
"""Perturbagens of both ends that stand beside each question."""
MOST_KEPT = 8
"""Matrices that were made last."""
MOST_ENDS = MOST_KEPT * MOST_IN_LIST
"""Answers whose ends were looked at last."""
Score = Literal["ncs", "median_ncs", "tau", "tau_own"]
Shown = Annotated[Score, Query(description="score of the cells")]
Level = Literal["perts", "classes"]


class BatchRequest(BaseModel):
    """Questions to be asked together."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("library", min_length=1, max_length=100)
    questions: list[Question] = Field(min_length=1, max_length=MOST_IN_LIST)


class Member(BaseModel):
    """One question of a list."""

    column: str = Field(description="its column in the matrices")
    id: str = Field(description="id of its answer; empty where it could not be asked")
    name: str
    status: Literal["waiting", "running", "done", "failed", "cancelled", "refused", "not asked"]
    message: str = Field(description="why it is not answered")
    state: str = Field("", description="state of the index that its answer is of")
    verdict: str = Field("", description="how sure the answer is")
    resembles: list[dict[str, Any]] = Field(default_factory=list, description="perturbagens with the highest NCS")
    opposes: list[dict[str, Any]] = Field(default_factory=list, description="perturbagens with the lowest NCS")


class BatchState(BaseModel):
    """Where a list of questions stands."""

    id: str
    name: str
    created: float
    done: int
    of: int
    running: bool = Field(description="whether some are still to be answered")
    older: bool = Field(description="whether the index has changed since")
    members: list[Member]


def routes(service: Service) -> APIRouter:
    """Routes of lists of questions."""
    router = APIRouter(prefix="/api/batches", tags=["batches"])
    batches = Batches(service.store, service.jobs)
    tables: Recent[SignatureTable] = Recent(MOST_KEPT)
    ends: Recent[dict[str, Any]] = Recent(MOST_ENDS)

    @router.post("", status_code=202, summary="Ask many questions")
    def post_batch(wanted: BatchRequest) -> BatchState:
        return state(batches.ask(wanted.name, wanted.questions, service.states.current, service.references))

    @router.get("", summary="Lists of questions that were asked here")
    def get_batches() -> dict[str, Any]:
        rows = [{**row, "running": batches.is_running(row["id"])} for row in libraries_of(service)]
        return {"total": len(rows), "rows": rows, "state": service.states.current.key}

    @router.get("/{key}", summary="Where each question of a list stands")
    def get_batch(key: str) -> BatchState:
        return state(batches.find(key))

    @router.post("/{key}/again", status_code=202, summary="Ask what is not answered of the index as it is now")
    def again(key: str) -> BatchState:
        return state(batches.again(key, service.states.current, service.references))

    @router.post("/{key}/cancel", summary="Stop asking")
    def cancel(key: str) -> BatchState:
        batches.cancel(key)
        return state(batches.find(key))

    @router.delete("/{key}", summary="Remove a list; its answers stay in the history")
    def delete(key: str) -> dict[str, int]:
        batches.cancel(key)
        service.store.delete_batch(key)
        return {"deleted": 1}

    @router.get("/{key}/{table}.{ending}", summary="The same as a file", response_class=Response)
    def as_file(key: str, table: Level, ending: Literal["tsv", "json", "arrow"], page: Page, score: Shown = "ncs"
                ) -> Response:  # fmt: skip
        made, members = matrix_of(key, table, score)
        return table_file(made, f"{table}_{score}", ending, _of_answers(page, members), members[0]["state"])

    @router.get("/{key}/{table}", summary="Matrix of perturbagens or classes by questions")
    def matrix(key: str, table: Level, page: Page, score: Shown = "ncs") -> Rows:
        made, members = matrix_of(key, table, score)
        found, _ = _of_answers(page, members).page_of(made, members[0]["state"])
        if not found.total:
            found.reason = _why_empty(table, len(made), service.answers.find(members[0]["id"]))
        return found

    def matrix_of(key: str, table: str, score: Score) -> tuple[SignatureTable, list[dict[str, Any]]]:
        members = [item for item in members_of(batches, batches.find(key)) if item["status"] == "done"]
        if not members:
            raise not_found("no question of this list is answered yet")
        done = [(item["column"], item["id"]) for item in members]
        name = (table, score, *(f"{column}{one}" for column, one in done))
        made = tables.get(name)
        if made is None:
            answers = [(column, service.answers.find(one)) for column, one in done]
            made = tables.keep(name, answer_matrix(answers, table, score))
        return made, members

    def state(batch: KeptBatch) -> BatchState:
        members = [Member(**item) for item in members_of(batches, batch)]
        for member in members:
            if member.status == "done":
                known = ends.get(member.id) or ends.keep(member.id, _ends(service.answers.find(member.id)))
                member.verdict, member.resembles, member.opposes = known["verdict"], known["up"], known["down"]
        return BatchState(
            id=batch.id, name=batch.name, created=batch.created, of=len(members), members=members,
            done=sum(item.status == "done" for item in members), running=batches.is_running(batch.id),
            older=bool({item.state for item in members if item.state} - {service.states.current.key}),
        )  # fmt: skip

    return router


def _of_answers(page: PageRequest, members: list[dict[str, Any]]) -> PageRequest:
    """Page of the matrix of these answers: with every further one it has other rows."""
    ids = hashlib.sha256("".join(item["id"] for item in members).encode()).hexdigest()[:12]
    return replace(page, of=f"{page.of}{ids}")


def _ends(answer: Answer) -> dict[str, Any]:
    """Perturbagens of both ends of an answer, and how sure it is."""
    rows = answer.table("perts").arrow.select(["pert_iname", "pert_type", "ncs"]).to_pylist()
    known = [row for row in rows if row["ncs"] is not None and row["ncs"] == row["ncs"]]
    return {
        "verdict": answer.kept.facts["how_sure"][0]["verdict"],
        "up": [plain(row) for row in known[:ENDS] if row["ncs"] > 0],
        "down": [plain(row) for row in known[::-1][:ENDS] if row["ncs"] < 0],
    }


def _why_empty(table: str, size: int, answer: Answer) -> str:
    fields = () if answer.state is None else answer.state.index.annotation.names
    return why_no_rows(table, size, fields) or "no row has this score in any answer"


def libraries_of(service: Service) -> list[dict[str, Any]]:
    """List the lists of questions that were asked here, newest first."""
    return [{"id": key, "name": name, "created": created, "of": len(ids),
             "done": len(service.store.states_of([one for one in ids if one]))}
            for key, name, created, ids in service.store.batches()]  # fmt: skip
