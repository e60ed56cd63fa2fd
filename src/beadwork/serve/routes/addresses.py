"""Addresses of the page with ``.json`` or ``.tsv`` behind them: the rows that the view shows, for programs.

The parameters are those of the page, so that the address of a view needs nothing but its ending.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from beadwork.io.files.cells import plain_cell
from beadwork.model.connectivity.annotation import SEVERAL
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.params import RepurposingParams
from beadwork.serve.answer.answers import OLD_NAMES
from beadwork.serve.answer.compare import compare
from beadwork.serve.guard import prefix_of
from beadwork.serve.page import VIEWS as PAGE_VIEWS
from beadwork.serve.parameters import EVERYWHERE, unknown_words
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.routes.batches import libraries_of
from beadwork.serve.routes.cards import card_of, list_file, shown
from beadwork.serve.routes.exports import TSV, exported, table_file
from beadwork.serve.routes.history import MOST_COMPARED, history_rows
from beadwork.serve.routes.plates import about_of, plates_of, well_of, wells_of
from beadwork.serve.routes.queries import Page, QueryState, Text, answered, find, state_of
from beadwork.serve.routes.repurposing import repurposing_of
from beadwork.serve.service import PageRequest, Service

KINDS = {"pert": "perts", "gene": "genes", "cell": "cells", "class": "classes", "sig": "sigs"}
VIEWS = {"scatter": "sigs", "heat": "cells", **OLD_NAMES}
"""Tables behind views of an answer that draw them."""
ON_PAGE = ("tab", "row", "cols", "v", "colour", "x", "y", "z", "a", "b", "by", "n", "rows", "order", "kind", "from",
           "with", "q", "table", "score")  # fmt: skip
"""Parameters of views of the page that choose no rows: what is drawn, and what is open."""
Shown = Literal["perts", "classes", "genes", "cells", "sigs", "signatures", "perturbagens", "scatter", "heat"]
Ending = Literal["tsv", "json"]
_LIMITS = RepurposingParams()


def as_shown(page: Page, find: Text = "") -> PageRequest:
    """Rows as the page shows them: its search field is called ``find``."""
    return replace(page, view=replace(page.view, text=find)) if find and not page.view.text else page


ShownPage = Annotated[PageRequest, Depends(as_shown)]


def routes(service: Service) -> APIRouter:
    """Routes beside those of the page, which they come before."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(refuse_other)])
    states = service.states

    @router.get("/q/{key}/{table}.{ending}")
    def rows(key: str, table: Shown, ending: Ending, page: ShownPage) -> Response:
        return exported(answered(service, key), VIEWS.get(table, table), ending, page)

    @router.get("/q/{key}.json")
    def state(key: str, request: Request) -> QueryState:
        return state_of(service, find(service, key), request)

    @router.get("/q/{key}.tsv")
    def perturbagens(key: str, page: ShownPage) -> Response:
        return exported(answered(service, key), "perts", "tsv", page)

    def add_card(view: str, kind: str) -> None:
        @router.get(f"/{view}/{{name:path}}.json")
        def card(name: str) -> dict[str, Any]:
            return card_of(states.current, kind, name)

        @router.get(f"/{view}/{{name:path}}.tsv")
        def card_rows(name: str, page: ShownPage, table: Text = "") -> Response:
            card = shown(states.current, kind, name)
            names = (*card.tables, "facts")
            chosen = table or names[0]
            if chosen not in names:
                raise RefusedError(f"table: {chosen!r} is none of {', '.join(names)}", field="table")
            if chosen == "facts":
                return facts_file(card.facts)
            return table_file(SignatureTable.of(card.tables[chosen]), chosen, "tsv", page, states.current.key)

    for view, kind in KINDS.items():
        add_card(view, kind)

    @router.get("/lookup.{ending}")
    def lookup(ending: Ending, page: ShownPage, list: Text = "perts") -> Response:
        if list not in KINDS.values():
            raise RefusedError(f"list: {list!r} is none of {', '.join(KINDS.values())}", field="list")
        return list_file(states.current, list, ending, page)

    @router.get("/map.{ending}")
    def points(ending: Ending, page: ShownPage) -> Response:
        return list_file(states.current, "sigs", ending, page)

    @router.get("/repurposing.{ending}")
    def repurposing(
        ending: Ending,
        page: ShownPage,
        q: Text = "",
        direction: Literal["mimic", "reverse"] = "reverse",
        cells: Annotated[int, Query(ge=1, le=1000)] = _LIMITS.min_cells,
        dose: Annotated[float, Query(gt=0)] = _LIMITS.max_dose,
        share: Annotated[float, Query(ge=0, le=1)] = _LIMITS.min_share,
    ) -> Response:
        if not q:
            raise RefusedError("q: the id of an answer is needed, as on the page", field="q")
        answer, params = answered(service, q), RepurposingParams(min_cells=cells, max_dose=dose, min_share=share)
        return table_file(repurposing_of(answer, direction, params), "repurposing", ending, page, answer.kept.state)

    @router.get("/compare.{ending}")
    def compared(
        ending: Ending, q: Annotated[str, Query(max_length=1000)] = "", rows: Annotated[int, Query(ge=1, le=500)] = 200,
        table: Literal["perts", "sigs", "classes"] = "perts",
    ) -> Response:  # fmt: skip
        ids = [item for item in q.split(",") if item]
        if not 2 <= len(dict.fromkeys(ids)) == len(ids) <= MOST_COMPARED:
            raise RefusedError(f"q: ids of 2 to {MOST_COMPARED} answers are needed, each once, with commas", field="q")
        found = compare([answered(service, key) for key in ids], table, rows)
        if ending == "json":
            return JSONResponse(found)
        return records_file([dict(zip(found["columns"], row, strict=True)) for row in found["rows"]], found["columns"])

    @router.get("/history.{ending}")
    def history(ending: Ending, find: Text = "", star: bool = False) -> Response:
        total, rows = history_rows(service, text=find, star=star)
        if ending == "json":
            return JSONResponse({"total": total, "rows": rows, "state": states.current.key})
        return records_file(rows, ["id", "name", "created"])

    @router.get("/about.{ending}")
    def about(ending: Ending) -> Response:
        found = about_of(service)
        if ending == "json":
            return JSONResponse(found)
        return facts_file(found)

    @router.get("/library.{ending}")
    def libraries(ending: Ending, request: Request) -> Response:
        if ending == "json":
            return moved(request, "batches")
        return records_file(libraries_of(service), ["id", "name", "created"])

    @router.get("/library/{key}.{ending}")
    def library(key: str, ending: Ending, request: Request, page: ShownPage, rows: str = "perts", score: str = "ncs"
                ) -> Response:  # fmt: skip
        view = {"score": score, "sort": page.view.sort, "text": page.view.text, "f": page.view.filters}
        if ending == "json":
            return moved(request, f"batches/{quote(key, safe='')}")
        return moved(request, f"batches/{quote(key, safe='')}/{quote(rows, safe='')}.tsv", view)

    def add_nothing(view: str) -> None:
        @router.get(f"/{view}/{{rest:path}}.json")
        @router.get(f"/{view}/{{rest:path}}.tsv")
        def nothing(rest: str) -> Response:
            raise not_found(
                "this address of the page has no rows; one with .json or .tsv is that of a view that shows some"
            )

    @router.get("/plate.{ending}")
    def plates(ending: Ending) -> Response:
        names = plates_of(service)
        return JSONResponse({"plates": names}) if ending == "json" else records_file([{"plate": one} for one in names])

    @router.get("/plate/{plate}.{ending}")
    def wells(plate: str, ending: Ending) -> Response:
        found = wells_of(service, plate)
        return JSONResponse({"plate": plate, "wells": found}) if ending == "json" else records_file(found)

    @router.get("/plate/{plate}/{well}.{ending}")
    def well(plate: str, well: str, ending: Ending) -> Response:
        found = well_of(service, plate, well)
        return JSONResponse(found) if ending == "json" else records_file(found["qc"])

    for view in PAGE_VIEWS:
        add_nothing(view)
    return router


