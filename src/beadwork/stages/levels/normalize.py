"""Level 2 to level 3: LISS scaling, the wells that leave, quantile normalisation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.liss import LissResult, fence, liss
from beadwork.kernels.numeric.percentiles import quantile_normalize
from beadwork.model.beads.plate import CALIBRATORS, N_ANALYTES, BeadSet
from beadwork.model.errors import AlignmentError, BeadworkError, LevelError, ParameterError, name_some
from beadwork.model.matrix import LARGEST_LOG2, Level, Matrix, check_matrix
from beadwork.model.params import NormalizeParams
from beadwork.model.pert_types import is_empty, type_mask
from beadwork.model.qc import join_qc, qc_rows

STAGE = "normalize"
FIRST_GENE_ANALYTE = len(CALIBRATORS) + 1
SCALED_LEVELS = (Level.NORM, Level.QNORM, Level.INF)
QC_FIELDS = ("qc_slope", "qc_f_logp", "qc_iqr")


@dataclass(frozen=True)
class NormalizeResult:
    """What normalisation returns.

    Parameters
    ----------
    norm, qnorm
        Wells that are left, log2: scaled, and quantile-normalised.  qc_slope, qc_f_logp and qc_iqr are added to the
        columns (LISS only).
    scaled
        All wells after scaling, before any leaves; failed wells are 0.
    qc
        Tidy rows; every well that left has one of metric ``liss_failed`` or ``outlier`` that says why.
    curves
        Calibration curves, one row per well, bead set and point: well, bead_set, point, calibrator, log2_level,
        measured, curve, a, b, k.  Empty without LISS.
    """

    norm: Matrix
    qnorm: Matrix
    scaled: Matrix
    qc: pd.DataFrame
    curves: pd.DataFrame


def normalize(
    gex: Matrix,
    calibrators: Matrix | None = None,
    reference: pd.DataFrame | None = None,
    *,
    bead_set: BeadSet | None = None,
    reference_halves: Collection[str] | None = None,
    params: NormalizeParams = NormalizeParams(),  # noqa: B008 (frozen)
    what: str = "GEX",
    what_calibrators: str = "CAL",
    what_reference: str = "reference levels",
) -> NormalizeResult:
    """Scale the wells of a plate, drop those that failed, and give the others one distribution.

    Parameters
    ----------
    gex
        Linear FI of all genes of a bead set, with row fields pr_analyte_num and pr_bset_id (else `bead_set` must be
        given).  With ``scaling="none"``: any matrix of log2 values that are scaled already.
    calibrators
        CAL01..CAL10 of the same wells, linear FI, NaN where missing.
    reference
        Reference levels: columns point, calibrator, log2_level.
    bead_set
        Where analytes and bead sets of the genes come from if the matrix does not say.
    reference_halves
        Bead sets that the reference holds for; None for any.
    what, what_calibrators, what_reference
        How messages name the inputs, usually their files.

    Raises
    ------
    LevelError
        Wrong level, or genes of some analytes are absent.
    AlignmentError
        Missing values, or calibrators that do not fit the wells.
    ParameterError
        Calibrators or reference are needed and not given, or the reference is of other bead sets.
    BeadworkError
        Too few wells are left.
    """
    if params.scaling == "none":
        return _without_scaling(gex, what)
    check_matrix(gex, level=Level.GEX, finite=True, what=what)
    if calibrators is None or reference is None:
        raise ParameterError(
            f"{what}: LISS scaling needs the calibrators of the plate: give --calibrators, "
            "or --scaling none if the values are log2 and scaled already"
        )
    halves = split_halves(gex, bead_set, what)
    if reference_halves is not None and not set(halves) <= set(reference_halves):
        raise ParameterError(
            f"{what}: genes of bead sets {', '.join(halves)}, but the reference levels that ship are those of "
            f"{', '.join(reference_halves)}; give your own by --reference"
        )
    check_reference(reference, what_reference)
    calibration = align_calibrators(calibrators, gex, what, what_calibrators)

    values = np.zeros(gex.values.shape)
    results = {}
    for name, half in halves.items():
        features = np.concatenate([gex.values[half.analyte_rows].astype(np.float64), calibration])
        result = scale_features(features, calibration, reference, params)
        values[half.gene_rows] = result.scaled[half.gene_features]
        results[name] = result

    quality = pd.DataFrame(
        {field: np.mean([getattr(result, field) for result in results.values()], axis=0) for field in QC_FIELDS},
        index=gex.cids,
    )
    cols = gex.cols.assign(**{field: quality[field] for field in QC_FIELDS})
    scaled = gex.with_values(values, level=Level.NORM, cols=cols)
    failed = failure_reasons(results, calibration, gex.cids)
    outliers, quality_qc = outlier_reasons(cols, params)
    leaving = pd.concat([failed, outliers[~outliers.index.isin(failed.index)]])
    kept = ~gex.cids.isin(leaving.index)
    if kept.sum() < params.min_wells:
        raise BeadworkError(
            f"{what}: {int(kept.sum())} of {len(kept)} wells are left after LISS and outlier removal, fewer than "
            f"{params.min_wells} (--min-wells); {_most_common(leaving)}"
        )
    norm = scaled.take_cols(kept)
    qc = join_qc(
        [
            qc_rows(STAGE, "wells_kept", {gex.plate: int(kept.sum())}, lower=params.min_wells),
            quality_qc,
            qc_rows(STAGE, "liss_failed", failed, passed=False),
            qc_rows(STAGE, "outlier", outliers[~outliers.index.isin(failed.index)], passed=False),
        ]
    )
    return NormalizeResult(norm, to_qnorm(norm), scaled, qc, curve_table(results, reference, gex.cids))


def _without_scaling(matrix: Matrix, what: str) -> NormalizeResult:
    check_matrix(matrix, level=SCALED_LEVELS, finite=True, what=what)
    largest = float(matrix.values.max(initial=0))
    if largest > LARGEST_LOG2:
        raise LevelError(
            f"{what}: the largest value is {largest:g}, so these are no log2 intensities; "
            "--scaling none needs values that are log2 and scaled already"
        )
    norm = matrix.with_values(matrix.values, level=Level.NORM)
    qc = qc_rows(STAGE, "wells_kept", {matrix.plate: len(matrix.cids)})
    return NormalizeResult(norm, to_qnorm(norm), norm, qc, pd.DataFrame(columns=_CURVE_COLUMNS))


def to_qnorm(norm: Matrix) -> Matrix:
    """Quantile-normalise the wells of a matrix (level QNORM)."""
    return norm.with_values(quantile_normalize(norm.values.astype(np.float64)), level=Level.QNORM)


def scale_features(
    features: np.ndarray, calibration: np.ndarray, reference: pd.DataFrame, params: NormalizeParams
) -> LissResult:
    """LISS of one bead set: linear FI of its features and of CAL01..CAL10, each by wells."""
    levels = reference["log2_level"].to_numpy(np.float64)
    return liss(features, calibration, levels, smoother=params.smoother, max_level=params.max_level)


def scale_bead_set(
    gex: Matrix,
    calibrators: Matrix,
    reference: pd.DataFrame,
    *,
    params: NormalizeParams = NormalizeParams(),  # noqa: B008 (frozen)
) -> Matrix:
    """LISS of one bead set on its own, over the rows as they are; no well leaves (failed ones are 0).

    For matrices that hold one half of a plate, such as published test sets; plates go through :func:`normalize`.
    """
    check_matrix(gex, level=Level.GEX, finite=True)
    check_reference(reference)
    calibration = align_calibrators(calibrators, gex, "GEX", "CAL")
    result = scale_features(gex.values.astype(np.float64), calibration, reference, params)
    quality = {field: getattr(result, field) for field in QC_FIELDS}
    return gex.with_values(result.scaled, level=Level.NORM, cols=gex.cols.assign(**quality))


# ---- inputs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Half:
    """Rows of one bead set: those of its genes, and one per analyte 11-500 with the missing genes' filled in."""

    gene_rows: np.ndarray
    analyte_rows: np.ndarray
    gene_features: np.ndarray
    """Where each gene stands among the analytes."""


