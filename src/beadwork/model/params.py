"""Parameters of every stage: the one home of each default, bound, description and reference.

Function defaults, command-line flags, the default configuration, its JSON schema and the documentation all come from
these models.  Unknown keys are refused.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from beadwork.model.errors import ParameterError

SUBRAMANIAN_2017 = "Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049"


class Params(BaseModel):
    """Base of all parameter models: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


ParamsType = TypeVar("ParamsType", bound="Params")


def make_params(model: type[ParamsType], **values: Any) -> ParamsType:
    """Build a parameter model; a wrong value becomes one clear line.

    Raises
    ------
    ParameterError
        Naming the parameter, its value and what is allowed.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise ParameterError(explain_validation(error)) from None


def explain_validation(error: ValidationError, what: str = "parameter") -> str:
    """All mistakes that pydantic found, in one line."""
    parts = []
    for item in error.errors():
        name = ".".join(str(piece) for piece in item["loc"])
        if item["type"] == "extra_forbidden":
            parts.append(f"{what} {name}: unknown; check its spelling")
        else:
            parts.append(f"{what} {name}: {item['msg'][0].lower()}{item['msg'][1:]}, not {item['input']!r}")
    return "; ".join(parts)


def flag_name(field: str) -> str:
    """Name of the command-line flag of a parameter: ``min_bead`` -> ``--min-bead``."""
    return "--" + field.replace("_", "-")


def render_flags(params: Params, names: Mapping[str, str] | None = None) -> str:
    """Render parameters as command-line flags, those that differ from the default and those that do not.

    The result is what a workflow rule puts on a command line, so that changing any value re-runs the rule.  `names` has
    other names of the flags of some fields (:func:`plate_names`).
    """
    import shlex

    words = []
    for field, value in params:
        name = (names or {}).get(field, field)
        if isinstance(value, bool):
            words.append(flag_name(name) if value else "--no-" + name.replace("_", "-"))
        elif isinstance(value, tuple | list):
            words += [flag_name(name), shlex.quote(",".join(str(item) for item in value))]
        elif value is not None:
            words += [flag_name(name), shlex.quote(str(value))]
    return " ".join(words)


def plain_type(annotation: Any) -> Any:
    """Type of a field without ``| None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


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


class NormalizeParams(Params):
    """Level 2 to level 3: LISS scaling, outlier wells, quantile normalisation."""

    scaling: Literal["liss", "none"] = Field(
        "liss", description="liss, or none if the values are already log2 and scaled (then nothing is dropped)"
    )
    smoother: Literal["cmap", "stable"] = Field(
        "cmap",
        description="smoother of the calibration curve: CMap's to the last bit, or one that rounding cannot sway",
    )
    min_count_mean: float = Field(20.0, ge=0, description="fewer beads per analyte together with max_count_cv: dropped")
    max_count_cv: float = Field(30.0, gt=0, description="larger spread of bead counts (percent) with min_count_mean")
    min_slope: float = Field(45.0, description="qc_slope below this is a strike (degrees)")
    min_f_logp: float = Field(4.0, description="qc_f_logp below this is a strike")
    min_iqr: float = Field(5.0, description="qc_iqr below this is a strike")
    fence_iqr: float = Field(2.0, gt=0, description="width of the plate's own fences, in interquartile ranges")
    max_strikes: int = Field(1, ge=0, description="a well with more strikes is an outlier and is dropped")
    max_level: float = Field(15.0, gt=0, description="scaled values are kept below this (log2)")
    min_wells: int = Field(2, ge=1, description="a plate with fewer wells left is refused")


class InferParams(Params):
    """Landmarks to all genes."""

    min_value: float = Field(0.0, description="inferred values are clipped to at least this (log2)")
    max_value: float = Field(15.0, description="inferred values are clipped to at most this (log2)")
    space: Literal["AIG", "BING", "LM"] = Field("AIG", description="genes of the output")


class TrainInferenceParams(Params):
    """Fit of the inference model on expression profiles."""

    ridge: float = Field(4000.0, gt=0, description="ridge penalty on standardised landmarks")
    choose_ridge: bool = Field(False, description="take the penalty that studies left out agree best with, not --ridge")
    rank: int = Field(480, ge=1, le=978, description="rank of the stored model; 978 is full rank")
    precision: Literal["int8", "float16"] = Field(
        "int8", description="numbers of the stored model: int8 with one scale a component, or float16"
    )
    study_weight: float = Field(
        0.3, ge=0, le=1, description="what is kept of differences between studies: 0 nothing, 1 all"
    )
    scale_power: float = Field(
        0.5, ge=0, le=1, description="how far studies whose landmarks vary more are scaled down: 0 not, 1 to one spread"
    )
    study_field: str = Field("dataset", min_length=1, description="column field that names the study of a sample")
    two_colour_field: str = Field(
        "two_colour", min_length=1, description="column field that is 1 for ratios to a reference (two-colour arrays)"
    )
    group_field: str = Field(
        "study_group", min_length=1, description="column field of studies that share patients: left out together"
    )
    target_mean: float = Field(8.4, description="mean of the landmarks that profiles are scaled to (log2, as QNORM)")
    target_sd: float = Field(2.4, gt=0, description="standard deviation of the landmarks that profiles are scaled to")
    min_samples: int = Field(20, ge=2, description="fewer samples are refused")
    min_landmarks: int = Field(800, ge=1, le=978, description="a study with fewer landmarks is left out")


