"""What a plot of all signatures needs: a field of each as bytes, and rows by their places in the index."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from beadwork.io.connectivity.index.positions import read_positions
from beadwork.model.connectivity.query import SIGNATURE_FIELDS
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import IndexStoreError, counted
from beadwork.serve.answer.answers import Answer
from beadwork.serve.answer.pages import View, page, rows_of
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.routes.queries import Text, answered
from beadwork.serve.service import Rows, Service

MOST_PLACES = 1000
NAMED = 9
"""Values of a field that have a colour of their own; all others share one."""
OTHER = "other or not known"


class Places(BaseModel):
    """Places of signatures in the index, from 0."""

    model_config = ConfigDict(extra="forbid")

    places: list[Annotated[int, Field(ge=0)]] = Field(max_length=MOST_PLACES)


def routes(service: Service) -> APIRouter:
    """Routes of plots."""
    router = APIRouter(prefix="/api", tags=["plots"])
    states = service.states

    @router.get("/map/positions", summary="Places of all signatures on the map, uint16 x then uint16 y")
    def positions() -> Response:
        state = states.current
        try:
            found, made = read_positions(state.index.store)
        except IndexStoreError as error:
            raise RefusedError(str(error), 404, "no_map") from None
        headers = {"X-Rows": str(len(found)), "X-Type": "<u2", "X-State": state.key,
                   "X-Method": str(made.get("method", ""))}  # fmt: skip
        raw = np.ascontiguousarray(found.T, "<u2").tobytes()
        return Response(raw, media_type="application/octet-stream", headers=headers)

    @router.get("/map/field/{name}", summary="A field of all signatures: bytes and their legend, or numbers")
    def field(name: str) -> dict[str, Any]:
        return field_of(states.current, name)

    @router.get("/map/find", summary="Places of the signatures in which all words stand")
    def find(text: Text) -> dict[str, Any]:
        state = states.current
        rows = rows_of(state.index.annotation, View(text=text)) if text.strip() else np.empty(0, np.int64)
        return {"places": rows.tolist(), "state": state.key}

    @router.post("/sigs/places", summary="Signatures by their places in the index")
    def signatures(wanted: Places) -> Rows:
        state = states.current
        annotation = state.index.annotation
        places = _checked(wanted.places, len(annotation))
        names = [*(name for name in SIGNATURE_FIELDS if name in annotation)]
        columns, rows = page(annotation, places, limit=MOST_PLACES, names=names)
        return Rows(total=len(rows), offset=0, columns=columns, rows=rows, state=state.key)

    @router.post("/queries/{key}/places", summary="Scores of signatures by their places in the index")
    def scored(key: str, wanted: Places) -> Rows:
        answer = answered(service, key)
        columns, rows = _scored(answer, _checked(wanted.places, len(answer.annotation)))
        return Rows(total=len(rows), offset=0, columns=columns, rows=rows, state=answer.kept.state)

    return router


def field_of(state: IndexState, name: str) -> dict[str, Any]:
    """Numbers as float32; texts as a byte each: the most frequent ones by name, the rest together."""
    annotation = state.index.annotation
    if name not in annotation or name == "source":
        raise not_found(f"the signatures of this index have no {name}", "name")
    if _is_number(annotation, name):
        values = annotation.numbers(name).astype("<f4")
        return {"name": name, "kind": "number", "values": _text(values), "state": state.key}
    codes, texts = annotation.texts(name)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    chosen = [place for place in np.argsort(-counts, kind="stable").tolist()[:NAMED] if counts[place]]
    tone = np.full(len(texts) + 1, len(chosen), np.uint8)
    tone[chosen] = np.arange(len(chosen))
    rest = len(codes) - int(counts[chosen].sum())
    legend = [{"name": texts[place], "n": int(counts[place]), "other": False} for place in chosen]
    if rest:
        legend.append({"name": OTHER, "n": rest, "other": True})
    return {"name": name, "kind": "category", "values": _text(tone[codes]), "legend": legend, "state": state.key}


def _is_number(annotation: SignatureTable, name: str) -> bool:
    import pyarrow as pa

    kind = annotation.column(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _checked(places: list[int], count: int) -> np.ndarray:
    if places and max(places) >= count:
        raise not_found(f"place {max(places)}: the index has {counted(count, 'signature')}", "places")
    return np.array(places, np.int64)


def _scored(answer: Answer, places: np.ndarray) -> tuple[list[str], list[list[Any]]]:
    """Annotation and scores of some signatures, in the order of their places."""
    annotation = answer.annotation
    columns, rows = page(annotation, places, limit=MOST_PLACES, names=[n for n in SIGNATURE_FIELDS if n in annotation])
    for name in ("ncs", "tau", "fdr", "wtcs"):
        if name in answer.kept.facts["scores"]:
            columns = [*columns, name]
            for row, value in zip(rows, answer.scores(name)[places].tolist(), strict=True):
                row.append(float(f"{value:.6g}") if np.isfinite(value) else None)
    return columns, rows
