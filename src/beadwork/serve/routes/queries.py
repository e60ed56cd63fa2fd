"""Ask, look where a question stands, read its answer by the page."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from contextlib import suppress
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from beadwork.api.index.asking.query_page import query_page
from beadwork.kernels.connectivity.wtcs.score import enrichment_score, running_sum
from beadwork.model.errors import BeadworkError
from beadwork.serve.answer.answers import HIDDEN, OLD_NAMES, STRIP_BINS, Answer, missing_rows
from beadwork.serve.answer.beside import beside
from beadwork.serve.answer.files import arrow_stream
from beadwork.serve.answer.heat import heat_map
from beadwork.serve.answer.pages import MOST_ROWS, USUAL_ROWS, View, plain, why_no_rows
from beadwork.serve.guard import prefix_of
from beadwork.serve.jobs import Job
from beadwork.serve.lookup.states import arrow_rows
from beadwork.serve.questions import MOST_AT_ONCE, Question, short_question, understand, understand_all
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.service import PageRequest, Rows, Service, is_unchanged
from beadwork.serve.store import Kept

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts"
MOST_POINTS = 2000
PAGING = ("cursor", "offset", "limit", "fields", "user_key")
"""Parameters that may change from page to page."""
TableName = Literal["perts", "classes", "genes", "cells", "sigs", "signatures", "perturbagens"]
Text = Annotated[str, Query(max_length=200)]
Columns = Annotated[str, Query(max_length=4000)]
"""Names of columns: all that a table has, as the page asks for them."""
Name = Annotated[str, Query(max_length=300)]


class Sure(BaseModel):
    """One reason for or against an answer."""

    verdict: str = Field(description="do not rank, treat as a hint, usable")
    words: str


class QueryState(BaseModel):
    """Where a question stands, and what stands at the top of its answer."""

    id: str
    name: str
    phase: str = Field(description="waiting, scoring, rolling up, keeping, done, failed, cancelled")
    status: Literal["waiting", "running", "done", "failed", "cancelled"]
    place: int = Field(0, description="place in the queue, 1 is next; 0 when its turn has come")
    done: float = Field(description="share that is done, 0 to 1")
    of: float = 1
    elapsed: float = Field(description="seconds since it was asked")
    message: str = ""
    verdict: str | None = Field(None, description="the worst of how_sure")
    how_sure: list[Sure] = Field(default_factory=list, description="reasons, worst first")
    counts: dict[str, int] = Field(default_factory=dict, description="genes given and found, rows of the tables")
    notes: list[str] = Field(default_factory=list, description="what is worth knowing")
    null_types: dict[str, int] = Field(
        default_factory=dict, description="null signatures that FDR is measured against, by pert_type"
    )
    missing: list[dict[str, str]] = Field(
        default_factory=list,
        description="genes that are not used: whether a gene, but not in this index, or not a gene, and why",
    )
    scores: list[str] = Field(default_factory=list, description="scores by signature there are")
    question: dict[str, Any] = Field(default_factory=dict, description="what was asked, to be asked again")
    state: str = Field(description="state of the index that it is asked of")
    older: bool = Field(False, description="whether the index has changed since")
    note: str = ""
    star: bool = False
    created: float | None = Field(None, description="seconds since 1970")
    state_url: str = Field("", description="where this can be read again")


class Batch(BaseModel):
    """Questions to be asked at once."""

    model_config = ConfigDict(extra="forbid")

    questions: list[Question] = Field(min_length=1, max_length=MOST_AT_ONCE)


class Asked(BaseModel):
    """Where each question of a batch stands, in its order."""

    queries: list[QueryState]


def page_request(
    request: Request,
    offset: Annotated[int, Query(ge=0, le=10**9, description="rows that are left out before the first")] = 0,
    limit: Annotated[
        int | None, Query(ge=1, le=MOST_ROWS, description=f"rows of a page, {USUAL_ROWS} without it; a file has all")
    ] = None,
    cursor: Text = "",
    sort: Text = "",
    f: Annotated[list[str] | None, Query(max_length=20, description="filters; see View")] = None,
    text: Text = "",
    fields: Columns = "",
    descending: bool = False,
    cell_id: Annotated[str, Query(max_length=100)] = "",
    pert_type: Annotated[str, Query(max_length=100)] = "",
) -> PageRequest:
    """Which page of which view is wanted."""
    if sort and descending:
        sort = f"-{sort}"
    filters = [item for item in f or [] if item.strip()]
    if any(len(item) > 1000 for item in filters):
        raise RefusedError("f: longer than 1,000 letters", field="f")
    filters += [f"{name}:{value}" for name, value in (("cell_id", cell_id), ("pert_type", pert_type)) if value]
    if cursor and offset:
        raise RefusedError("offset: stands in the cursor; give one of both", field="offset")
    asked = sorted(item for item in request.query_params.multi_items() if item[0] not in PAGING)
    path = re.sub(r"\.[a-z]+$", "", request.url.path)
    of = hashlib.sha256(json.dumps([path, asked]).encode()).hexdigest()[:12]
    return PageRequest(View(tuple(filters), text, sort), offset, limit, cursor, fields, of)


Page = Annotated[PageRequest, Depends(page_request)]


def routes(service: Service) -> APIRouter:
    """Routes of questions and answers."""
    router = APIRouter(prefix="/api/queries", tags=["queries"])
    jobs, states = service.jobs, service.states

    @router.post("", status_code=202, summary="Ask the index")
    def post_query(question: Question, request: Request) -> QueryState:
        return state_of(service, jobs.submit(understand(question, states.current, service.references)), request)

    @router.post("/batch", status_code=202, summary="Ask several questions: all of them, or none where one cannot be")
    def post_queries(batch: Batch, request: Request) -> Asked:
        asked = []
        for place, found in enumerate(understand_all(batch.questions, states.current, service.references)):
            if isinstance(found, BeadworkError):
                status, code = (found.status, found.code) if isinstance(found, RefusedError) else (422, "invalid")
                words = f"question {place + 1} ({batch.questions[place].name[:60]}): {found}"
                raise RefusedError(words, status, code, "questions")
            asked.append(found)
        return Asked(queries=[state_of(service, one, request) for one in jobs.submit_all(asked)])

    @router.get("/{key}", summary="Where a question stands")
    async def get_query(
        key: str, request: Request,
        wait: Annotated[float, Query(ge=0, le=30, description="seconds to wait for the answer")] = 0,
    ) -> QueryState:  # fmt: skip
        job = jobs.find(key)
        if wait and job is not None and job.is_open:
            await ended(job, wait)
        return await run_in_threadpool(lambda: state_of(service, find(service, key), request))

    @router.delete("/{key}", summary="Cancel a question that is not answered yet")
    def cancel_query(key: str, request: Request) -> QueryState:
        found = find(service, key)
        if isinstance(found, Job):
            jobs.cancel(found)
        return state_of(service, found, request)

    @router.get("/{key}/scores", summary="Scores of all signatures as binary columns")
    def get_scores(key: str, request: Request, fields: Text = "ncs") -> Response:
        answer = answered(service, key)
        names = list(dict.fromkeys(name.strip() for name in fields.split(",") if name.strip()))
        if not names:
            raise RefusedError("fields: name a score, as in fields=ncs,tau", field="fields")
        columns = score_columns(answer, names)
        headers = {"X-Columns": ",".join(names), "X-Rows": str(len(next(iter(columns.values()), ()))),
                   "X-State": answer.kept.state, "X-Type": "<f4"}  # fmt: skip
        if "arrow" in request.headers.get("accept", ""):
            return Response(
                arrow_stream(arrow_rows(columns)), media_type="application/vnd.apache.arrow.stream", headers=headers
            )
        raw = b"".join(np.ascontiguousarray(values, "<f4").tobytes() for values in columns.values())
        return Response(raw, media_type="application/octet-stream", headers=headers)

    @router.get("/{key}/heat", summary="Scores of perturbagens by cell, dose or time")
    def get_heat(
        key: str, page: Page, rows: Annotated[int, Query(ge=1, le=2000)] = 60,
        cols: Literal["cell_id", "pert_idose", "pert_itime"] = "cell_id", cluster: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        if lost := [name for name in page.given if name not in ("f", "text", "sort")]:
            raise RefusedError(f"{lost[0]}: a heat map has no pages; rows says how many it shows", field=lost[0])
        return heat_map(answered(service, key), page.view, rows, cols, cluster)

    @router.get("/{key}/enrichment", summary="Running enrichment sums of one signature")
    def get_enrichment(key: str, sig: Name) -> dict[str, Any]:
        return enrichment(answered(service, key), sig)

    @router.get(
        "/{key}/beside", summary="What a score is read against: null signatures, treatments, background questions"
    )
    def get_beside(key: str, sig: Name = "", pert: Name = "", pert_type: Text = "") -> dict[str, Any]:
        if pert and sig:
            raise RefusedError(
                "pert: a score is of a signature or of a perturbagen; give one of sig and pert", field="pert"
            )
        if pert_type and not pert:
            raise RefusedError("pert_type: says which perturbagen of a name; pert is missing", field="pert_type")
        return beside(answered(service, key), sig, pert, pert_type)

    @router.get("/{key}/view/page", summary="The self-contained page of an answer", response_class=HTMLResponse)
    def view_page(key: str) -> Response:
        result, rolled = answered(service, key).result()
        return HTMLResponse(query_page(result, 0, rolled), headers={"Content-Security-Policy": PAGE_POLICY})

    @router.get("/{key}/{table}", summary="Rows of a table of an answer", response_model=Rows)
    def get_rows(key: str, table: TableName, page: Page, request: Request, response: Response) -> Rows | Response:
        answer = answered(service, key)
        if is_unchanged(request, response, answer.kept.state):
            return Response(status_code=304, headers={"ETag": response.headers["ETag"]})
        return table_page(answer, table, page)

    return router


async def ended(job: Job, seconds: float) -> None:
    """Wait for the end of a job, so long at most; many who wait cost nothing meanwhile."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(over.set)

    job.watch(tell)
    try:
        await asyncio.wait_for(over.wait(), seconds)
    except TimeoutError:
        pass
    finally:
        job.unwatch(tell)