def split_halves(gex: Matrix, bead_set: BeadSet | None, what: str) -> dict[str, Half]:
    """Rows of either bead set by name; an analyte without a gene in one set takes the value of the other set.

    Raises
    ------
    LevelError
        Analytes are unknown, or some have no gene at all.
    """
    fields = gex.rows
    if not {"pr_analyte_num", "pr_bset_id"} <= set(fields.columns) or fields["pr_bset_id"].isna().any():
        if bead_set is None:
            raise LevelError(
                f"{what}: rows lack the fields pr_analyte_num and pr_bset_id, and the bead set is not known; "
                "use the GEX that `beadwork deconvolve` wrote, or name it by --beadset"
            )
        fields = bead_set.genes.reindex(gex.rids)
        unknown = fields["pr_analyte_num"].isna().to_numpy()
        if unknown.any():
            raise LevelError(
                f"{what}: {int(unknown.sum())} rows are no genes of bead set {bead_set.name} "
                f"({name_some(gex.rids[unknown])}); Entrez ids of the landmarks are needed"
            )
    analytes = fields["pr_analyte_num"].to_numpy(int)
    sets = fields["pr_bset_id"].astype(str).to_numpy()
    names = sorted(set(sets))
    wanted = np.arange(FIRST_GENE_ANALYTE, N_ANALYTES + 1)
    absent = np.setdiff1d(wanted, analytes)
    if len(absent) or len(names) != 2:
        raise LevelError(
            f"{what}: has no gene for {len(absent)} of the analytes 11-500 and genes of {len(names)} bead sets "
            f"({name_some(names)}); LISS needs all 978 landmarks of both"
        )
    rows = {name: np.full(N_ANALYTES + 1, -1) for name in names}
    for row, (name, analyte) in enumerate(zip(sets, analytes, strict=True)):
        if not FIRST_GENE_ANALYTE <= analyte <= N_ANALYTES or rows[name][analyte] >= 0:
            raise LevelError(
                f"{what}: row {gex.rids[row]}: analyte {analyte} of {name} is out of range or stands twice"
            )
        rows[name][analyte] = row
    halves = {}
    for name, other in zip(names, reversed(names), strict=True):
        own = rows[name][wanted]
        gene_features = np.flatnonzero(own >= 0)
        halves[name] = Half(own[gene_features], np.where(own >= 0, own, rows[other][wanted]), gene_features)
    return halves


