"""The OpenAPI document: what FastAPI makes of the routes, with the refusals of all and the files of some."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from beadwork.serve.answer.files import ARROW
from beadwork.serve.refusals import REFUSALS, ErrorBody

JSON, TSV, BYTES = "application/json", "text/tab-separated-values", "application/octet-stream"
LIST_FILE = (TSV, JSON, ARROW)
FILES = {
    "/api/sigs/values": (JSON, "text/csv", ARROW),
    "/api/queries/{key}/scores": (BYTES, ARROW),
    "/api/queries/{key}/export": (TSV, JSON, ARROW, "text/html", "text/plain", "application/zip"),
    "/api/queries/{key}/download/{table}": (TSV,),
    "/api/queries/{key}/{table}.{ending}": LIST_FILE,
    "/api/batches/{key}/{table}.{ending}": LIST_FILE,
    "/api/queries/{key}/view/page": ("text/html",),
    "/api/jobs/{key}/{name}.tar.gz": ("application/gzip",),
    "/api/map/positions": (BYTES,),
    **{f"/api/{kind}.{{ending}}": LIST_FILE for kind in ("perts", "genes", "cells", "classes", "sigs")},
}
"""Media types of addresses that give files."""
MOST_NAME = 300
"""Letters of the name of a job."""
JOB_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "uptag-cmapfile": {"type": "string", "format": "binary"},
        "dntag-cmapfile": {"type": "string", "format": "binary"},
        "tool_id": {"type": "string", "enum": ["sig_gutc_tool", "sig_fastgutc_tool", "sig_queryl1k_tool"]},
        "name": {"type": "string", "maxLength": MOST_NAME}, "data_type": {"type": "string"},
        "dataset": {"type": "string"}, "ignoreWarnings": {"type": "string"}, "ts_version": {"type": "string"},
        "user_key": {"type": "string"},
    },
}  # fmt: skip


def describe(app: FastAPI) -> None:
    """Let an application give this document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            app.openapi_schema = completed(made)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Add refusals, files and the form of jobs to a document."""
    schemas = document["components"]["schemas"]
    body = ErrorBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= body.pop("$defs")
    schemas["ErrorBody"] = body
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    refused = {"schema": {"$ref": "#/components/schemas/ErrorBody"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, words in REFUSALS.items():
                operation["responses"][str(status)] = {"description": words, "content": {JSON: refused}}
            if path in FILES:
                operation["responses"]["200"]["content"] = {media: {"schema": {}} for media in FILES[path]}
            if "{table}" in path and path not in FILES:
                operation["responses"]["304"] = {"description": "not changed"}
    texts = {name: {key: item for key, item in field.items() if key != "format"}
             for name, field in JOB_FORM["properties"].items()}  # fmt: skip
    document["paths"]["/api/jobs"]["post"]["requestBody"] = {"content": {
        "multipart/form-data": {"schema": JOB_FORM}, JSON: {"schema": {**JOB_FORM, "properties": texts}},
    }}  # fmt: skip
    return document
