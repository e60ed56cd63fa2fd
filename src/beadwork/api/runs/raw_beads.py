"""Whether raw beads are still those that level 2 was made of, well by well."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from beadwork.api.plate_level_2 import bead_content
from beadwork.api.plate_record import PlateRecord
from beadwork.io.beads.lxb import read_plate
from beadwork.io.matrix.formats import read_annotation
from beadwork.io.runs.status import plate_file
from beadwork.model.errors import BeadworkError, counted, name_some


class RawBeads(NamedTuple):
    """What became of the raw beads of a plate: ``same``, ``changed``, ``not there``, or ``unknown``."""

    plate: str
    state: str
    why: str = ""


def compare_raw(results: Path, plates: Iterable[tuple[str, Path]], *, threads: int = 1) -> list[RawBeads]:
    """Read the beads of each plate and compare their checksums with those in its GEX.

    Parameters
    ----------
    results
        Folder of results.
    plates
        Names of plates, and their folders or archives of beads.
    threads
        Number of threads for reading.
    """
    return [_compare(plate_file(results, plate, "GEX"), plate, path, threads) for plate, path in plates]


def same_beads(folder: Path, plate: str, path: Path) -> bool:
    """Whether the beads of a plate are still those that level 2 in `folder` was made of, all of them and no others."""
    known = PlateRecord(folder).known("deconvolve")
    if known is None:
        return False
    try:
        found = bead_content(read_plate(path, plate))
    except BeadworkError:
        return False
    recorded = [item.get("digest") for item in known["record"].get("inputs", {}).get("lxb", ())]
    return (recorded, known.get("beside")) == ([found[0]], found[1])


def raw_lines(found: Iterable[RawBeads]) -> list[str]:
    """Say what became of raw beads; nothing if none was looked at."""
    found = list(found)
    same = sum(item.state == "same" for item in found)
    lines = [f"raw beads: {counted(same, 'plate')} as recorded"] if found else []
    return lines + [f"raw beads {item.state}: {item.plate}: {item.why}" for item in found if item.state != "same"]


def _compare(gex: Path, plate: str, path: Path, threads: int) -> RawBeads:
    if not path.exists():
        return RawBeads(plate, "not there", str(path))
    if not gex.is_file():
        return RawBeads(plate, "unknown", f"there is no {gex}")
    cols = read_annotation(gex).cols
    if "lxb_digest" not in cols:
        return RawBeads(plate, "unknown", f"{gex} has no checksums of beads")
    recorded = dict(zip(cols["det_well"], cols["lxb_digest"], strict=True))
    try:
        found = read_plate(path, plate, threads=threads).digests
    except BeadworkError as error:
        return RawBeads(plate, "changed", str(error))
    other = sorted(well for well, digest in recorded.items() if found.get(well) != digest)
    if not other:
        return RawBeads(plate, "same")
    return RawBeads(plate, "changed", f"{len(other)} of {len(recorded)} wells in {path} ({name_some(other)})")
