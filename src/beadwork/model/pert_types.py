"""What a ``pert_type`` means: CMap's types, what kind of perturbation each is, and which of them are controls.

Everything that asks whether a well or a signature is a treatment, a control, a vehicle or an empty well asks here.
Case and blanks around a type do not count.  Types that are not in the table go by their beginning: ``trt_`` is a
treatment, ``ctl_`` a control, ``lma_`` a well without treated cells.

A positive control (``trt_poscon``) is a compound like any other, as in CMap's releases, which list it as ``trt_cp``;
only where plates are compared by what all of them hold does it count among the controls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

COMPOUND = "trt_cp"
POSCON = "trt_poscon"
VEHICLE = "ctl_vehicle"
NO_CELLS = "lma_x"
CONTROLS = "ctl_"
TREATMENTS = "trt"
EMPTY = "lma_"

PERT_TYPES: dict[str, tuple[str, str, str]] = {
    COMPOUND: ("compound", "compound", "compound"),
    POSCON: ("compound", "positive control", "compound that serves as positive control"),
    "trt_poscon.es": ("compound", "positive control", "selective positive control"),
    "trt_oe": ("over-expression", "over-expression", "cDNA of the gene"),
    "trt_oe.mut": ("mutant", "mutant over-expression", "cDNA of a mutated gene"),
    "trt_mut": ("mutant", "mutant", "mutated gene"),
    "trt_sh": ("loss of function", "shRNA", "shRNA against the gene"),
    "trt_sh.cgs": ("loss of function", "shRNA consensus", "consensus of the shRNAs against a gene"),
    "trt_si": ("loss of function", "siRNA", "siRNA against the gene"),
    "trt_xpr": ("loss of function", "CRISPR", "CRISPR knock-out of the gene"),
    "trt_sh.css": ("control", "shRNA seed", "consensus of shRNAs that share a seed sequence"),
    "trt_lig": ("ligand", "ligand", "peptide or other biological agent, e.g. a cytokine"),
    "trt_pep": ("ligand", "peptide", "peptide"),
    "trt_aby": ("antibody", "antibody", "antibody"),
    "trt_cell": ("cells", "cells", "other cells"),
    VEHICLE: ("control", "vehicle", "vehicle of compounds, e.g. DMSO"),
    "ctl_vehicle.cns": ("control", "vehicle consensus", "consensus of vehicle wells"),
    "ctl_vector": ("control", "vector", "empty or inert vector"),
    "ctl_vector.cns": ("control", "vector consensus", "consensus of vector wells"),
    "ctl_untrt": ("control", "untreated", "untreated cells"),
    "ctl_untrt.cns": ("control", "untreated consensus", "consensus of untreated wells"),
    "ctl_x": ("control", "other control", "other control"),
    NO_CELLS: ("empty", "empty well", "reference RNA or no cells"),
}
"""Kind of perturbation, short name and meaning of each type
(https://clue.io/connectopedia/perturbagen_types_and_controls)."""


def plain_pert_type(item: Any) -> str:
    """Write a type as CMap does, in small letters; empty where it is missing.

    Examples
    --------
    >>> plain_pert_type(" CTL_Vehicle")
    'ctl_vehicle'
    """
    return "" if item is None or item != item else str(item).strip().lower()


def perturbation_kind(item: Any) -> str:
    """Kind of perturbation of a type: compound, over-expression, loss of function, ..., control, empty, or other."""
    kind = plain_pert_type(item)
    if kind in PERT_TYPES:
        return PERT_TYPES[kind][0]
    return "control" if kind.startswith(CONTROLS) else "empty" if kind.startswith(EMPTY) else "other"


def pert_type_name(item: Any) -> str:
    """Short name of a type for people: ``trt_xpr`` is CRISPR; a type that is not in the table names itself.

    Examples
    --------
    >>> pert_type_name("trt_xpr")
    'CRISPR'
    """
    kind = plain_pert_type(item)
    return PERT_TYPES[kind][1] if kind in PERT_TYPES else kind


def is_control(item: Any) -> bool:
    """Whether a type is a control: all of ``ctl_``, and the consensus of a seed sequence.

    Examples
    --------
    >>> is_control("ctl_vector"), is_control("trt_poscon")
    (True, False)
    """
    return perturbation_kind(item) == "control"


def is_null(item: Any) -> bool:
    """Whether signatures of a type show what no treatment does: all of ``ctl_``."""
    return plain_pert_type(item).startswith(CONTROLS)


def is_treatment(item: Any) -> bool:
    """Whether a type is a treatment; the positive controls are."""
    return plain_pert_type(item).startswith(TREATMENTS) and not is_control(item)


def is_vehicle(item: Any) -> bool:
    """Whether a type is the vehicle."""
    return plain_pert_type(item) == VEHICLE


def is_unknown_type(item: Any) -> bool:
    """Whether a type is there, but neither treatment, control nor empty well by its beginning."""
    kind = plain_pert_type(item)
    return bool(kind) and not kind.startswith((TREATMENTS, CONTROLS, EMPTY))


def is_empty(item: Any) -> bool:
    """Whether a well of a type holds no treated cells."""
    return plain_pert_type(item).startswith(EMPTY)


def is_plate_control(item: Any) -> bool:
    """Whether a well of a type is expected to be the same on all plates: no treatment, or a positive control."""
    return not is_treatment(item) or plain_pert_type(item).startswith(POSCON)


def rolled_up_as(item: Any) -> str:
    """Type under which signatures are rolled up: a positive control is a compound, any other type stands by itself."""
    kind = plain_pert_type(item)
    return COMPOUND if kind.startswith(POSCON) else kind


def type_mask(column: Iterable[Any], test: Callable[[Any], bool]) -> np.ndarray:
    """Which items of a column of types pass a test of this module."""
    import numpy as np

    return np.fromiter((test(item) for item in column), bool)
