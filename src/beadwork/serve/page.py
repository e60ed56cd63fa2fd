"""The page: its files, and one document for every address that a view of it has."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from beadwork.model.errors import FileError

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


def add_page(app: FastAPI, assets: Path = ASSETS) -> None:
    """Serve the page at `/`, and at the address of each of its views.

    Nothing of a request becomes a path: the files are read once, here.

    Raises
    ------
    FileError
        The files of the page are not there.
    """
    if not (assets / "index.html").is_file():
        raise FileError(f"{assets}: the files of the page are not there; install beadwork anew")
    document = (assets / "index.html").read_text(encoding="utf-8")

    async def page(request: Request) -> Response:
        prefix = str(request.scope.get("root_path", "")).rstrip("/")
        return HTMLResponse(document.replace(PREFIX, escape(prefix, quote=True)))

    for route in ("/", *(path for view in VIEWS for path in (f"/{view}", f"/{view}/{{rest:path}}"))):
        app.add_api_route(route, page, methods=["GET", "HEAD"], include_in_schema=False)
    for path in sorted(assets.iterdir()):
        if path.suffix in MEDIA:
            app.add_api_route(f"/{path.name}", _asset(path.read_bytes(), MEDIA[path.suffix]), include_in_schema=False)


def _asset(data: bytes, media: str) -> Any:
    async def asset() -> Response:
        return Response(data, media_type=media)

    return asset
