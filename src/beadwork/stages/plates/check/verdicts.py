"""Verdicts on the plates of a study, as a table and as QC rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beadwork.kernels.numeric.ranks import MAD_TO_SD
from beadwork.model.errors import name_some
from beadwork.model.ids import distil_id
from beadwork.model.qc import qc_rows
from beadwork.stages.plates.check.evidence import AS_IT_IS, StudyCheck
from beadwork.stages.plates.check.fingerprint import correlate

STAGE = "check_plates"
TABLE_COLUMNS = {
    "det_plate": "plate",
    "verdict": "ok, suspected, or not checked (nothing to compare it with)",
    "suspicion": "what seems to be wrong, in words",
    "map_fit": "placement of the map that fits the data",
    "fits_map_of": "plates whose map fits the data better",
    "fits_cell": "cell line whose plates it looks like",
    "fits_bead_set": "bead set that fits the data better",
    "swapped_with": "plate that seems to be swapped with it",
    "replicate_match": "mean correlation of its wells with the same treatments on its replicates, by its own map",
    "control_match": "mean correlation of its control wells with the same controls on other plates, by its own map",
    "cell_match": "median correlation of its median profile with other plates of its cell line",
    "evidence": "t of what is suspected of the map",
}
"""Columns of the table of verdicts."""


def verdict_table(study: StudyCheck) -> pd.DataFrame:
    """One row per plate."""
    rows = []
    for number, item in enumerate(study.fingerprints):
        found = study.found[number]
        replicate, control = study.first[number]
        words = _words(study, number)
        group = found.get("fits_map_of")
        checked = not (np.isnan(replicate) and np.isnan(control) and "cell_match" not in found)
        rows.append({
            "det_plate": item.name,
            "verdict": "suspected" if words else "ok" if checked else "not checked",
            "suspicion": words,
            "map_fit": found.get("map_fit", AS_IT_IS if checked else ""),
            "fits_map_of": "" if group is None else "|".join(_names_of_group(study, group)),
            "fits_cell": found.get("fits_cell", ""),
            "fits_bead_set": found.get("fits_bead_set", ""),
            "swapped_with": "|".join(_swapped(study, number)),
            "replicate_match": replicate,
            "control_match": control,
            "cell_match": found.get("cell_match", np.nan),
            "evidence": found.get("evidence", np.nan),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(TABLE_COLUMNS))


def _names_of_group(study: StudyCheck, group: object) -> list[str]:
    return [item.name for item, own in zip(study.fingerprints, study.own_groups, strict=True) if own == group]


def _swapped(study: StudyCheck, number: int) -> list[str]:
    """Plates that seem to be what this one should be, while this one seems to be what they should be."""
    mine = (study.own_groups[number], study.fingerprints[number].cell)
    now = (study.groups[number], study.cells[number])
    if mine == now:
        return []
    return [
        item.name
        for other, item in enumerate(study.fingerprints)
        if (study.own_groups[other], item.cell) == now and (study.groups[other], study.cells[other]) == mine
    ]


def _words(study: StudyCheck, number: int) -> str:
    found = study.found[number]
    words = []
    if swapped := _swapped(study, number):
        words.append(f"seems to be swapped with {' or '.join(swapped)}")
    if "fits_map_of" in found:
        names = _names_of_group(study, found["fits_map_of"])
        words.append(f"its wells hold the treatments of {name_some(names, 3)}")
    if "map_fit" in found:
        words.append(f"its map seems to be {found['map_fit']}")
    if "fits_cell" in found:
        cell = found["fits_cell"]
        own = study.fingerprints[number].cell
        words.append(f"its profile is that of {cell}, not of {own}" if study.cells[number] else
                     f"its profile is unlike the other plates of {own}")  # fmt: skip
    if "fits_bead_set" in found:
        words.append(f"its values fit bead set {found['fits_bead_set']}")
    return "; ".join(words)


def outlier_wells(study: StudyCheck) -> list[pd.DataFrame]:
    """QC rows of wells whose profile is not that of their plate."""
    reasons: dict[str, str] = {}
    baselines = {
        cell: np.mean(
            [item.baseline for place, item in enumerate(study.fingerprints) if study.cells[place] == cell], axis=0
        )
        for cell in sorted(set(study.cells) - {""})
    }
    for place, item in enumerate(study.fingerprints):
        if len(item.match) < 4:
            continue
        middle = float(item.match.median())
        spread = MAD_TO_SD * float((item.match - middle).abs().median())
        limit = middle - max(study.params.outlier_well_mads * spread, study.params.outlier_well_margin)
        for well, likeness in item.match[item.match < limit].items():
            rivals = {
                cell: float(correlate(item.outlying[well][None, :], baseline)[0])
                for cell, baseline in baselines.items()
                if cell != study.cells[place] and well in item.outlying
            }
            like = max(rivals, key=lambda cell: rivals[cell], default="")
            more = f"; more like {like} ({rivals[like]:.2f})" if like and rivals[like] > likeness + 0.1 else ""
            reasons[distil_id(item.name, str(well))] = (
                f"correlates {likeness:.2f} with its plate, where {middle:.2f} is usual{more}"
            )

    return [qc_rows(STAGE, "well_unlike_plate", reasons, passed=False)] if reasons else []


def plate_rows(table: pd.DataFrame) -> list[pd.DataFrame]:
    """QC rows of the table of verdicts."""
    by_plate = table.set_index("det_plate")
    rows = [
        qc_rows(STAGE, name, by_plate[name].dropna()) for name in ("replicate_match", "control_match", "cell_match")
    ]
    suspected = by_plate.loc[by_plate["verdict"] == "suspected", "suspicion"]
    return [*rows, qc_rows(STAGE, "plate_suspected", suspected, passed=False)]
