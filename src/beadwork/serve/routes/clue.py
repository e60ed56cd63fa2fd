"""Addresses of clue.io's API: collections with LoopBack filters, and jobs.

``/api/perts``, ``genes``, ``cells`` and ``sigs`` are lists of our own too: they answer as clue.io did where a request
has ``filter`` or ``user_key``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.datastructures import UploadFile

from beadwork.serve.clue.gene_lists import gene_lists
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
from beadwork.serve.clue.names import check_names
from beadwork.serve.clue.resources import MAKERS, Collection, collection
from beadwork.serve.document import JOB_FORM, MOST_NAME
from beadwork.serve.guard import prefix_of
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.parameters import unknown_words
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.service import Service

OWN = ("perts", "genes", "cells", "sigs")
"""Collections whose plain address is a list of our own."""
MOST_RECORDS = 100_000
Json = Annotated[str, Query(max_length=1 << 20, description="JSON as of LoopBack")]


def is_clue(request: Request, kind: str) -> bool:
    """Whether a request is one of clue.io's API: with a filter, or with a key and no parameter of our own.

    Raises
    ------
    RefusedError
        There is a filter beside parameters of our own, or where there is no collection of clue.io.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    filters = [name for name in names if name == "filter" or name.startswith("filter[")]
    own = [name for name in names if name not in (*filters, "user_key")]
    if kind not in OWN and read_object(from_brackets(request.query_params.multi_items(), "filter"), "filter"):
        raise RefusedError(f"filter: {kind} take f=FIELD:VALUE; clue.io's classes are /api/pcls", 400, field="filter")
    if filters and own and kind in OWN:
        words = f"{own[0]} beside a filter: write it into the filter, or use f=FIELD:VALUE instead of the filter"
        raise RefusedError(words, 400, field=own[0])
    keyed = "user_key" in names or any(name in request.headers for name in ("user_key", "x-user-key"))
    return kind in OWN and (bool(filters) or (keyed and not own))


def clue_list(state: IndexState, name: str, request: Request) -> JSONResponse:
    """Rows of a collection that pass the filter of a request; headers say how many pass, and what was left out."""
    wanted = read_filter(from_brackets(request.query_params.multi_items(), "filter"))
    result, total, notes = select(state, name, wanted)
    headers = {"X-Total-Count": str(total)}
    if notes:
        headers["X-Notes"] = "; ".join(notes).encode("ascii", "replace").decode()
    return JSONResponse(result, headers=headers)


def clue_record(state: IndexState, name: str, key: str, request: Request) -> dict[str, Any]:
    """One row of a collection, by its id, with the fields and relations that a filter names."""
    wanted = read_filter(from_brackets(request.query_params.multi_items(), "filter"))
    if wanted.where or wanted.order or wanted.skip or wanted.limit is not None:
        raise RefusedError("filter: of one record it takes fields and include", 400, field="filter")
    result, _, _ = select(state, name, replace(wanted, where={"id": {"eq": key}}, limit=1))
    if not result:
        raise not_found(f"none of the {name} has the id {key[:80]!r}", "id")
    return result[0]


