"""The web application: JSON API (OpenAPI document at /openapi.json) and the page that uses it.

Nothing a request holds becomes a path of the file system: assets are read once at the start, results are looked up by
random keys, signatures by id in the index's table.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

from beadwork import __version__
from beadwork.api.index.asking.query_page import query_page
from beadwork.api.index.cards.gene_lists import list_scores
from beadwork.api.index.opened import ConnectivityIndex, load_queries
from beadwork.io.files.cells import plain_cell
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import BeadworkError
from beadwork.model.params import QueryParams
from beadwork.model.pert_types import PERT_TYPES, pert_type_name
from beadwork.serve.guard import AddHeaders, CheckOrigin, LimitBody
from beadwork.serve.invalid import in_words
from beadwork.serve.jobs import BusyError, Job, Jobs
from beadwork.stages.connectivity.roll_up import ranked

ASSETS = Path(__file__).parent / "assets"
MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
MOST_GENES = 2000
MOST_VALUES = 70_000
MOST_BYTES = 8 << 20
PAGE_ROWS = 500


_OPTION = re.compile(r",? or lower the limit \(--min-set\)")
"""Advice that only the command line can follow."""


def _gene_name(value: Any) -> Any:
    """Entrez ids may come as numbers."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return str(int(value)) if whole else value


Gene = Annotated[str, BeforeValidator(_gene_name), Field(max_length=64)]
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"  # fmt: skip
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts"