def facts_file(facts: Mapping[str, Any]) -> Response:
    """Give facts as TSV, one a line."""
    flat = [pair for name, item in facts.items() for pair in _flat(name, item)]
    return records_file([{"fact": name, "value": text} for name, text in flat], ["fact", "value"])


def records_file(rows: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> Response:
    """Give records as TSV, lists joined, the fields of objects apart; columns as they first occur, after `names`."""
    flat = [{field: text for name, item in row.items() for field, text in _flat(name, item)} for row in rows]
    columns = list(dict.fromkeys([*names, *(name for row in flat for name in row)]))
    lines = [columns, *([plain_cell(row.get(name, "")) for name in columns] for row in flat)]
    return Response("".join("\t".join(line) + "\n" for line in lines), media_type=TSV)


def _flat(name: str, item: Any) -> Iterator[tuple[str, str]]:
    if isinstance(item, Mapping):
        for key, inner in item.items():
            yield from _flat(str(key), inner)
    elif isinstance(item, list | tuple):
        yield name, SEVERAL.join(map(str, item))
    elif item is not None:
        yield name, str(item)


def moved(request: Request, address: str, query: Mapping[str, Any] | None = None) -> RedirectResponse:
    """Send to an address of the API."""
    given = urlencode({name: item for name, item in (query or {}).items() if item}, doseq=True)
    return RedirectResponse(f"{prefix_of(request.scope)}/api/{address}{'?' if given else ''}{given}")


async def refuse_other(request: Request) -> None:
    """Refuse parameters that neither the address nor the view of the page has.

    Raises
    ------
    RefusedError
        There is one.
    """
    known = list(_parameters(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known and name not in ON_PAGE and name not in EVERYWHERE:
            raise RefusedError(unknown_words("parameter", name, known), field=name[:60])


def _parameters(dependant: Any) -> Iterator[str]:
    """Names of the parameters of an address, those of what it depends on among them."""
    yield from (item.alias for item in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _parameters(inner)
