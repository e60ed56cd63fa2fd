"""How a column of a matrix came to be: from LXB files to replicates and weights."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from beadwork.io.files.digest import digest_file
from beadwork.io.matrix.formats import read_annotation
from beadwork.model.errors import AlignmentError, BeadworkError, FileError


def provenance_chain(matrix: Path, sig_id: str) -> dict[str, Any]:
    """Trace one column of a matrix back to its beads.

    Checksums of the single LXB files come from the matrices of the plates, where these stand in the same results folder
    and are those that `matrix` was made from.

    Returns
    -------
    dict
        id, matrix (name, digest), level, made_by (the step of level 5, if any) and replicates: distil_id, well, weight,
        lxb_digest, steps.

    Raises
    ------
    AlignmentError
        The matrix has no such column.
    FileError
        It carries no provenance.
    """
    found = read_annotation(matrix)
    if sig_id not in found.cols.index:
        near = difflib.get_close_matches(sig_id, [str(cid) for cid in found.cols.index], n=1)
        raise AlignmentError(
            f"{matrix}: has no column {sig_id!r}" + (f"; did you mean {near[0]}?" if near else f"; it has "
            f"{len(found.cols)}, the first is {found.cols.index[0]}" if len(found.cols) else "")
        )  # fmt: skip
    if not found.provenance:
        raise FileError(f"{matrix}: carries no provenance; it was not written by beadwork, or was converted since")
    return _chain(matrix, sig_id, found)


def provenance_lines(chain: Mapping[str, Any]) -> Iterator[str]:
    """Say the chain in lines for a terminal."""
    yield f"{chain['id']}  ({chain['level']}, {chain['matrix']['name']}, {chain['matrix']['digest']})"
    if chain["made_by"]:
        yield f"  {_step(chain['made_by'])}"
    for item in chain["replicates"]:
        yield f"  {item['distil_id']}" + (f"  weight {item['weight']}" if item["weight"] else "")
        yield f"    LXB of well {item['well']}: {item['lxb_digest'] or 'its matrix is not here any more'}"
        for step in item["steps"]:
            yield f"    {_step(step)}"
            for role, files in step["inputs"].items():
                for file in files:
                    yield f"      {role}: {file['name']}  {file['digest']}"


def _chain(matrix: Path, sig_id: str, found: Any) -> dict[str, Any]:
    record = found.provenance
    column = found.cols.loc[sig_id]
    level = str(found.level or "")
    ids = str(column.get("distil_id", sig_id)).split("|") if level in ("MODZ", "MNZ") else [sig_id]
    weights = str(column.get("distil_wt", "")).split(",") if level in ("MODZ", "MNZ") else [""]
    steps = [*record.get("history", []), {key: value for key, value in record.items() if key != "history"}]
    replicates = []
    for instance, weight in zip(ids, weights + [""] * (len(ids) - len(weights)), strict=False):
        plate, _, well = instance.partition(":")
        own = [step for step in steps if any(_is_of(item["name"], plate) for item in _inputs(step))]
        own = [step for step in own if step["command"] != "consensus"]
        replicates.append({"distil_id": instance, "weight": weight, "lxb_digest": _lxb_digest(matrix, found, instance),
                           "well": well, "steps": own})  # fmt: skip
    last = [step for step in steps if step["command"] == "consensus"]
    return {
        "id": sig_id, "matrix": {"name": matrix.name, "digest": digest_file(matrix)}, "level": level,
        "made_by": last[-1] if last else None, "replicates": replicates,
    }  # fmt: skip


def _inputs(step: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    for items in step.get("inputs", {}).values():
        yield from items


def _is_of(name: str, plate: str) -> bool:
    return name == plate or name.startswith((f"{plate}_", f"{plate}."))


def _lxb_digest(matrix: Path, found: Any, instance: str) -> str:
    """Checksum of the well's LXB file, from this matrix or from the z-scores it was made from."""
    if "lxb_digest" in found.cols and instance in found.cols.index:
        return str(found.cols.loc[instance, "lxb_digest"])
    plate = instance.partition(":")[0]
    used = {item["name"]: item["digest"] for item in _inputs(found.provenance) if _is_of(item["name"], plate)}
    for name, digest in used.items():
        for folder in (matrix.parent, matrix.parent.parent / plate):
            path = folder / name
            try:
                if path.is_file() and digest_file(path) == digest:
                    cols = read_annotation(path).cols
                    return str(cols.loc[instance, "lxb_digest"]) if "lxb_digest" in cols else ""
            except BeadworkError:
                continue
    return ""


def _step(step: Mapping[str, Any]) -> str:
    words = " ".join(
        f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in sorted(step["parameters"].items())
    )
    return f"{step['command']} (beadwork {step['version']}) {words}"
