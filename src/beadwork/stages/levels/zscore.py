"""Level 3 to level 4: robust z-scores of each plate, against all its wells (ZSPC) or its vehicle wells (ZSVC)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from beadwork.kernels.levels.robust_z import reliabilities, robust_zscore
from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.errors import AlignmentError, ParameterError, agree, counted, name_some
from beadwork.model.levels.wells import MAX_WELLS, are_wells_of_one_plate, plate_names, plates_of_ids
from beadwork.model.matrix import Level, Matrix, check_matrix
from beadwork.model.params import ZscoreParams
from beadwork.model.pert_types import VEHICLE, is_vehicle, type_mask
from beadwork.model.qc import join_qc, qc_rows

log = logging.getLogger("beadwork.zscore")
INPUT_LEVELS = (Level.INF, Level.QNORM, Level.NORM)
Population = Literal["plate", "vehicle"]
IfFew = Literal["error", "missing"]


@dataclass(frozen=True)
class ZscoreResult:
    """z-scores (level ZSPC or ZSVC), QC rows, and the reliability of the scores of the genes that have an uncertainty.

    ``reliability`` (genes by wells, 0 to 1) is None if no uncertainty was given.
    """

    matrix: Matrix
    qc: pd.DataFrame
    reliability: Matrix | None = None


def zscore(
    matrix: Matrix,
    *,
    population: Population = "plate",
    if_few: IfFew = "error",
    sd: Matrix | None = None,
    shrink: bool = True,
    params: ZscoreParams = ZscoreParams(),  # noqa: B008 (frozen)
    what: str = "matrix",
) -> ZscoreResult:
    """Robust z-score of every gene over the wells of its plate, of each plate by itself.

    z = (x - median) / (max(MAD, min_mad) * 1.4826), median and MAD over the population.

    Parameters
    ----------
    matrix
        INF, QNORM or NORM of one plate or of several (or of unknown level), log2; any rows.  A missing value stays
        missing and is left out of median and MAD.  Several plates get the scores, to the bit, that each gets alone.
    population
        ``plate``: all wells (gives ZSPC); ``vehicle``: wells whose pert_type is ctl_vehicle, in whatever case (ZSVC).
    if_few
        What to do if the population has fewer wells than ``min_population``: refuse, or give missing scores (all NaN)
        and a QC row that does not pass.
    sd
        Uncertainty (log2 FI) of genes by wells, as ``deconvolve`` gives it, and that of inferred genes (units of the
        values) as ``infer`` does; values that are less sure than their gene
        usually is get smaller scores (:func:`beadwork.kernels.levels.robust_z.reliabilities`).  Genes it does not
        have are left alone.
    shrink
        Whether `sd` makes scores smaller: by the square root of their reliability.  If not, it only gives the
        reliabilities, by which ``consensus`` can weigh.
    what
        How messages name the matrix, usually its file.

    Raises
    ------
    LevelError
        The matrix holds another level, for example GEX, which is not on a log scale.
    AlignmentError
        Infinite values, or columns whose plate is not known.
    ParameterError
        The population of a plate has fewer wells than ``min_population``, unless `if_few` is ``missing``.
    """
    check_matrix(matrix, level=INPUT_LEVELS, what=what)
    infinite = np.isinf(matrix.values).any(axis=1)
    if infinite.any():
        raise AlignmentError(
            f"{what}: infinite values in {counted(int(infinite.sum()), 'row')} ({name_some(matrix.rids[infinite])}); "
            "were zeros turned into logarithms? Mark them as missing first"
        )
    at = None if sd is None else _where_known(matrix, sd, what)
    minimum = 0 if if_few == "missing" else params.min_population
    plates = split_plates(matrix, what)
    populations = {
        name: population_mask(
            matrix.cols.iloc[own], population, minimum, what if len(plates) == 1 else f"{what}: plate {name}"
        )
        for name, own in plates.items()
    }
    measured = _measured_sd(matrix, what) if params.scale == "measured" else None
    z = np.empty(matrix.values.shape, dtype=np.float32)
    kind = np.float32 if sd is None and measured is None else np.float64  # what is left to do with the scores
    slopes = np.where(_is_inferred(matrix), 1.0, params.sd_slope)  # inferred genes have theirs in units of the values
    found = None if at is None else np.full((len(at[0]), len(matrix.cids)), np.nan)
    sizes, floored = {}, {}
    for name, own in plates.items():
        whole = len(own) == len(matrix.cids)
        values = matrix.values if whole else matrix.values[:, own]
        scores = z if whole and kind is np.float32 else np.empty(values.shape, kind)
        mad, scale = _score_plate(values, populations[name], params, measured, scores)
        if sd is not None and at is not None and found is not None:
            known, rows, columns = at
            uncertainty = sd.values[np.ix_(rows, columns[own])].astype(np.float64)
            found[:, own] = reliabilities(uncertainty, scale[known], slopes[known, None])
            if shrink:
                scores[known] *= np.sqrt(found[:, own])
        if scores is not z:
            z[:, own] = scores
        sizes[name] = int(populations[name].sum())
        floored[name] = float(np.mean(mad < params.min_mad)) if len(mad) else 0.0
    level, stage = (Level.ZSPC, "zscore") if population == "plate" else (Level.ZSVC, "zscore_vehicle")
    qc = join_qc(
        [
            qc_rows(stage, "n_population", sizes, lower=params.min_population),
            qc_rows(stage, "mad_floored", floored),
        ]
    )
    reliability = None if found is None or at is None else Matrix(found, matrix.rows.iloc[at[0]], matrix.cols)
    return ZscoreResult(matrix.with_values(z, level=level), qc, reliability)


def _score_plate(
    values: np.ndarray,
    chosen: np.ndarray,
    params: ZscoreParams,
    measured: tuple[np.ndarray, np.ndarray] | None,
    scores: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Fill in the z-scores of a plate; the MAD of each gene and what it was divided by.

    All are missing if the population is small.
    """
    if chosen.sum() < params.min_population:
        scores.fill(np.nan)
        return np.full(len(values), np.nan), np.full(len(values), np.nan)
    _, mad = robust_zscore(values, values[:, chosen] if not chosen.all() else values, params.min_mad, scores)
    scale = np.maximum(mad, params.min_mad) * MAD_TO_SD
    if measured is not None:
        sd, inferred = measured
        factor = np.nanmedian(scale[~inferred] / sd[~inferred])
        wanted = np.where(inferred, np.maximum(sd * factor, params.min_mad * MAD_TO_SD), scale)
        scores[inferred] *= (scale / wanted)[inferred, None]
        scale = wanted
    return mad, scale


