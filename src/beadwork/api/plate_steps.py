"""The steps of a plate, level by level: a stage, the record of what it is made from, and the matrices it gives.

Each command of a level, and :func:`beadwork.api.plates.process_plate`, run the same step.  What a step would record is
known before it is run, so that a file that was made so already need not be made again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from beadwork.api.matrix_files import StoredMatrix, record_of
from beadwork.io.files.provenance import input_record
from beadwork.model.beads.plate import BeadSet
from beadwork.model.errors import ParameterError
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import DenoiseParams, InferParams, NormalizeParams, ZscoreParams
from beadwork.model.plates.compatibility import GENES, INFERENCE, LISS, NOISE, bead_set_table

log = logging.getLogger("beadwork")

SHIPPED_REFERENCE_HALVES = ("dp52", "dp53")


@dataclass(frozen=True, eq=False)
class Made:
    """What a step made: matrices and tables by the name of their file, and QC rows."""

    matrices: Mapping[str, Matrix]
    qc: pd.DataFrame
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Step:
    """A step that can be run: the provenance of what it makes, the matrices and tables it makes, and how.

    ``beside`` is the checksum of what its QC rows depend on beside the inputs of the record.
    """

    record: Mapping[str, Any]
    names: tuple[str, ...]
    make: Callable[[], Made]
    beside: str = ""


def recorded(record: Mapping[str, Any], matrices: Mapping[str, Matrix | None]) -> dict[str, Matrix]:
    """Matrices that there are, each with the record of how it was made."""
    return {
        name: matrix.with_values(matrix.values, provenance=record)
        for name, matrix in matrices.items()
        if matrix is not None
    }


# ---- level 2 to 3 ---------------------------------------------------------------------------------------------------


def normalize_step(
    gex: StoredMatrix,
    calibrators: StoredMatrix | None,
    params: NormalizeParams,
    *,
    reference: Path | None = None,
    bead_set: str | None = None,
) -> Step:
    """Say what is made of GEX and CAL: NORM, QNORM and the table CURVES."""
    from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
    from beadwork.stages.levels.normalize import normalize

    liss = params.scaling == "liss"
    calibrators = calibrators if liss else None
    inputs = {"gex": [gex.record]}
    sources = [gex.provenance]
    if calibrators is not None:
        inputs["calibrators"] = [calibrators.record]
        sources.append(calibrators.provenance)
    if liss and reference is not None:
        inputs["reference"] = [input_record(reference)]
    used = bead_set or gex.provenance.get("parameters", {}).get("bead_set")
    tables = (bead_set_table(used), *(() if reference else (LISS,))) if liss else ()
    record = record_of("normalize", params, {"bead_set": bead_set} if bead_set else {}, inputs, sources, tables)

    def make() -> Made:
        source = gex.checked()
        found = read_bead_set(bead_set) if bead_set is not None else _epsilon_set(source)
        result = normalize(
            source,
            None if calibrators is None else calibrators.checked(),
            read_liss_reference(str(reference) if reference else None) if liss else None,
            bead_set=found if liss else None,
            reference_halves=None if reference else SHIPPED_REFERENCE_HALVES,
            params=params,
            what=str(gex.path),
            what_calibrators=str(calibrators.path) if calibrators else "None",
            what_reference=str(reference or "reference levels"),
        )
        leaving = len(source.cids) - len(result.qnorm.cids)
        if leaving:
            log.info("%s: %d of %d wells leave; --qc lists them with reasons", gex.path, leaving, len(source.cids))
        matrices = recorded(record, {"NORM": result.norm, "QNORM": result.qnorm})
        return Made(matrices, result.qc, {"CURVES": result.curves})

    return Step(record, ("NORM", "QNORM", "CURVES"), make)


def _epsilon_set(gex: Matrix) -> BeadSet | None:
    """Epsilon set of the revision that all wells share; None if that is not known."""
    from beadwork.io.platform.bead_sets import read_bead_set

    if "bead_revision" not in gex.cols:
        return None
    revisions = gex.cols["bead_revision"].dropna().astype(str).str.lower().unique()
    return read_bead_set(f"epsilon-{revisions[0]}") if len(revisions) == 1 else None


# ---- level 3 --------------------------------------------------------------------------------------------------------


def infer_step(
    qnorm: StoredMatrix,
    params: InferParams,
    *,
    model: Path | None = None,
    with_sd: bool = False,
    measured_sd: StoredMatrix | None = None,
) -> Step:
    """Say what is made of QNORM: INF, and INFSD if the uncertainty of its values is asked for."""
    from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
    from beadwork.io.platform.inference_model import default_model_path, read_inference_model
    from beadwork.stages.levels.inference.infer import infer

    path = model or default_model_path()
    inputs = {"matrix": [qnorm.record], "model": [input_record(path)]}
    tables = (GENES,) if model else (GENES, INFERENCE)
    record = record_of("infer", params, {}, inputs, [qnorm.provenance], tables)

    def make() -> Made:
        noise = None if measured_sd is None else with_entrez_ids(measured_sd.checked())
        result = infer(
            with_entrez_ids(qnorm.checked(level=Level.QNORM)),
            read_inference_model(path),
            gene_table(),
            with_sd=with_sd,
            measured_sd=noise,
            params=params,
            what=str(qnorm.path),
        )
        more = inputs if measured_sd is None else inputs | {"measured_sd": [measured_sd.record]}
        of_sd = record_of("infer", params, {}, more, [qnorm.provenance], tables)
        matrices = recorded(record, {"INF": result.matrix}) | recorded(of_sd, {"INFSD": result.sd})
        return Made(matrices, result.qc)

    beside = "" if measured_sd is None else str(measured_sd.record["digest"])
    return Step(record, ("INF", "INFSD") if with_sd else ("INF",), make, beside)


# ---- level 4 --------------------------------------------------------------------------------------------------------


def zscore_step(
    source: StoredMatrix,
    params: ZscoreParams,
    *,
    population: Literal["plate", "vehicle"] = "plate",
    if_few: Literal["error", "missing"] = "error",
    sd: StoredMatrix | None = None,
    shrink: bool = True,
    instinfo: Path | None = None,
) -> Step:
    """Say what is made of INF: ZSPC or ZSVC, and RELIABILITY of its scores if uncertainties are given."""
    from beadwork.stages.levels.zscore import INPUT_LEVELS, zscore

    level = "ZSPC" if population == "plate" else "ZSVC"
    inputs = {"matrix": [source.record]}
    if sd is not None:
        inputs["sd"] = [sd.record]
    if instinfo is not None:
        inputs["instinfo"] = [input_record(instinfo)]
    options: dict[str, object] = {"population": population} | ({} if sd is None else {"shrink": shrink})
    record = record_of("zscore", params, options, inputs, [source.provenance])

    def make() -> Made:
        matrix = source.checked(level=INPUT_LEVELS)
        if instinfo is not None:
            matrix = _add_inst_info(matrix, source.path, instinfo)
        result = zscore(
            matrix,
            population=population,
            if_few=if_few,
            sd=None if sd is None else sd.checked(),
            shrink=shrink,
            params=params,
            what=str(source.path),
        )
        small = result.qc[(result.qc["metric"] == "n_population") & ~result.qc["pass"].astype(bool)]
        for row in small.itertuples():
            log.warning(
                "%s: %s: too few %s wells are left; its scores are missing", source.path, row.entity, population
            )
        return Made(recorded(record, {level: result.matrix, "RELIABILITY": result.reliability}), result.qc)

    return Step(record, (level,) if sd is None else (level, "RELIABILITY"), make)


def _add_inst_info(matrix: Matrix, path: Path, table: Path) -> Matrix:
    from beadwork.io.levels.inst_info import read_inst_info
    from beadwork.stages.levels.annotate import add_fields

    return add_fields(matrix, read_inst_info(table, list(matrix.cids)), what=str(path), source=str(table))


def denoise_step(
    z: StoredMatrix,
    params: DenoiseParams,
    *,
    noise: Path | None = None,
    qnorm: StoredMatrix | None = None,
    model: Path | None = None,
    instinfo: Path | None = None,
) -> Step:
    """Say what is made of z-scores: ZSNC (or MNZ of signatures), with a noise model or the one that ships.

    Parameters
    ----------
    qnorm
        Level 3 of the plate, for inferred genes of cleaned landmarks.
    model
        Inference model for `qnorm`; None: the one that ships.
    """
    from beadwork.io.platform.inference_model import default_model_path
    from beadwork.io.platform.noise_model import default_noise_path, read_noise_model
    from beadwork.stages.levels.noise.denoise import denoise

    chosen = noise or default_noise_path()
    learned = read_noise_model(chosen)
    inputs, earlier = {"z": [z.record], "noise": [input_record(chosen)]}, [z.provenance]
    if qnorm is not None:
        inputs |= {"qnorm": [qnorm.record], "model": [input_record(model or default_model_path())]}
        earlier.append(qnorm.provenance)
    if instinfo is not None:
        inputs["instinfo"] = [input_record(instinfo)]
    tables = (GENES,) if noise else (GENES, NOISE)
    record = record_of("denoise", params, {}, inputs, earlier, tables)

    def make() -> Made:
        source = z.landmarks()
        if instinfo is not None:
            source = _add_inst_info(source, z.path, instinfo)
        result = denoise(source, learned, params=params, what=str(z.path))
        matrix = result.matrix
        if qnorm is not None:
            matrix = _with_inferred(matrix, source, z.path, qnorm, model, learned.clip, params)
        return Made(recorded(record, {"ZSNC": matrix}), result.qc)

    return Step(record, ("ZSNC",), make)


def _with_inferred(
    cleaned: Matrix,
    source: Matrix,
    path: Path,
    qnorm: StoredMatrix,
    model: Path | None,
    clip: float,
    params: DenoiseParams,
) -> Matrix:
    """Add inferred genes to cleaned landmarks."""
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.io.platform.inference_model import default_model_path, read_inference_model
    from beadwork.stages.levels.inference.infer_cleaned import infer_cleaned
    from beadwork.stages.levels.noise.denoise import is_centred

    if cleaned.level is not Level.ZSNC or cleaned.plate == "plate":
        raise ParameterError(f"{path}: --infer needs the wells of one plate; denoise each plate by itself")
    return infer_cleaned(
        cleaned,
        source,
        qnorm.landmarks(Level.QNORM),
        read_inference_model(model or default_model_path()),
        gene_table(),
        clip=clip,
        centred=is_centred(source, params),
        what=str(qnorm.path),
    )
