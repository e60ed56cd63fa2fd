"""Level 1 to level 2: two genes from the beads of each analyte."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from beadwork.model.beads.plate import CALIBRATORS, N_ANALYTES, BeadPlate, BeadSet
from beadwork.model.errors import FileError, MapError, ParameterError, counted, name_some
from beadwork.model.ids import distil_id, parse_det_plate
from beadwork.model.matrix import SPACE_SIZES, Level, Matrix, Space
from beadwork.model.params import DeconvolveParams
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.beads.callers import METHODS, AnalyteCalls

STAGE = "deconvolve"
_N_CALIBRATORS = len(CALIBRATORS)


@dataclass(frozen=True, eq=False)
class DeconvolveResult:
    """Level 2 of a plate.

    Parameters
    ----------
    gex
        Expression, linear FI: genes of the bead set (hi genes by analyte, then lo genes) by wells.
    calibrators
        CAL01..CAL10 by wells, linear FI; NaN where a calibrator has no good beads.
    support
        Beads behind each value of `gex`.
    sd
        Standard error of log2 of each value of `gex`; None if the method gives none.
    odds
        Odds that the two genes of an analyte are not swapped, for both of them; None if the method gives none,
        NaN for an analyte with one gene.
    qc
        QC rows.
    """

    gex: Matrix
    calibrators: Matrix
    support: Matrix
    sd: Matrix | None
    odds: Matrix | None
    qc: pd.DataFrame


def deconvolve(
    beads: BeadPlate,
    bead_set: BeadSet,
    plate_map: pd.DataFrame | None = None,
    *,
    ratio: float = 2.0,
    fields: Mapping[str, object] | None = None,
    params: DeconvolveParams = DeconvolveParams(),  # noqa: B008 (frozen)
    threads: int = 1,
) -> DeconvolveResult:
    """Deconvolve a plate.

    Parameters
    ----------
    beads
        Beads of all wells.
    bead_set
        Which genes the analytes carry.
    plate_map
        Index wells, columns fields of the wells (``io.maps.read_map``).  A well without a row is left out; a row
        without a well is reported.  None keeps all wells.
    ratio
        Mixing ratio, hi beads for each lo bead; methods that have a prior on the shares use it.
    fields
        Fields of the whole plate (bead_batch, cell_id, brew_prefix, ...), which beat those of the map.

    Raises
    ------
    FileError
        Fewer than ``params.min_wells`` wells can be used.
    MapError
        No well has a row in the map.
    ParameterError
        Parameters contradict each other.
    """
    low, high = (float(np.log2(limit)) for limit in params.good_fi)
    if low >= high:
        raise ParameterError(f"low_exp {low:g} must be below the upper limit {high:g}")
    beads, checks = _usable_wells(beads, plate_map, params)
    genes = bead_set.genes
    analyte = genes["pr_analyte_num"].to_numpy(int) - 1
    half = (genes["pr_bset_id"] == bead_set.lo).to_numpy(int)
    n_genes = np.bincount(analyte, minlength=N_ANALYTES)
    calls = METHODS[params.method].call(beads, n_genes == 2, ratio=ratio, params=params, threads=threads)

    cols = _columns(beads, bead_set, plate_map, calls, fields or {})
    space = Space.LM if bead_set.name.startswith("epsilon") and len(genes) == SPACE_SIZES[Space.LM] else None

    def matrix(values: np.ndarray, level: Level | None) -> Matrix:
        return Matrix(values[half, :, analyte], genes, cols, level=level, space=space)

    missing = calls.n_good[:, :_N_CALIBRATORS] == 0
    levels = np.where(missing, np.nan, calls.value[0, :, :_N_CALIBRATORS]).T
    cal_rows = pd.DataFrame({"pr_analyte_num": np.arange(1, _N_CALIBRATORS + 1)}, index=pd.Index(CALIBRATORS))
    checks += _well_metrics(cols, calls, missing, params)
    checks += [
        qc_rows(STAGE, key, {beads.det_plate: item.value}, lower=item.lower, upper=item.upper, passed=item.passed)
        for key, item in calls.plate_metrics.items()
    ]
    checks.append(_single_beads(beads.det_plate, bead_set, calls, ratio, params))
    qc = join_qc(checks)
    qc = join_qc([qc, qc_rows(STAGE, "beads_suspected", suspicions(qc, bead_set, ratio), passed=False)])
    sd = None if calls.sd is None else matrix(calls.sd, None)
    if sd is not None and calls.shares is not None and calls.widths is not None and calls.splits is not None:
        shape = {"bead_share": calls.shares, "bead_width": calls.widths, "bead_split": calls.splits}
        fitted = {name: values[half, analyte] for name, values in shape.items()}
        sd = sd.with_values(sd.values, rows=genes.assign(**fitted))
    return DeconvolveResult(
        gex=matrix(calls.value, Level.GEX),
        calibrators=Matrix(levels, cal_rows, cols, level=Level.CAL),
        support=matrix(calls.support, None),
        sd=sd,
        odds=None if calls.odds is None else matrix(np.stack([calls.odds, calls.odds]), None),
        qc=qc,
    )


def _single_beads(
    det_plate: str, bead_set: BeadSet, calls: AnalyteCalls, ratio: float, params: DeconvolveParams
) -> pd.DataFrame:
    """QC rows: beads of the analytes that carry one gene, relative to the usual and to that gene's share of them.

    Where another bead set has two genes there, both have beads: at the least 1.5 times as many as promised.
    """
    genes = bead_set.genes
    numbers = genes["pr_analyte_num"].astype(int)
    single = genes[~numbers.duplicated(keep=False)]
    counts = np.median(calls.n_good, axis=0) if len(calls.n_good) else np.zeros(N_ANALYTES)
    paired = counts[numbers[numbers.duplicated()].to_numpy() - 1]
    if not len(single) or not len(paired) or np.median(paired) == 0:
        return join_qc([])
    if "ratio_fitted" in calls.plate_metrics:  # else a wrong ratio would pass for a wrong bead set
        ratio = float(calls.plate_metrics["ratio_fitted"].value)
    share = np.where(single["pr_bset_id"] == bead_set.hi, ratio, 1.0) / (1.0 + ratio)
    factors = counts[single["pr_analyte_num"].to_numpy(int) - 1] / (np.median(paired) * share)
    return qc_rows(STAGE, "single_beads", {det_plate: float(factors.max())}, upper=params.single_tolerance)


def suspicions(qc: pd.DataFrame, bead_set: BeadSet, ratio: float) -> dict[str, str]:
    """Say in words what the QC rows of a plate hold against its bead batch or bead set, by plate; empty if nothing."""
    failed = qc[~qc["pass"].astype(bool)]
    texts = {
        "ratio_fitted": f"the mixing ratio looks like {{value:.2f}}, not the {ratio:g} of the bead batch; is the bead "
        "batch right?",
        "single_beads": f"analytes that carry one gene in bead set {bead_set.name} have up to {{value:.1f}} times the "
        "beads of one gene; is the bead set right?",
        "width_hi": "peaks of hi genes are {value:.2f} times as wide as usual; are these the beads of that batch?",
        "width_lo": "peaks of lo genes are {value:.2f} times as wide as usual; are these the beads of that batch?",
    }
    found: dict[str, list[str]] = {}
    for metric, text in texts.items():
        for row in failed[failed["metric"] == metric].itertuples():
            found.setdefault(str(row.entity), []).append(text.format(value=row.value))
    return {plate: "; ".join(parts) for plate, parts in found.items()}


def _usable_wells(
    beads: BeadPlate, plate_map: pd.DataFrame | None, params: DeconvolveParams
) -> tuple[BeadPlate, list[pd.DataFrame]]:
    """Wells with enough beads and a row in the map, and the QC rows that say what is left out."""
    plate = beads.det_plate
    totals = beads.starts[:, -1] - beads.starts[:, 0]
    good = _count_good(beads, params)
    unusable = dict(zip(beads.bad_wells["well"], beads.bad_wells["reason"], strict=True))
    unusable |= {
        well: f"has {counted(number, 'good bead')} (FI {low:g} to {high:g}) of {total:,} classified ones; at least "
        f"{params.min_well_beads:,} are needed"
        for (low, high) in [params.good_fi]
        for well, number, total in zip(beads.wells, good, totals, strict=True)
        if number < params.min_well_beads
    }
    unusable |= {
        well: f"has {counted(total, 'classified bead')}; at least {params.min_well_beads:,} are needed"
        for well, total in zip(beads.wells, totals, strict=True)
        if total < params.min_well_beads
    }
    keep = good >= params.min_well_beads  # which are classified ones
    unmapped: list[str] = []
    fileless: list[str] = []
    if plate_map is not None:
        unmapped = [well for well in beads.wells if well not in plate_map.index]
        fileless = [well for well in plate_map.index if well not in beads.wells and well not in unusable]
        keep &= np.isin(beads.wells, plate_map.index)
        if len(unmapped) == len(beads.wells) > 0:
            raise MapError(
                f"{plate}: none of its wells ({name_some(unmapped)}) has a row in the plate map; give the right map"
            )
    if keep.sum() < params.min_wells:
        reasons = [f"{well}: {reason}" for well, reason in unusable.items()]
        reasons += [f"{well}: has no row in the plate map" for well in unmapped if well not in unusable]
        raise FileError(
            f"{plate}: {keep.sum()} usable wells, but at least {params.min_wells} (min_wells) are needed"
            + (f"; left out: {name_some(reasons, 3)}" if reasons else "")
        )

    def by_id(reasons: Mapping[str, str]) -> dict[str, str]:
        return {distil_id(plate, well): reason for well, reason in reasons.items()}

    rows = [
        qc_rows(STAGE, "wells_read", {plate: int(keep.sum())}, lower=params.min_wells),
        qc_rows(STAGE, "well_unusable", by_id(unusable), passed=False),
        qc_rows(STAGE, "well_without_map", by_id(dict.fromkeys(unmapped, "has no row in the plate map")), passed=False),
        qc_rows(STAGE, "map_without_well", by_id(dict.fromkeys(fileless, "has no LXB file")), passed=False),
    ]
    return beads.take_wells(keep), rows


def _count_good(beads: BeadPlate, params: DeconvolveParams) -> np.ndarray:
    """Count the beads of each well within the limits of intensity."""
    low, high = params.good_fi
    wells = (beads.reporter[start:end] for start, end in zip(beads.starts[:, 0], beads.starts[:, -1], strict=True))
    return np.array([np.count_nonzero((values >= low) & (values <= high)) for values in wells], dtype=np.int64)


def _columns(
    beads: BeadPlate,
    bead_set: BeadSet,
    plate_map: pd.DataFrame | None,
    calls: AnalyteCalls,
    fields: Mapping[str, object],
) -> pd.DataFrame:
    """Annotation of the wells."""
    revision = re.search(r"-(r\d+)$", bead_set.name)
    own: dict[str, object] = {
        "det_plate": beads.det_plate,
        "det_well": list(beads.wells),
        "bead_set": f"{bead_set.hi},{bead_set.lo}",
        "bead_revision": revision[1] if revision else np.nan,
    }
    index = pd.Index([distil_id(beads.det_plate, well) for well in beads.wells], dtype=object)
    counts = calls.n_good[:, _N_CALIBRATORS:].astype(float)
    mean = counts.mean(axis=1)
    spread = np.divide(counts.std(axis=1, ddof=1), mean, out=np.full(len(mean), np.nan), where=mean > 0)
    measured: dict[str, object] = {"count_mean": mean, "count_cv": 100 * spread}
    if beads.digests:
        measured["lxb_digest"] = [beads.digests[well] for well in beads.wells]
    return _labelled(pd.DataFrame(own, index=index), plate_map, fields, pd.DataFrame(measured, index=index))


OWN_COLUMNS = ("det_plate", "det_well", "bead_set", "bead_revision")
MEASURED_COLUMNS = ("count_mean", "count_cv", "lxb_digest")


def _labelled(
    own: pd.DataFrame, plate_map: pd.DataFrame | None, fields: Mapping[str, Any], measured: pd.DataFrame
) -> pd.DataFrame:
    """Columns of the plate itself, then those that are said of the plate and of its wells, then those of its beads."""
    det_plate, wells = str(own["det_plate"].iloc[0]), list(own["det_well"])
    cols = own.copy()
    for key, value in fields.items():
        cols[key] = value
    if plate_map is not None:
        mapped = plate_map.loc[wells].set_axis(own.index, axis=0)
        cols = cols.join(mapped.drop(columns=[key for key in cols if key in mapped]))
    name = parse_det_plate(det_plate)
    for key, value in (("brew_prefix", name.brew_prefix), ("cell_id", name.cell_id)):
        if value and (key not in cols or cols[key].isna().all()):
            cols[key] = value
    for column in measured:
        cols[column] = measured[column]
    return cols


def relabel(
    matrices: Mapping[str, Matrix], qc: pd.DataFrame, plate_map: pd.DataFrame, fields: Mapping[str, object]
) -> dict[str, Matrix] | None:
    """Level 2 of a plate with another map or other labels, without its beads.

    Parameters
    ----------
    matrices
        What :func:`deconvolve` gave: GEX, CAL, SUPPORT, and so on.
    qc
        Its QC rows.
    plate_map, fields
        As in :func:`deconvolve`.

    Returns
    -------
    The same values with the annotation that :func:`deconvolve` would give them; None if the map lists other wells than
    the one they were made with, so that the beads are needed.
    """

    def wells_of(metric: str) -> set[str]:
        return {str(entity).rpartition(":")[2] for entity in qc.loc[qc["metric"] == metric, "entity"]}

    kept = set(next(iter(matrices.values())).cols["det_well"])
    unmapped = wells_of("well_without_map")
    there = set(plate_map.index)
    if not kept <= there or unmapped & there:
        return None
    if wells_of("map_without_well") != there - kept - wells_of("well_unusable"):
        return None
    found = {}
    for name, matrix in matrices.items():
        own = matrix.cols[[key for key in OWN_COLUMNS if key in matrix.cols]]
        measured = matrix.cols[[key for key in MEASURED_COLUMNS if key in matrix.cols]]
        found[name] = replace(matrix, cols=_labelled(own, plate_map, fields, measured))
    return found


def _well_metrics(
    cols: pd.DataFrame, calls: AnalyteCalls, missing: np.ndarray, params: DeconvolveParams
) -> list[pd.DataFrame]:
    """QC rows of the wells that are used."""
    few = (calls.n_good[:, _N_CALIBRATORS:] < params.min_bead).mean(axis=1)
    none = (calls.n_good[:, _N_CALIBRATORS:] == 0).mean(axis=1)
    lost = pd.Series(missing.sum(axis=1), index=cols.index)
    return [
        qc_rows(STAGE, "count_mean", cols["count_mean"]),
        qc_rows(STAGE, "count_cv", cols["count_cv"]),
        qc_rows(STAGE, "few_beads", pd.Series(few, index=cols.index)),
        qc_rows(STAGE, "no_beads", pd.Series(none, index=cols.index), upper=params.max_no_beads),
        qc_rows(STAGE, "calibrators_missing", lost, upper=0),
        *(
            qc_rows(STAGE, key, pd.Series(values, index=cols.index), lower=lower, upper=upper)
            for key, values in calls.metrics.items()
            for lower, upper in [calls.limits.get(key, (None, None))]
        ),
    ]
