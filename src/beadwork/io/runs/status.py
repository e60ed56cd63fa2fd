"""What a folder of results holds: plates and signatures, level by level, with how each was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from beadwork.io.files.digest import digest_file
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_summary
from beadwork.io.runs.failures import failed_plates
from beadwork.model.errors import BeadworkError, FileError, counted
from beadwork.model.matrix import Level

PLATE_LEVELS = (Level.GEX, Level.CAL, Level.NORM, Level.QNORM, Level.INF, Level.ZSPC, Level.ZSVC, Level.ZSNC)
NOT_ALWAYS = (Level.ZSVC, Level.ZSNC)
"""Levels that a run makes where it can, or is asked to."""
STUDY_LEVELS: tuple[str, ...] = ("MODZ", "MNZ", "index", "index MNZ")
"""Levels of a status that are of brews and segments of an index; all others are of plates."""
STATUS_COLUMNS = ("entity", "batch", "level", "state", "columns", "version", "parameters", "inputs", "reference")


def plates_there(folder: Path) -> list[str]:
    """Plates of which a folder of results holds anything."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.glob(f"{path.name}_*.gctx")))


def plate_file(folder: Path, plate: str, level: str) -> Path:
    """File of a plate at a level."""
    return folder / plate / f"{plate}_{level}.gctx"


def signature_files(folder: Path, level: str = Level.MODZ) -> list[Path]:
    """Signatures of all brews: MODZ, or MNZ where noise is controlled."""
    return sorted((folder / "signatures").glob(f"*_{level}.gctx"))


PLATE_OPTIONS = ("det_plate", "cell_id", "brew_prefix", "bead_batch", "ratio", "bead_set", "batch")
"""Options of a single plate, which stand in the plate sheet and say nothing of how plates are processed."""


