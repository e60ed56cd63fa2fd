"""Every signature of an index against all: who resembles whom, and whether the same perturbagen finds itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.api.index.opened import ConnectivityIndex
from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.connectivity.ranked_tables import write_ranked
from beadwork.io.connectivity.signature_fields import row_fields
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.gctx.writer import gctx_columns
from beadwork.kernels.connectivity.recall import composite, pair_ranks
from beadwork.model.connectivity.query import SIGNATURE_FIELDS, MappedQuery
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import FileError, ParameterError
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.filters import filter_signatures
from beadwork.stages.connectivity.groups import treatment_mask
from beadwork.stages.connectivity.perturbagens import PERTURBAGEN, plan_roll_up
from beadwork.stages.connectivity.score import signature_sets

RECALL_LIMIT = 20_000
"""Recall needs all pairs in memory; with more signatures it is left out, and that is said."""


def own_queries(index: ConnectivityIndex, positions: np.ndarray, size: int) -> list[MappedQuery]:
    """Make queries of signatures' own most positive and most negative genes, and of the whole profile."""
    rows = np.arange(index.store.n_genes)
    names = index.siginfo["sig_id"].to_numpy()
    queries = []
    for place, z in zip(positions, index.store.read_signatures(positions), strict=True):
        up, down = signature_sets(z, size)
        queries.append(MappedQuery(str(names[place]), up, down, rows, z.astype(np.float64)))
    return queries


def introspect(
    index: ConnectivityIndex,
    output: Path,
    *,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    filters: Sequence[str] = (),
    top: int = 20,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Ask an index with its own signatures and write the answers.

    Parameters
    ----------
    output
        Folder; receives wtcs, ncs, tau and fdr (and further metrics) as GCTX, signatures by signatures,
        connections.tsv (the closest of each signature) and recall.tsv (by perturbagen).
    filters
        Which signatures ask and are asked; normalisation is that of the whole index.
    top
        Connections listed per signature.

    Returns
    -------
    Numbers of signatures and perturbagens, and the median recall, for a summary.
    """
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise FileError(f"{output}: is a file; name a folder for the answers")
    shown = filter_signatures(index.annotation, filters)
    positions = np.flatnonzero(shown)
    size = min(params.set_size, index.store.n_genes // 6)
    if size < 1:
        raise ParameterError(f"an index of {index.store.n_genes} genes is too small to introspect")
    info = index.siginfo[shown].reset_index(drop=True)
    ids = info["sig_id"].astype(str).tolist()
    record = make_provenance(
        "introspect", {**params.model_dump(mode="json"), "where": list(filters), "size": size},
        {"index": [input_record(MANIFEST, index.store.digest)]},
    )  # fmt: skip
    # by gene sets also where profiles are noise controlled, so that there is a tau
    by_sets = params.model_copy(update={"rank_by": "wtcs"}) if params.rank_by == "auto" else params
    kinds = [*dict.fromkeys(["wtcs", *params.metric]), "ncs", "tau", "fdr"]
    complete = len(positions) <= RECALL_LIMIT
    similarity = np.empty((len(positions), len(positions)), np.float32) if complete else None
    lists = []
    width = max(1, len(next(index.batches([None] * len(positions), params))))  # type: ignore[list-item]
    with ExitStack() as stack:
        rows = row_fields(index.annotation, SIGNATURE_FIELDS, positions)
        writers = {
            kind: stack.enter_context(gctx_columns(output / f"{kind}.gctx", rows, ids, record)) for kind in kinds
        }
        for first in range(0, len(positions), width):
            progress(f"{first:,} of {len(positions):,} signatures")
            part = positions[first : first + width]
            result = index.answer(own_queries(index, part, size), by_sets, p_control=False)
            for kind, write in writers.items():
                write(first, result.values(kind)[:, shown])
            ncs = result.values("ncs")[:, shown].astype(np.float64)
            ncs[np.arange(len(part)), first + np.arange(len(part))] = np.nan
            lists.append(_closest(ncs, result, shown, info, first, top))
            if similarity is not None:
                similarity[first : first + len(part)] = ncs
    connections = pd.concat(lists, ignore_index=True)
    write_ranked({str(name): connections[name] for name in connections.columns}, output / "connections.tsv")
    summary: dict[str, Any] = {"signatures": len(positions), "genes_each_side": size}
    if similarity is not None:
        recall = recall_table(similarity, info, params)
        write_table(recall, output / "recall.tsv")
        summary |= {"perturbagens_with_pairs": len(recall), "median_rank": float(recall["rank"].median())}
    return summary


def _closest(ncs: np.ndarray, result: Any, shown: np.ndarray, info: pd.DataFrame, first: int, top: int) -> pd.DataFrame:
    count = min(top, ncs.shape[1] - 1)
    order = np.argsort(-ncs, axis=1, kind="stable")[:, :count]
    query = np.repeat(np.arange(len(ncs)), order.shape[1])
    found = order.reshape(-1)
    columns: dict[str, Any] = {
        "query": info["sig_id"].to_numpy()[first + query],
        "query_pert_iname": info["pert_iname"].astype(object).to_numpy()[first + query],
        "rank": np.tile(np.arange(1, order.shape[1] + 1), len(ncs)),
    }
    for field in ("sig_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime"):
        columns[field] = info[field].astype(object).to_numpy()[found]
    for name in ("wtcs", "ncs", "tau", "fdr"):
        columns[name] = result.values(name)[:, shown][query, found]
    return pd.DataFrame(columns)


def recall_table(
    similarity: np.ndarray,
    info: pd.DataFrame,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
) -> pd.DataFrame:
    """Recall by perturbagen: how signatures of the same perturbagen rank among all.

    Parameters
    ----------
    similarity
        Scores, shape (signatures, signatures), NaN on the diagonal.
    info
        pert_iname, pert_id, pert_type, cell_id of each signature.
    params
        What a perturbagen is, as in roll-ups.

    Returns
    -------
    One row a perturbagen (no controls) with two signatures or more: pairs, median similarity, rank (0: best, 50:
    chance), composite.
    """
    rank = pair_ranks(similarity.astype(np.float64))
    score = composite(similarity, rank)
    siginfo = SignatureTable.of(info)
    plan = plan_roll_up(siginfo, treatment_mask(siginfo, params), params=params)
    own = pd.DataFrame({name: plan.perts[name].to_pylist() for name in PERTURBAGEN}, dtype=object)
    code = np.append(plan.pert_of, -1)[plan.cell_of]
    rows = []
    for number in np.flatnonzero(plan.perts["n_signatures"] >= 2).tolist():
        members = np.flatnonzero(code == number)
        pairs = np.ix_(members, members)
        off = ~np.eye(len(members), dtype=bool)
        rows.append(
            {
                **own.iloc[number].to_dict(),
                "n_signatures": len(members),
                "n_cells": int(info["cell_id"].iloc[members].nunique()),
                "similarity": float(np.nanmedian(similarity[pairs][off])),
                "rank": float(np.nanmedian(rank[pairs][off])),
                "composite": float(np.nanmedian(score[pairs][off])),
            }
        )
    columns = [*PERTURBAGEN, "n_signatures", "n_cells", "similarity", "rank", "composite"]
    return pd.DataFrame(rows, columns=columns).sort_values("rank", kind="stable", ignore_index=True)
