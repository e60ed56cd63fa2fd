"""Pages and pictures of a run's report that are there, to be linked to and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

REPORT, QUERIES = "report", "queries"
PAGES = {".html", ".svg", ".css", ".js", ".tsv"}
"""Endings of files of a report that are shown."""


def report_links(results: Path) -> dict[str, Any]:
    """Addresses below the folder of results: report, page of each plate, and of each query its picture and pages.

    Only what is there is listed; `report` is None where no report was made.
    """
    report = results / REPORT
    names = {path.name for folder in (report, results) for path in _folders(folder / QUERIES)}
    queries = []
    for name in sorted(names):
        plot = report / QUERIES / name / "connections.svg"
        pages = [path / "index.html" for path in _folders(results / QUERIES / name) if (path / "index.html").is_file()]
        if pages or plot.is_file():
            queries.append({"name": name, "plot": _below(results, plot) if plot.is_file() else None,
                            "pages": {page.parent.name: _below(results, page) for page in pages}})  # fmt: skip
    plates = sorted((report / "plates").glob("*.html")) if (report / "plates").is_dir() else []
    return {
        "report": f"{REPORT}/index.html" if (report / "index.html").is_file() else None,
        "plates": {path.stem: _below(results, path) for path in plates},
        "queries": queries,
    }


def report_file(results: Path, address: str) -> Path | None:
    """File of the report, or page of a query, that an address below the folder of results names; None for others."""
    parts = address.split("/")
    if parts[0] not in (REPORT, QUERIES) or not all(parts) or any(part.startswith(".") for part in parts):
        return None
    path = results.joinpath(*parts)
    if path.suffix not in (PAGES if parts[0] == REPORT else {".html"}):
        return None
    try:
        known = path.is_file() and path.resolve().is_relative_to(results.resolve())
    except (OSError, ValueError):  # a name that no file can have
        return None
    return path if known else None


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _below(results: Path, path: Path) -> str:
    return path.relative_to(results).as_posix()
