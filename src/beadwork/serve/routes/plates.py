"""Own plates: wells of a run, their QC, their beads; and what this server is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from beadwork import __version__
from beadwork.api.figures.wells import RunPlates
from beadwork.api.runs.report_files import report_file, report_links
from beadwork.model.errors import BeadworkError
from beadwork.serve.answer.pages import plain
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.service import Service

Names = Annotated[list[str] | None, Query(max_length=12, description="numbers of analytes, or names of genes")]
MEDIA = {".html": "text/html; charset=utf-8", ".svg": "image/svg+xml", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".tsv": "text/tab-separated-values; charset=utf-8"}  # fmt: skip
REPORT_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"  # fmt: skip
"""The report has its scripts in files of its own, and none within its pages."""
QUERY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; " \
    "sandbox allow-scripts allow-downloads"  # fmt: skip
"""The page of a query is one file with everything in it."""


def routes(service: Service) -> APIRouter:
    """Routes of plates."""
    router = APIRouter(prefix="/api", tags=["plates"])

    @router.get("/plates/{plate}/wells", summary="Wells of a plate of our own, with their QC fields")
    def wells(plate: str) -> dict[str, Any]:
        return {"plate": plate, "wells": wells_of(service, plate)}

    @router.get("/plates/{plate}/wells/{well}", summary="One well: its fields, and QC rows of all stages")
    def one(plate: str, well: str) -> dict[str, Any]:
        return well_of(service, plate, well)

    @router.get("/plates/{plate}/wells/{well}/beads", summary="Beads of analytes of a well, with the values called")
    def beads(plate: str, well: str, analyte: Names = None) -> dict[str, Any]:
        panels = _found(lambda run: plain(run.beads(plate, well, analyte or [])), service)
        return {"plate": plate, "well": well, "panels": panels}

    @router.get("/runs/plates", summary="Plates of the run whose results are shown")
    def plates() -> dict[str, Any]:
        return {"plates": plates_of(service)}

    @router.get("/runs/report", summary="Report of that run: addresses of its pages, and of the pages of its queries")
    def report() -> dict[str, Any]:
        links: dict[str, Any] = _found(lambda run: report_links(run.results), service)
        return links

    @router.get("/about", summary="What this server is: version, index, scores, what is kept where", tags=["index"])
    def about() -> dict[str, Any]:
        return about_of(service)

    return router


def report_routes(service: Service) -> APIRouter:
    """Pages and pictures of the report themselves, as the run made them."""
    router = APIRouter(include_in_schema=False)

    @router.get("/results/{address:path}")
    def shown(address: str) -> Response:
        path = _found(lambda run: report_file(run.results, address), service)
        if path is None:
            raise not_found(f"the report of this run has no {address[:200]!r}")
        policy = QUERY_POLICY if address.startswith("queries/") else REPORT_POLICY
        return FileResponse(path, media_type=MEDIA[path.suffix], headers={"Content-Security-Policy": policy})

    return router


def plates_of(service: Service) -> list[str]:
    """Plates of the run."""
    return list(_found(lambda run: run.names, service))


def wells_of(service: Service, plate: str) -> list[dict[str, Any]]:
    """Wells of a plate, with their QC fields."""

    def read(run: RunPlates) -> Any:
        rows, figures = run.wells(plate), run.figures(plate)
        return plain([{**figures.get(row["well"], {}), **row} for row in rows])

    found: list[dict[str, Any]] = _found(read, service)
    return found


def well_of(service: Service, plate: str, well: str) -> dict[str, Any]:
    """One well: its fields, and QC rows of all stages."""
    rows = _found(lambda run: [row for row in run.wells(plate) if row["well"] == well], service)
    if not rows:
        raise not_found(f"plate {plate} has no well {well!r}")
    return {"plate": plate, **plain(rows[0]), "qc": _found(lambda run: plain(run.qc(plate, well)), service)}


def about_of(service: Service) -> dict[str, Any]:
    """Say what this server is."""
    state, store = service.states.current, service.store.path
    return {
        "version": __version__, "licence": "BSD-3-Clause", "index": state.facts, "starter": service.starter,
        "plates": service.results is not None, "kept_in": "memory" if store is None else store.name,
        "privacy": "nothing leaves this computer: the server makes no connections of its own",
        "scores": {
            "wtcs": "weighted connectivity score: how a question lies in a signature, -1 to 1",
            "ncs": "WTCS divided by the mean of its group and sign",
            "tau": "share of the background questions that score less here, signed",
            "fdr": "share of false ones expected at this score, from null signatures",
        },
    }  # fmt: skip


def _found(read: Any, service: Service) -> Any:
    run: RunPlates | None = service.results
    if run is None:
        words = "the plates behind these signatures are not known here; start with --results FOLDER of the run"
        raise RefusedError(words, 404, "no_plates")
    try:
        return read(run)
    except RefusedError:
        raise
    except BeadworkError as error:
        raise not_found(str(error).replace("--well ", "well ").replace("--analyte ", "analyte ")) from None