def find(service: Service, key: str) -> Job | Kept:
    """Job or kept answer by its id."""
    job = service.jobs.find(key)
    if job is not None and job.is_open:
        return job
    kept = service.store.find(key)
    if kept is None and job is None:
        raise not_found("no such query; it may have been dropped for newer ones")
    found = kept if kept is not None else job
    assert found is not None
    return found


def answered(service: Service, key: str) -> Answer:
    """Answer by the id of its question.

    Raises
    ------
    RefusedError
        There is none, or not yet.
    """
    job = service.jobs.find(key)
    if job is not None and job.is_open:
        raise RefusedError("the query is not answered yet", 422, "not_answered")
    if job is not None and job.phase in ("failed", "cancelled"):
        raise RefusedError(job.message or "the query was cancelled", 422, job.phase)
    return service.answers.find(key)


def state_of(service: Service, found: Job | Kept, request: Request | None = None) -> QueryState:
    """Where a question stands."""
    current = service.states.current.key
    root = "" if request is None else prefix_of(request.scope)
    if isinstance(found, Kept):
        facts = found.facts
        known = {key: facts[key] for key in ("counts", "notes", "null_types", "missing", "how_sure", "scores")}
        removed = not found.bytes
        return QueryState(
            id=found.id, name=found.name, phase="done", status="done", done=1, elapsed=facts["seconds"], **known,
            verdict=facts["how_sure"][0]["verdict"], question=short_question(found.question), state=found.state,
            older=found.state != current, note=found.note, star=found.star, created=found.created,
            message="this answer is not kept any more; ask again" if removed else "",
            state_url=f"{root}/api/queries/{found.id}",
        )  # fmt: skip
    asked = found.asked
    status = found.phase if found.phase in ("waiting", "failed", "cancelled") else "running"
    return QueryState(
        id=asked.key, name=asked.query.name, phase=found.phase, status=status, place=service.jobs.place(found),
        done=round(found.done, 3), elapsed=round(found.elapsed, 3), message=found.message,
        counts={key: int(value) for key, value in asked.query.counts.items()}, notes=list(asked.query.notes),
        missing=missing_rows(asked.query), question=short_question(asked.question), state=asked.state_key,
        older=asked.state_key != current, state_url=f"{root}/api/queries/{asked.key}",
    )  # fmt: skip


