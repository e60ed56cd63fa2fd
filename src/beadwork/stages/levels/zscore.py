"""Level 3 to level 4: robust z-scores of a plate, against all its wells (ZSPC) or its vehicle wells (ZSVC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from beadwork.kernels.levels.robust_z import MAD_TO_SD, reliabilities, robust_zscore
from beadwork.model.errors import AlignmentError, ParameterError, name_some
from beadwork.model.matrix import Level, Matrix, check_matrix
from beadwork.model.params import ZscoreParams
from beadwork.model.pert_types import VEHICLE, is_vehicle, type_mask
from beadwork.model.qc import join_qc, qc_rows

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
    """Robust z-score of every gene over the wells of one plate.

    z = (x - median) / (max(MAD, min_mad) * 1.4826), median and MAD over the population.

    Parameters
    ----------
    matrix
        INF, QNORM or NORM of one plate (or of unknown level), log2; any rows.  A missing value stays missing and is
        left out of median and MAD.
    population
        ``plate``: all wells (gives ZSPC); ``vehicle``: wells whose pert_type is ctl_vehicle, in whatever case (ZSVC).
    if_few
        What to do if the population has fewer wells than ``min_population``: refuse, or give missing scores (all NaN)
        and a QC row that does not pass.
    sd
        Uncertainty (log2 FI) of genes by wells, as ``deconvolve`` gives it; values that are less sure than their gene
        usually is get smaller scores (:func:`beadwork.kernels.levels.robust_z.reliabilities`).  Genes it does not
        have, such as inferred ones, are left alone.
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
        Infinite values.
    ParameterError
        The population has fewer wells than ``min_population``, unless `if_few` is ``missing``.
    """
    check_matrix(matrix, level=INPUT_LEVELS, what=what)
    infinite = np.isinf(matrix.values).any(axis=1)
    if infinite.any():
        raise AlignmentError(
            f"{what}: infinite values in {int(infinite.sum())} rows ({name_some(matrix.rids[infinite])}); "
            "were zeros turned into logarithms? Mark them as missing first"
        )
    at = None if sd is None else _where_known(matrix, sd, what)
    chosen = population_mask(matrix, population, 0 if if_few == "missing" else params.min_population, what)
    values = matrix.values.astype(np.float64)
    reliability = None
    if chosen.sum() < params.min_population:
        z, mad = np.full(values.shape, np.nan), np.full(len(values), np.nan)
    else:
        z, mad = robust_zscore(values, values[:, chosen] if not chosen.all() else values, params.min_mad)
    if sd is not None and at is not None:
        known, rows, columns = at
        scale = np.maximum(mad[known], params.min_mad) * MAD_TO_SD
        found = reliabilities(sd.values[np.ix_(rows, columns)].astype(np.float64), scale, params.sd_slope)
        if shrink:
            z[known] *= np.sqrt(found)
        reliability = Matrix(found, matrix.rows.iloc[known], matrix.cols)
    level, stage = (Level.ZSPC, "zscore") if population == "plate" else (Level.ZSVC, "zscore_vehicle")
    qc = join_qc(
        [
            qc_rows(stage, "n_population", {matrix.plate: int(chosen.sum())}, lower=params.min_population),
            qc_rows(stage, "mad_floored", {matrix.plate: float(np.mean(mad < params.min_mad)) if len(mad) else 0.0}),
        ]
    )
    return ZscoreResult(matrix.with_values(z, level=level), qc, reliability)


def _where_known(matrix: Matrix, sd: Matrix, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of `matrix` that have uncertainties, and the rows and columns of `sd` that hold them."""
    lost = ~matrix.cids.isin(sd.cids)
    if lost.any():
        raise AlignmentError(
            f"{what}: {int(lost.sum())} wells have no uncertainty ({name_some(matrix.cids[lost])}); "
            "give --sd the matrix that was written with these wells' GEX"
        )
    known = np.flatnonzero(matrix.rids.isin(sd.rids))
    return known, sd.rids.get_indexer(matrix.rids[known]), sd.cids.get_indexer(matrix.cids)


def population_mask(matrix: Matrix, population: Population, minimum: int, what: str) -> np.ndarray:
    """Which wells the scores are measured against; refuses a population that is too small."""
    if population not in get_args(Population):
        raise ParameterError(f"population is 'plate' or 'vehicle', not {population!r}")
    if population == "plate":
        chosen = np.ones(len(matrix.cids), dtype=bool)
        if len(chosen) < minimum:
            raise ParameterError(
                f"{what}: has {len(chosen)} wells, but a median over fewer than {minimum} says nothing; "
                "give a whole plate, or lower --min-population"
            )
        return chosen
    if "pert_type" not in matrix.cols:
        raise ParameterError(
            f"{what}: has no column field pert_type, which tells vehicle wells; add it, or use --population plate"
        )
    chosen = type_mask(matrix.cols["pert_type"], is_vehicle)
    if chosen.sum() < minimum:
        raise ParameterError(
            f"{what}: has {int(chosen.sum())} wells of pert_type {VEHICLE}, but --population vehicle needs at least "
            f"{minimum} (--min-population); use --population plate"
        )
    return chosen
