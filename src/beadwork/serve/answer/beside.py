"""What stands beside a score: the scores of null signatures, of all treatments, and of the background questions."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.model.connectivity.signature_table import arrow_text
from beadwork.model.params import QueryParams
from beadwork.serve.answer.answers import HIDDEN, Answer
from beadwork.serve.answer.pages import View, plain
from beadwork.serve.refusals import not_found
from beadwork.stages.connectivity.groups import null_mask, treatment_mask

BINS = 61
BACKGROUND_BINS = 40


def beside(answer: Answer, sig_id: str = "", pert: str = "", pert_type: str = "") -> dict[str, Any]:
    """Histograms that a score is read against.

    Parameters
    ----------
    sig_id, pert
        Signature, or name of a perturbagen (`pert_type` where several have that name), whose score is marked; none
        of both: the whole answer.

    Returns
    -------
    ``edges`` (NCS), counts ``null`` and ``treated`` of signatures, their numbers, ``score`` and its tau; where there is
    a background, ``background``: sizes of the scores of its questions in this signature or perturbagen.
    """
    annotation = answer.annotation
    shown = np.zeros(len(annotation), bool)
    shown[answer.shown] = True
    ncs = answer.scores("ncs")
    known = shown & np.isfinite(ncs)
    params = QueryParams()
    null, treated = known & null_mask(annotation, params), known & treatment_mask(annotation, params)
    limit = answer.strip_limit
    edges = np.linspace(-limit, limit, BINS + 1)
    found: dict[str, Any] = {
        "edges": [round(float(edge), 4) for edge in edges],
        "null": np.histogram(ncs[null], edges)[0].tolist(), "treated": np.histogram(ncs[treated], edges)[0].tolist(),
        "n_null": int(null.sum()), "n_treated": int(treated.sum()), "score": None, "tau": None, "fdr": None,
        "background": None, "state": answer.kept.state,
    }  # fmt: skip
    if sig_id:
        place = _place_of(answer, sig_id)
        for name in ("ncs", "tau", "fdr"):
            if name in answer.kept.facts["scores"]:
                found["score" if name == "ncs" else name] = plain(float(answer.scores(name)[place]))
        found["background"] = _background(_of_signature(answer, place), found["score"])
    elif pert:
        table = answer.table("perts")
        view = View((f"pert_iname:{pert}", *([f"pert_type:{pert_type}"] if pert_type else ())))
        rows = answer.rows("perts", view)[:1]
        if not len(rows):
            raise not_found(
                f"this answer has no perturbagen {pert!r}{f' of type {pert_type}' if pert_type else ''}", "pert"
            )
        row = table.take(rows, ["ncs", "tau", HIDDEN]).to_pylist()[0]
        found["score"], found["tau"] = plain(row["ncs"]), plain(row["tau"])
        found["background"] = _background(_of_perturbagen(answer, row[HIDDEN]), found["score"])
    return found


def _place_of(answer: Answer, sig_id: str) -> int:
    import pyarrow.compute as pc

    place = int(pc.index(answer.annotation.column("sig_id"), arrow_text(sig_id)).as_py())
    if place < 0:
        raise not_found(f"the index has no signature {sig_id!r}", "sig")
    return place


def _of_signature(answer: Answer, place: int) -> np.ndarray | None:
    """Sizes of the scores of the background questions in one signature; None where the index is not open any more."""
    if answer.state is None:
        return None
    for part in answer.state.index.store.background_scores:
        if place < len(part):
            return np.abs(np.asarray(part[place], np.float64))
        place -= len(part)
    return None


def _of_perturbagen(answer: Answer, row: int) -> np.ndarray | None:
    """Sizes of the rolled-up scores of the background questions; None where they are not at hand."""
    if answer.state is None or answer.kept.question.get("where"):
        return None  # another plan: its background is rolled up with the answer only
    rolled = answer.state.rolled_background(QueryParams())
    if rolled is None:
        return None
    sizes = rolled.sizes_of(1, row)
    return _of_signature(answer, rolled.signature_of(1, row)) if sizes is None else sizes


def _background(sizes: np.ndarray | None, score: float | None) -> dict[str, Any] | None:
    """Histogram of sizes, and how many stay below the score."""
    if sizes is None:
        return None
    sizes = sizes[np.isfinite(sizes)]
    if not len(sizes):
        return None
    size = 0.0 if score is None else abs(score)
    edges = np.linspace(0, max(float(sizes.max()), size, 0.1), BACKGROUND_BINS + 1)
    return {"edges": [round(float(edge), 4) for edge in edges], "counts": np.histogram(sizes, edges)[0].tolist(),
            "n": len(sizes), "below": int((sizes < size).sum())}  # fmt: skip