def parameter_code(record: Mapping[str, Any]) -> str:
    """Eight digits that differ where the parameters of a step differ; what is the plate's own does not count."""
    parameters = {key: value for key, value in record.get("parameters", {}).items() if key not in PLATE_OPTIONS}
    text = json.dumps(parameters, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def input_code(record: Mapping[str, Any]) -> str:
    """Eight digits that differ where the content of the input files of a step differs."""
    digests = [item.get("digest", "") for role in sorted(record.get("inputs", {})) for item in record["inputs"][role]]
    return hashlib.blake2b("\n".join(digests).encode(), digest_size=4).hexdigest()


def describe(path: Path, entity: str, level: str, verify: bool = False) -> dict[str, Any]:
    """One row of the status: what a matrix file is and how it was made, or that it is missing or damaged."""
    row: dict[str, Any] = dict.fromkeys(STATUS_COLUMNS, "") | {"entity": entity, "level": level}
    if not path.exists():
        return row | {"state": "missing"}
    try:
        columns, record = read_summary(path)
    except BeadworkError:
        return row | {"state": "damaged"}
    models = [
        item["name"] + " " + item["digest"].split(":")[-1][:8]
        for role in ("model", "noise")
        for item in record.get("inputs", {}).get(role, [])
    ]
    stale = verify and any(_changed(path, item) for items in record.get("inputs", {}).values() for item in items)
    return row | {
        "state": "stale" if stale else "done", "columns": columns, "version": record.get("version", ""),
        "parameters": parameter_code(record), "inputs": input_code(record), "reference": ", ".join(models),
    }  # fmt: skip


def _changed(path: Path, item: Mapping[str, str]) -> bool:
    """Whether an input matrix of a file is in the same results folder with another content than it had."""
    name, plate = item.get("name", ""), item.get("name", "").rpartition("_")[0]
    for source in (path.parent / name, path.parent.parent / plate / name):
        if name.endswith(".gctx") and source.is_file():
            return digest_file(source) != item.get("digest")
    return False


def results_status(
    folder: Path, sheet: Iterable[Mapping[str, str]] | None = None, *, verify: bool = False, failed: Path | None = None
) -> pd.DataFrame:
    """Status of every plate at every level, then of the signatures of every brew, then of the index.

    Parameters
    ----------
    folder
        Folder of results.
    sheet
        Rows of the plate sheet: det_plate, use, batch, brew.  Without it, the plates that are there.
    verify
        Read all matrices as a whole and compare their checksums with those that the next level was made from.
    failed
        Table of what failed, if it is not ``failed.tsv`` of the folder.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`STATUS_COLUMNS`.  States: done, missing, failed (missing as its plate failed, or all plates of
        its brew), damaged, stale (only with `verify`: its input is not any more what it was made from), retired (there,
        but not to be used).
    """
    if not folder.is_dir():
        raise FileError(f"{folder}: no such folder of results; give what `results` is in the configuration")
    there = plates_there(folder)
    if sheet is None:
        sheet = [{"det_plate": plate, "use": "yes", "batch": "", "brew": ""} for plate in there]
    listed = {row["det_plate"]: row for row in sheet}
    lost = failed_plates(folder, failed)
    rows = []
    for plate in [*listed, *(plate for plate in there if plate not in listed)]:
        known = listed.get(plate)
        used = known is not None and known["use"] == "yes"
        if not used and plate not in there:
            continue
        for level in PLATE_LEVELS:
            row = describe(plate_file(folder, plate, level), plate, level, verify)
            if row["state"] == "missing" and (not used or level in NOT_ALWAYS):
                continue
            state = row["state"] if used else "retired"
            state = "failed" if state == "missing" and plate in lost else state
            rows.append(row | {"state": state, "batch": known["batch"] if known else "not in the sheet"})
    brews = {row["brew"]: row["batch"] for row in listed.values() if row["use"] == "yes" and row["brew"]}
    plates_of: dict[str, set[str | None]] = {}
    for item in listed.values():
        if item["use"] == "yes":
            plates_of.setdefault(item["brew"], set()).add(item["det_plate"])
    files = {path.name.removesuffix("_MODZ.gctx"): path for path in signature_files(folder)}
    for brew in [*brews, *(name for name in files if name not in brews and brews)] if brews else list(files):
        path = folder / "signatures" / f"{brew}_MODZ.gctx"
        row = describe(path, brew, Level.MODZ, verify)
        if row["state"] == "missing" and plates_of.get(brew, {None}) <= set(lost):
            row["state"] = "failed"
        if brews and brew not in brews:
            row["state"] = "retired"
        rows.append(row | {"batch": brews.get(brew, "")})
        cleaned = folder / "signatures" / f"{brew}_MNZ.gctx"
        if cleaned.is_file():
            found = describe(cleaned, brew, Level.MNZ, verify)
            state = "retired" if row["state"] == "retired" else found["state"]
            rows.append(found | {"state": state, "batch": brews.get(brew, "")})
    rows += _index_rows(folder / "index", "index") + _index_rows(folder / "index_MNZ", "index MNZ")
    return pd.DataFrame(rows, columns=list(STATUS_COLUMNS))


def _index_rows(folder: Path, level: str) -> list[dict[str, Any]]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return []
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        background = found.get("background") or {}
        reference = ""
        if background:
            reference = f"background {background['name']} of {counted(int(background['n_signatures']), 'signature')}"
        return [
            {"entity": item["name"], "batch": "", "level": level, "state": "done", "columns": item["n_signatures"],
             "version": str(found.get("software", "")).removeprefix("beadwork "),
             "parameters": parameter_code(found),
             "inputs": "", "reference": reference}
            for item in found["segments"]
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return [dict.fromkeys(STATUS_COLUMNS, "") | {"entity": level, "level": level, "state": "damaged"}]


def compare_status(now: pd.DataFrame, before: Path) -> pd.Series:
    """Say of each row of `now` what is new or changed against an earlier status."""
    old = read_table(before, required=STATUS_COLUMNS, text_only=True).fillna("")
    key = ["entity", "level"]
    known = old.set_index(key)
    words = []
    for row in now.astype(str).to_dict("records"):
        name = (row["entity"], row["level"])
        if name not in known.index or known.loc[name, "state"] in ("missing", "failed"):
            words.append("new" if row["state"] == "done" else "")
            continue
        if row["state"] == "retired" and known.loc[name, "state"] != "retired":
            words.append("retired")
            continue
        changed = [part for part in ("state", "columns", "version", "parameters", "inputs", "reference")
                   if str(known.loc[name, part]) != row[part]]  # fmt: skip
        words.append("changed: " + ", ".join(changed) if changed else "")
    return pd.Series(words, index=now.index)


def suspicions(folder: Path, plates: Iterable[str]) -> list[tuple[str, str]]:
    """Plates that `beadwork check-plates` suspects in a folder of results, each with what seems wrong."""
    path = folder / "plate_check.tsv"
    if not path.is_file():
        return []
    table = read_table(path, required=("det_plate", "verdict", "suspicion"), text_only=True)
    table = table[(table["verdict"] == "suspected") & table["det_plate"].isin(list(plates))]
    return list(zip(table["det_plate"], table["suspicion"], strict=True))
