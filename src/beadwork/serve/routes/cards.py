"""Look things up: search, lists, cards, values of signatures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from beadwork.api.index.cards.card import Card
from beadwork.api.index.cards.cell import show_cell
from beadwork.api.index.cards.gene import show_gene
from beadwork.api.index.cards.likeness import cosines
from beadwork.api.index.cards.mechanism import show_class
from beadwork.api.index.cards.perturbagen import show_perturbagen
from beadwork.api.index.cards.signature import show_signature
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.io.files.cells import plain_cell
from beadwork.model.connectivity.query import SIGNATURE_FIELDS
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers
from beadwork.model.errors import BeadworkError
from beadwork.serve.answer.files import ARROW, arrow_stream
from beadwork.serve.answer.pages import plain, why_no_rows
from beadwork.serve.lookup.search import KINDS
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.routes.clue import Json, clue_list, clue_record, is_clue
from beadwork.serve.routes.exports import table_file
from beadwork.serve.routes.queries import Page, Text
from beadwork.serve.service import PageRequest, Rows, Service

SHOW: dict[str, Callable[[ConnectivityIndex, str], Card]] = {
    "perts": show_perturbagen, "genes": show_gene, "cells": show_cell, "classes": show_class, "sigs": show_signature,
}  # fmt: skip
LIST_IDS = {"perts": "pert_iname", "genes": "symbol", "cells": "cell_id", "classes": "class", "sigs": "sig_id"}
MOST_SIGNATURES = 500
MOST_VALUES = 6_000_000
Kind = Literal["perts", "genes", "cells", "classes", "sigs"]


class Hits(BaseModel):
    """What was found, the best first."""

    hits: list[dict[str, str]] = Field(description="kind (pert, gene, class, cell, sig), id, label, detail")
    state: str


class ValuesRequest(BaseModel):
    """Signatures and genes whose scores are wanted."""

    model_config = ConfigDict(extra="forbid")

    sig_ids: list[Annotated[str, Field(max_length=300)]] = Field(min_length=1, max_length=MOST_SIGNATURES)
    genes: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list, max_length=20_000, description="any names; without them all genes of the index"
    )


def routes(service: Service) -> APIRouter:
    """Routes of search, lists and cards."""
    router = APIRouter(prefix="/api", tags=["look up"])
    states = service.states

    @router.get("/search", summary="Find compounds, genes, classes, cells and signatures")
    def search(q: Text = "", limit: Annotated[int, Query(ge=1, le=100)] = 8, kind: Text = "") -> Hits:
        kinds = tuple(item for item in kind.split(",") if item) or KINDS
        if wrong := [item for item in kinds if item not in KINDS]:
            raise RefusedError(f"kind: {wrong[0]!r} is none of {', '.join(KINDS)}", field="kind")
        state = states.current
        return Hits(hits=[hit._asdict() for hit in state.search.find(q, limit, kinds)], state=state.key)

    @router.post("/sigs/values", summary="Scores of signatures: JSON, or CSV or Arrow by the Accept header")
    def values(wanted: ValuesRequest, request: Request) -> Response:
        return signature_values(states.current, wanted, request.headers.get("accept", ""))

    @router.get("/sigs/{sig_id:path}/neighbours", summary="Signatures most like, and most unlike, one")
    def neighbours(sig_id: str, top: Annotated[int, Query(ge=1, le=200)] = 25) -> dict[str, Any]:
        return nearest_signatures(states.current, sig_id, top)

    def add_kind(kind: Kind) -> None:
        @router.get(f"/{kind}", summary=f"List of {kind}; with `filter` as clue.io answers", response_model=None)
        def listed(page: Page, request: Request, filter: Json = "") -> Rows | Response:
            state = states.current
            if is_clue(request, kind):
                return clue_list(state, kind, request)
            table = list_of(state, kind)
            found, _ = page.page_of(table, state.key)
            if not found.total:
                found.reason = why_empty(state, kind, len(table))
            return found

        @router.get(f"/{kind}.{{ending}}", summary=f"List of {kind} as a file", response_class=Response)
        def as_file(ending: Literal["tsv", "gct", "json", "arrow"], page: Page, words: bool = False) -> Response:
            return list_file(states.current, kind, ending, page, words)

        @router.get(f"/{kind}/{{name:path}}", summary=f"Everything about one of the {kind}")
        def card(name: str, request: Request, filter: Json = "") -> dict[str, Any]:
            if is_clue(request, kind):
                return clue_record(states.current, kind, name, request)
            return card_of(states.current, kind, name)

    for kind in SHOW:
        add_kind(kind)  # type: ignore[arg-type]
    return router


def list_of(state: IndexState, kind: str) -> SignatureTable:
    """Table that a list of one kind is."""
    if kind != "sigs":
        return state.lists[kind]
    annotation = state.index.annotation
    first = [name for name in SIGNATURE_FIELDS if name in annotation]
    names = [*first, *(name for name in annotation.names if name not in first and name != "source")]
    return SignatureTable(annotation.arrow.select(names))


def why_empty(state: IndexState, kind: str, size: int) -> str:
    """Say why a list shows no rows."""
    if reason := why_no_rows(kind, size, state.index.annotation.names):
        return reason
    if kind == "classes":
        return "no mechanism or target has enough perturbagens here"
    if kind == "cells":
        return "the index names no cells (cell_id); `beadwork index annotate` joins them"
    return f"the index has no {kind}"


def list_file(state: IndexState, kind: str, ending: str, page: PageRequest, words: bool = False) -> Response:
    """Rows of a list as a file, with the filters and order of the screen; `words` says above what columns mean."""
    return table_file(list_of(state, kind), kind, ending, page, state.key, words=words, id_name=LIST_IDS[kind])


def shown(state: IndexState, kind: str, name: str) -> Card:
    """Card of one thing."""
    if len(name) > 300:
        raise not_found(f"the index has none of the {kind} of so long a name")
    try:
        return SHOW[kind](state.index, name)
    except BeadworkError as error:
        raise not_found(str(error)) from None


def card_of(state: IndexState, kind: str, name: str) -> dict[str, Any]:
    """Card of one thing as JSON."""
    card = shown(state, kind, name)
    tables = {key: json.loads(table.to_json(orient="records")) for key, table in card.tables.items()}
    return {"kind": card.kind, "id": card.name, "label": card.name, "facts": plain(card.facts), **tables,
            "state": state.key}  # fmt: skip


def signature_values(state: IndexState, wanted: ValuesRequest, accept: str) -> Response:
    """Scores of signatures, genes by signatures."""
    import pyarrow as pa
    import pyarrow.compute as pc

    index = state.index
    column = index.annotation.column("sig_id")
    found = pc.index_in(pa.array(wanted.sig_ids, pa.string()), value_set=column.cast(pa.string()))
    if found.null_count:
        lacking = wanted.sig_ids[found.to_pylist().index(None)]
        raise not_found(f"the index has no signature {lacking!r}", "sig_ids")
    rows = np.arange(index.store.n_genes)
    if wanted.genes:
        answers = index.finder.find(wanted.genes)
        if bad := [item for item in answers if item.row < 0]:
            raise RefusedError(f"gene {bad[0].name!r}: {bad[0].reason or bad[0].answer}", field="genes")
        rows = np.array([item.row for item in answers])
    if len(rows) * len(wanted.sig_ids) > MOST_VALUES:
        most = MOST_VALUES // len(rows)
        raise RefusedError(f"more than {MOST_VALUES:,} values; ask for {most} signatures at a time", 413, "too_large",
                           "sig_ids")  # fmt: skip
    values = index.store.read_signatures(found.to_pylist())[:, rows]
    ids = [index.store.gene_ids[row] for row in rows.tolist()]
    symbols = [index.finder.name_of(row) for row in rows.tolist()]
    if "arrow" in accept:
        table = pa.table(
            [pa.array(ids), pa.array(symbols), *(arrow_numbers(row) for row in values)],
            names=["gene_id", "symbol", *wanted.sig_ids],
        )
        return Response(arrow_stream(table), media_type=ARROW)
    if "csv" in accept:
        import csv
        import io

        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerow(["gene_id", "symbol", *map(plain_cell, wanted.sig_ids)])
        for place, (gene, symbol) in enumerate(zip(ids, symbols, strict=True)):
            writer.writerow([gene, plain_cell(symbol), *(f"{value:.6g}" for value in values[:, place])])
        return Response(stream.getvalue(), media_type="text/csv; charset=utf-8")
    body = {"sig_ids": wanted.sig_ids, "gene_ids": ids, "symbols": symbols, "state": state.key,
            "values": [[plain(float(value)) for value in row] for row in values]}  # fmt: skip
    return Response(json.dumps(body), media_type="application/json")


def nearest_signatures(state: IndexState, sig_id: str, top: int) -> dict[str, Any]:
    """Signatures by cosine with one, from both ends."""
    index = state.index
    try:
        place = index.position(sig_id)
    except BeadworkError as error:
        raise not_found(str(error)) from None
    cosine = cosines(index, index.store.read_signatures([place])[0])
    cosine[place] = np.nan
    order = np.argsort(-cosine, kind="stable")
    order = order[np.isfinite(cosine[order])]
    names = [name for name in SIGNATURE_FIELDS if name in index.annotation]
    found: dict[str, Any] = {"sig_id": sig_id, "measure": "cosine of all genes", "state": state.key}
    for side, places in (("like", order[:top]), ("unlike", order[::-1][:top])):
        rows = index.annotation.take(places, names).to_pylist()
        found[side] = [{**plain(row), "cosine": plain(float(cosine[at]))} for row, at in
                       zip(rows, places.tolist(), strict=True)]  # fmt: skip
    return found
