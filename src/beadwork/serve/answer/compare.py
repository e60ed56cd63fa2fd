"""Answers side by side: how alike their orders are, and which rows differ most.

Answers of one state of the index have their signatures and perturbagens in the same places: they are joined by these,
and only the rows that are shown get their names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beadwork.kernels.numeric.ranks import mean_ranks
from beadwork.serve.answer.answers import HIDDEN, Answer
from beadwork.serve.answer.pages import plain
from beadwork.serve.refusals import RefusedError

KEYS = {"perts": ("pert_iname", "pert_type"), "sigs": ("sig_id",), "classes": ("class", "kind", "pert_type")}
MOST_POINTS = 2000


@dataclass(frozen=True, eq=False)
class Joined:
    """Scores of answers row by row.

    Parameters
    ----------
    scores
        float32, shape (rows that any answer has, answers); missing where an answer lacks the row.
    names
        Names of some rows by their places.
    """

    scores: np.ndarray
    names: Callable[[np.ndarray], list[list[str]]]


def compare(answers: Sequence[Answer], name: str, most: int) -> dict[str, Any]:
    """Rank correlations of answers, scores of the rows that all have, and those that differ most.

    Raises
    ------
    RefusedError
        The answers are of different indexes, or of different states of one.
    """
    states = {answer.kept.state for answer in answers}
    if len(states) > 1:
        words = "the answers are of different indexes, or of different states of one; ask again, then compare"
        raise RefusedError(words, 409, "different_indexes", "ids")
    joined = _join(answers, name)
    whole = np.flatnonzero(~np.isnan(joined.scores).any(axis=1))
    scores = joined.scores[whole]
    correlation = np.full((len(answers),) * 2, np.nan)
    if len(whole) > 2:
        with np.errstate(invalid="ignore"):
            correlation = np.atleast_2d(np.corrcoef(mean_ranks(scores).T))
    spread = scores.max(axis=1) - scores.min(axis=1) if len(whole) else np.empty(0, np.float32)
    differing = np.argsort(-spread, kind="stable")[:most]
    rows = [
        [*key, *(plain(float(value)) for value in scores[at]), plain(float(spread[at]))]
        for key, at in zip(joined.names(whole[differing]), differing.tolist(), strict=True)
    ]
    return {
        "ids": [answer.kept.id for answer in answers], "names": [answer.kept.name for answer in answers],
        "table": name, "state": states.pop(), "shared": len(whole), "only_some": len(joined.scores) - len(whole),
        "measure": "Spearman correlation of NCS over the rows that all have",
        "correlation": plain(correlation.tolist()),
        "columns": [*KEYS[name], *(answer.kept.id for answer in answers), "spread"], "rows": rows,
        "scores": _points(joined, whole, scores),
    }  # fmt: skip


def _join(answers: Sequence[Answer], name: str) -> Joined:
    if name == "sigs":
        return _by_signature(answers)
    filters = {str(answer.kept.question.get("where") or "") for answer in answers}
    return _by_place(answers, name) if name == "perts" and len(filters) == 1 else _by_name(answers, name)


def _by_signature(answers: Sequence[Answer]) -> Joined:
    scores = np.stack([answer.scores("ncs") for answer in answers], axis=1)
    rows = np.arange(len(scores))
    if any(answer.kept.question.get("where") for answer in answers):
        there = np.zeros(scores.shape, bool)
        for place, answer in enumerate(answers):
            there[answer.shown, place] = True
        scores = np.where(there, scores, np.float32(np.nan))
        rows = np.flatnonzero(there.any(axis=1))
    annotation = answers[0].annotation
    return Joined(
        scores[rows],
        lambda at: [[str(item)] for item in annotation.take(rows[at], ["sig_id"]).column("sig_id").to_pylist()],
    )


def _by_place(answers: Sequence[Answer], name: str) -> Joined:
    """Join by the place in the plan, which is the same for the same filters."""
    tables = [answer.table(name) for answer in answers]
    places = [table.column(HIDDEN).to_numpy() for table in tables]
    scores = np.full((max(map(len, places)), len(answers)), np.nan, np.float32)
    for column, (table, place) in enumerate(zip(tables, places, strict=True)):
        scores[place, column] = table.column("ncs").to_numpy()
    row_of = np.empty(len(scores), np.int64)
    row_of[places[0]] = np.arange(len(places[0]))
    return Joined(scores, lambda at: _names(tables[0].take(row_of[at], KEYS[name]), KEYS[name]))


def _by_name(answers: Sequence[Answer], name: str) -> Joined:
    """Join by the names of the rows."""
    found: dict[tuple[str, ...], int] = {}
    columns = []
    for answer in answers:
        table = answer.table(name)
        keys = [tuple(key) for key in _names(table.arrow.select(KEYS[name]), KEYS[name])]
        places = np.array([found.setdefault(key, len(found)) for key in keys], np.int64)
        columns.append((places[::-1], table.column("ncs").to_numpy(zero_copy_only=False)[::-1]))  # the first one stays
    scores = np.full((len(found), len(answers)), np.nan, np.float32)
    for place, (rows, values) in enumerate(columns):
        scores[rows, place] = values
    names = sorted(found)
    order = np.array([found[key] for key in names], np.int64)
    return Joined(scores[order], lambda at: [list(names[row]) for row in at.tolist()])


def _names(table: Any, keys: Sequence[str]) -> list[list[str]]:
    """Names of rows, empty where they are missing."""
    columns = [["" if item is None else str(item) for item in table.column(key).to_pylist()] for key in keys]
    return [list(row) for row in zip(*columns, strict=True)]


def _points(joined: Joined, whole: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Scores of up to 2,000 rows for a scatter: evenly over the order of the first answer."""
    places = np.unique(np.linspace(0, max(0, len(whole) - 1), min(len(whole), MOST_POINTS)).astype(int))
    chosen = np.argsort(-scores[:, 0], kind="stable")[places] if len(whole) else np.empty(0, np.int64)
    keys = joined.names(whole[chosen])
    labels, names = [" ".join(key) for key in keys], [key[0] for key in keys]
    values = plain([[float(item) for item in row] for row in scores[chosen]])
    return {"labels": labels, "names": names, "values": values,
            "shown": len(chosen), "of": len(whole)}  # fmt: skip
