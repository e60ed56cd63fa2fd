"""Addresses of clue.io's API: collections with LoopBack filters, and jobs.

``/api/perts``, ``genes``, ``cells`` and ``sigs`` are lists of our own too: they answer as clue.io did where a request
has ``filter`` or ``user_key``.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.datastructures import UploadFile

from beadwork.serve.clue.jobs import ClueJob, ClueJobs, content_of
from beadwork.serve.clue.loopback import (
    Filter,
    from_brackets,
    matching,
    ordered,
    read_filter,
    read_object,
    records,
)
from beadwork.serve.clue.resources import MAKERS, Collection, collection
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.service import Service

OWN = ("perts", "genes", "cells", "sigs")
"""Collections whose plain address is a list of our own."""
MOST_RECORDS = 100_000
Json = Annotated[str, Query(max_length=1 << 20, description="JSON as of LoopBack")]


def is_clue(request: Request) -> bool:
    """Whether a request is one of clue.io's API."""
    names = [name for name, _ in request.query_params.multi_items()]
    marked = any(name == "user_key" or name == "filter" or name.startswith("filter[") for name in names)
    return marked or "user_key" in request.headers


def clue_list(state: IndexState, name: str, request: Request) -> JSONResponse:
    """Rows of a collection that pass the filter of a request."""
    found = collection(state, name)
    wanted = read_filter(from_brackets(request.query_params.multi_items(), "filter"))
    return JSONResponse(select(state, found, wanted))


def select(state: IndexState, found: Collection, wanted: Filter) -> list[dict[str, Any]]:
    """Rows as objects."""
    rows = ordered(found.table, matching(found.table, wanted.where).nonzero()[0], wanted.order)
    stop = None if wanted.limit is None else wanted.skip + wanted.limit
    rows = rows[wanted.skip : stop]
    if len(rows) > MOST_RECORDS:
        words = f"{len(rows):,} rows; ask for {MOST_RECORDS:,} at a time, with limit and skip"
        raise RefusedError(words, 413, "too_large", "filter")
    result = records(found.table, rows, wanted.fields, wanted.left_out, found.lists)
    for name in wanted.include:
        key = (found.relations or {}).get(name)
        if key is None:
            known = ", ".join(found.relations or {}) or "nothing"
            raise RefusedError(f"filter: include {name!r} is not known here; {known} can be", 400, field="filter")
        _include(state, found, rows, result, name, key)
    return result


def _include(
    state: IndexState, found: Collection, rows: Any, result: list[dict[str, Any]], name: str, key: str
) -> None:
    other = collection(state, name).table
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in other.arrow.to_pylist():
        by_key.setdefault(row[key], []).append(row)
    for one, item in zip(found.table.take(rows, [key]).column(key).to_pylist(), result, strict=True):
        item[name] = by_key.get(one, [])


def routes(service: Service) -> APIRouter:
    """Routes of clue.io's API; they come before those of our own of the same beginning."""
    router = APIRouter(prefix="/api", tags=["as clue.io"])
    states, jobs = service.states, service.clue_jobs

    def add(name: str) -> None:
        @router.get(f"/{name}/count", summary=f"How many {name} meet the conditions")
        def count(request: Request, where: Json = "") -> dict[str, int]:
            given = request.query_params.multi_items()
            found = collection(states.current, name)
            keep = matching(found.table, read_object(from_brackets(given, "where"), "where"))
            keep &= matching(found.table, read_filter(from_brackets(given, "filter")).where)
            return {"count": int(keep.sum())}

        @router.get(f"/{name}/findOne", summary=f"The first of the {name} that pass the filter", response_model=None)
        def find_one(request: Request, filter: Json = "") -> dict[str, Any]:
            state = states.current
            wanted = read_filter(from_brackets(request.query_params.multi_items(), "filter"))
            one = Filter(wanted.where, wanted.fields, wanted.left_out, 1, wanted.skip, wanted.order, wanted.include)
            found = select(state, collection(state, name), one)
            if not found:
                raise not_found(f"none of the {name} passes the filter", "filter")
            return found[0]

        if name not in OWN:

            @router.get(f"/{name}", summary=f"{name} that pass the filter", response_model=None)
            def listed(request: Request, filter: Json = "") -> Response:
                return clue_list(states.current, name, request)

    for name in MAKERS:
        add(name)

    @router.post("/jobs", summary="Run a tool of clue.io: multipart with uptag-cmapfile, dntag-cmapfile, tool_id, name")
    async def post_job(request: Request) -> dict[str, Any]:
        from starlette.concurrency import run_in_threadpool

        async with request.form(max_files=4, max_fields=40) as form:
            given = {key: form.get(key) for key in form}
            job = await run_in_threadpool(_submit, jobs, states.current, given)
        return {"result": {"job_id": job.key, "status": job.status, "errorMessage": job.error}}

    @router.get("/jobs", summary="Jobs, newest first", response_model=None)
    def list_jobs(request: Request) -> list[dict[str, Any]]:
        return [job.as_json(_address(request)) for job in jobs.all()]

    @router.get("/jobs/findByJobId/{key}", summary="Where a job stands")
    def find_job(key: str, request: Request) -> dict[str, Any]:
        return jobs.find(key).as_json(_address(request))

    @router.get("/jobs/{key}/{name}.tar.gz", summary="Archive of a job", response_class=FileResponse)
    def archive(key: str, name: str) -> Response:
        job = jobs.find(key)
        if job.archive is None:
            raise RefusedError(job.error or "the job is not completed yet", 422, "not_answered")
        return FileResponse(job.archive, media_type="application/gzip")

    return router


def _submit(jobs: ClueJobs, state: IndexState, given: dict[str, Any]) -> ClueJob:
    def text(name: str, default: str = "") -> str:
        item = given.get(name)
        return item if isinstance(item, str) else default

    files = [
        content_of(item if isinstance(item, str | UploadFile) else None, name)
        for item, name in ((given.get("uptag-cmapfile"), "up"), (given.get("dntag-cmapfile"), "dn"))
    ]
    params = {name: text(name) for name in ("data_type", "dataset", "ignoreWarnings") if text(name)}
    name = text("name", "my_analysis")[:100] or "my_analysis"
    return jobs.submit(state, text("tool_id", "sig_gutc_tool"), name, files[0], files[1], params)


def _address(request: Request) -> str:
    return f"//{request.headers.get('host', '')}{str(request.scope.get('root_path', '')).rstrip('/')}"
