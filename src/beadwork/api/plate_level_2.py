"""Level 2 of a plate: from its beads, or, where these are archived or only labels have changed, from what is there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from beadwork.api.matrix_files import StoredMatrix, record_of
from beadwork.api.plate_steps import Made, Step, recorded
from beadwork.io.files.provenance import input_record
from beadwork.model.beads.plate import BeadPlate, BeadSet
from beadwork.model.errors import FileError, counted, name_some
from beadwork.model.params import DeconvolveParams
from beadwork.model.plates.compatibility import bead_set_table, comparable, compatibility_of

log = logging.getLogger("beadwork")

DEFAULT_BEAD_SET, DEFAULT_RATIO = "epsilon-r2", 2.0
"""What is taken for a bead batch that the batch table does not know: by far the most frequent pair."""
_MAX_WARNINGS = 10


@dataclass(frozen=True)
class PlateFields:
    """What is said of a plate beside its beads and map; None: what its name, the map and the batch table say."""

    plate: str | None = None
    bead_batch: str | None = None
    beadset: str | None = None
    ratio: float | None = None
    cell_id: str | None = None
    brew_prefix: str | None = None
    batch: str | None = None


LABELS = ("bead_batch", "cell_id", "brew_prefix", "batch")
"""Fields of a plate that its values do not depend on; a bead batch says set and ratio, which stand beside it."""


def deconvolve_step(
    lxb: Path, map_path: Path, given: PlateFields, params: DeconvolveParams, *, threads: int = 1
) -> tuple[str, Step]:
    """Read a plate and say what is made of it: GEX, CAL, SUPPORT, and SD and ODDS if the method gives them.

    Returns
    -------
    Name of the plate, and the step.
    """
    from beadwork.io.beads.lxb import read_plate
    from beadwork.io.beads.maps import read_map
    from beadwork.io.platform.bead_sets import read_bead_set
    from beadwork.stages.beads.deconvolve import deconvolve

    if given.beadset is not None:
        read_bead_set(given.beadset)
    read_map(map_path)  # before the beads, which take longer
    beads = read_plate(lxb, given.plate, threads=threads)
    plate_map = read_map(map_path, beads.det_plate)
    files, unusable = bead_content(beads)
    record, bead_set, ratio, fields = _level_2(beads.det_plate, input_record(lxb, files), map_path, given, params)

    def make() -> Made:
        result = deconvolve(beads, bead_set, plate_map, ratio=ratio, fields=fields, params=params, threads=threads)
        _warn_wells(result.qc)
        _warn_plate(result.qc)
        matrices = {"GEX": result.gex, "CAL": result.calibrators, "SUPPORT": result.support}
        return Made(recorded(record, matrices | {"SD": result.sd, "ODDS": result.odds}), result.qc)

    return beads.det_plate, Step(record, _level_2_names(params), make, unusable)


def bead_content(beads: BeadPlate) -> tuple[str, str]:
    """Checksum of the files of a plate, and of what is said of wells that cannot be used."""
    from beadwork.io.files.digest import digest_bytes

    files = "\n".join(f"{well} {digest}" for well, digest in sorted(beads.digests.items()))
    return digest_bytes(files.encode()), digest_bytes(beads.bad_wells.to_csv(sep="\t", index=False).encode())


def archived_step(
    lxb: Path, map_path: Path, given: PlateFields, params: DeconvolveParams, known: Mapping[str, Any]
) -> tuple[str, Step]:
    """Say what level 2 of a plate is, whose beads are not there any more.

    Parameters
    ----------
    known
        What it was made by (:meth:`beadwork.api.plate_record.PlateRecord.known`).

    Returns
    -------
    Name of the plate, and the step, which cannot be run.
    """
    earlier = known["record"]
    plate = given.plate or str(earlier["parameters"]["det_plate"])
    record, *_ = _level_2(plate, earlier["inputs"]["lxb"][0], map_path, given, params)

    def make() -> Made:
        old, new = earlier["parameters"], record["parameters"]
        keys = [key for key in {**old, **new} if key not in LABELS and old.get(key) != new.get(key)]
        other = [f"{key} {old.get(key)}, now {new.get(key)}" for key in keys]
        why = (
            f"was made with other parameters ({name_some(other)})" if other else "is not whole, or its map has changed"
        )
        raise FileError(
            f"{plate}: its beads are archived, but its level 2 {why}; bring {lxb} back, or set things as they were"
        )

    return plate, Step(record, _level_2_names(params), make, str(known.get("beside", "")))


def relabelled_step(
    step: Step,
    known: Mapping[str, Any],
    files: Mapping[str, StoredMatrix],
    qc: pd.DataFrame,
    map_path: Path,
    *,
    keep: bool,
) -> Made | None:
    """Join other labels and another map to level 2 that is there, whole; None if the beads are needed for it.

    Parameters
    ----------
    step
        What is to be made.
    known
        What the files were made by.
    files, qc
        The files, and their QC rows.
    map_path
        The map.
    keep
        Whether values of other compatibility numbers count as whole.
    """
    from beadwork.io.beads.maps import read_map
    from beadwork.stages.beads.deconvolve import relabel

    def unlabelled(record: Mapping[str, Any]) -> dict[str, Any]:
        plain = comparable(record, keep)
        parameters = {key: value for key, value in plain["parameters"].items() if key not in LABELS}
        return plain | {"parameters": parameters, "inputs": {**plain["inputs"], "map": None}}

    if unlabelled(known["record"]) != unlabelled(step.record) or known.get("beside") != step.beside:
        return None
    parameters = step.record["parameters"]
    fields = {key: parameters[key] for key in LABELS if key in parameters}
    plate_map = read_map(map_path, parameters["det_plate"])
    found = relabel({name: stored.matrix for name, stored in files.items()}, qc, plate_map, fields)
    record = dict(step.record)
    if compatibility_of(record) != compatibility_of(known["record"]):  # the values are those of that version
        record |= {key: known["record"][key] for key in ("version", "compatibility") if key in known["record"]}
    return None if found is None else Made(recorded(record, found), qc)


def _level_2_names(params: DeconvolveParams) -> tuple[str, ...]:
    from beadwork.stages.beads.callers import METHODS

    return ("GEX", "CAL", "SUPPORT") + (("SD", "ODDS") if METHODS[params.method].has_sd else ())


def _level_2(
    plate: str, beads: Mapping[str, str], map_path: Path, given: PlateFields, params: DeconvolveParams
) -> tuple[dict[str, Any], BeadSet, float, dict[str, str]]:
    """Record of level 2, and what it says of the plate: bead set, ratio and labels."""
    bead_set, ratio, bead_batch = _platform(plate, given)
    said = {"bead_batch": bead_batch} | {key: getattr(given, key) for key in LABELS[1:]}
    fields = {key: value for key, value in said.items() if value is not None}
    inputs: dict[str, list[Mapping[str, str]]] = {"lxb": [beads], "map": [input_record(map_path)]}
    if given.beadset is not None and given.beadset.endswith(".tsv"):
        inputs["bead_set"] = [input_record(given.beadset)]
    options = {"det_plate": plate, "bead_set": bead_set.name, "ratio": ratio, **fields}
    tables = () if "bead_set" in inputs else (bead_set_table(bead_set.name),)
    return record_of("deconvolve", params, options, inputs, tables=tables), bead_set, ratio, fields


def _platform(det_plate: str, given: PlateFields) -> tuple[BeadSet, float, str | None]:
    """Bead set, mixing ratio and bead batch of a plate."""
    from beadwork.io.platform.bead_sets import find_bead_batch, read_bead_set
    from beadwork.model.ids import parse_det_plate

    beadset, ratio = given.beadset, given.ratio
    name = given.bead_batch or parse_det_plate(det_plate).bead_batch
    batch = find_bead_batch(name) if name else None
    if batch is None:
        if beadset is None:
            what = f"bead batch {name} is not in the batch table" if name else "the plate's name has no bead batch"
            log.warning(
                "%s: %s; taking bead set %s and ratio %g (else give --bead-batch, or --beadset and --ratio)",
                det_plate, what, DEFAULT_BEAD_SET, ratio or DEFAULT_RATIO,
            )  # fmt: skip
        return read_bead_set(beadset or DEFAULT_BEAD_SET), ratio or DEFAULT_RATIO, name or None
    if beadset is not None and beadset != batch.key:
        log.warning("%s: bead batch %s has bead set %s, but %s was asked for", det_plate, name, batch.key, beadset)
    return read_bead_set(beadset or batch.key), ratio or batch.ratio, batch.name


def _warn_wells(qc: pd.DataFrame) -> None:
    """Say on standard error what was left out; the QC rows have all of it."""
    unusable = qc[qc["metric"] == "well_unusable"]
    for row in unusable.head(_MAX_WARNINGS).itertuples():
        log.warning("%s: %s; the well is left out", row.entity, row.value)
    if len(unusable) > _MAX_WARNINGS:
        log.warning("%s cannot be used; the QC rows say why", counted(len(unusable) - _MAX_WARNINGS, "more well"))
    texts = {
        "well_without_map": "wells without a row in the plate map are left out",
        "map_without_well": "rows of the plate map without an LXB file",
        "no_beads": "wells without good beads for most analytes, whose values mean little",
        "calibrators_missing": "wells with calibrators without beads, which become NaN",
    }
    for metric, text in texts.items():
        rows = qc[(qc["metric"] == metric) & ~qc["pass"].astype(bool)]
        if len(rows):
            log.warning("%s: %s", text, name_some(rows["entity"]))


def _warn_plate(qc: pd.DataFrame) -> None:
    """Say where the beads do not look like those of the bead batch or bead set, and where there was no prior."""
    failed = qc[~qc["pass"].astype(bool)]
    for metric, more in (
        ("beads_suspected", ""),
        ("prior_used", " for a prior from the other wells; each well is fitted alone"),
    ):
        for row in failed[failed["metric"] == metric].itertuples():
            log.warning("%s: %s%s", row.entity, row.value, more)
