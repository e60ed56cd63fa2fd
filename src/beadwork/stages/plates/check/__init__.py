"""Mistakes that files cannot show: swapped plates, shifted or rotated maps, another bead set, another cell line.

What a plate measures shows what it is.  Wells with the same perturbagen and dose on other plates show which placement
of the map fits (replicates first, positive controls and reference RNA of all other plates besides), the plate's median
profile shows the cell line, and the genes that bead sets keep on different analytes show the bead set.
docs/decisions/0010-plate-check.md says why it is done this way, docs/validation/reliability.md how often it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from beadwork.model.beads.plate import BeadSet
from beadwork.model.errors import AlignmentError, name_some
from beadwork.model.params import CheckPlatesParams
from beadwork.model.qc import join_qc
from beadwork.stages.plates.check.evidence import StudyCheck
from beadwork.stages.plates.check.fingerprint import PlateFingerprint, compared_genes, make_fingerprint
from beadwork.stages.plates.check.verdicts import TABLE_COLUMNS, outlier_wells, plate_rows, verdict_table

__all__ = [
    "TABLE_COLUMNS", "CheckPlatesResult", "PlateFingerprint", "check_plates", "compared_genes", "make_fingerprint",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class CheckPlatesResult:
    """Verdicts.

    Parameters
    ----------
    table
        One row per plate, see :data:`TABLE_COLUMNS`.
    qc
        QC rows.
    """

    table: pd.DataFrame
    qc: pd.DataFrame


def check_plates(
    fingerprints: Sequence[PlateFingerprint],
    bead_sets: Sequence[BeadSet] = (),
    *,
    params: CheckPlatesParams = CheckPlatesParams(),  # noqa: B008 (frozen)
) -> CheckPlatesResult:
    """Look for plates that are not what their rows in the plate sheet say.

    Parameters
    ----------
    fingerprints
        Plates of a study (:func:`make_fingerprint`); the more replicates and brews, the more can be seen.
    bead_sets
        Bead sets that a plate could carry instead of its own.

    Raises
    ------
    AlignmentError
        A plate is given twice.

    Notes
    -----
    Suspicions are settled one by one, the strongest first: from then on the plate is taken for what it seems to be, so
    that its replicates are not accused in its place.
    """
    names = [item.name for item in fingerprints]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise AlignmentError(f"plates are given twice: {name_some(twice)}; give each plate once")
    study = StudyCheck(fingerprints, params)
    study.check_bead_sets(bead_sets)
    study.check_cells()
    study.check_maps()
    table = verdict_table(study)
    return CheckPlatesResult(table, join_qc([*plate_rows(table), *outlier_wells(study)]))
