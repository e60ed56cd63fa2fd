"""Answers as files, with the rows and the order of the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from beadwork.api.index.asking.query_page import query_page
from beadwork.io.files.cells import plain_cell
from beadwork.serve.answer.answers import OLD_NAMES, Answer
from beadwork.serve.answer.bundles import gct_text, zip_bytes
from beadwork.serve.answer.columns import comment_lines
from beadwork.serve.answer.files import ARROW, arrow_stream, json_lines, tsv_lines
from beadwork.serve.answer.pages import chosen_columns, shown_names
from beadwork.serve.refusals import RefusedError
from beadwork.serve.routes.queries import Page, TableName, answered
from beadwork.serve.service import PageRequest, Service

Ending = Literal["tsv", "json", "arrow", "gct", "gmt", "html", "zip"]
TSV = "text/tab-separated-values; charset=utf-8"
MOST_GCT = 100_000


def routes(service: Service) -> APIRouter:
    """Routes of files; they come before those of tables, whose names they would be taken for."""
    router = APIRouter(prefix="/api/queries", tags=["files"])

    @router.get("/{key}/export", summary="What is shown as a file: the same filters, the same order")
    def export(
        key: str, page: Page, ending: Annotated[Ending, Query(alias="as")] = "tsv", table: TableName = "sigs",
        words: Annotated[bool, Query(description="TSV: comments above say what each column means")] = False,
    ) -> Response:  # fmt: skip
        return exported(answered(service, key), OLD_NAMES.get(table, table), ending, page, words)

    @router.get("/{key}/download/{table}", summary="A whole ranked table as TSV")
    def download(key: str, table: TableName, page: Page) -> Response:
        response = exported(answered(service, key), OLD_NAMES.get(table, table), "tsv", page)
        response.headers["Content-Disposition"] = f'attachment; filename="{table}.tsv"'
        return response

    @router.get("/{key}/{table}.{ending}", summary="The rows of a table as .tsv, .json or .arrow")
    def as_file(key: str, table: TableName, ending: Literal["tsv", "json", "arrow"], page: Page) -> Response:
        return exported(answered(service, key), OLD_NAMES.get(table, table), ending, page)

    return router


def exported(answer: Answer, table: str, ending: str, page: PageRequest, words: bool = False) -> Response:
    """One file of an answer."""
    name = file_name(answer, table, ending, page)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if ending == "html":
        result, rolled = answer.result()
        return Response(query_page(result, 0, rolled), media_type="text/html; charset=utf-8",
                        headers={**headers, "Content-Security-Policy": "sandbox allow-scripts"})  # fmt: skip
    if ending == "zip":
        return Response(zip_bytes(answer), media_type="application/zip", headers=headers)
    if ending == "gmt":
        return Response(gmt_text(answer), media_type="text/plain; charset=utf-8", headers=headers)
    rows, shown = page.cut(answer.rows(table, page.view), answer.kept.state), answer.table(table)
    names = chosen_columns(shown, page.fields)
    if ending == "arrow":
        table_of = shown.take(rows, names or shown_names(shown))
        return Response(arrow_stream(table_of), media_type=ARROW, headers=headers)
    if ending == "gct":
        if len(rows) > MOST_GCT:
            raise RefusedError(f"{len(rows):,} rows; a GCT takes {MOST_GCT:,}, filter first or take the TSV", 413,
                               "too_large", "as")  # fmt: skip
        return Response(gct_text(shown, rows, table), media_type=TSV, headers=headers)
    lines: Iterator[str] = (
        json_lines(shown, rows, names, answer.kept.state) if ending == "json" else tsv_lines(shown, rows, names)
    )
    if words and ending == "tsv":
        lines = chain(comment_lines(names or shown.names), lines)
    media = "application/json" if ending == "json" else TSV
    return StreamingResponse(lines, media_type=media, headers=headers)


def file_name(answer: Answer, table: str, ending: str, page: PageRequest) -> str:
    """Name that says what is in the file."""
    parts = [
        answer.kept.name,
        *([] if ending in ("html", "zip", "gmt") else [table]),
        *page.view.filters,
        page.view.text,
    ]
    text = "_".join(re.sub(r"[^\w.+-]+", "-", part).strip("-") for part in parts if part.strip())
    return f"{text[:120] or 'answer'}.{ending}"


def gmt_text(answer: Answer) -> str:
    """Write the sets as they were scored."""
    sets = answer.stored("sets").to_pydict()
    lines = []
    for side in ("up", "down"):
        genes = [gene for gene, one in zip(sets["symbol"], sets["set"], strict=True) if one == side]
        if genes:
            ending = "UP" if side == "up" else "DN"
            lines.append("\t".join([f"{plain_cell(answer.kept.name)}_{ending}", "as scored", *genes]))
    return "\n".join(lines) + "\n"