def select(state: IndexState, name: str, wanted: Filter) -> tuple[list[dict[str, Any]], int, list[str]]:
    """Rows as objects, how many pass the conditions, and what is worth knowing of these rows."""
    found = collection(state, name)
    lacking = check_names(name, found.table.names, wanted)
    rows = ordered(found.table, matching(found.table, wanted.where).nonzero()[0], wanted.order)
    total = len(rows)
    stop = None if wanted.limit is None else wanted.skip + wanted.limit
    rows = rows[wanted.skip : stop]
    if len(rows) > MOST_RECORDS:
        words = f"{len(rows):,} rows; ask for {MOST_RECORDS:,} at a time, with limit and skip"
        raise RefusedError(words, 413, "too_large", "filter")
    made = gene_lists(state, rows.tolist(), wanted.fields or ()) if name == "sigs" else {}
    result = records(found.table, rows, wanted.fields, wanted.left_out, found.lists, made)
    for other in wanted.include:
        key = (found.relations or {}).get(other)
        if key is None:
            known = ", ".join(found.relations or {}) or "nothing"
            raise RefusedError(f"filter: include {other!r} is not known here; {known} can be", 400, field="filter")
        _include(state, found, rows, result, other, key)
    notes = [f"not in this index: {', '.join(lacking)}"] if lacking else []
    if len(rows) < total:
        first = wanted.skip + 1
        some = f"rows {first} to {wanted.skip + len(rows)}" if len(rows) else "no row"
        notes.append(f"{some} of {total}, by limit and skip")
    return result, total, notes


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
        def count(request: Request, where: Json = "", filter: Json = "") -> dict[str, int]:
            given = request.query_params.multi_items()
            found = collection(states.current, name)
            wanted = [Filter(read_object(from_brackets(given, "where"), "where")),
                      read_filter(from_brackets(given, "filter"))]  # fmt: skip
            keep = np.ones(len(found.table), bool)
            for item in wanted:
                check_names(name, found.table.names, item)
                keep &= matching(found.table, item.where)
            return {"count": int(keep.sum())}

        @router.get(f"/{name}/findOne", summary=f"The first of the {name} that pass the filter", response_model=None)
        def find_one(request: Request, filter: Json = "") -> dict[str, Any]:
            wanted = read_filter(from_brackets(request.query_params.multi_items(), "filter"))
            found, _, _ = select(states.current, name, replace(wanted, limit=1))
            if not found:
                raise not_found(f"none of the {name} passes the filter", "filter")
            return found[0]

        if name not in OWN:

            @router.get(f"/{name}", summary=f"{name} that pass the filter", response_model=None)
            def listed(request: Request, filter: Json = "") -> Response:
                return clue_list(states.current, name, request)

            @router.get(f"/{name}/{{key:path}}", summary=f"One of the {name} by its id")
            def record(key: str, request: Request, filter: Json = "") -> dict[str, Any]:
                return clue_record(states.current, name, key, request)

    for name in MAKERS:
        add(name)

    @router.post("/jobs", summary="Run a tool of clue.io: multipart with uptag-cmapfile, dntag-cmapfile, tool_id, name")
    async def post_job(request: Request) -> dict[str, Any]:
        from starlette.concurrency import run_in_threadpool

        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            job = await run_in_threadpool(_submit, jobs, states.current, read_job(await request.body()))
        else:
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

    @router.get("/jobs/{key}", summary="The same, by the id alone")
    def get_job(key: str, request: Request) -> dict[str, Any]:
        return jobs.find(key).as_json(_address(request))

    @router.delete("/jobs/{key}", summary="Remove a job and its archive")
    def delete_job(key: str) -> dict[str, int]:
        jobs.remove(key)
        return {"count": 1}

    @router.get("/jobs/{key}/{name}.tar.gz", summary="Archive of a job", response_class=FileResponse)
    def archive(key: str, name: str) -> Response:
        job = jobs.find(key)
        if job.archive is None:
            raise RefusedError(job.error or "the job is not completed yet", 422, "not_answered")
        return FileResponse(job.archive, media_type="application/gzip")

    return router


def read_job(raw: bytes) -> dict[str, Any]:
    """Read a job that was sent as JSON: texts in place of files, numbers and truth values as texts."""
    given = read_object(raw.decode("utf-8", "replace"), "request")
    for name, item in given.items():
        if isinstance(item, list | dict):
            raise RefusedError(f"{name}: a text is needed; gene sets are the lines of a GMT", 400, field=name)
    texts = {name: json.dumps(item) if isinstance(item, bool) else item for name, item in given.items()}
    return {name: str(item) for name, item in texts.items() if item is not None}


def _submit(jobs: ClueJobs, state: IndexState, given: dict[str, Any]) -> ClueJob:
    def text(name: str, default: str = "") -> str:
        item = given.get(name)
        return item if isinstance(item, str) else default

    for name in given:
        if name not in JOB_FORM["properties"]:
            raise RefusedError(unknown_words("field", name, JOB_FORM["properties"]), 400, field=name[:60])
    files = [
        content_of(item if isinstance(item, str | UploadFile) else None, name)
        for item, name in ((given.get("uptag-cmapfile"), "up"), (given.get("dntag-cmapfile"), "dn"))
    ]
    params = {name: text(name) for name in ("data_type", "dataset", "ignoreWarnings") if text(name)}
    name = text("name") or "my_analysis"
    if len(name) > MOST_NAME:
        raise RefusedError(f"name: has {len(name):,} letters; {MOST_NAME} at most", 400, field="name")
    return jobs.submit(state, text("tool_id", "sig_gutc_tool"), name, files[0], files[1], params)


def _address(request: Request) -> str:
    return f"//{request.headers.get('host', '')}{prefix_of(request.scope)}"
