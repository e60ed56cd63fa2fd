"""Take the noise that wells share out of z-scores: level 4 to ZSNC, level 5 to MNZ; always cross-fitted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.kernels.levels.noise import (
    Directions,
    Floats,
    Products,
    clip_and_centre,
    noise_directions,
    remove_noise,
)
from beadwork.model.errors import BeadworkError, LevelError, ParameterError, agree, counted, name_some
from beadwork.model.levels.noise_model import FOLDS, NoiseModel
from beadwork.model.matrix import Level, Matrix, Space, check_matrix
from beadwork.model.params import DenoiseParams, TrainNoiseParams
from beadwork.model.pert_types import is_empty
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.levels.noise.noise_qc import plate_qc
from beadwork.stages.levels.noise.noise_wells import holds_signatures, landmark_matrix, well_facts
from beadwork.stages.levels.noise.train_noise import plate_noise

log = logging.getLogger("beadwork.noise")
INPUT_LEVELS = (Level.ZSPC, Level.ZSVC, Level.MODZ)
BLOCK = 16_384
"""Signatures that are cleaned at a time, so that copies stay small."""
OWN_ROWS = 24
"""Rows that each part of what a plate itself gives is summed up to, to save time."""
LEAST_DF = 2.0
"""Degrees of freedom that must be left for a well when its own treatment is left out."""


@dataclass(frozen=True)
class DenoiseResult:
    """Cleaned z-scores (level ZSNC or MNZ, landmarks) and QC rows."""

    matrix: Matrix
    qc: pd.DataFrame


@dataclass(frozen=True)
class _Source:
    """A model, its weight, and for each column which of its folds must be left out."""

    model: NoiseModel
    weight: float
    treated_out: list[frozenset[int]]
    control_out: list[int | None]


def denoise(
    matrix: Matrix,
    model: NoiseModel,
    *,
    params: DenoiseParams = DenoiseParams(),  # noqa: B008 (frozen)
    what: str = "matrix",
) -> DenoiseResult:
    """Take shared noise out of the wells of one plate or several, or out of signatures.

    Parameters
    ----------
    matrix
        ZSPC or ZSVC (wells), or level 5 (signatures); any rows that hold the model's landmarks.
    model
        What was learned elsewhere.  A treatment or control well that it used is cleaned without the part of it.
    what
        How messages name the matrix, usually its file.

    Returns
    -------
    DenoiseResult
        The landmarks, in the order of the input; the column field ``noise_share`` says how much was taken out, and of
        wells ``noise_factor`` how they lie on the first direction of noise.

    Raises
    ------
    LevelError
        Not level 4 or 5, or cleaned already.
    AlignmentError
        Landmarks are absent or have missing values.
    BeadworkError
        A well's treatment is not known, or nothing of the model is left without it; or ``own`` is yes where the plate
        has too little of its own.
    """
    if matrix.level in (Level.ZSNC, Level.MNZ):
        raise LevelError(f"{what}: holds level {matrix.level}, which is noise controlled already; give what it came of")
    check_matrix(matrix, level=INPUT_LEVELS, samples=True, what=what)
    signatures = _is_level5(matrix, params, what)
    found = landmark_matrix(matrix, model.genes, what)
    found = found.with_values(found.values, level=Level.MODZ if signatures else matrix.level or Level.ZSPC)
    facts = well_facts(found, model.key_fields)
    if signatures:
        if params.own == "yes":
            raise ParameterError(f"{what}: holds signatures, which have no plate of their own; use --own auto or no")
        if params.center == "plate":
            raise ParameterError(
                f"{what}: holds signatures, which have no plate to centre on; use --center auto or none"
            )
        parts = [("", own) for own in np.array_split(np.arange(len(found.cids)), len(found.cids) // BLOCK + 1)]
    else:
        plate = facts["plate"]
        parts = [(str(name), np.flatnonzero(plate == name)) for name in sorted(set(plate))]
    at = found.rids.get_indexer(model.genes)
    values = np.empty(found.values.shape, np.float32)
    length, left, factor, rows = np.empty(len(found.cids)), np.empty(len(found.cids)), np.empty(len(found.cids)), []
    for name, own in parts:
        part = found.take_cols(found.cids[own]).take_rows(model.genes)
        label = f"{what}: plate {name}" if name and len(parts) > 1 else what
        y, after, factor[own] = _clean(part, facts.iloc[own], model, params, signatures, label)
        values[np.ix_(at, own)] = after.T
        length[own], left[own] = (y * y).sum(axis=1), (after * after).sum(axis=1)
        if not signatures:
            rows.append(plate_qc(name, y, after, factor[own], facts.iloc[own], part.cols))
    share = np.divide(length - left, length, out=np.zeros(len(length)), where=length > 0)
    fields = {"noise_share": np.round(share, 6)}
    if signatures:
        total = float((length - left).sum() / max(length.sum(), 1e-300))
        rows.append(qc_rows("denoise", "noise_share", {"signatures": total}))
    else:
        fields["noise_factor"] = np.round(factor, 6)
    result = Matrix(
        values, found.rows, found.cols.assign(**fields),
        level=Level.MNZ if signatures else Level.ZSNC, space=Space.LM, provenance=matrix.provenance,
    )  # fmt: skip
    return DenoiseResult(result, join_qc(rows))


def _is_level5(matrix: Matrix, params: DenoiseParams, what: str) -> bool:
    if matrix.level is not None:
        if params.level != "auto" and (params.level == "5") != (matrix.level is Level.MODZ):
            raise ParameterError(f"{what}: says it holds level {matrix.level}; leave --level out")
        return matrix.level is Level.MODZ
    if params.level != "auto":
        return params.level == "5"
    found = holds_signatures(matrix)
    if found is None:
        raise LevelError(
            f"{what}: does not say its level, and neither ids nor fields show whether its columns are wells or "
            f"signatures ({name_some(matrix.cids, 2)}); add --level 4 or --level 5"
        )
    log.info("%s: does not say its level; taken as level %s", what, "5" if found else "4")
    return found


def _clean(
    part: Matrix, facts: pd.DataFrame, model: NoiseModel, params: DenoiseParams, signatures: bool, what: str
) -> tuple[Floats, Floats, Floats]:
    """Centred and cleaned profiles (columns, genes) of a plate, or of all signatures; scores on the first axis."""
    kind = facts["kind"].to_numpy()
    y = clip_and_centre(part.values.T, model.clip, (kind != "none") if is_centred(part, params, signatures) else None)
    sources, products = [_source(model, facts, what)], Products()
    if not signatures and params.own != "no":
        sources = _with_own(sources[0], part, y, facts, params, products, what)
    after = _clean_by(y, sources, model.factors, part.cids, products, what)
    scatters = [scatter for source in sources for scatter in source.model.parts()]
    weights = [source.weight for source in sources for _ in source.model.parts()]
    axes = noise_directions(scatters, weights, 1, products).axes
    first = axes[0] * np.sign(axes[0][np.abs(axes[0]).argmax()]) if len(axes) else np.zeros(y.shape[1])
    return y, after, y @ first


def is_centred(part: Matrix, params: DenoiseParams, signatures: bool = False) -> bool:
    """Whether the mean over the wells of a plate is taken off each gene."""
    if params.center != "auto":
        return params.center == "plate"
    return not signatures and part.level is not Level.ZSVC and len(part.cids) >= params.min_center


def _source(model: NoiseModel, facts: pd.DataFrame, what: str) -> _Source:
    """Which folds of a model each column must not be cleaned by."""
    by_treatment, by_id, by_name = (
        _folds_by(model.treatments, name) for name in ("treatment", "pert_id", "pert_iname")
    )
    wells = dict(zip(model.control_wells["id"], model.control_wells["fold"], strict=True))
    unknown = facts.index[(facts["kind"] == "none") & ~facts["type"].map(is_empty)]
    if len(unknown) and len(model.treatments):
        raise BeadworkError(
            f"{what}: {', '.join(model.key_fields)} is missing for {counted(len(unknown), 'column')} "
            f"({name_some(unknown)}), so "
            "nobody can say whether the noise model used their treatment; add it"
        )
    treated, control, kept_by_key = [], [], []
    names = ("kind", "treatment", "pert_id", "pert_iname")
    for cid, kind, treatment, pert_id, pert_iname in zip(facts.index, *(facts[name] for name in names), strict=True):
        out = frozenset[int]()
        if kind == "treated":
            own = by_treatment.get(treatment, frozenset())
            out = own | by_id.get(pert_id, frozenset())
            out = out or by_name.get(pert_iname, frozenset())
            if len(out) == FOLDS > len(own) > 0:
                out = own
                kept_by_key.append(cid)
        treated.append(out)
        control.append(wells.get(str(cid)) if kind == "control" else None)
    if kept_by_key:
        log.warning(
            "%s: the pert_id of %d columns is in every fold of the noise model, which distinguishes treatments by %s; "
            "only the folds of the latter are left out (%s)",
            what, len(kept_by_key), ", ".join(model.key_fields), name_some(kept_by_key),
        )  # fmt: skip
    return _Source(model, 1.0, treated, control)


def _folds_by(treatments: pd.DataFrame, field: str) -> Mapping[str, frozenset[int]]:
    known = treatments[treatments[field] != ""]
    return {str(name): frozenset(map(int, folds)) for name, folds in known.groupby(field)["fold"]}


def _with_own(
    source: _Source, part: Matrix, y: Floats, facts: pd.DataFrame, params: DenoiseParams, products: Products, what: str
) -> list[_Source]:
    """Add what the plate itself gives, unless it is too little."""
    model = source.model
    training = TrainNoiseParams(
        factors=model.factors, clip=model.clip, inert_below=params.inert_below, max_rows=OWN_ROWS
    )
    if model.key_fields != ("pert_id",):
        training = training.model_copy(update={"group_by": ("brew_prefix", *model.key_fields, *training.group_by[2:])})
    own = plate_noise(part, training, facts, model.key_fields)
    if own.df < params.min_own:
        if params.own == "yes":
            raise BeadworkError(
                f"{what}: has only {own.df:.0f} degrees of freedom of its own (control wells, replicates), but "
                f"--own yes needs {params.min_own} (--min-own); use --own auto"
            )
        log.info("%s: too few control wells or replicates of its own; cleaned by the model alone", what)
        return [source]
    added = _source(own, facts, what)
    weight = 1.0
    if not _explains(source, added, y, facts, products):
        weight = min(1.0, params.model_weight / model.df) if model.df > 0 else 1.0
    log.info(
        "%s: adds %.0f degrees of freedom of its own to %.0f of the model (of %.0f)",
        what, own.df, weight * model.df, model.df,
    )  # fmt: skip
    return [_Source(model, weight, source.treated_out, source.control_out), added]


def _explains(source: _Source, own: _Source, y: Floats, facts: pd.DataFrame, products: Products) -> bool:
    """Whether a model takes at least as much out of the plate's control wells as the plate's own other wells do.

    Each control well is judged by what did not use it; without control wells the model is taken to explain less.
    """
    at = np.array([fold is not None for fold in own.control_out])
    if not at.any():
        return False
    taken = []
    for judged in (source, own):
        after = _clean_by(y[at], [_take(judged, at)], source.model.factors, facts.index[at], products, "", least=0.0)
        taken.append(float((y[at] ** 2).sum() - (after**2).sum()))
    return taken[0] >= taken[1]


def _take(source: _Source, at: np.ndarray) -> _Source:
    chosen = np.flatnonzero(at)
    return _Source(
        source.model, source.weight, [source.treated_out[i] for i in chosen], [source.control_out[i] for i in chosen]
    )


def _clean_by(
    y: Floats,
    sources: list[_Source],
    factors: int,
    cids: pd.Index,
    products: Products,
    what: str,
    least: float = LEAST_DF,
) -> Floats:
    """Clean each column by what its own treatment, or control well, has no part in."""
    pattern: dict[tuple[tuple[frozenset[int], int | None], ...], list[int]] = {}
    for number in range(len(y)):
        left_out = tuple((source.treated_out[number], source.control_out[number]) for source in sources)
        pattern.setdefault(left_out, []).append(number)
    after = np.empty_like(y)
    for left_out, members in pattern.items():
        parts, weights = [], []
        for source, (treated, control) in zip(sources, left_out, strict=True):
            found = source.model.parts(treated, control)
            parts += found
            weights += [source.weight] * len(found)
        df = sum(part.df for part in parts)
        if df < least:
            raise BeadworkError(
                f"{what}: {counted(len(members), 'column')} ({name_some(cids[members])}) "
                f"{agree(len(members), 'has')} a treatment that all of the noise "
                f"model rests on ({df:.0f} degrees of freedom are left without it); train on more treatments or "
                "plates, or leave these columns out"
            )
        directions: Directions = noise_directions(parts, weights, factors, products)
        after[members] = remove_noise(y[members], directions)
    return after
