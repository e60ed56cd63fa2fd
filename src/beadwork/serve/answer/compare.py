"""Answers side by side: how alike their orders are, and which rows differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from beadwork.serve.answer.answers import Answer
from beadwork.serve.answer.pages import plain
from beadwork.serve.refusals import RefusedError

KEYS = {"perts": ("pert_iname", "pert_type"), "sigs": ("sig_id",), "classes": ("class", "kind", "pert_type")}


def compare(answers: Sequence[Answer], name: str, most: int) -> dict[str, Any]:
    """Rank correlations of answers, scores of the rows that all have, and those that differ most.

    Raises
    ------
    RefusedError
        The answers are of different indexes, or of different states of one.
    """
    import pandas as pd

    states = {answer.kept.state for answer in answers}
    if len(states) > 1:
        words = "the answers are of different indexes, or of different states of one; ask again, then compare"
        raise RefusedError(words, 409, "different_indexes", "ids")
    keys = KEYS[name]
    columns = []
    for place, answer in enumerate(answers):
        table = answer.table(name).arrow.select([*keys, "ncs"]).to_pandas()
        table = table.astype({key: object for key in keys}).fillna({key: "" for key in keys})
        columns.append(table.drop_duplicates(list(keys)).set_index(list(keys))["ncs"].rename(str(place)))
    joined = pd.concat(columns, axis=1, join="outer").sort_index()
    whole = joined.dropna()
    ranks = whole.rank().to_numpy(np.float64)
    correlation = np.corrcoef(ranks.T) if len(whole) > 2 else np.full((len(answers),) * 2, np.nan)
    spread = (whole.max(axis=1) - whole.min(axis=1)).sort_values(ascending=False, kind="stable")
    differing = whole.loc[spread.index[:most]]
    rows = [
        [*(key if isinstance(key, tuple) else (key,)), *(plain(float(value)) for value in values),
         plain(float(spread[key]))]
        for key, values in zip(differing.index, differing.to_numpy(), strict=True)
    ]  # fmt: skip
    return {
        "ids": [answer.kept.id for answer in answers], "names": [answer.kept.name for answer in answers],
        "table": name, "state": states.pop(), "shared": len(whole), "only_some": len(joined) - len(whole),
        "measure": "Spearman correlation of NCS over the rows that all have",
        "correlation": plain(correlation.tolist()),
        "columns": [*keys, *(answer.kept.id for answer in answers), "spread"], "rows": rows,
        "scores": _scores(whole, most),
    }  # fmt: skip


def _scores(whole: Any, most: int) -> dict[str, Any]:
    """Scores of up to 2,000 rows for a scatter: evenly over the order of the first answer."""
    places = np.unique(np.linspace(0, max(0, len(whole) - 1), min(len(whole), 2000)).astype(int))
    chosen = whole.sort_values("0", ascending=False, kind="stable").iloc[places]
    labels = [" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in chosen.index]
    names = [str(key[0] if isinstance(key, tuple) else key) for key in chosen.index]
    return {"labels": labels, "names": names, "values": plain([[float(item) for item in row] for row in chosen.to_numpy()]),
            "shown": len(chosen), "of": len(whole)}  # fmt: skip
