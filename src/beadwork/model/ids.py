"""Names and ids of L1000: plates, wells, instances and signatures.  The one parser of each.

``det_plate`` is ``{pert_plate}_{cell}_{time}_{replicate}_{bead batch}``, for example ``LJP009_A375_24H_X1_B20``; its
first three parts are the ``brew_prefix``.  ``distil_id`` is ``{det_plate}:{well}`` and ``sig_id`` is
``{brew_prefix}:{pert_id}[:{dose}]``.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from beadwork.model.errors import BeadworkError

ROWS = "ABCDEFGHIJKLMNOP"
N_COLUMNS = 24
WELLS_384: tuple[str, ...] = tuple(f"{row}{column:02d}" for row in ROWS for column in range(1, N_COLUMNS + 1))
DET_PLATE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9.\-]*(?:_[A-Za-z0-9.\-]+)*"
"""One regular expression for plate names, shared with the workflow's wildcard constraints."""

_WELL = re.compile(r"^\s*([A-Pa-p])0*([1-9]|1[0-9]|2[0-4])\s*$")


class PlateName(NamedTuple):
    """Parts of a det_plate; a part that the name does not have is an empty string."""

    pert_plate: str
    cell_id: str
    pert_time: str
    replicate: str
    bead_batch: str

    @property
    def brew_prefix(self) -> str:
        """The first three parts, which replicate plates share."""
        return "_".join(part for part in self[:3] if part)


def parse_det_plate(det_plate: str) -> PlateName:
    """Split a det_plate at its underscores; parts that are absent come back empty.

    Raises
    ------
    BeadworkError
        If the name holds characters that no file name of a plate can have.

    Examples
    --------
    >>> parse_det_plate("LJP009_A375_24H_X1_B20").brew_prefix
    'LJP009_A375_24H'
    """
    if not re.fullmatch(DET_PLATE_PATTERN, det_plate):
        raise BeadworkError(
            f"plate name {det_plate!r}: only letters, digits, '.', '-' and '_' are allowed, "
            "as in LJP009_A375_24H_X1_B20; rename the plate"
        )
    parts = det_plate.split("_")
    if len(parts) > 5:
        parts = ["_".join(parts[: len(parts) - 4]), *parts[-4:]]
    return PlateName(*(parts + [""] * (5 - len(parts))))


def parse_well(text: str) -> str | None:
    """Return the well in the form ``A01``, or None if `text` (``A1``, ``a01``, ``P24``) names no well of 384.

    Examples
    --------
    >>> [parse_well(text) for text in ("a1", "P24", "Q01")]
    ['A01', 'P24', None]
    """
    match = _WELL.match(text)
    return f"{match[1].upper()}{int(match[2]):02d}" if match else None


def well_position(well: str) -> tuple[int, int]:
    """Return row (0-15) and column (0-23) of a well in the form ``A01``.

    Examples
    --------
    >>> well_position("B03")
    (1, 2)
    """
    return ROWS.index(well[0]), int(well[1:]) - 1


def adjacent_blocks(wells: Sequence[str]) -> list[str]:
    """Block of each well (A01..): the first well of those that touch one another."""
    known = {well: well_position(well) for well in wells}
    block: dict[str, str] = {}
    for start in sorted(known):
        if start in block:
            continue
        reached, seen = [start], {start}
        while reached:
            row, column = known[reached.pop()]
            near = {well for well, (r, c) in known.items() if abs(r - row) <= 1 and abs(c - column) <= 1} - seen
            seen |= near
            reached += sorted(near)
        block |= dict.fromkeys(seen, start)
    return [block[well] for well in wells]


def distil_id(det_plate: str, well: str) -> str:
    """Id of one well's profile: ``{det_plate}:{well}``.

    Examples
    --------
    >>> distil_id("LJP009_A375_24H_X1_B20", "A01")
    'LJP009_A375_24H_X1_B20:A01'
    """
    return f"{det_plate}:{well}"


def format_dose(dose: float | str | None) -> str:
    """Dose as it stands in a sig_id: shortest decimal form, ``10.0`` -> ``10``; empty if missing.

    Examples
    --------
    >>> format_dose(10.0), format_dose(0.37)
    ('10', '0.37')
    """
    if dose is None or dose == "":
        return ""
    try:
        number = float(dose)
    except ValueError:
        return str(dose)
    return "" if math.isnan(number) else f"{number:.6g}"


def sig_id(brew_prefix: str, pert_id: str, dose: float | str | None = None) -> str:
    """Id of a signature: ``{brew_prefix}:{pert_id}[:{dose}]``.

    Examples
    --------
    >>> sig_id("LJP009_A375_24H", "BRD-K81418486", 10.0)
    'LJP009_A375_24H:BRD-K81418486:10'
    """
    formatted = format_dose(dose)
    return f"{brew_prefix}:{pert_id}:{formatted}" if formatted else f"{brew_prefix}:{pert_id}"