class QueryRequest(BaseModel):
    """Genes of a query: Entrez ids, symbols of today or older ones, Ensembl ids."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("query", max_length=100, description="name of the query")
    up: list[Gene] = Field(default_factory=list, max_length=MOST_GENES, description="genes that go up")
    down: list[Gene] = Field(default_factory=list, max_length=MOST_GENES, description="genes that go down")
    min_set: int = Field(QueryParams().min_set, ge=1, description="a set with fewer genes in the index is not scored")
    signature: dict[Gene, FiniteFloat] = Field(
        default_factory=dict,
        max_length=MOST_VALUES,
        validation_alias=AliasChoices("signature", "profile"),
        description="value by gene (z-score, t, log fold change): a full signature instead of sets",
    )
    signature_table: str = Field(
        "",
        max_length=MOST_BYTES,
        description="a full signature as the text of a table of differential expression, or of a ranked list",
    )
    where: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list,
        max_length=10,
        description="filters such as cell_id=A375 or tas>=0.2; signatures keep their scores against the whole index, "
        "perturbagens, cells and classes are rolled up from what passes, with the background of their tau",
    )


class QueryState(BaseModel):
    """Where a query stands."""

    id: str
    name: str
    status: Literal["waiting", "running", "done", "failed"]
    done: float = Field(description="share that is done, 0 to 1")
    message: str = ""
    counts: dict[str, int] = Field(default_factory=dict, description="genes given and found")
    notes: list[str] = Field(default_factory=list, description="what is worth knowing")
    null_types: dict[str, int] = Field(
        default_factory=dict, description="null signatures that FDR is measured against, by pert_type"
    )
    missing: list[dict[str, str]] = Field(
        default_factory=list,
        description="genes that are not used: whether a gene, but not in this index, or not a gene, and why",
    )


class Rows(BaseModel):
    """A portion of a ranked table."""

    total: int = Field(description="rows that pass the filters")
    offset: int
    columns: list[str]
    rows: list[list[Any]]


class SignatureProfile(BaseModel):
    """One signature: its annotation, and its most changed genes."""

    sig_id: str
    annotation: dict[str, Any] = Field(description="all fields of the index, the QC of its replicates among them")
    up: list[dict[str, Any]]
    down: list[dict[str, Any]]
    ranked_by: str = Field(
        description="what the genes are ranked by; inferred genes count by the accuracy of inference"
    )
    histogram: dict[str, list[float]]


def create_app(
    index: ConnectivityIndex,
    *,
    hosts: list[str] | None = None,
    most_waiting: int = 8,
    request_seconds: float = 20,
    query_seconds: float = 300,
) -> FastAPI:
    """Build the application for one index.

    Parameters
    ----------
    hosts
        Host names a request may be addressed to; a page of another origin cannot reach a local server by a name of
        its own.
    most_waiting
        Queries that may wait.
    request_seconds
        Time that a request may take to come.
    query_seconds
        Time that a query may take to be scored.
    """
    app = FastAPI(title="beadwork", version=__version__, docs_url=None, redoc_url=None,
                  description="Connections of gene sets with the signatures of one index. Read-only.")  # fmt: skip
    app.add_middleware(LimitBody, most=MOST_BYTES, seconds=request_seconds)
    jobs = Jobs(index, most_waiting=most_waiting, most_seconds=query_seconds)
    app.state.jobs = jobs
    assets = {
        "/" if path.name == "index.html" else f"/{path.name}": (path.read_bytes(), MEDIA[path.suffix])
        for path in sorted(ASSETS.iterdir())
        if path.suffix in MEDIA
    }
    for route, (data, media) in assets.items():
        app.add_api_route(route, _asset(data, media), include_in_schema=False)

    app.add_middleware(CheckOrigin, hosts=hosts or ["127.0.0.1", "localhost"])
    # the one that is added last sees a request first
    app.add_middleware(AddHeaders, headers=HEADERS, defaults={"Content-Security-Policy": POLICY})

    @app.exception_handler(BeadworkError)
    async def user_error(request: Request, error: BeadworkError) -> JSONResponse:
        code = 429 if isinstance(error, BusyError) else 404 if isinstance(error, _NotFoundError) else 422
        return JSONResponse({"detail": _OPTION.sub("", str(error))}, code)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        parts = dict.fromkeys(in_words(item, tuple(QueryRequest.model_fields)) for item in error.errors())
        return JSONResponse({"detail": "; ".join(list(parts)[:5])}, 422)

    @app.get("/api/index", summary="What is in the index")
    def get_index() -> dict[str, Any]:
        facts = index.info()
        facts["path"] = Path(facts["path"]).name
        facts["cell_ids"] = sorted(index.annotation.texts("cell_id")[1])[:500]
        facts["pert_types"] = sorted(index.annotation.texts("pert_type")[1])[:100]
        facts["pert_type_names"] = {kind: pert_type_name(kind) for kind in (*PERT_TYPES, *facts["pert_types"])}
        return facts

    @app.post("/api/queries", status_code=202, summary="Ask the index")
    def post_query(request: QueryRequest) -> QueryState:
        query = _query(request)
        params = QueryParams(min_set=request.min_set)
        (mapped,) = index.map_queries([query], params)
        if request.where:
            from beadwork.stages.connectivity.filters import filter_signatures

            filter_signatures(index.annotation, request.where)
        return _state(jobs.submit(mapped, params, request.where))

    @app.get("/api/queries/{key}", summary="Where a query stands")
    def get_query(key: str) -> QueryState:
        return _state(_find(jobs, key))

    @app.get("/api/queries/{key}/{table}", summary="Ranked rows of an answered query")
    def get_rows(
        key: str,
        table: Literal["signatures", "perturbagens", "cells", "classes"],
        offset: int = 0,
        limit: int = 50,
        text: Annotated[str, Field(max_length=200)] = "",
        cell_id: Annotated[str, Field(max_length=100)] = "",
        pert_type: Annotated[str, Field(max_length=100)] = "",
        sort: Annotated[str, Field(max_length=40)] = "rank",
        descending: bool = False,
    ) -> Rows:
        rows = _table(_find(jobs, key), table)
        rows = _filter(rows, text, cell_id, pert_type)
        if sort not in rows.columns:
            raise BeadworkError(f"no column {sort!r}; there are {', '.join(rows.columns)}")
        if sort != "rank" or descending:
            rows = rows.sort_values(sort, ascending=not descending, kind="stable", na_position="last")
        offset, limit = max(0, offset), min(max(1, limit), PAGE_ROWS)
        part = rows.iloc[offset : offset + limit]
        values = [[_plain(item) for item in row] for row in part.itertuples(index=False)]
        return Rows(total=len(rows), offset=offset, columns=list(rows.columns), rows=values)

    @app.get(
        "/api/queries/{key}/download/{table}", summary="A whole ranked table as TSV", response_class=PlainTextResponse
    )
    def download(key: str, table: Literal["signatures", "perturbagens", "cells", "classes"]) -> Response:
        rows = _table(_find(jobs, key), table)
        texts = {
            name: rows[name].astype(object).map(lambda item: plain_cell(item) if isinstance(item, str) else item)
            for name in rows.select_dtypes(exclude="number").columns
        }
        text = rows.assign(**texts).to_csv(sep="\t", index=False, float_format="%.6g")
        named = {"Content-Disposition": f'attachment; filename="{table}.tsv"'}
        return Response(text, media_type="text/tab-separated-values; charset=utf-8", headers=named)

    @app.get("/api/queries/{key}/view/page", summary="The self-contained page of a query", response_class=HTMLResponse)
    def page(key: str) -> Response:
        job = _find(jobs, key)
        if job.result is None or job.status != "done":
            raise BeadworkError("the query is not answered yet")
        return HTMLResponse(query_page(job.result, 0, job.rolled), headers={"Content-Security-Policy": PAGE_POLICY})

    @app.get("/api/signature", summary="One signature: annotation, replicates' QC, most changed genes")
    def get_signature(sig_id: Annotated[str, Field(max_length=300)], top: int = 25) -> SignatureProfile:
        return _profile(index, sig_id, min(max(1, top), 200))

    return app


def _query(request: QueryRequest) -> Query:
    """Read what is asked."""
    name = request.name or "query"
    given = [bool(request.up or request.down), bool(request.signature), bool(request.signature_table.strip())]
    if sum(given) > 1:
        raise BeadworkError("give genes that go up and down, or a full signature, not both")
    if request.signature:
        return Query(name, profile=dict(request.signature))
    if not request.signature_table.strip():
        return Query(name, tuple(request.up), tuple(request.down))
    with tempfile.TemporaryDirectory(prefix="beadwork-") as folder:
        path = Path(folder) / "signature.txt"
        path.write_text(request.signature_table, encoding="utf-8")
        try:
            queries = load_queries(signatures=[path])
        except BeadworkError as error:
            raise BeadworkError(str(error).replace(f"{path}", "the table")) from None
    if len(queries) != 1:
        raise BeadworkError(f"the table holds {len(queries)} signatures; give one at a time")
    return replace(queries[0], name=name)


class _NotFoundError(BeadworkError):
    """No such query."""


def _find(jobs: Jobs, key: str) -> Job:
    job = jobs.find(key)
    if job is None:
        raise _NotFoundError("no such query; it may have been dropped for newer ones")
    return job


def _asset(data: bytes, media: str) -> Any:
    async def asset() -> Response:
        return Response(data, media_type=media)

    return asset


def _state(job: Job) -> QueryState:
    query = job.query
    notes = list(job.result.notes(0)) if job.result is not None else list(query.notes)
    if job.rolled is not None:
        notes += job.rolled[1].notes
    null_types = job.result.connections.null_types if job.result is not None else ()
    missing = [
        {"set": item.set, "gene": item.gene, "answer": str(item.answer), "reason": item.reason}
        for item in query.missing[:1000]
    ]
    return QueryState(
        id=job.key, name=query.name, status=job.status, done=round(job.done, 3), message=job.message,
        counts={key: int(value) for key, value in query.counts.items()}, notes=notes, missing=missing,
        null_types=dict(null_types),
    )  # fmt: skip


def _table(job: Job, name: str) -> pd.DataFrame:
    if job.status == "failed":
        raise BeadworkError(job.message)
    if job.status != "done" or job.rolled is None:
        raise BeadworkError("the query is not answered yet")
    if name not in job.tables:
        job.tables[name] = ranked(job.rolled[("cells", "perturbagens", "classes").index(name)], 0)
    return job.tables[name]


def _filter(rows: pd.DataFrame, text: str, cell_id: str, pert_type: str) -> pd.DataFrame:
    keep = np.ones(len(rows), bool)
    for name, wanted in (("cell_id", cell_id), ("pert_type", pert_type)):
        if not wanted:
            continue
        if name not in rows.columns:
            raise BeadworkError(f"these rows have no {name}; roll-ups follow the filters of the query (where)")
        column = rows[name].astype("category")
        same = [wanted.lower() in str(item).lower().split("|") for item in column.cat.categories]
        keep &= np.array([*same, False])[column.cat.codes.to_numpy()]
    for word in text.lower().split():
        hit = np.zeros(len(rows), bool)
        for name in ("sig_id", "pert_iname", "pert_id", "cell_id", "class"):
            if name in rows.columns:
                column = rows[name].astype("category")
                matched = np.array([word in str(item).lower() for item in column.cat.categories] + [False])
                hit |= matched[column.cat.codes.to_numpy()]
        keep &= hit
    return rows if keep.all() else rows[keep]


def _plain(item: Any) -> Any:
    if item is None or item != item:
        return None
    if isinstance(item, np.floating | float):
        return round(float(item), 6) if np.isfinite(item) else None
    return item.item() if isinstance(item, np.generic) else item


def _profile(index: ConnectivityIndex, sig_id: str, top: int) -> SignatureProfile:
    z = index.signature(sig_id)
    place = index.position(sig_id)
    (row,) = index.annotation.take(np.array([place])).to_pylist()
    symbols = index.genes["symbol"].to_numpy(object)
    scores, note = list_scores(index, [place], z.to_numpy(np.float64)[None])
    order = np.argsort(-scores[0], kind="stable")

    def genes(places: np.ndarray) -> list[dict[str, Any]]:
        return [
            {"gene_id": str(z.index[at]), "symbol": _plain(symbols[at]), "z": round(float(z.iloc[at]), 3)}
            for at in places
        ]

    counts, edges = np.histogram(z, bins=41)
    return SignatureProfile(
        sig_id=sig_id,
        annotation={
            str(name): _plain(item) for name, item in row.items() if name != "source" and _plain(item) is not None
        },
        up=genes(order[:top]),
        down=genes(order[::-1][:top]),
        ranked_by=note or "z",
        histogram={"counts": [float(item) for item in counts], "edges": [round(float(item), 4) for item in edges]},
    )