def table_page(answer: Answer, name: str, page: PageRequest) -> Rows:
    """Page of a table; rows of perturbagens have the strip of all their signatures."""
    name = OLD_NAMES.get(name, name)
    table = answer.table(name)
    found, places = page.page_of(table, answer.kept.state, answer.rows(name, page.view))
    if not found.total:
        found.reason = _why_empty(answer, name, len(table))
    if name == "perts" and not page.fields and answer.is_annotated:
        rows = table.take(places, [HIDDEN]).column(HIDDEN).to_numpy()
        found.columns += ["strip", "q25", "q75"]
        for row, (counts, quartiles) in zip(found.rows, answer.strips(rows), strict=True):
            row += [counts, plain(quartiles[0]), plain(quartiles[2])]
        found.strip = {"low": -answer.strip_limit, "high": answer.strip_limit, "bins": STRIP_BINS}
    return found


def _why_empty(answer: Answer, name: str, size: int) -> str:
    """Say why a table shows no rows."""
    if reason := why_no_rows(name, size, answer.annotation.names if answer.is_annotated else ()):
        return reason
    if name == "classes":
        return "no mechanism or target has enough perturbagens here"
    if name == "genes":
        return "no gene was lost or gained in this index, and no drug's targets are known"
    return "no perturbagen of this index passes the question's filters"


