"""What is kept of a plate to compare it with others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.plates.placements import (
    N_WELLS,
    normal_scores,
    unit_effects,
)
from beadwork.model.errors import AlignmentError
from beadwork.model.ids import WELLS_384, format_dose, parse_det_plate
from beadwork.model.matrix import Level, Matrix, check_matrix
from beadwork.model.pert_types import is_empty, is_plate_control, is_vehicle

_POSITION = {well: number for number, well in enumerate(WELLS_384)}


@dataclass(frozen=True, eq=False)
class PlateFingerprint:
    """What is kept of a plate: enough to compare it, 1.5 MB for 384 wells.

    Parameters
    ----------
    name, brew, cell, bead_set
        What its annotation says.
    well_rows
        Shape (384,): row of each well in `effects`, -1 if it was not read.
    baseline
        Median normal scores of the genes that plates are compared on, shape (genes,).
    effects
        Shape (wells, genes), see :func:`beadwork.kernels.plates.placements.unit_effects`.
    levels, places
        Median normal score of each of the plate's own genes, by Entrez id and by (analyte, is hi gene).
    labels
        Perturbagen and dose at each position of the map, None for vehicle and unknown wells, shape (384,).
    control, rna
        Whether a position holds a control of any kind, and reference RNA, shape (384,).
    match
        Correlation of each well with the baseline, by well name, reference RNA left out.
    outlying
        Normal scores of the wells that are least like the plate.
    """

    name: str
    brew: str
    cell: str
    bead_set: str
    well_rows: np.ndarray
    baseline: np.ndarray
    effects: np.ndarray
    levels: pd.Series
    places: dict[tuple[int, bool], float]
    labels: np.ndarray
    control: np.ndarray
    rna: np.ndarray
    match: pd.Series
    outlying: dict[str, np.ndarray]

    @property
    def treatments(self) -> frozenset[str]:
        """Treatments of the plate; plates that share most of them share a map."""
        return frozenset(label for label in self.labels[~self.control] if label)


def compared_genes(rids: Iterable[pd.Index]) -> pd.Index:
    """Genes to compare plates on: those that at least half of the plates have, sorted."""
    counts: dict[str, int] = {}
    n_plates = 0
    for index in rids:
        n_plates += 1
        for rid in index:
            counts[rid] = counts.get(rid, 0) + 1
    return pd.Index(sorted(rid for rid, count in counts.items() if 2 * count >= n_plates), dtype=object)


def make_fingerprint(gex: Matrix, genes: pd.Index, what: str = "matrix") -> PlateFingerprint:
    """Reduce the GEX of one plate to what comparisons need.

    Parameters
    ----------
    gex
        Level 2, with det_well, pert_id, pert_type in the columns, and pr_analyte_num, pr_bset_id in the rows.
    genes
        Genes on which plates are compared, in order; one that the plate lacks counts as average.

    Raises
    ------
    LevelError
        Another level than GEX.
    AlignmentError
        A field is missing, or fewer than half of the genes are there.
    """
    check_matrix(gex, level=Level.GEX, samples=True, what=what)
    lacking = [name for name in ("det_well", "pert_id", "pert_type") if name not in gex.cols]
    lacking += [name for name in ("pr_analyte_num", "pr_bset_id") if name not in gex.rows]
    if lacking:
        raise AlignmentError(f"{what}: lacks the field(s) {', '.join(lacking)}; give GEX of beadwork deconvolve")
    position = gex.rids.get_indexer(genes)
    if (position >= 0).mean() < 0.5:
        raise AlignmentError(
            f"{what}: has {int((position >= 0).sum())} of the {len(position)} genes of the other plates; "
            "check plates of one platform together"
        )
    scores = normal_scores(gex.values)
    compared = np.where((position >= 0)[:, None], scores[position], np.float32(0))
    baseline, effects = unit_effects(compared)
    kinds = gex.cols["pert_type"].to_numpy(object)
    doses = gex.cols["pert_dose"] if "pert_dose" in gex.cols else [np.nan] * len(kinds)
    well_rows = np.full(N_WELLS, -1)
    labels = np.full(N_WELLS, None, dtype=object)
    control, rna = np.zeros((2, N_WELLS), dtype=bool)
    for row, (well, pert_id, kind, dose) in enumerate(
        zip(gex.cols["det_well"], gex.cols["pert_id"], kinds, doses, strict=True)
    ):
        at = _POSITION[well]
        well_rows[at] = row
        control[at] = is_plate_control(kind)
        rna[at] = is_empty(kind)
        if not is_vehicle(kind) and not pd.isna(pert_id):
            labels[at] = f"{pert_id} {'' if pd.isna(dose) else format_dose(dose)}".strip()
    median = np.median(scores, axis=1).astype(float)
    halves = gex.rows["pr_bset_id"].astype(str)
    is_hi = (halves == min(halves)).tolist()
    places = dict(zip(zip(gex.rows["pr_analyte_num"].astype(int), is_hi, strict=True), median, strict=True))
    match = pd.Series(correlate(compared.T, baseline), index=gex.cols["det_well"].to_numpy())
    outlying = match.index[match < np.median(match) - 0.1]
    parts = parse_det_plate(gex.plate)
    return PlateFingerprint(
        gex.plate, _one(gex, "brew_prefix") or parts.brew_prefix, _one(gex, "cell_id") or parts.cell_id,
        _one(gex, "bead_set"), well_rows, baseline, effects, pd.Series(median, index=gex.rids), places,
        labels, control, rna, match[[not rna[_POSITION[well]] for well in match.index]],
        {well: compared[:, well_rows[_POSITION[well]]] for well in outlying},
    )  # fmt: skip


def _one(gex: Matrix, name: str) -> str:
    """Value that all wells of a field share, or an empty string."""
    found = gex.cols[name].dropna().astype(str).unique().tolist() if name in gex.cols else []
    return found[0] if len(found) == 1 else ""


def correlate(rows: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """Pearson correlation of each row with a profile; 0 where one of them does not vary."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    profile = profile - profile.mean()
    scale = np.sqrt((rows**2).sum(axis=-1) * (profile**2).sum())
    flat = np.zeros(rows.shape[:-1], dtype=np.float32)
    return np.asarray(np.divide(rows @ profile, scale, out=flat, where=scale > 0))
