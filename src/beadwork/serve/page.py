"""The page: its files, and one document for every address that a view of it has."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from beadwork.model.errors import FileError
from beadwork.serve.guard import prefix_of

ASSETS = Path(__file__).parent / "assets"
MEDIA = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
}
VIEWS = ("q", "pert", "gene", "cell", "class", "sig", "plate", "lookup", "map", "repurposing", "library", "compare",
         "history", "about")  # fmt: skip
"""First parts of the addresses that the page shows; `web/src/main.js` has a view for each."""
PREFIX = "{prefix}"
LISTS = {"pert": "lookup?list=perts", "gene": "lookup?list=genes", "cell": "lookup?list=cells",
         "class": "lookup?list=classes", "sig": "lookup?list=sigs", "q": "history", "plate": "plate"}  # fmt: skip
"""Where all things of a kind are listed."""
OTHER_NAMES = {
    "perts": "pert", "perturbagens": "pert", "perturbagen": "pert", "compounds": "pert", "drugs": "pert",
    "genes": "gene", "cells": "cell", "classes": "class", "mechanisms": "class", "sigs": "sig", "signatures": "sig",
    "queries": "q", "query": "q", "answers": "q", "plates": "plate", "libraries": "library",
}  # fmt: skip
"""First parts of addresses as people may type them, and the view that is meant."""


def add_page(app: FastAPI, assets: Path = ASSETS) -> Callable[[Request], Response]:
    """Serve the page at `/`, and at the address of each of its views; what it returns shows the page elsewhere.

    Nothing of a request becomes a path: the files are read once, here.

    Raises
    ------
    FileError
        The files of the page are not there.
    """
    if not (assets / "index.html").is_file():
        raise FileError(f"{assets}: the files of the page are not there; install beadwork anew")
    document = (assets / "index.html").read_text(encoding="utf-8")

    def show(request: Request) -> Response:
        return HTMLResponse(document.replace(PREFIX, escape(prefix_of(request.scope), quote=True)))

    async def page(request: Request) -> Response:
        return show(request)

    _add_other_names(app)

    for route in ("/", *(path for view in VIEWS for path in (f"/{view}", f"/{view}/{{rest:path}}"))):
        app.add_api_route(route, page, methods=["GET", "HEAD"], include_in_schema=False)
    for path in sorted(assets.iterdir()):
        if path.suffix in MEDIA:
            app.add_api_route(f"/{path.name}", _asset(path.read_bytes(), MEDIA[path.suffix]), include_in_schema=False)
    return show


def _add_other_names(app: FastAPI) -> None:
    """Lead addresses in other words, and kinds without a thing, to what is meant."""

    def add(path: str, view: str) -> None:
        async def led(request: Request, rest: str = "") -> Response:
            place = f"{view}/{quote(rest, safe='/:@,')}" if rest else LISTS.get(view, view)
            given = request.url.query
            mark = "&" if "?" in place else "?"
            return RedirectResponse(f"{prefix_of(request.scope)}/{place}{mark + given if given else ''}")

        app.add_api_route(path, led, methods=["GET", "HEAD"], include_in_schema=False)

    for name, view in OTHER_NAMES.items():
        add(f"/{name}", view)
        add(f"/{name}/{{rest:path}}", view)
    for view, listed in LISTS.items():
        if view != listed:
            add(f"/{view}", view)


def _asset(data: bytes, media: str) -> Any:
    async def asset() -> Response:
        return Response(data, media_type=media)

    return asset