def score_columns(answer: Answer, names: list[str]) -> dict[str, np.ndarray]:
    """Scores of all signatures, in the order of the index; enrichment scores are made when they are asked for.

    ``shown`` is 1 where a signature passes the filters of the question, else 0.
    """
    found = {}
    for name in names:
        if name == "shown":
            found[name] = np.zeros(answer.kept.facts["signatures"], np.float32)
            found[name][answer.shown] = 1
        elif name in ("es_up", "es_down"):
            found[name] = answer.enrichment_scores()[name]
        else:
            found[name] = answer.scores(name)
    return found


def enrichment(answer: Answer, sig_id: str) -> dict[str, Any]:
    """Give the running sums of both sets in one signature, and where their genes are."""
    index = answer.open_state.index
    try:
        place = index.position(sig_id)
    except BeadworkError as error:
        raise not_found(str(error), "sig") from None
    sets = answer.stored("sets").to_pydict()
    n_genes = index.store.n_genes
    found: dict[str, Any] = {"sig_id": sig_id, "n_genes": n_genes, "wtcs": plain(float(answer.scores("wtcs")[place])),
                             "ncs": plain(float(answer.scores("ncs")[place]))}  # fmt: skip
    for side in ("up", "down"):
        chosen = [at for at, name in enumerate(sets["set"]) if name == side]
        if not chosen:
            found[side] = None
            continue
        rows = np.array([sets["row"][at] for at in chosen])
        rank, z = index.store.read_genes(place, rows)
        rank = rank.astype(np.int64)
        curve = running_sum(rank, z, n_genes)
        keep = np.unique(np.concatenate([[0, n_genes - 1], rank - 1, rank - 2, [int(np.argmax(np.abs(curve)))]]))
        keep = keep[keep >= 0]
        if len(keep) > MOST_POINTS:
            keep = keep[np.unique(np.linspace(0, len(keep) - 1, MOST_POINTS).astype(int))]
        order = np.argsort(rank, kind="stable")
        found[side] = {
            "es": plain(float(enrichment_score(rank, z, n_genes))),
            "x": (keep + 1).tolist(), "y": [round(float(value), 5) for value in curve[keep]],
            "hits": [{"gene_id": sets["gene_id"][chosen[at]], "symbol": sets["symbol"][chosen[at]],
                      "rank": int(rank[at]), "z": plain(float(z[at]))} for at in order.tolist()],
        }  # fmt: skip
    return found
