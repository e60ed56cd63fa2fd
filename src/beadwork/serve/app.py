"""The web application: JSON API (OpenAPI document at /openapi.json) and the page that uses it.

Nothing a request holds becomes a path of the file system: assets are read once at the start, answers are looked up by
the id of their question, signatures by id in the index's table.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from beadwork import __version__
from beadwork.api.figures.wells import RunPlates
from beadwork.api.index.cards.gene_lists import list_scores
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.api.library.starter import starter_details, starter_words
from beadwork.io.connectivity.index.layout import MAP
from beadwork.model.errors import BeadworkError
from beadwork.model.pert_types import PERT_TYPES, pert_type_name
from beadwork.serve.answer.answers import Answers
from beadwork.serve.answer.pages import plain
from beadwork.serve.document import describe
from beadwork.serve.guard import AddHeaders, CheckOrigin, CheckToken, LimitBody, SingleSlash, UnderPrefix, prefix_of
from beadwork.serve.invalid import field_of, in_words
from beadwork.serve.jobs import MOST_SECONDS, MOST_WAITING, Jobs
from beadwork.serve.lookup.states import States
from beadwork.serve.page import add_page
from beadwork.serve.parameters import body_fields, refuse_unknown
from beadwork.serve.questions import MOST_BYTES
from beadwork.serve.refusals import refusal, refused_as
from beadwork.serve.routes import (
    addresses,
    batches,
    cards,
    clue,
    exports,
    genes,
    history,
    plates,
    points,
    queries,
    repurposing,
    signatures,
)
from beadwork.serve.service import Service
from beadwork.serve.store import Store

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"  # fmt: skip
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
UNREAD = "There was an error parsing the body"
"""What FastAPI says of JSON that Python cannot read."""
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


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
    store: Store | None = None,
    reopen: Callable[[], ConnectivityIndex] | None = None,
    most_waiting: int = MOST_WAITING,
    request_seconds: float = 20,
    query_seconds: float = MOST_SECONDS,
    root_path: str = "",
    token: str | None = None,
    results: RunPlates | None = None,
    starter: bool = False,
) -> FastAPI:
    """Build the application for one index.

    Parameters
    ----------
    hosts
        Host names a request may be addressed to; a page of another origin cannot reach a local server by a name of
        its own.
    store
        Where answers are kept; without it in memory.
    reopen
        Opens the index as it is then; with it, a changed index is noticed.
    most_waiting
        Queries that may wait.
    request_seconds
        Time that a request may take to come.
    query_seconds
        Time that a query may take to be scored.
    root_path
        Prefix under which a proxy shows this server.
    token
        What requests must show, where others reach the server; None: nothing.
    results
        Plates of the run that the signatures come from.
    starter
        Whether the index is the small library that ships.
    """
    app = FastAPI(
        title="beadwork",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        description="Connections of gene sets and signatures with those of one index, which is only read.",
    )
    app.root_path = root_path
    app.add_middleware(
        LimitBody, most=MOST_BYTES, seconds=request_seconds, larger={"/api/signature": signatures.MOST_VALUES}
    )
    kept = store or Store()
    states = States(index, reopen, kept.folder)
    jobs = Jobs(kept, most_waiting=most_waiting, most_seconds=query_seconds)
    service = Service(states, kept, jobs, Answers(kept, states), results=results, starter=starter)
    app.state.service = service
    if token:
        app.add_middleware(CheckToken, token=token)
    app.add_middleware(CheckOrigin, hosts=hosts or ["127.0.0.1", "localhost"])
    app.add_middleware(SingleSlash, start="/api")
    if root_path:
        app.add_middleware(UnderPrefix, prefix=root_path)
    # the one that is added last sees a request first
    app.add_middleware(AddHeaders, headers=HEADERS, defaults={"Content-Security-Policy": POLICY})

    @app.exception_handler(BeadworkError)
    async def user_error(request: Request, error: BeadworkError) -> Response:
        return refusal(error)

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> JSONResponse:
        words = "the server failed by a fault of the program; its log says more"
        return refused_as(words, 500, "fault", headers={**HEADERS, "Content-Security-Policy": POLICY})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = body_fields(request)
        parts = dict.fromkeys(in_words(item, fields) for item in error.errors())
        words = "; ".join(list(parts)[:5])
        return refused_as(words, 422, "invalid", field_of(error.errors()))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        code, words = _CODES.get(error.status_code, "refused"), str(error.detail)
        if words == UNREAD:
            words = "the request cannot be read: it is no JSON, nested too deeply, or holds a number of too many digits"
        if words == HTTPStatus(error.status_code).phrase and code == "not_found":
            if _is_of_page(request):
                response = show(request)
                response.status_code = 404
                return response
            words = "there is nothing at this address; /openapi.json names what there is"
        elif code == "method_not_allowed":
            words = f"{request.method} cannot be used at {request.url.path[:200]}; the index is only read"
        return refused_as(words, error.status_code, code, headers=error.headers)

    checked = [Depends(refuse_unknown)]

    @app.get("/api/index", summary="What is in the index", tags=["index"], dependencies=checked)
    def get_index() -> dict[str, Any]:
        state = states.current
        facts = dict(state.facts)
        facts["cell_ids"] = sorted(state.index.annotation.texts("cell_id")[1])[:500]
        facts["pert_types"] = sorted(state.index.annotation.texts("pert_type")[1])[:100]
        facts["pert_type_names"] = {kind: pert_type_name(kind) for kind in (*PERT_TYPES, *facts["pert_types"])}
        facts["fields"] = [name for name in state.index.annotation.names if name != "source"]
        facts["starter"] = starter
        if starter:
            facts["starter_words"] = [starter_words(len(state.index)), starter_details(len(state.index))]
        facts["parts"] = parts_of(state.index, results is not None)
        return facts

    @app.get("/api/signature", summary="One signature: annotation, replicates' QC, most changed genes", tags=["index"],
             dependencies=checked)  # fmt: skip
    def get_signature(sig_id: queries.Name, top: Annotated[int, Query(ge=1, le=200)] = 25) -> SignatureProfile:
        return _profile(states.current.index, sig_id, top)

    for part in (addresses, points, exports, repurposing, queries, batches, genes, signatures, plates, clue, cards,
                 history):  # fmt: skip
        app.include_router(part.routes(service), dependencies=checked)
    app.include_router(plates.report_routes(service))
    show = add_page(app)
    describe(app)
    return app


def _is_of_page(request: Request) -> bool:
    """Whether a browser asks for an address beside the API: the page says there what it does not know."""
    path = request.url.path.removeprefix(prefix_of(request.scope))
    return "text/html" in request.headers.get("accept", "") and path.split("/")[1:2] != ["api"]


def parts_of(index: ConnectivityIndex, plates: bool) -> dict[str, bool]:
    """Whether the index has what a view of the page needs."""
    known = index.annotation
    return {
        "mechanisms": "moa" in known or "target" in known,
        "repurposing": "clinical_phase" in known,
        "map": (index.store.path / MAP).is_file(),
        "plates": plates,
    }


def _profile(index: ConnectivityIndex, sig_id: str, top: int) -> SignatureProfile:
    z = index.signature(sig_id)
    place = index.position(sig_id)
    (row,) = index.annotation.take(np.array([place])).to_pylist()
    symbols = index.genes["symbol"].to_numpy(object)
    scores, note = list_scores(index, [place], z.to_numpy(np.float64)[None])
    order = np.argsort(-scores[0], kind="stable")

    def genes(places: np.ndarray) -> list[dict[str, Any]]:
        return [
            {"gene_id": str(z.index[at]), "symbol": plain(symbols[at]), "z": round(float(z.iloc[at]), 3)}
            for at in places
        ]

    counts, edges = np.histogram(z, bins=41)
    return SignatureProfile(
        sig_id=sig_id,
        annotation={
            str(name): plain(item) for name, item in row.items() if name != "source" and plain(item) is not None
        },
        up=genes(order[:top]),
        down=genes(order[::-1][:top]),
        ranked_by=note or "z",
        histogram={"counts": [float(item) for item in counts], "edges": [round(float(item), 4) for item in edges]},
    )
