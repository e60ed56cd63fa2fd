"""Parameters of deconvolution."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from beadwork.model.params.base import SUBRAMANIAN_2017, Params


class DeconvolveParams(Params):
    """Level 1 to level 2: peaks of each analyte, and which gene each belongs to."""

    method: Literal["kmeans", "kspeak", "mixture"] = Field(
        "mixture", description="peak caller", json_schema_extra={"reference": SUBRAMANIAN_2017}
    )
    low_exp: float = Field(4.0, ge=0, description="beads below this log2 intensity are left out")
    high_exp: float = Field(15.0, gt=0, le=20, description="beads above this log2 intensity are left out")
    kspeak_high_exp: float = Field(
        14.0, gt=0, le=20, description="beads above this log2 intensity are left out (kspeak)"
    )
    max_k: int = Field(4, ge=2, le=6, description="largest number of clusters tried (kmeans)")
    min_bead: int = Field(20, ge=1, description="an analyte with fewer good beads gets one value, its median")
    min_peak_support: int = Field(10, ge=0, description="a peak needs at least this many beads")
    min_peak_support_pct: float = Field(10.0, ge=0, le=100, description="and at least this percentage of them")
    opt_support_hi: float = Field(
        65.0, gt=0, lt=100, description="expected percentage of beads of the hi gene (kmeans)"
    )
    flip: bool = Field(True, description="plate-wide adjustment of swapped genes (kmeans)")
    flip_threshold: float = Field(0.4, gt=0, lt=1, description="a well flips if both its posteriors exceed this")
    flip_max: int = Field(3, ge=1, description="a well that has flipped more often no longer keeps the loop alive")
    flip_rounds: int = Field(100, ge=1, description="most rounds of the flip adjustment")
    prior: bool = Field(True, description="each well gets a prior from the other wells of the plate (mixture)")
    prior_min_wells: int = Field(8, ge=2, description="a plate with fewer wells has no such prior (mixture)")
    prior_passes: int = Field(
        3, ge=2, le=6, description="fits of the plate; from the second on with the prior (mixture)"
    )
    prior_factors: int = Field(8, ge=0, le=50, description="common factors of the genes of a plate (mixture)")
    prior_spread: float = Field(
        0.15, gt=0, description="spread of a gene over the wells that is expected beforehand, log2 (mixture)"
    )
    prior_strength: float = Field(20.0, ge=0, description="wells that this expectation is worth (mixture)")
    outliers: float = Field(0.015, ge=1e-6, lt=0.5, description="share of beads that belong to neither gene (mixture)")
    ratio_strength: float = Field(
        1000.0, ge=0, description="beads that the promised mixing ratio is worth when it is refined (mixture)"
    )
    ratio_tolerance: float = Field(
        1.08, gt=1, description="a fitted mixing ratio further from the promised one, as a factor, fails QC (mixture)"
    )
    width_tolerance: float = Field(
        1.3, gt=1, description="typical peak widths further from the expected, as a factor, fail QC (mixture)"
    )
    single_tolerance: float = Field(
        1.5,
        gt=1,
        description="an analyte that carries one gene has at most this many times the beads that its gene's share "
        "promises, else QC fails: the bead set may be wrong",
    )
    max_ambiguous: float = Field(
        0.4, gt=0, le=1, description="a well with a larger share of ambiguous pairs fails QC (mixture)"
    )
    min_effective_beads: float = Field(
        3.0, ge=0, description="a well whose values are known no better than from so many beads fails QC (mixture)"
    )
    max_outlier_beads: float = Field(
        0.1, gt=0, le=1, description="a well with a larger share of beads of neither gene fails QC (mixture)"
    )
    ambiguous_odds: float = Field(10.0, ge=1, description="a pair with lower odds counts as ambiguous (mixture)")
    sd_factor: float = Field(
        1.06, gt=0, description="calibration of the posterior standard deviation, measured on known genes (mixture)"
    )
    min_well_beads: int = Field(
        1000, ge=1, description="a well with fewer classified beads, or fewer good ones among them, is bad and left out"
    )
    max_no_beads: float = Field(
        0.5, gt=0, le=1, description="a well where a larger share of the analytes has no good bead fails QC"
    )
    min_wells: int = Field(10, ge=1, description="a plate with fewer usable wells is refused")

    @property
    def good_fi(self) -> tuple[float, float]:
        """Least and largest fluorescence intensity of a good bead."""
        return 2.0**self.low_exp, 2.0 ** (self.kspeak_high_exp if self.method == "kspeak" else self.high_exp)

    @property
    def gives_sd(self) -> bool:
        """Whether the method gives an uncertainty, and odds, beside each value."""
        return self.method == "mixture"
