"""Addresses of the page with ``.json`` or ``.tsv`` behind them: what the view shows, for programs."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from beadwork.serve.answer.answers import OLD_NAMES
from beadwork.serve.routes.cards import card_of
from beadwork.serve.routes.exports import exported
from beadwork.serve.routes.queries import Page, QueryState, TableName, answered, find, state_of
from beadwork.serve.service import Service

KINDS = {"pert": "perts", "gene": "genes", "cell": "cells", "class": "classes", "sig": "sigs"}
LISTS = {"history": "history", "about": "about", "map": "index", "repurposing": "perts"}


def routes(service: Service) -> APIRouter:
    """Routes beside those of the page, which they come before."""
    router = APIRouter(include_in_schema=False)

    @router.get("/q/{key}/{table}.{ending}")
    def rows(key: str, table: TableName, ending: Literal["tsv", "json"], page: Page) -> Response:
        return exported(answered(service, key), OLD_NAMES.get(table, table), ending, page)

    @router.get("/q/{key}.json")
    def state(key: str, request: Request) -> QueryState:
        return state_of(service, find(service, key), request)

    def add_card(view: str, kind: str) -> None:
        @router.get(f"/{view}/{{name:path}}.json")
        def card(name: str) -> dict[str, Any]:
            return card_of(service.states.current, kind, name)

    def add_list(view: str, address: str) -> None:
        @router.get(f"/{view}.json")
        def listed(request: Request) -> RedirectResponse:
            root = str(request.scope.get("root_path", "")).rstrip("/")
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{root}/api/{address}{query}")

    for view, kind in KINDS.items():
        add_card(view, kind)
    for view, address in LISTS.items():
        add_list(view, address)
    return router
