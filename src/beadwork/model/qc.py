"""QC records: the registry of metrics, and the tidy rows that every stage returns.

A row says: this entity (plate, well, gene, signature) has this value of this metric, the bounds are these, and it
passes or not.  Figures and reports read only such rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["entity", "stage", "metric", "value", "lower", "upper", "pass"]


@dataclass(frozen=True)
class Metric:
    """One QC metric: its name (CMap's where one exists), unit and meaning."""

    name: str
    unit: str
    doc: str


METRICS: dict[str, Metric] = {}


def register_metrics(*metrics: Metric) -> None:
    """Add metrics to the registry; a name stands for one thing only."""
    for metric in metrics:
        assert METRICS.setdefault(metric.name, metric) == metric, f"metric {metric.name} is registered twice"


def _plain(value: Any) -> Any:
    """Round a float to twelve digits: kernels compiled in another order may differ in the sixteenth."""
    return float(f"{value:.12g}") if isinstance(value, float | np.floating) else value


def qc_rows(
    stage: str,
    metric: str,
    values: pd.Series | dict[str, Any],
    *,
    lower: float | None = None,
    upper: float | None = None,
    passed: Iterable[bool] | bool | None = None,
) -> pd.DataFrame:
    """Make tidy rows of one metric.

    Parameters
    ----------
    values
        Value (a number, or a text such as a reason) by entity id.
    lower, upper
        Bounds that apply to all of them; None for none.
    passed
        Whether each entity passes; by default whether the value lies within the bounds (True without bounds).
    """
    assert metric in METRICS, f"metric {metric} is not registered in beadwork.model.qc"
    series = pd.Series(values, dtype=object).map(_plain)
    if passed is None:
        numbers = pd.to_numeric(series, errors="coerce")
        inside = pd.Series(True, index=series.index)
        if lower is not None:
            inside &= numbers >= lower
        if upper is not None:
            inside &= numbers <= upper
        passed = inside.to_numpy()
    return pd.DataFrame(
        {
            "entity": series.index.astype(str),
            "stage": stage,
            "metric": metric,
            "value": series.to_numpy(),
            "lower": lower,
            "upper": upper,
            "pass": passed if isinstance(passed, bool) else list(passed),
        },
        columns=COLUMNS,
    )


RENAMED = {"moved": "perturbation"}
"""Names that metrics had one version ago, and their names of today."""


NOTE = "note"
"""Column of texts in joined tables, in which ``value`` holds numbers only."""


def numeric_values(rows: pd.DataFrame) -> pd.DataFrame:
    """QC rows whose ``value`` holds numbers only; texts, such as reasons, stand in :data:`NOTE`, the last column."""
    text = rows["value"].notna() & pd.to_numeric(rows["value"], errors="coerce").isna()
    note = rows[NOTE] if NOTE in rows else pd.Series(None, index=rows.index, dtype=object)
    found = rows.assign(value=rows["value"].mask(text), **{NOTE: note.where(~text, rows["value"])})
    return found[[*(name for name in found if name != NOTE), NOTE]]


def with_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """QC rows of a joined table as stages give them: texts in ``value``."""
    if NOTE not in rows:
        return rows
    return rows.assign(value=rows["value"].astype(object).where(rows["value"].notna(), rows[NOTE])).drop(columns=NOTE)


def current_names(rows: pd.DataFrame) -> pd.DataFrame:
    """QC rows that an earlier version wrote, with the metrics' names of today."""
    return rows.assign(metric=rows["metric"].replace(RENAMED)) if rows["metric"].isin(list(RENAMED)).any() else rows


def join_qc(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Stack QC rows of several metrics."""
    kept = [table.astype(object) for table in tables if len(table)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=COLUMNS)


register_metrics(
    Metric("wells_read", "wells", "wells of the plate that could be read"),
    Metric("well_unusable", "text", "why a well was left out when its file was read"),
    Metric("well_without_map", "text", "a file whose well has no row in the plate map"),
    Metric("map_without_well", "text", "a row of the plate map whose well has no file"),
    Metric("count_mean", "beads", "mean number of good beads per analyte (analytes 11-500) of a well"),
    Metric("count_cv", "percent", "100 * sd / mean of the good beads per analyte (analytes 11-500) of a well"),
    Metric("calibrators_missing", "number", "calibrators of a well without beads"),
    Metric("single_peak", "share", "duo analytes of a well where only one peak was found"),
    Metric("few_beads", "share", "analytes of a well with fewer good beads than min_bead"),
    Metric("no_beads", "share", "analytes of a well without any good bead"),
    Metric("flipped", "share", "duo analytes of a well swapped by the plate-wide flip adjustment"),
    Metric("ambiguous", "share", "duo analytes of a well whose two genes may as well be swapped"),
    Metric("effective_beads", "beads", "beads of a known gene that would give the same uncertainty, median over genes"),
    Metric("outlier_beads", "share", "good beads of a well that belong to neither gene of their analyte"),
    Metric(
        "perturbation",
        "factor",
        "how far the genes of a well lie from the plate's expectation, relative to other wells",
    ),
    Metric("prior_used", "text", "whether the wells of a plate were fitted with a prior from the others"),
    Metric("ratio_fitted", "ratio", "beads of a hi gene for each of its lo gene; bounds about what the batch promises"),
    Metric("width_hi", "factor", "typical peak width of the hi genes, relative to the expected"),
    Metric("width_lo", "factor", "typical peak width of the lo genes, relative to the expected"),
    Metric("single_beads", "factor", "beads of the analytes with one gene, relative to what the gene's share promises"),
    Metric("beads_suspected", "text", "what the beads of a plate say against its bead batch or bead set"),
    Metric("qc_slope", "degrees", "angle of the regression of reference on calibration levels, mean of both bead sets"),
    Metric("qc_f_logp", "-log10 p", "F test of the LISS power fit, mean of both bead sets"),
    Metric("qc_iqr", "FI ratio", "2^(interquartile range) of the scaled profile, mean of both bead sets"),
    Metric("liss_failed", "text", "why a well could not be scaled by LISS"),
    Metric("outlier", "text", "why a well was dropped before quantile normalisation"),
    Metric("wells_kept", "wells", "wells of the plate left after outlier removal"),
    Metric("clipped_genes", "share", "inferred values of a well that were clipped to the range of the model"),
    Metric("inference_r_all", "Pearson", "median over genes of inferred against measured in a left-out study"),
    Metric("inference_r_bing", "Pearson", "the same over the inferred genes of the BING space"),
    Metric("inference_r_other", "Pearson", "the same over the inferred genes outside the BING space"),
    Metric("genes_absent", "genes", "genes that only the model or only the matrix has"),
    Metric("mad_floored", "share", "genes whose MAD is below the floor"),
    Metric("n_population", "wells", "wells the z-scores are measured against"),
    Metric("distil_nsample", "replicates", "replicates that a signature stands on"),
    Metric("distil_cc_q75", "Spearman", "75th percentile of the correlations between replicates"),
    Metric("tas", "score", "transcriptional activity score"),
    Metric("weight_max", "share", "largest replicate weight of a signature"),
    Metric("pct_self_rank_q25", "percent", "rank of the siblings among all instances, 25th percentile"),
    Metric("replicate_match", "Pearson", "mean correlation of a plate's wells with their replicates on other plates"),
    Metric("control_match", "Pearson", "mean correlation of a plate's control wells with the same controls elsewhere"),
    Metric("cell_match", "Pearson", "median correlation of a plate's median profile with others of its cell line"),
    Metric("plate_suspected", "text", "what the data of a plate say against its row in the plate sheet or its map"),
    Metric("well_unlike_plate", "text", "a well whose profile is not that of its plate"),
    Metric("noise_df", "number", "degrees of freedom of wells that hold the same thing, which noise is learned from"),
    Metric("noise_groups", "groups", "groups of wells that hold the same thing"),
    Metric("noise_controls", "wells", "control wells that noise is learned from"),
    Metric("noise_places", "places", "separate places of these control wells on the plate"),
    Metric("noise_dimension", "number", "effective dimension of what the control wells of a plate differ by"),
    Metric("noise_follows_qc", "R2", "of the first noise factor on qc_slope, qc_f_logp, qc_iqr and bead counts"),
    Metric("noise_neighbours", "Moran's I", "of the first noise factor over wells that touch; 0: no place effect"),
    Metric("control_block_auc", "AUC", "control wells of one block against those of different blocks, as they were"),
    Metric("control_block_auc_nc", "AUC", "the same after noise control"),
    Metric("noise_share", "share", "squared length of the profiles of a plate that noise control took out"),
    Metric("n_signatures", "signatures", "signatures of an index"),
    Metric("n_null", "signatures", "null (vehicle) signatures that scores are compared with"),
    Metric("n_background", "queries", "background queries that tau is measured against"),
    Metric("genes_found", "share", "genes of a query that the index has"),
)
