"""p-values against control signatures of the index: controls of other places on plates than the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beadwork.kernels.connectivity.control_t import benjamini_hochberg, control_p
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.ids import adjacent_blocks, parse_well
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.groups import null_mask

PLACE_FIELDS = ("sig_id", "brew_prefix", "det_plate", "det_well", "rna_well")
"""Annotation that places are made of."""


@dataclass(frozen=True, eq=False)
class ControlPlaces:
    """Control signatures of an index and where they lie.

    Parameters
    ----------
    positions
        Positions of the controls.
    place
        Of each control, its plate (or brew) and block of adjacent control wells; '' where the well is not known.
    cell
        Cell line of every signature.
    sig_id
        Id of every signature.
    """

    positions: np.ndarray
    place: np.ndarray
    cell: np.ndarray
    sig_id: np.ndarray


def find_controls(siginfo: SignatureTable, params: QueryParams) -> ControlPlaces:
    """Null signatures of an index, and where they lie."""
    import pandas as pd

    at = np.flatnonzero(null_mask(siginfo, params))
    names = [name for name in PLACE_FIELDS if name in siginfo]
    own = siginfo.take(at, names).to_pandas()
    ids = own["sig_id"].astype(str)
    well = ids.str.rsplit(":", n=1).str[-1]
    for name in ("rna_well", "det_well"):
        if name in own:
            well = own[name].astype(object).where(own[name].notna(), well)
    known = well.map(lambda item: parse_well(str(item)) or "")
    plate = ids.str.split(":", n=1).str[0]
    for name in ("brew_prefix", "det_plate"):
        if name in own:
            plate = own[name].astype(object).where(own[name].notna(), plate)
    place = pd.Series("", index=own.index, dtype=object)
    for name in sorted(set(plate.astype(str))):
        here = (plate.astype(str) == name) & (known != "")
        blocks = adjacent_blocks(list(known[here]))
        place[here] = np.array([f"{name}:{block}" for block in blocks], object)
    codes, cells = siginfo.texts("cell_id") if "cell_id" in siginfo else (np.full(len(siginfo), -1), [])
    cell = np.array([*cells, ""], object)[codes]
    ids = siginfo.take(np.arange(len(siginfo)), ["sig_id"]).column("sig_id").to_pylist()
    return ControlPlaces(at, place.to_numpy(object), cell, np.array(ids, object))


def control_p_values(
    scores: np.ndarray, names: Sequence[str], controls: ControlPlaces, params: QueryParams
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, ...]]]:
    """P and Benjamini-Hochberg q of every score, shape (queries, signatures), and why some are missing, by query.

    Signatures of a cell line are judged against controls of it where these are enough, else against all controls.
    Controls of the query's own place, and the query itself, do not count where it is a signature of the index.
    """
    p, q = np.full(scores.shape, np.nan), np.full(scores.shape, np.nan)
    notes: list[tuple[str, ...]] = []
    where = {name: place for place, name in enumerate(controls.sig_id)}
    position = {int(at): place for at, place in zip(controls.positions, controls.place, strict=True)}
    for query, name in enumerate(names):
        own = where.get(name, -1)
        kept = controls.positions != own
        if position.get(own):
            kept &= controls.place != position[own]
        everywhere = _reason(controls, kept, params)
        for cell in dict.fromkeys(controls.cell):
            near = kept & (controls.cell[controls.positions] == cell)
            chosen = near if _reason(controls, near, params) is None else kept
            if chosen is kept and everywhere is not None:
                continue
            targets = controls.cell == cell
            p[query, targets] = control_p(scores[query], controls.positions[chosen])[targets]
        if own >= 0:
            p[query, own] = np.nan
        q[query] = benjamini_hochberg(p[query])
        notes.append((f"no p_control: {everywhere}",) if everywhere and np.isnan(p[query]).all() else ())
    return p, q, notes


def _reason(controls: ControlPlaces, kept: np.ndarray, params: QueryParams) -> str | None:
    """Why these controls do not carry a p-value; None if they do."""
    places = len({place for place in controls.place[kept] if place})
    if kept.sum() < params.min_controls:
        return f"{int(kept.sum())} control signatures elsewhere, {params.min_controls} are needed"
    if places < params.min_places:
        return f"the control signatures lie in {places} places that are known, {params.min_places} are needed"
    return None
