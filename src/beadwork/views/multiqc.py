"""A study in MultiQC's reports: files of custom content, which MultiQC finds by their names (``*_mqc.json``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beadwork.model.plates.overview import PlateOverview
from beadwork.model.qc import METRICS

FATES = {
    "kept": ("kept", "#0072B2"),
    "outlier": ("outlier, or no cells", "#E69F00"),
    "liss_failed": ("LISS failed", "#D55E00"),
    "well_unusable": ("unreadable", "#CC79A7"),
    "map_without_well": ("no file", "#F0E442"),
}
"""What becomes of the wells of a plate: metric, name and colour."""
_PARENT = {
    "parent_id": "beadwork",
    "parent_name": "beadwork",
    "parent_description": "L1000 plates, from beads to signatures.",
}


def multiqc_files(plates: Sequence[PlateOverview], brews: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Content of the files by name; those that would hold nothing are left out.

    Parameters
    ----------
    plates
        QC of the plates in brief.
    brews
        Rows with brew, and numbers by their names in :data:`beadwork.model.qc.METRICS`.
    """
    files = {"beadwork_plates": _plate_table(plates), "beadwork_wells": _well_fates(plates)}
    files["beadwork_signatures"] = _brew_table(brews)
    return {f"{name}_mqc.json": {**content, **_PARENT} for name, content in files.items() if content["data"]}


def _plate_table(plates: Sequence[PlateOverview]) -> dict[str, Any]:
    data = {
        plate.plate: {**_finite(plate.metrics), "failed_checks": len(plate.failed)} for plate in plates
    }  # fmt: skip
    names = [name for name in METRICS if any(name in plate.metrics for plate in plates)]
    failed = {"title": "failed checks", "description": "QC rows that do not pass", "format": "{:,.0f}", "scale": "Reds"}
    headers = {"failed_checks": failed, **{name: _header(name) for name in names}}
    return {
        "id": "beadwork_plates",
        "section_name": "Plates",
        "description": "QC of each plate: its own value, or the median over its wells.",
        "plot_type": "table",
        "pconfig": {"id": "beadwork_plates_table", "title": "beadwork: plates", "namespace": "beadwork"},
        "headers": headers,
        "data": {name: {key: row[key] for key in headers if key in row} for name, row in data.items()},
    }


def _well_fates(plates: Sequence[PlateOverview]) -> dict[str, Any]:
    data = {}
    for plate in plates:
        counts = plate.failed["metric"].value_counts()
        fates = {name: int(counts.get(name, 0)) for name in FATES}
        fates["kept"] = max(plate.n_kept, 0)
        if any(fates.values()):
            data[plate.plate] = fates
    return {
        "id": "beadwork_wells",
        "section_name": "Wells",
        "description": "What became of the wells of each plate.",
        "plot_type": "bargraph",
        "pconfig": {"id": "beadwork_wells_plot", "title": "beadwork: wells", "ylab": "wells"},
        "categories": {name: {"name": words, "color": colour} for name, (words, colour) in FATES.items()},
        "data": data,
    }


def _brew_table(brews: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    data = {str(row["brew"]): _finite({key: value for key, value in row.items() if key != "brew"}) for row in brews}
    names = list(dict.fromkeys(key for row in data.values() for key in row))
    return {
        "id": "beadwork_signatures",
        "section_name": "Signatures",
        "description": "Signatures of each brew: their number, and medians of what is known of them.",
        "plot_type": "table",
        "pconfig": {"id": "beadwork_signatures_table", "title": "beadwork: signatures", "namespace": "beadwork"},
        "headers": {name: _header(name) for name in names},
        "data": data,
    }


def _header(name: str) -> dict[str, Any]:
    known = METRICS.get(name)
    words = {"description": f"{known.doc} ({known.unit})"} if known else {}
    return {"title": name, **words, "format": "{:,.3g}"}


def _finite(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that JSON can hold, with six digits."""
    return {name: float(f"{value:.6g}") for name, value in numbers.items() if value - value == 0}
