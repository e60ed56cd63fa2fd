"""Parameters of what is made of level 2: levels 3 to 5, inference and noise."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from beadwork.model.params.base import SUBRAMANIAN_2017, Params


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
        0.1, ge=0, le=1, description="what is kept of differences between studies: 0 nothing, 1 all"
    )
    scale_power: float = Field(
        0.5, ge=0, le=1, description="how far studies whose landmarks vary more are scaled down: 0 not, 1 to one spread"
    )
    gene_power: float = Field(
        0.6,
        ge=0,
        le=1,
        description="how far a gene is scaled down in a study in which it varies more than usual: 0 not",
    )
    saturation: float = Field(
        2e-4, ge=0, description="how soon an axis along which a study varies far counts no more than others (0: never)"
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