def _is_inferred(matrix: Matrix) -> np.ndarray:
    if "pr_is_lm" not in matrix.rows:
        return np.zeros(len(matrix.rids), dtype=bool)
    return pd.to_numeric(matrix.rows["pr_is_lm"], errors="coerce").eq(0).to_numpy()


def _measured_sd(matrix: Matrix, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Measured standard deviation of each gene in training, and which genes are inferred."""
    inferred = _is_inferred(matrix)
    if "pr_gene_sd" not in matrix.rows:
        raise ParameterError(
            f"{what}: its rows have no pr_gene_sd, the spread of genes in training, which --scale measured needs; "
            "infer anew with a model that says it, or use --scale own"
        )
    sd = pd.to_numeric(matrix.rows["pr_gene_sd"], errors="coerce").to_numpy(dtype=np.float64)
    sd = np.where(sd > 0, sd, np.nan)
    lost = inferred & ~np.isfinite(sd)
    if lost.any() or not np.isfinite(sd[~inferred]).any():
        bad = matrix.rids[lost] if lost.any() else matrix.rids[~inferred]
        raise ParameterError(
            f"{what}: pr_gene_sd is missing for {counted(len(bad), 'gene')} ({name_some(bad)}); infer "
            f"anew, or use --scale own"
        )
    return sd, inferred


def split_plates(matrix: Matrix, what: str) -> dict[str, np.ndarray]:
    """Columns of each plate of a matrix, in order of first appearance.

    The field det_plate says which plate a well is of, else its id ``{det_plate}:{well}``.  Bare names of wells, each
    once, are those of one plate.

    Raises
    ------
    AlignmentError
        Some columns name no plate, or one plate has more wells than a plate can have.
    """
    names = plate_names(matrix.cols)
    unknown = names == ""
    if unknown.all() and are_wells_of_one_plate(matrix.cids):
        return {matrix.plate: np.arange(len(names))}
    if unknown.any():
        raise AlignmentError(
            f"{what}: {int(unknown.sum())} of {len(names)} columns name no plate ({name_some(names.index[unknown])}), "
            "and scores are made plate by plate; give --instinfo with their det_plate, a column field det_plate, or "
            "ids PLATE:WELL"
        )
    codes, found = pd.factorize(names)
    plates = {str(name): np.flatnonzero(codes == code) for code, name in enumerate(found)}
    for name, own in plates.items():
        if len(own) > MAX_WELLS:
            raise AlignmentError(
                f"{what}: det_plate {name} stands at {counted(len(own), 'column')}, but a plate has "
                f"{MAX_WELLS} wells at most; "
                "give the det_plate of each well"
            )
    by_id = plates_of_ids(matrix.cids)
    if "det_plate" in matrix.cols and (by_id != "").all():
        for name, own in plates.items():
            if (others := by_id.iloc[own].unique()).size > 1:
                raise AlignmentError(
                    f"{what}: det_plate is {name} for columns whose ids name {len(others)} plates "
                    f"({name_some(others)}); correct the field, or remove it to go by the ids"
                )
    if len(plates) > 1:
        log.info("%s: %s, each scored by itself: %s", what, counted(len(plates), "plate"), name_some(plates))
    return plates


def _where_known(matrix: Matrix, sd: Matrix, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of `matrix` that have uncertainties, and the rows and columns of `sd` that hold them."""
    lost = ~matrix.cids.isin(sd.cids)
    if lost.any():
        raise AlignmentError(
            f"{what}: {counted(int(lost.sum()), 'well')} {agree(int(lost.sum()), 'has')} no uncertainty "
            f"({name_some(matrix.cids[lost])}); "
            "give --sd the matrix that was written with these wells' GEX"
        )
    known = np.flatnonzero(matrix.rids.isin(sd.rids))
    return known, sd.rids.get_indexer(matrix.rids[known]), sd.cids.get_indexer(matrix.cids)


def population_mask(cols: pd.DataFrame, population: Population, minimum: int, what: str) -> np.ndarray:
    """Which wells the scores are measured against; refuses a population that is too small."""
    if population not in get_args(Population):
        raise ParameterError(f"population is 'plate' or 'vehicle', not {population!r}")
    if population == "plate":
        chosen = np.ones(len(cols), dtype=bool)
        if len(chosen) < minimum:
            raise ParameterError(
                f"{what}: has {counted(len(chosen), 'well')}, but a median over fewer than {minimum} says nothing; "
                "give a whole plate, or lower --min-population"
            )
        return chosen
    if "pert_type" not in cols:
        raise ParameterError(
            f"{what}: has no column field pert_type, by which vehicle wells are known; add it, or use "
            "--population plate"
        )
    chosen = type_mask(cols["pert_type"], is_vehicle)
    if chosen.sum() < minimum:
        raise ParameterError(
            f"{what}: has {counted(int(chosen.sum()), 'well')} of pert_type {VEHICLE}, but --population "
            f"vehicle needs at least "
            f"{minimum} (--min-population); use --population plate"
        )
    return chosen