def align_calibrators(calibrators: Matrix, gex: Matrix, what: str, what_calibrators: str) -> np.ndarray:
    """CAL01..CAL10 of the wells of `gex` in their order, float64, shape (10, wells)."""
    check_matrix(calibrators, level=Level.CAL, what=what_calibrators)
    absent = [name for name in CALIBRATORS if name not in calibrators.rids]
    if absent:
        raise AlignmentError(
            f"{what_calibrators}: lacks the rows {name_some(absent, 10)}; all ten calibrators are needed "
            "(as written by `beadwork deconvolve --calibrators`)"
        )
    missing = gex.cids[~gex.cids.isin(calibrators.cids)]
    if len(missing):
        raise AlignmentError(
            f"{what_calibrators}: has no column for {len(missing)} of the {len(gex.cids)} wells of {what} "
            f"({name_some(missing)}); give the calibrators of the same plate"
        )
    return calibrators.take_rows(CALIBRATORS).take_cols(gex.cids).values.astype(np.float64)


def check_reference(reference: pd.DataFrame, what: str = "reference levels") -> None:
    """Check that reference levels are thirteen ascending numbers."""
    levels = pd.to_numeric(reference["log2_level"], errors="coerce").to_numpy(np.float64)
    if len(levels) != len(CALIBRATORS) + 3 or not (np.diff(levels) > 0).all():
        raise ParameterError(
            f"{what}: {len(levels)} levels are given, but 13 ascending ones are needed in log2_level: "
            "noise floor, CAL01..CAL10 and two anchors"
        )


# ---- wells that leave ----------------------------------------------------------------------------------------------


def failure_reasons(results: dict[str, LissResult], calibration: np.ndarray, cids: pd.Index) -> pd.Series:
    """Why wells could not be scaled, by well; wells that could are not in it."""
    reasons = {}
    for position in np.flatnonzero(np.any([result.failed for result in results.values()], axis=0)).tolist():
        absent = [name for name, value in zip(CALIBRATORS, calibration[:, position], strict=True) if np.isnan(value)]
        sets = [name for name, result in results.items() if result.failed[position]]
        reasons[cids[position]] = (
            f"no beads of {', '.join(absent)}" if absent else f"no calibration curve in {', '.join(sets)}"
        )
    return pd.Series(reasons, dtype=object)


