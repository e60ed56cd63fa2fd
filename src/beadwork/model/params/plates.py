"""Parameters of the check of plates."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from beadwork.model.params.base import Params


class CheckPlatesParams(Params):
    """Search for swapped plates, shifted maps, other bead sets and other cell lines."""

    min_t: float = Field(6.0, gt=0, description="a map is suspected only if another fits better by this t")
    min_gain: float = Field(
        0.01, ge=0, description="and by this mean correlation over all wells that have replicates elsewhere"
    )
    min_control_gain: float = Field(
        0.2, ge=0, description="or, where no replicates are there, by this mean correlation over the controls"
    )
    min_swap_gain: float = Field(
        0.05, ge=0, description="the map of other plates must fit better by this mean correlation"
    )
    cell_margin: float = Field(
        0.02, gt=0, description="another cell line is suspected if its plates correlate better by this"
    )
    foreign_margin: float = Field(
        0.05, gt=0, description="a plate less like its cell line than the others by this is suspected, whatever it is"
    )
    min_bead_set_rms: float = Field(
        0.3, gt=0, description="a bead set is suspected only if its genes deviate by more than this (normal scores)"
    )
    min_bead_set_genes: int = Field(4, ge=1, description="and if another set has at least so many on other analytes")
    outlier_well_mads: float = Field(
        8.0,
        gt=0,
        validation_alias=AliasChoices("outlier_well_mads", "odd_well_mads"),  # its name one version ago
        description="a well whose correlation with its plate is lower by so many robust sd is reported",
    )
    outlier_well_margin: float = Field(
        0.15,
        gt=0,
        validation_alias=AliasChoices("outlier_well_margin", "odd_well_margin"),
        description="and at least by this correlation",
    )
    max_references: int = Field(12, ge=1, description="plates that a plate is compared with at most, of each kind")
