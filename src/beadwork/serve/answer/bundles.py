"""An answer as a GCT, and as a folder to send to a colleague."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

from beadwork import __version__
from beadwork.api.index.asking.query_page import query_page
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.answer.answers import TABLES, Answer
from beadwork.serve.answer.files import tsv_lines
from beadwork.serve.answer.pages import View, plain_values, shown_names

DECIMALS = 6
_EARLY = (1980, 1, 1, 0, 0, 0)
IDS = {"sigs": "sig_id", "perts": "pert_iname", "classes": "class", "genes": "symbol", "cells": "pert_iname"}


def gct_text(table: SignatureTable, rows: np.ndarray, name: str) -> str:
    """GCT 1.3 with one column, the score; all other columns are fields of the rows."""
    import pandas as pd

    from beadwork.io.matrix.gct import write_gct
    from beadwork.model.matrix import Matrix

    score = "ncs" if "ncs" in table else "score"
    part = table.take(rows, shown_names(table))
    ids = _unique([str(item) for item in part.column(IDS[name]).to_pylist()])
    fields = {item: plain_values(part.column(item)) for item in part.column_names if item not in (score, IDS[name])}
    frame = pd.DataFrame(fields, index=pd.Index(ids, dtype=object), dtype=object)
    values = part.column(score).to_numpy().astype(np.float32)[:, None]
    stream = io.StringIO()
    write_gct(Matrix(values, frame, pd.DataFrame(index=pd.Index([score], dtype=object))), stream, DECIMALS)
    return stream.getvalue()


def _unique(ids: list[str]) -> list[str]:
    """Ids of rows, which a GCT needs once each."""
    seen: dict[str, int] = {}
    found = []
    for one in ids:
        seen[one] = seen.get(one, 0) + 1
        found.append(one if seen[one] == 1 else f"{one}:{seen[one]}")
    return found


def zip_bytes(answer: Answer) -> bytes:
    """Page, tables and the question of an answer as a zip; the same answer gives the same bytes."""
    result, rolled = answer.result()
    kept = answer.kept
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, text: str) -> None:
            archive.writestr(zipfile.ZipInfo(name, _EARLY), text, zipfile.ZIP_DEFLATED)

        add("index.html", query_page(result, 0, rolled))
        for name in TABLES:
            table = answer.table(name)
            add(f"{name}.tsv", "".join(tsv_lines(table, answer.rows(name, View()))))
        facts = {"beadwork": __version__, "name": kept.name, "question": kept.question, "state": kept.state,
                 "id": kept.id, **kept.facts}  # fmt: skip
        add("question.json", json.dumps(facts, indent=1) + "\n")
    return stream.getvalue()