class ZscoreParams(Params):
    """Level 3 to level 4: robust z-scores."""

    min_mad: float = Field(
        0.1,
        gt=0,
        description="floor of the MAD, applied before 1.4826",
        json_schema_extra={"reference": SUBRAMANIAN_2017},
    )
    min_population: int = Field(3, ge=2, description="fewest wells a population may have")
    scale: Literal["own", "measured"] = Field(
        "own",
        description="what inferred genes are divided by: their own spread on the plate, as CMap does, or the measured "
        "spread of the gene in training, as far as the plate's landmarks vary",
    )
    sd_slope: float = Field(
        1.5, ge=0, description="units of the values per log2 FI, for the uncertainties given with --sd"
    )


class ConsensusParams(Params):
    """Level 4 to level 5: moderated z-scores (MODZ)."""

    group_by: tuple[str, ...] = Field(
        ("brew_prefix", "pert_id", "pert_dose", "pert_dose_unit", "pert_time"),
        min_length=1,
        description="column fields whose equal values make replicates of one signature",
    )
    z_clip: float = Field(10.0, gt=0, description="z-scores are clipped to this before correlating and averaging")
    min_weight: float = Field(0.01, gt=0, description="smallest raw weight of a replicate")
    ss_threshold: float = Field(2.0, gt=0, description="|modz * sqrt(n)| from here counts towards ss_ngene")
    split_controls: bool = Field(
        True,
        description="control wells (pert_type ctl_...) are grouped by well too, so that signatures of controls stand "
        "on as many replicates as those of treatments",
    )
    min_rank_instances: int = Field(
        20, ge=1, description="pct_self_rank_q25 is missing where there are fewer other instances to rank among"
    )
    gold_cc: float = Field(0.2, description="is_gold needs a distil_cc_q75 of at least this")
    gold_rank: float = Field(5.0, ge=0, le=100, description="and a pct_self_rank_q25 of at most this (percent)")


class TrainNoiseParams(Params):
    """Shared noise of wells, learned from wells that hold the same thing."""

    group_by: tuple[str, ...] = Field(
        ("brew_prefix", "pert_id", "pert_dose", "pert_dose_unit", "pert_time"),
        min_length=1,
        description="column fields whose equal values make replicates, which differ by noise only",
    )
    inert_below: float | None = Field(
        None, gt=0, description="wells of one compound below this dose (um) count as replicates too"
    )
    factors: int = Field(10, ge=1, le=100, description="directions of noise that are taken out at most")
    clip: float = Field(4.0, gt=0, description="z-scores are clipped to this before")
    min_df: int = Field(5, ge=2, description="a model that rests on fewer degrees of freedom is refused")
    max_rows: int = Field(48, ge=16, description="rows that each part of a model keeps; more are summed up")


class DenoiseParams(Params):
    """Level 4 or 5 without the shared noise: ZSNC, MNZ."""

    own: Literal["auto", "yes", "no"] = Field(
        "auto",
        description="what the plate itself shows (its control wells and replicates of other treatments): added where "
        "there is enough, required, or not used",
    )
    center: Literal["auto", "plate", "none"] = Field(
        "auto",
        description="take the mean over the plate's wells off each gene; auto does so for ZSPC with min_center wells",
    )
    level: Literal["auto", "4", "5"] = Field(
        "auto", description="level of a matrix that does not say it; auto decides by ids and fields"
    )
    inert_below: float | None = Field(
        None, gt=0, description="wells of one compound below this dose (um) count as replicates too (own)"
    )
    min_center: int = Field(20, ge=2, description="a plate with fewer wells is not centred by auto")
    min_own: int = Field(3, ge=2, description="degrees of freedom of its own that a plate needs for auto to add them")
    model_weight: float = Field(
        5.0,
        gt=0,
        description="degrees of freedom that a model counts beside a plate that it explains less well than "
        "the plate's own other wells do",
    )


class IndexParams(Params):
    """Connectivity index, and the background that tau is measured against."""

    space: Literal["auto", "LM", "BING", "AIG"] = Field("auto", description="genes kept; auto keeps those of the input")
    background: int = Field(
        256,
        ge=0,
        description="signatures whose own gene sets, asked of the whole index, are the background of tau; 0 for none",
        json_schema_extra={"reference": SUBRAMANIAN_2017},
    )
    background_set: int = Field(
        50, ge=1, description="genes at each end of a background signature; at most a sixth of all genes"
    )


