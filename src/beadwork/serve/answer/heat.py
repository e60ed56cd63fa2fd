"""Heat map of an answer: perturbagens by cell, dose or time."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from beadwork.kernels.connectivity.max_quantile import group_max_quantile
from beadwork.model.quantities import quantity_order
from beadwork.serve.answer.answers import HIDDEN, Answer
from beadwork.serve.answer.pages import View
from beadwork.serve.refusals import RefusedError

MOST_COLUMNS = 200


def heat_map(answer: Answer, view: View, rows: int, cols: str, cluster: bool) -> dict[str, Any]:
    """NCS (max-quantile) of the first perturbagens of a view by the values of a field; missing is NaN.

    Parameters
    ----------
    rows
        Perturbagens: without a filter or an order half of them from each end.
    cluster
        Order both sides by average linkage.
    """
    table = answer.table("perts")
    places = answer.rows("perts", view)
    if len(places) > rows and not view.sort:
        places = np.concatenate([places[: (rows + 1) // 2], places[len(places) - rows // 2 :]])
    places = places[:rows]
    plan_rows = table.take(places, [HIDDEN]).column(HIDDEN).to_numpy()
    names = [str(item) for item in table.take(places, ["pert_iname"]).column("pert_iname").to_pylist()]
    types = [str(item or "") for item in table.take(places, ["pert_type"]).column("pert_type").to_pylist()]
    order, starts = answer.pert_places
    annotation = answer.annotation
    if cols not in annotation:
        raise RefusedError(f"the index has no {cols}", field="cols")
    codes, texts = annotation.texts(cols)
    own = [order[starts[row] : starts[row + 1]] for row in plan_rows.tolist()]
    signatures = np.concatenate([*own, np.empty(0, np.int64)]).astype(np.int64)
    row_of = np.repeat(np.arange(len(own)), [len(item) for item in own])
    known = codes[signatures] >= 0
    signatures, row_of = signatures[known], row_of[known]
    used, counts = np.unique(codes[signatures], return_counts=True)
    if len(used) > MOST_COLUMNS:  # those with the most signatures
        used = np.sort(used[np.argsort(-counts, kind="stable")[:MOST_COLUMNS]])
    column_ids = sorted((texts[code] for code in used.tolist()), key=quantity_order if cols != "cell_id" else str)
    column_of = np.full(len(texts), -1)
    column_of[[texts.index(text) for text in column_ids]] = np.arange(len(column_ids))
    at = column_of[codes[signatures]]
    chosen = at >= 0
    group = row_of[chosen] * max(1, len(column_ids)) + at[chosen]
    ncs = answer.scores("ncs")[signatures[chosen]][:, None]
    size = len(own) * len(column_ids)
    values = group_max_quantile(ncs, group, size)[:, 0] if size else np.empty(0)
    values = np.asarray(values, np.float32).reshape(len(own), len(column_ids))
    counted = np.bincount(group, minlength=size).reshape(values.shape)
    return {
        "row_ids": names, "row_types": types, "col_ids": column_ids, "cols": cols,
        "values": base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode(),
        "n": base64.b64encode(np.minimum(counted, 65535).astype("<u2").tobytes()).decode(),
        "order": {"rows": _order(values) if cluster else list(range(len(own))),
                  "cols": _order(values.T) if cluster else list(range(len(column_ids)))},
        "n_columns": len(np.unique(codes[codes >= 0])), "state": answer.kept.state,
    }  # fmt: skip


def _order(values: np.ndarray) -> list[int]:
    """Rows by average linkage of their distances, a missing score counting as 0."""
    if len(values) < 3 or values.shape[1] == 0:
        return list(range(len(values)))
    from scipy.cluster.hierarchy import leaves_list, linkage

    return [int(item) for item in leaves_list(linkage(np.nan_to_num(values).astype(np.float64), "average"))]
