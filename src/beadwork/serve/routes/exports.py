"""Answers as files, with the rows and the order of the screen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from beadwork.api.index.asking.query_page import query_page
from beadwork.api.index.cards.gene_lists import list_scores
from beadwork.api.index.opened import ConnectivityIndex
from beadwork.io.files.cells import plain_cell
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.answer.answers import HIDDEN, OLD_NAMES, Answer
from beadwork.serve.answer.bundles import IDS, gct_text, zip_bytes
from beadwork.serve.answer.columns import comment_lines
from beadwork.serve.answer.files import ARROW, arrow_stream, attachment, gct_lines, json_lines, tsv_lines
from beadwork.serve.answer.pages import chosen_columns, rows_of, shown_names
from beadwork.serve.refusals import RefusedError
from beadwork.serve.routes.queries import Page, TableName, answered
from beadwork.serve.service import PageRequest, Service

Ending = Literal["tsv", "json", "arrow", "gct", "gmt", "html", "zip"]
TSV = "text/tab-separated-values; charset=utf-8"
FILE_WORDS = {
    "perts": "perturbagens",
    "classes": "mechanisms",
    "genes": "genes",
    "cells": "cells",
    "sigs": "signatures",
}
WHOLE = ("html", "zip", "gmt")
"""Files of an answer as a whole, whatever is shown of it."""
MOST_GCT = 100_000
MOST_SETS = 100_000
"""Signatures whose genes a GMT takes."""
SETS_AT_ONCE = 256
WORDS = "TSV: comments above say what was asked, which rows are shown, and what each column means"
TOP = "GMT: sets of so many genes from each end of every signature shown; 0: the sets of the question"


def routes(service: Service) -> APIRouter:
    """Routes of files; they come before those of tables, whose names they would be taken for."""
    router = APIRouter(prefix="/api/queries", tags=["files"])

    @router.get("/{key}/export", summary="What is shown as a file: the same filters, the same order")
    def export(
        key: str, page: Page, ending: Annotated[Ending, Query(alias="as")] = "tsv", table: TableName = "sigs",
        words: Annotated[bool, Query(description=WORDS)] = False,
        top: Annotated[int, Query(ge=0, le=500, description=TOP)] = 0,
    ) -> Response:  # fmt: skip
        answer, name = answered(service, key), OLD_NAMES.get(table, table)
        if ending == "gmt" and top:
            return signature_gmt(answer, name, page, top)
        return exported(answer, name, ending, page, words)

    @router.get("/{key}/download/{table}", summary="A whole ranked table as TSV")
    def download(key: str, table: TableName, page: Page) -> Response:
        response = exported(answered(service, key), OLD_NAMES.get(table, table), "tsv", page)
        response.headers.update(attachment(f"{table}.tsv"))
        return response

    @router.get("/{key}/{table}.{ending}", summary="The rows of a table as .tsv, .json or .arrow")
    def as_file(key: str, table: TableName, ending: Literal["tsv", "json", "arrow"], page: Page) -> Response:
        return exported(answered(service, key), OLD_NAMES.get(table, table), ending, page)

    return router


def exported(answer: Answer, table: str, ending: str, page: PageRequest, words: bool = False) -> Response:
    """One file of an answer."""
    headers = attachment(file_name(answer, table, ending, page))
    if ending in WHOLE and (given := page.given):
        said = f"{given[0]}: a file {ending} is of the whole answer; tsv, json, arrow and gct take filters and pages"
        raise RefusedError(said, field=given[0])
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
    if ending == "gct":
        if names:
            id_name = IDS[table] if IDS[table] in shown else names[0]
            return StreamingResponse(gct_lines(shown, rows, names, id_name), media_type=TSV, headers=headers)
        if len(rows) > MOST_GCT:
            raise RefusedError(f"{len(rows):,} rows; a GCT takes {MOST_GCT:,}, filter first or take the TSV", 413,
                               "too_large", "as")  # fmt: skip
        return Response(gct_text(shown, rows, table), media_type=TSV, headers=headers)
    above = chain(said_lines(answer, page), comment_lines(names or shown.names)) if words else ()
    return _rows_file(shown, rows, names, ending, answer.kept.state, headers, above)


def table_file(
    table: SignatureTable,
    name: str,
    ending: str,
    page: PageRequest,
    state: str,
    *,
    words: bool = False,
    id_name: str = "",
) -> Response:
    """Rows of a table as a file, with the filters and order of the screen; `words` says above what columns mean."""
    rows, names = page.cut(rows_of(table, page.view), state), chosen_columns(table, page.fields)
    wanted = names or shown_names(table)
    headers = attachment(f"{name}.{ending}")
    if ending == "gct":
        lines = gct_lines(table, rows, wanted, id_name if id_name in table else wanted[0])
        return StreamingResponse(lines, media_type=TSV, headers=headers)
    return _rows_file(table, rows, names, ending, state, headers, comment_lines(wanted) if words else ())


def _rows_file(
    table: SignatureTable, rows: np.ndarray, names: Sequence[str] | None, ending: str, state: str,
    headers: dict[str, str], above: Iterable[str],
) -> Response:  # fmt: skip
    """Rows as Arrow, JSON or TSV, the last one with comments above."""
    if ending == "arrow":
        table_of = table.take(rows, names or shown_names(table))
        return Response(arrow_stream(table_of), media_type=ARROW, headers=headers)
    if ending == "json":
        lines, media = json_lines(table, rows, names, state), "application/json"
    else:
        lines, media = chain(above, tsv_lines(table, rows, names)), TSV
    return StreamingResponse(lines, media_type=media, headers=headers)


def said_lines(answer: Answer, page: PageRequest) -> Iterator[str]:
    """Comments of a TSV: what was asked, how sure the answer is, which rows are shown."""
    view, facts = page.view, answer.kept.facts
    said = [f"question: {answer.kept.name}", f"state of the index: {answer.kept.state}",
            *(f"how sure: {item['verdict']}: {item['words']}" for item in facts["how_sure"]),
            *(f"filter: {item}" for item in view.filters), *([f"search: {view.text}"] if view.text else []),
            *([f"sorted by {view.sort}"] if view.sort else [])]  # fmt: skip
    yield from (f"# {' '.join(line.split())}\n" for line in said)


def signature_gmt(answer: Answer, table: str, page: PageRequest, top: int) -> Response:
    """Write sets of the ends of the signatures shown, in their order.

    Raises
    ------
    RefusedError
        The rows are no signatures, or more than a file of sets takes.
    """
    if table != "sigs":
        raise RefusedError("top: sets of genes are of signatures; take table=sigs", field="top")
    rows = answer.rows(table, page.view)
    if len(rows) > MOST_SETS:
        raise RefusedError(f"{len(rows):,} signatures; a GMT takes {MOST_SETS:,}, filter first", 413, "too_large", "as")
    places = answer.table(table).take(rows, [HIDDEN]).column(HIDDEN).to_numpy()
    headers = attachment(file_name(answer, table, "gmt", page, of=table))
    lines = set_lines(answer.open_state.index, places, top)
    return StreamingResponse(lines, media_type="text/plain; charset=utf-8", headers=headers)


def set_lines(index: ConnectivityIndex, places: np.ndarray, top: int) -> Iterator[str]:
    """Lines of a GMT: highest and lowest genes of signatures, by z times the accuracy of inference if known."""
    symbols = index.genes["symbol"].astype(object).where(index.genes["symbol"].notna(), index.genes["gene_id"])
    names = symbols.astype(str).to_numpy(object)
    fields = [name for name in ("sig_id", "pert_iname") if name in index.annotation]
    for first in range(0, len(places), SETS_AT_ONCE):
        chosen = places[first : first + SETS_AT_ONCE]
        z = index.store.read_signatures(chosen).astype(np.float64)
        scores, _ = list_scores(index, chosen.tolist(), z)
        rows = index.annotation.take(chosen, fields).to_pylist()
        lines = []
        for row, values in zip(rows, scores, strict=True):
            order = np.argsort(-values, kind="stable")
            order = order[np.isfinite(values[order])]
            note = plain_cell(str(row.get("pert_iname") or "-"))
            for ending, genes in (("UP", order[:top]), ("DN", order[::-1][:top])):
                lines.append("\t".join([f"{plain_cell(row['sig_id'])}_{ending}", note, *names[genes]]) + "\n")
        yield "".join(lines)


def file_name(answer: Answer, table: str, ending: str, page: PageRequest, of: str = "") -> str:
    """Name that says what is in the file."""
    parts = [
        answer.kept.name,
        *([] if ending in ("html", "zip", "gmt") and not of else [FILE_WORDS.get(table, table)]),
        *page.view.filters,
        page.view.text,
        *([f"by{page.view.sort}"] if page.view.sort else []),
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