def outlier_reasons(cols: pd.DataFrame, params: NormalizeParams) -> tuple[pd.Series, pd.DataFrame]:
    """Why wells are outliers, by well, and the QC rows of all wells with their bounds.

    One strike each: qc_slope, qc_f_logp and qc_iqr below its limit or outside the plate's own fence (qc_iqr also
    above).  A well leaves with more strikes than allowed, for its bead counts, or because its pert_type begins with
    lma_ (no treated cells in it).
    """
    strikes = pd.DataFrame(index=cols.index)
    tables = []
    for field, limit, two_sided in (
        ("qc_slope", params.min_slope, False),
        ("qc_f_logp", params.min_f_logp, False),
        ("qc_iqr", params.min_iqr, True),
    ):
        low, high = fence(cols[field].to_numpy(np.float64), params.fence_iqr)
        lower, upper = max(limit, low), high if two_sided else None
        strikes[field] = (cols[field] < lower) | ((cols[field] > high) if two_sided else False)
        tables.append(qc_rows(STAGE, field, cols[field], lower=lower, upper=upper))
    counts = _count_outliers(cols, params)
    kinds = cols["pert_type"] if "pert_type" in cols else [None] * len(cols)
    empty = pd.Series(type_mask(kinds, is_empty), index=cols.index)
    reasons = {}
    for cid in cols.index[(strikes.sum(axis=1) > params.max_strikes) | counts | empty]:
        found = [f"{field} {cols.loc[cid, field]:.3g}" for field in QC_FIELDS if strikes.loc[cid, field]]
        found = found if strikes.loc[cid].sum() > params.max_strikes else []
        if counts[cid]:
            found.append(f"count_mean {cols.loc[cid, 'count_mean']:.3g}, count_cv {cols.loc[cid, 'count_cv']:.3g}")
        if empty[cid]:
            found.append(f"pert_type {cols.loc[cid, 'pert_type']}")
        reasons[cid] = "; ".join(found)
    return pd.Series(reasons, dtype=object), join_qc(tables)


def _count_outliers(cols: pd.DataFrame, params: NormalizeParams) -> pd.Series:
    if not {"count_mean", "count_cv"} <= set(cols.columns):
        return pd.Series(False, index=cols.index)
    mean, spread = (pd.to_numeric(cols[name], errors="coerce") for name in ("count_mean", "count_cv"))
    fewest, _ = fence(mean.to_numpy(np.float64), params.fence_iqr)
    _, widest = fence(spread.to_numpy(np.float64), params.fence_iqr)
    low_absolute = (mean < params.min_count_mean) & (spread > params.max_count_cv)
    return low_absolute | ((mean < fewest) & (spread > widest))


# ---- tables --------------------------------------------------------------------------------------------------------

_CURVE_COLUMNS = ["well", "bead_set", "point", "calibrator", "log2_level", "measured", "curve", "a", "b", "k"]


def curve_table(results: dict[str, LissResult], reference: pd.DataFrame, cids: pd.Index) -> pd.DataFrame:
    """Calibration curves as tidy rows, without the two anchors."""
    shown = reference.iloc[: len(CALIBRATORS) + 1]
    n_points = len(shown)
    tables = []
    for name, result in results.items():
        table = {"well": np.repeat(cids.to_numpy(object), n_points), "bead_set": name}
        for field in ("point", "calibrator", "log2_level"):
            table[field] = np.tile(shown[field].to_numpy(), len(cids))
        table["measured"] = result.points[:n_points].T.ravel()
        table["curve"] = result.curve[:n_points].T.ravel()
        for field in ("a", "b", "k"):
            table[field] = np.repeat(getattr(result.fit, field), n_points)
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)[_CURVE_COLUMNS]


def _most_common(reasons: pd.Series) -> str:
    if not len(reasons):
        return "give a whole plate"
    first = reasons.iloc[0]
    return f"{len(reasons)} wells left, the first ({reasons.index[0]}) for: {first}; see the calibrators and the map"
