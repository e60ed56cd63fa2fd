"""Parameters of the simulator."""

from __future__ import annotations

from pydantic import Field

from beadwork.model.params.base import Params

MEASURED_BEADS = (
    "measured on the beads of LJP009_A375_24H_X1_B20 (rows A-H) and TEST_A375_24H_X1_B20; docs/validation/simulator.md"
)
MEASURED_CPC006 = "measured on level 3 of CPC006_A375_6H_X1; docs/validation/simulator.md"


class SimulateParams(Params):
    """Plates with known truth: design, biology, wells and beads."""

    plates: int = Field(1, ge=1, description="number of plates: replicates of a brew first, then the next cell line")
    wells: int = Field(384, ge=10, le=384, description="wells per plate; controls and treatments share smaller plates")
    seed: int = Field(1, ge=0, description="seed of all draws; same seed, same bytes")
    replicates: int = Field(3, ge=1, description="replicate plates X1, X2, ... of a brew")
    cells: tuple[str, ...] = Field(("A375", "MCF7"), min_length=1, description="cell lines")
    pert_time: float = Field(24.0, gt=0, description="hours of treatment")
    bead_batch: str = Field("B20", description="bead batch, which fixes bead set, revision and mixing ratio")
    doses: int = Field(6, ge=1, description="doses per compound, each a third of the one before")
    top_dose: float = Field(10.0, gt=0, description="highest dose, um")
    mechanisms: int = Field(
        0, ge=0, description="planted mechanisms; 0: one for every four active compounds of a plate"
    )
    inactive: float = Field(0.35, ge=0, lt=1, description="share of compounds without any effect")
    strength: float = Field(
        0.55,
        ge=0,
        description="median size of a compound's full effect: root mean square over the landmarks, log2",
        json_schema_extra={"reference": MEASURED_CPC006},
    )
    strength_spread: float = Field(0.7, ge=0, description="sd between compounds of the log of that size")
    mechanism_share: float = Field(
        0.65, ge=0, le=1, description="share of an effect's variance that compounds of one mechanism have in common"
    )
    cell_share: float = Field(
        0.6, ge=0, le=1, description="share of a mechanism's variance that all cell lines have in common"
    )
    gene_noise: float = Field(
        0.23,
        ge=0,
        description="median sd of a gene between replicate wells, log2",
        json_schema_extra={"reference": MEASURED_CPC006},
    )
    shared_noise: float = Field(
        0.16, ge=0, description="sd per gene of each of three nuisance programmes that differ from well to well, log2"
    )
    spatial_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of its variance that changes smoothly over the plate, so that near wells are alike (about "
        "0.5 on LJP009: vehicle wells correlate by 0.43, 0.26, 0.17 and 0.13 at distances of 1 to 4)",
    )
    beads_mean: float = Field(
        85.0, gt=0, description="mean beads per analyte", json_schema_extra={"reference": MEASURED_BEADS}
    )
    beads_well_spread: float = Field(0.09, ge=0, description="sd between wells of the log of the mean bead count")
    beads_analyte_spread: float = Field(0.10, ge=0, description="sd between analytes of the log of the bead count")
    calibrator_beads: float = Field(3.75, gt=0, description="beads of a calibrator, relative to those of an analyte")
    unclassified: float = Field(0.165, ge=0, lt=1, description="share of beads that the scanner could not classify")
    share_spread: float = Field(0.014, ge=0, description="sd between analytes of the share of the hi gene")
    bead_width: float = Field(
        1.0,
        gt=0,
        description="scale of the bead widths; 1 is as measured",
        json_schema_extra={"reference": MEASURED_BEADS},
    )
    bead_df: float = Field(
        6.5,
        gt=2,
        description="degrees of freedom of the t distribution of beads below their gene; above it they are normal",
    )
    outliers: float = Field(0.017, ge=0, lt=1, description="share of beads with the intensity of any bead of the well")
    dim_beads: float = Field(0.012, ge=0, lt=1, description="share of beads far below their gene")
    dark_beads: float = Field(0.008, ge=0, lt=1, description="share of beads with intensity 0")
    well_shift: float = Field(
        0.26, ge=0, description="sd between wells of the height of the calibration curve, log2 FI at its middle"
    )
    well_slope: float = Field(
        0.06, ge=0, description="sd between wells of the slope of the calibration curve, relative"
    )
    well_bend: float = Field(0.04, ge=0, description="sd between wells of the bend of the calibration curve")
    bad_wells: float = Field(
        0.0, ge=0, lt=1, description="share of wells made unusable: absent, empty, truncated, few beads or dark"
    )
