"""Lists of the genes of signatures: by what they are ranked, and their two ends as a file of gene sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.model.errors import GeneSetError

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex

BY_ACCURACY = "inferred genes by z times the accuracy of their inference"
BY_MEASURED = "z, which has the scale of measured genes (zscore --scale measured)"
SET_SIZE = 150
"""Genes of each side of a file of gene sets; a query of a whole signature takes as many."""


def list_scores(index: ConnectivityIndex, places: Sequence[int], z: np.ndarray) -> tuple[np.ndarray, str]:
    """Scores by which the genes of signatures are listed, and a sentence on it; z and no sentence if all are measured.

    Genes whose z was made with ``zscore --scale measured`` have that scale already, and keep it.

    z : (signatures, genes).
    """
    from beadwork.io.platform.inference_model import inference_accuracies
    from beadwork.stages.connectivity.explain import gene_list_scores

    accuracies = inference_accuracies()
    if not any(gene in accuracies for gene in index.store.gene_ids):
        return z, ""
    done = _have_measured_scale(index, places)
    if done.all():
        return z, BY_MEASURED
    scores = gene_list_scores(z.T, index.store.gene_ids, accuracies).T
    scores[done] = z[done]
    kept = f"; {done.sum()} of {len(done)} signatures by {BY_MEASURED}" if done.any() else ""
    return scores, BY_ACCURACY + kept


def _have_measured_scale(index: ConnectivityIndex, places: Sequence[int]) -> np.ndarray:
    """Whether z of inferred genes has the scale of measured ones, by signature; asked once for each file."""
    files = np.zeros(len(index)) if "source" not in index.annotation else index.annotation.numbers("source")
    known: dict[tuple[int, str], bool] = {}
    found = np.empty(len(places), bool)
    for number, place in enumerate(places):
        segment = next((s.start for s in index.store.segments if s.start <= place < s.start + s.n_signatures), -1)
        key = (segment, str(files[place]))
        if key not in known:
            steps = [step for step in provenance_steps(index, place)[1] if step.get("command") == "zscore"]
            known[key] = any((step.get("parameters") or {}).get("scale") == "measured" for step in steps)
        found[number] = known[key]
    return found


def provenance_steps(index: ConnectivityIndex, place: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """File that a signature came from, and the steps that made it."""
    source = index.annotation.numbers("source")[place] if "source" in index.annotation else np.nan
    for segment in index.store.segments:
        if segment.start <= place < segment.start + segment.n_signatures:
            rows = index.store.segment_provenance(segment)
            for row in rows:
                if row.get("source") == source or len(rows) == 1:
                    record = json.loads(row.get("provenance") or "{}")
                    return row, [*record.get("history", ()), *([record] if "command" in record else [])]
    return {}, []


def constant_scores(values: np.ndarray) -> np.ndarray:
    """Scores of genes that move alike in signatures (signatures, genes); of one signature its values."""
    mean, sd = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
    scores: np.ndarray = mean * np.sqrt(len(values)) / np.sqrt(sd**2 + 1)  # one unit of noise, so that few do not win
    return scores


def write_gene_sets(
    index: ConnectivityIndex, name: str, places: Sequence[int], path: Path, size: int = SET_SIZE
) -> tuple[int, int]:
    """Write the genes that go up and down most in signatures, as the sets NAME_UP and NAME_DN of a GMT file.

    Genes are named by symbol, or by id where there is none.

    Returns
    -------
    How many go up and down: fewer than `size` where no more do.

    Raises
    ------
    GeneSetError
        No gene changes.
    """
    from beadwork.io.files.atomic import write_text

    values, note = list_scores(index, places, index.store.read_signatures(places))
    scores = constant_scores(values)
    order = np.argsort(-scores, kind="stable")
    up, down = order[scores[order] > 0][:size], order[::-1][scores[order[::-1]] < 0][:size]
    if not len(up) + len(down):
        raise GeneSetError(f"{name}: no gene changes, so there are no sets to write")
    genes = index.genes
    symbols = genes["symbol"].where(genes["symbol"].notna(), genes["gene_id"]).astype(str).to_numpy(object)
    what = "a signature" if len(places) == 1 else f"{len(places)} signatures"
    lines = [
        "\t".join([f"{name}_{side}", f"{what} of {index.store.path.name}, ranked by: {note or 'z'}", *symbols[rows]])
        for side, rows in (("UP", up), ("DN", down))
        if len(rows)
    ]
    write_text(path, "\n".join(lines) + "\n")
    return len(up), len(down)
