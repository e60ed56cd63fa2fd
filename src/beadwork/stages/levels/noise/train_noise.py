"""Learn the noise that wells share from wells that hold the same thing: replicates, controls, inert doses."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from beadwork.kernels.levels.noise import Scatter, clip_and_centre, group_residuals, join_scatters, to_grid
from beadwork.model.errors import AlignmentError, BeadworkError, name_some
from beadwork.model.levels.noise_model import CONTROL_FIELDS, FOLDS, PLATE_FIELDS, TREATED_FIELDS, NoiseModel
from beadwork.model.matrix import Level, Matrix, check_matrix
from beadwork.model.params import TrainNoiseParams
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.levels.groups import MAY_BE_ABSENT, field_key, read_doses
from beadwork.stages.levels.noise.noise_wells import (
    WELL_FIELDS,
    control_places,
    doses_um,
    key_fields,
    landmark_matrix,
    well_facts,
)

log = logging.getLogger("beadwork.noise")


@dataclass(frozen=True)
class TrainNoiseResult:
    """The model, and QC rows: per plate its degrees of freedom, groups, control wells and their places."""

    model: NoiseModel
    qc: pd.DataFrame


def train_noise(
    z: Sequence[Matrix],
    *,
    landmarks: pd.Index,
    params: TrainNoiseParams = TrainNoiseParams(),  # noqa: B008 (frozen)
    names: Sequence[str] | None = None,
) -> TrainNoiseResult:
    """Learn the shared noise of wells.

    Parameters
    ----------
    z
        ZSPC of one plate or several, any rows that hold the landmarks; the order does not matter.
    landmarks
        Entrez ids of the landmarks.
    names
        What messages call the matrices, usually their files.

    Raises
    ------
    LevelError
        Not ZSPC.
    AlignmentError
        Landmarks absent, missing values, a well twice.
    BeadworkError
        Too few wells that hold the same thing, or a field to group by is absent.

    Notes
    -----
    Groups: treated wells that agree in ``group_by``; control wells (pert_type ``ctl_``) of a plate, type and
    perturbagen; with ``inert_below`` all wells of a treatment, brew and time below that dose.  A well is in one group.
    """
    names = list(names) if names is not None else [f"matrix {number}" for number in range(1, len(z) + 1)]
    if not z:
        raise AlignmentError("no z-scores given; at least one ZSPC matrix is needed")
    parts = []
    for matrix, name in zip(z, names, strict=True):
        check_matrix(matrix, level=Level.ZSPC, samples=True, what=name)
        _check_fields(matrix, params, name)
        parts.append(landmark_matrix(matrix, landmarks, name).take_rows(landmarks))
    keys = key_fields(params.group_by)
    cols = pd.concat([part.cols for part in parts])
    if cols.index.has_duplicates:
        twice = cols.index[cols.index.duplicated()].unique()
        raise AlignmentError(f"wells stand in more than one matrix: {name_some(twice)}; give each plate once")
    joined = Matrix(np.hstack([part.values for part in parts]), parts[0].rows, cols, level=Level.ZSPC)
    facts = _wells(joined, keys, params)
    values = joined.values.T.astype(np.float64)
    order = np.lexsort((facts.index.to_numpy(str), facts["plate"].to_numpy(str)))
    model = _model(values[order], facts.iloc[order], landmarks, keys, params)
    check_enough(model, params.min_df, ", ".join(names))
    return TrainNoiseResult(model, training_qc(model))


def sum_noise(models: Sequence[NoiseModel], params: TrainNoiseParams, names: Sequence[str]) -> NoiseModel:
    """Add models up, in an order that follows from their plates.

    Raises
    ------
    BeadworkError
        A plate is in two of them, or they differ in genes, clipping or in what identifies a treatment.
    """
    first = models[0]
    for model, name in zip(models, names, strict=True):
        for what, own, other in (
            ("genes", list(model.genes), list(first.genes)),
            ("treatment fields", model.key_fields, first.key_fields),
            ("clip", model.clip, first.clip),
        ):
            if own != other:
                raise BeadworkError(f"{name}: its {what} are not those of {names[0]}; such models cannot be added up")
    ordered = sorted(models, key=lambda model: min(model.plates["det_plate"]))
    plates = pd.concat([model.plates for model in ordered], ignore_index=True)
    twice = plates["det_plate"][plates["det_plate"].duplicated()].unique()
    if len(twice):
        raise BeadworkError(f"plates are in more than one model: {name_some(twice)}; add each plate once")
    rows = params.max_rows
    return replace(
        first,
        treated=tuple(join_scatters(same, rows) for same in zip(*(model.treated for model in ordered), strict=True)),
        controls=join_scatters([model.controls for model in ordered], rows),
        controls_without=tuple(
            join_scatters(same, rows) for same in zip(*(model.controls_without for model in ordered), strict=True)
        ),
        treatments=pd.concat([model.treatments for model in ordered])
        .drop_duplicates()
        .sort_values([*TREATED_FIELDS], ignore_index=True),
        control_wells=pd.concat([model.control_wells for model in ordered]).sort_values("id", ignore_index=True),
        plates=plates.sort_values("det_plate", ignore_index=True),
        factors=params.factors,
        metadata={},
    )


def plate_noise(matrix: Matrix, params: TrainNoiseParams, facts: pd.DataFrame, keys: tuple[str, ...]) -> NoiseModel:
    """Learn what one plate gives by itself, however little.

    Parameters
    ----------
    matrix
        ZSPC or ZSVC of the plate; its rows are the landmarks.
    facts, keys
        Of its wells (:func:`~beadwork.stages.levels.noise.noise_wells.well_facts`), and the fields they were made with.
    """
    known = tuple(name for name in params.group_by if name in matrix.cols or name in (*MAY_BE_ABSENT, "brew_prefix"))
    if not set(key_fields(params.group_by)) <= set(known):
        known = ("pert_id",)  # nothing says which wells are replicates: each group is one well, or of one treatment
    params = params.model_copy(update={"group_by": known})
    own = key_fields(known)
    wells = _wells(matrix, own, params, facts if own == keys else None)
    return _model(matrix.values.T.astype(np.float64), wells, matrix.rids, own, params)


def check_enough(model: NoiseModel, min_df: float, what: str) -> None:
    """Refuse a model that rests on too little."""
    if model.df < min_df:
        raise BeadworkError(
            f"{what}: only {model.df:.0f} degrees of freedom in wells that hold the same thing, but at least "
            f"{min_df:g} are needed; give replicate plates or plates with control wells (pert_type ctl_vehicle), "
            "or let wells of low doses count with --inert-below"
        )


def training_qc(model: NoiseModel) -> pd.DataFrame:
    """QC rows of what a model rests on."""
    plates = model.plates.set_index("det_plate")
    names = {"noise_df": "df", "noise_groups": "groups", "noise_controls": "controls", "noise_places": "places"}
    return join_qc([qc_rows("train_noise", metric, plates[column]) for metric, column in names.items()])


def treatment_fold(treatment: str) -> int:
    """Fold of a treatment: a hash of its id."""
    return zlib.crc32(treatment.encode()) % FOLDS


def _check_fields(matrix: Matrix, params: TrainNoiseParams, name: str) -> None:
    known = {*matrix.cols.columns, *MAY_BE_ABSENT, "brew_prefix", "det_plate"}
    absent = [field for field in params.group_by if field not in known]
    if absent:
        raise BeadworkError(
            f"{name}: has no column field {', '.join(absent)} to group by; it has {name_some(matrix.cols.columns, 30)}"
        )
    if params.inert_below is not None and "pert_dose" not in matrix.cols:
        log.warning("%s: has no column field pert_dose; no well counts as inert", name)
    if "pert_type" not in matrix.cols:
        log.warning("%s: has no column field pert_type; no well counts as a control", name)
    if not any(field in matrix.cols for field in WELL_FIELDS) and not all(":" in str(cid) for cid in matrix.cids):
        raise AlignmentError(f"{name}: its columns name no plate; ids {{det_plate}}:{{well}} or det_plate are needed")


def _wells(
    matrix: Matrix, keys: tuple[str, ...], params: TrainNoiseParams, facts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Facts of the wells, with `group`: equal for wells that hold the same thing; '' for wells of no group."""
    cols = read_doses(matrix.cols)
    facts = well_facts(matrix, keys) if facts is None else facts
    filled = cols.assign(brew_prefix=facts["brew"], det_plate=facts["plate"], pert_id=facts["pert_id"])
    treated = pd.DataFrame({name: field_key(filled, name) for name in params.group_by}).agg("\x1f".join, axis=1)
    if params.inert_below is not None and "pert_dose" in cols:
        inert = facts[["brew", "treatment"]].assign(time=field_key(filled, "pert_time"), low="low dose")
        treated = treated.where(~(doses_um(cols) < params.inert_below), inert.agg("\x1f".join, axis=1))
    control = facts[["plate", "type", "pert_id"]].agg("\x1f".join, axis=1)
    group = treated.where(facts["kind"] == "treated", control.where(facts["kind"] == "control", ""))
    return facts.assign(group=group)