class QueryParams(Params):
    """Connectivity scores of queries against an index."""

    metric: tuple[Literal["wtcs", "ks", "pearson", "spearman", "cosine", "xsum", "zhang", "rank_test"], ...] = Field(
        ("wtcs",),
        description="scores beside wtcs (always there): ks, xsum, zhang, rank_test of gene sets; pearson, spearman, "
        "cosine of full signatures",
    )
    min_set: int = Field(3, ge=1, description="a gene set with fewer genes found in the index is not scored")
    small_set: int = Field(10, ge=1, description="a gene set with fewer genes found is reported as small")
    set_size: int = Field(150, ge=1, description="genes taken from each end of a query that is a full signature")
    group_by: tuple[str, ...] = Field(
        ("cell_id", "pert_type"),
        description="fields within which scores are normalised (NCS); the last is dropped where a group is too small",
        json_schema_extra={"reference": SUBRAMANIAN_2017},
    )
    min_reference: int = Field(
        10, ge=1, description="a group with fewer reference signatures is normalised with the wider group"
    )
    ncs_floor: float = Field(0.01, gt=0, description="smallest mean that scores are divided by")
    null_type: tuple[str, ...] = Field(
        (),
        description="pert_type of the null signatures that FDR is measured against; none named: those that is_null_sig "
        "marks, and all controls (ctl_...) where the index does not say it",
    )
    min_null: int = Field(
        3, ge=1, description="fdr needs as many null and as many treatment scores of a sign; else it is missing"
    )
    fdr_bound: bool = Field(
        True,
        description="fdr claims no less than the number of null signatures can show; without it as CMap, down to 0",
    )
    rank_by: Literal["auto", "wtcs", "cosine"] = Field(
        "auto",
        description="score that ncs, fdr and the order stand on; auto: cosine for full signatures asked of "
        "noise-controlled ones (ZSNC, MNZ), else wtcs",
    )
    min_controls: int = Field(
        10, ge=3, description="p_control (of noise-controlled indices) needs as many control signatures elsewhere"
    )
    min_places: int = Field(6, ge=1, description="in as many separate places of plates; else it is missing")
    min_background: int = Field(50, ge=1, description="tau needs a background of as many queries; else it is missing")
    perturbagen: Literal["name", "pert_id"] = Field(
        "name",
        description="what a row of the roll-up is: all pert_ids of one name and pert_type, or each pert_id by itself",
    )
    min_class: int = Field(2, ge=1, description="a mechanism class with fewer perturbagens in the index is left out")
    permutations: int = Field(
        0,
        ge=0,
        description="random queries of the same sizes for a permutation p-value, which says how rarely random genes "
        "reach as far: genes move together, so it is low for most pairs of real signatures and no evidence by itself; "
        "0: no p-value",
    )
    seed: int = Field(0, ge=0, description="seed of the random queries")
    xsum_top: int = Field(500, ge=1, description="genes at each end of a signature that count as changed (xsum)")


class RepurposingParams(Params):
    """Compounds that do what was asked for: in how many cells, up to which dose, how consistently."""

    min_cells: int = Field(2, ge=1, description="cells in which a compound must do what was asked for")
    max_dose: float = Field(10.0, gt=0, description="highest dose that counts, micromolar")
    min_share: float = Field(0.67, ge=0, le=1, description="share of its cells, and of its signatures, that must agree")


class SignatureParams(Params):
    """Reading a table of differential expression as a signature."""

    gene_column: str | None = Field(
        None, description="column that names the genes; by default that most of whose values are genes"
    )
    value_column: str | None = Field(
        None,
        description="column that ranks the genes; by default a statistic (stat, t, z, or sign of the fold change "
        "x -log10 p), else the fold change",
    )
    max_padj: float = Field(
        0.05,
        ge=0,
        le=1,
        description="where fold changes rank the genes, rows with a larger adjusted p-value count as unchanged",
    )


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
    odd_well_mads: float = Field(
        8.0, gt=0, description="a well whose correlation with its plate is lower by so many robust sd is reported"
    )
    odd_well_margin: float = Field(0.15, gt=0, description="and at least by this correlation")
    max_references: int = Field(12, ge=1, description="plates that a plate is compared with at most, of each kind")


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


PLATE_STEPS: dict[str, type[Params]] = {
    "deconvolve": DeconvolveParams,
    "normalize": NormalizeParams,
    "infer": InferParams,
    "zscore": ZscoreParams,
    "denoise": DenoiseParams,
}
"""Steps of one plate and their parameters, by section of the configuration."""


def plate_names(section: str) -> dict[str, str]:
    """Names of the flags of `beadwork plate` for those fields of a step that another step has too: section_field."""
    others = {name for other, model in PLATE_STEPS.items() if other != section for name in model.model_fields}
    return {name: f"{section}_{name}" for name in PLATE_STEPS[section].model_fields if name in others}
