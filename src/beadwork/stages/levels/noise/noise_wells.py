"""What noise control must know of each well or signature: plate, treatment, control or not, and where it lies."""

from __future__ import annotations

import logging
import re

import numpy as np
import pandas as pd

from beadwork.model.errors import AlignmentError, counted, name_some
from beadwork.model.ids import adjacent_blocks, parse_well
from beadwork.model.matrix import Level, Matrix
from beadwork.model.pert_types import is_empty, is_null, plain_pert_type
from beadwork.stages.levels.groups import field_key, with_brew, with_plate

log = logging.getLogger("beadwork.noise")
SIGNATURE_FIELDS = ("distil_id", "distil_nsample", "distil_cc_q75", "distil_ss", "n_replicates")
WELL_FIELDS = ("det_well", "rna_well", "det_plate")
NOT_TREATMENT = frozenset(
    ("brew_prefix", "det_plate", "rna_plate", "cell_id", "batch", "pert_dose", "pert_dose_unit", "pert_idose",
     "pert_time", "pert_time_unit", "pert_itime", "pert_type")
)  # fmt: skip
"""Fields to group by that do not say which treatment a well has."""
_BROAD_ID = re.compile(r"^(BRD-[A-Z]\d{8})(-.*)?$")


def landmark_matrix(matrix: Matrix, landmarks: pd.Index, what: str) -> Matrix:
    """Landmark rows of a matrix, in its own order.

    Raises
    ------
    AlignmentError
        Landmarks are absent, or their values are missing or infinite.
    """
    absent = landmarks.difference(matrix.rids)
    if len(absent):
        raise AlignmentError(
            f"{what}: {len(absent)} of the {len(landmarks)} landmarks are not among its {len(matrix.rids):,} rows "
            f"({name_some(absent)}); noise control needs all of them, by Entrez id, by HG-U133A probe id, or with "
            "Entrez ids in the row field pr_gene_id"
        )
    found = matrix.take_rows(matrix.rids[matrix.rids.isin(landmarks)])
    bad = ~np.isfinite(found.values).all(axis=1)
    if bad.any():
        raise AlignmentError(
            f"{what}: missing or infinite values in {counted(int(bad.sum()), 'landmark')} "
            f"({name_some(found.rids[bad])}); "
            "fill or drop them first"
        )
    return found


def holds_signatures(matrix: Matrix) -> bool | None:
    """Whether columns are signatures (level 5) or wells (level 4), by level, fields and ids; None if neither shows."""
    if matrix.level is not None:
        return matrix.level in (Level.MODZ, Level.MNZ)
    if any(name in matrix.cols for name in SIGNATURE_FIELDS):
        return True
    if any(name in matrix.cols for name in WELL_FIELDS):
        return False
    parts = [str(cid).split(":") for cid in matrix.cids]
    if all(len(part) == 2 and parse_well(part[1]) and part[0].count("_") >= 3 for part in parts):
        return False
    return True if all(len(part) >= 2 and part[0].count("_") == 2 for part in parts) else None


def treatment_id(pert_id: object) -> str:
    """Return a pert_id in a form that can be compared: a Broad id without its salt and batch; empty if missing."""
    text = "" if pert_id is None or pert_id != pert_id else str(pert_id).strip()
    found = _BROAD_ID.match(text)
    return found[1] if found else text


def key_fields(group_by: tuple[str, ...]) -> tuple[str, ...]:
    """Fields among those that are grouped by which say what the treatment is."""
    return tuple(name for name in group_by if name not in NOT_TREATMENT) or ("pert_id",)


def well_facts(matrix: Matrix, keys: tuple[str, ...]) -> pd.DataFrame:
    """Describe each column of the matrix: plate, brew, well, kind (treated, control, none), treatment, pert_id, name.

    ``none`` are wells without treated cells (lma_) and wells of no known treatment.  Case of pert_type does not matter.
    """
    signatures = bool(holds_signatures(matrix))
    cols = matrix.cols if signatures else with_brew(with_plate(matrix.cols))
    pert_id = _text(cols, "pert_id")
    if signatures:
        from_id = pd.Series([_pert_of_sig_id(cid) for cid in cols.index], index=cols.index, dtype=object)
        pert_id = pert_id.where(pert_id != "", from_id)
    pert_id = pert_id.map(treatment_id)
    name = _text(cols, "pert_iname")
    name = name.where(name != "", _text(cols, "pert_desc")).str.lower()
    kind = _text(cols, "pert_type").map(plain_pert_type)
    treatment = pert_id.copy()
    if keys != ("pert_id",):
        treatment = pd.DataFrame({key: field_key(cols, key) for key in keys}).agg("\x1f".join, axis=1)
    well = pd.Series(cols.index.astype(str).str.rpartition(":").get_level_values(2), index=cols.index, dtype=object)
    for field in ("rna_well", "det_well"):
        if field in cols:
            well = cols[field].astype(object).where(cols[field].notna(), well)
    control = kind.map(is_null)
    blank = kind.map(is_empty) | (~control & (treatment.str.strip("\x1f") == ""))
    return pd.DataFrame(
        {
            "plate": "" if signatures else cols["det_plate"].astype(str),
            "brew": _text(cols, "brew_prefix"),
            "well": [parse_well(str(item)) or "" for item in well],
            "kind": np.where(control, "control", np.where(blank, "none", "treated")),
            "type": kind,
            "treatment": treatment,
            "pert_id": pert_id,
            "pert_iname": name.where(name != pert_id.str.lower(), ""),
        },
        index=cols.index,
    )


def _text(cols: pd.DataFrame, name: str) -> pd.Series:
    return field_key(cols, name).astype(str)


def _pert_of_sig_id(cid: object) -> str:
    """Perturbagen of ``{brew_prefix}:{pert_id}[:{dose}]``; empty where there is none (a well instead)."""
    parts = str(cid).split(":")
    return parts[1] if len(parts) > 1 and not parse_well(parts[1]) else ""


def control_places(wells: pd.Series) -> pd.Series:
    """Place of each well (A01..): the first well of the block of wells that touch each other; '' for no well."""
    known = [well for well in wells if well]
    place = dict(zip(known, adjacent_blocks(known), strict=True))
    return wells.map(lambda well: place.get(well, ""))


_TO_UM = {"uM": 1.0, "nM": 1e-3, "mM": 1e3, "pM": 1e-6, "M": 1e6}


def doses_um(cols: pd.DataFrame) -> pd.Series:
    """Doses in um; NaN where there is none or its unit is no molar one, which is said.  Without a unit um is meant."""
    dose = pd.to_numeric(cols["pert_dose"], errors="coerce")
    unit = _text(cols, "pert_dose_unit")
    silent = dose.notna() & (unit == "")
    if silent.any():
        log.warning(
            "%s no pert_dose_unit; doses there count as um", counted(int(silent.sum()), "well has", "wells have")
        )
    factor = unit.map(_TO_UM).where(~silent, 1.0)
    odd = dose.notna() & factor.isna()
    if odd.any():
        log.warning("doses in %s do not count as low: only pM to M are known", name_some(unit[odd].unique()))
    return dose * factor
