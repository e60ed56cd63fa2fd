"""The noise model: what wells that hold the same thing differ by, in parts that can be left out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

FOLDS = 5
"""Parts that treatments, and places of control wells, are divided into, to be left out one at a time."""
TREATED_FIELDS = ("treatment", "pert_id", "pert_iname", "fold")
CONTROL_FIELDS = ("id", "place", "fold")
PLATE_FIELDS = ("det_plate", "wells", "groups", "df", "controls", "places")


class Scatter(Protocol):
    """What a part holds (:class:`beadwork.kernels.levels.noise.Scatter`)."""

    @property
    def rows(self) -> np.ndarray:
        """Rows (rows, genes) whose products sum to the scatter."""

    @property
    def rest(self) -> float:
        """Trace that is spread evenly."""

    @property
    def df(self) -> float:
        """Degrees of freedom."""


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """Scatters of residuals by fold, and who is in which fold.

    Parameters
    ----------
    genes
        Entrez ids of the landmarks, in the order of the scatters' columns.
    treated
        By fold, the scatter of the groups of its treatments.
    controls
        Scatter of all control wells.
    controls_without
        By fold, the scatter of the control wells of all other folds, with means of their own.
    treatments
        Treatments that were used: what identifies them (`treatment`, the values of `key_fields`), pert_id, pert_iname
        and fold.
    control_wells
        Control wells that were used: id ({det_plate}:{well}), place (the first well of its block) and fold.
    plates
        One row per plate: det_plate, wells used, groups, degrees of freedom, control wells and their places.
    key_fields
        Fields that identify a treatment; pert_id unless the groups were made by others.
    factors, clip
        Directions that are taken out at most; profiles are clipped to +-clip before.
    metadata
        Name, source, licence, parameters, provenance.
    """

    genes: pd.Index
    treated: tuple[Scatter, ...]
    controls: Scatter
    controls_without: tuple[Scatter, ...]
    treatments: pd.DataFrame
    control_wells: pd.DataFrame
    plates: pd.DataFrame
    key_fields: tuple[str, ...] = ("pert_id",)
    factors: int = 10
    clip: float = 4.0
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def df(self) -> float:
        """Degrees of freedom of the whole model."""
        return sum(part.df for part in self.treated) + self.controls.df

    def parts(self, treated_out: frozenset[int] = frozenset(), control_out: int | None = None) -> list[Scatter]:
        """Scatters without the folds that a well must not be cleaned by."""
        kept = [part for fold, part in enumerate(self.treated) if fold not in treated_out]
        return [*kept, self.controls if control_out is None else self.controls_without[control_out]]