def _model(
    z: np.ndarray, facts: pd.DataFrame, landmarks: pd.Index, keys: tuple[str, ...], params: TrainNoiseParams
) -> NoiseModel:
    plates, plate = np.unique(facts["plate"].to_numpy(str), return_inverse=True)
    used = (facts["kind"] != "none").to_numpy()
    y = np.empty_like(z)
    for number in range(len(plates)):
        own = plate == number
        y[own] = clip_and_centre(z[own], params.clip, used[own])
    group, _ = pd.factorize(facts["group"].where(used))
    size = np.bincount(group[group >= 0], minlength=1)[np.maximum(group, 0)] * (group >= 0)
    control = (facts["kind"] == "control").to_numpy() & (size > 1)
    treated = (facts["kind"] == "treated").to_numpy() & (size > 1)
    wells = facts.assign(fold=-1, place="")
    for number in range(len(plates)):
        own = control & (plate == number)
        wells.loc[own, "place"] = control_places(wells.loc[own, "well"])
        # a single place cannot be left out as a whole: then wells are, one fold at a time
        unit = "place" if len(set(wells.loc[own, "place"])) > 1 else "well"
        units = sorted(set(wells.loc[own, unit]))
        wells.loc[own, "fold"] = wells.loc[own, unit].map({name: at % FOLDS for at, name in enumerate(units)})
    first = wells[treated].groupby("group")["treatment"].min()
    wells.loc[treated, "fold"] = wells.loc[treated, "group"].map(first.map(treatment_fold)).astype(int)
    fold = wells["fold"].to_numpy(int)
    residual, df = _residuals(y, group, control | treated)
    scale, plate_df = _plate_scales(residual, df, plate, len(plates))
    residual *= scale[plate][:, None]

    def part(chosen: np.ndarray, rows: np.ndarray, freedom: np.ndarray) -> Scatter:
        whole = Scatter(to_grid(rows[chosen]), 0.0, float(freedom[chosen].sum()))
        return join_scatters([whole], params.max_rows)

    without = []
    for left in range(FOLDS):
        rows, freedom = _residuals(y, group, control & (fold != left))
        without.append(part(freedom > 0, rows * scale[plate][:, None], freedom))
    table = pd.DataFrame({"det_plate": plates, "df": np.round(plate_df, 6)})
    counted = wells.assign(at=plate)[control | treated]
    table["wells"] = counted.groupby("at").size().reindex(table.index, fill_value=0)
    table["groups"] = counted.groupby("at")["group"].nunique().reindex(table.index, fill_value=0)
    table["controls"] = np.bincount(plate[control], minlength=len(plates))
    placed = counted[counted["place"] != ""]
    table["places"] = placed.groupby("at")["place"].nunique().reindex(table.index, fill_value=0)
    return NoiseModel(
        genes=landmarks,
        treated=tuple(part(treated & (fold == number), residual, df) for number in range(FOLDS)),
        controls=part(control, residual, df),
        controls_without=tuple(without),
        treatments=wells[treated][[*TREATED_FIELDS]]
        .drop_duplicates()
        .sort_values([*TREATED_FIELDS], ignore_index=True),
        control_wells=wells[control].rename_axis("id").reset_index()[[*CONTROL_FIELDS]],
        plates=table[[*PLATE_FIELDS]],
        key_fields=keys,
        factors=params.factors,
        clip=params.clip,
    )


def _residuals(y: np.ndarray, group: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of the chosen wells within their groups (zeros elsewhere), and each well's degrees of freedom."""
    residual, df = np.zeros_like(y), np.zeros(len(y))
    at = np.flatnonzero(chosen)
    counts = np.unique(group[at], return_counts=True)[1]
    for members in np.split(at[np.argsort(group[at], kind="stable")], np.cumsum(counts)[:-1]):
        if len(members) > 1:
            residual[members] = group_residuals(y, members)
            df[members] = (len(members) - 1) / len(members)
    return residual, df


def _plate_scales(
    residual: np.ndarray, df: np.ndarray, plate: np.ndarray, n_plates: int
) -> tuple[np.ndarray, np.ndarray]:
    """Factor of each plate's residuals that makes their mean square 1 a degree of freedom, and these degrees."""
    square = np.bincount(plate, weights=(residual * residual).sum(axis=1), minlength=n_plates)
    freedom = np.bincount(plate, weights=df, minlength=n_plates)
    target = residual.shape[1] * freedom
    return np.sqrt(np.divide(target, square, out=np.zeros(n_plates), where=square > 0)), freedom
