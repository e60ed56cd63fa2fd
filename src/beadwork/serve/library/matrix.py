"""Answers to many questions as one table: perturbagens or classes by questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from beadwork.api.index.asking.library_files import tau_within
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import agree
from beadwork.model.params import QueryParams
from beadwork.serve.answer.answers import Answer
from beadwork.serve.answer.compare import KEYS
from beadwork.serve.refusals import RefusedError

SCORES = ("ncs", "median_ncs", "tau", "tau_own")
SAID = {"perts": ("n_signatures", "n_cells"), "classes": ("n_perturbagens", "n_signatures")}


def answer_matrix(answers: Sequence[tuple[str, Answer]], name: str, score: str) -> SignatureTable:
    """One row a perturbagen or class, one column (by its name) an answer; the first columns sum up each row.

    ``tau_own`` compares the NCS of a row with those in all other answers.

    Raises
    ------
    RefusedError
        The answers are of different states, or too few for tau of their own.
    """
    import pandas as pd

    if len({answer.kept.state for _, answer in answers}) > 1:
        words = "the answers are of different states of the index; ask all of them again"
        raise RefusedError(words, 409, "different_indexes", "table")
    fewest = QueryParams().min_background
    if score == "tau_own" and len(answers) <= fewest:
        words = (
            f"tau within the library needs more than {fewest} answers; there {agree(len(answers), 'is')} {len(answers)}"
        )
        raise RefusedError(words, field="score")
    keys, taken = list(KEYS[name]), "ncs" if score == "tau_own" else score
    facts: Any = None
    columns = []
    for column, answer in answers:
        table = answer.table(name)
        said = [item for item in SAID[name] if item in table]
        chosen = [*keys, *said, *([taken] if taken in table else [])]
        frame = table.arrow.select(chosen).to_pandas().astype({key: object for key in keys})
        frame = frame.fillna({key: "" for key in keys}).drop_duplicates(keys).set_index(keys)
        columns.append((frame[taken] if taken in frame else pd.Series(np.nan, frame.index)).rename(column))
        facts = frame[said] if facts is None else facts.combine_first(frame[said])
    joined = pd.concat(columns, axis=1, join="outer", sort=True) if columns else pd.DataFrame()
    values = joined.to_numpy(np.float32)
    if score == "tau_own":
        values = tau_within(values)
        joined = pd.DataFrame(values, joined.index, joined.columns)
    known = np.isfinite(values).any(axis=1)
    joined, values = joined[known], values[known]
    joined = joined.astype(np.float32)
    names = np.array(joined.columns, object)
    summed = facts.reindex(joined.index)
    if len(values):
        summed["lowest"], summed["highest"] = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
        summed["lowest_in"] = names[np.nanargmin(values, axis=1)]
        summed["mean"] = np.nanmean(values, axis=1, dtype=np.float64).astype(np.float32)
    else:
        summed = summed.assign(lowest=[], highest=[], lowest_in=[], mean=[])
    whole = pd.concat([summed, joined], axis=1).sort_values("lowest", kind="stable").reset_index()
    return SignatureTable.of(whole)
