"""The report of a study as pages: one of the study, one of each plate, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from beadwork.model.errors import counted
from beadwork.model.plates.overview import FAR, PlateOverview, Strip
from beadwork.model.qc import METRICS
from beadwork.views.pages import render
from beadwork.views.strips import draw_strip, number

COLUMNS = ("count_mean", "qc_slope", "qc_f_logp", "qc_iqr", "replicate_match")
"""Metrics that are columns of the table of plates."""
MOST_FAILED = 400
"""Rows of failed checks on the page of a plate; its QC table has all."""


def plate_page(plate: str) -> str:
    """Address of the page of a plate, from the page of the study."""
    return f"plates/{plate}.html"


def study_html(study: Mapping[str, Any], strips: Sequence[Strip]) -> str:
    """Page of the study.

    Parameters
    ----------
    study
        title, summary (lines), plates (rows of :func:`plate_row`), failures (plate, stage, message, log), suspected
        (plate, why), signatures (one row per brew), queries, figures (name, path, words), links (name, path).
    strips
        Metrics over the plates.
    """
    drawn = [
        {"metric": strip.metric, "unit": strip.unit, "doc": strip.doc,
         "drawing": draw_strip(_aria(strip), strip.names, strip.values, strip.far, plate_page)}
        for strip in strips
    ]  # fmt: skip
    columns = [{"metric": name, "doc": METRICS[name].doc} for name in COLUMNS]
    whole = {**study, "strips": drawn, "columns": columns, "far": f"{FAR:g}"}
    return render("study.html", study=whole, root="", plate_page=plate_page)


def _aria(strip: Strip) -> str:
    words = f"{strip.metric} of {counted(len(strip.values), 'plate')}, median {number(strip.median)}"
    return words + (f"; {len(strip.far)} stand out" if len(strip.far) else "")


def plate_row(overview: PlateOverview, batch: str, state: str) -> dict[str, Any]:
    """Row of the table of plates."""
    counts = overview.failed.groupby("metric", sort=False).size()
    return {
        "name": overview.plate, "batch": batch, "state": state, **_wells(overview),
        "values": [number(overview.metrics[name]) if name in overview.metrics else "" for name in COLUMNS],
        "failed": ", ".join(f"{name} ({count})" if count > 1 else str(name) for name, count in counts.items()),
    }  # fmt: skip


def _wells(overview: PlateOverview) -> dict[str, Any]:
    return {"n_wells": "" if overview.n_wells < 0 else overview.n_wells,
            "n_kept": "" if overview.n_kept < 0 else overview.n_kept}  # fmt: skip


def plate_html(
    overview: PlateOverview, batch: str, state: str, suspicion: str, figures: Sequence[tuple[str, str]]
) -> str:
    """Page of a plate: the checks that failed, its metrics, its figures (path from the page, words)."""
    plate = {
        "name": overview.plate, "batch": batch, "state": state, "suspicion": suspicion, "figures": figures,
        **_wells(overview),
        "rows": [_failed_row(row) for row in overview.failed.head(MOST_FAILED).to_dict("records")],
        "metrics": [{"metric": name, "value": number(value), "unit": METRICS[name].unit if name in METRICS else ""}
                    for name, value in overview.metrics.items()],
    }  # fmt: skip
    return render("plate.html", plate=plate, root="../")


def _failed_row(row: Mapping[Any, Any]) -> dict[str, str]:
    bounds = [number(row[side]) if pd.notna(row[side]) else "" for side in ("lower", "upper")]
    value = pd.to_numeric(row["value"], errors="coerce")
    return {
        "well": row["well"], "stage": row["stage"], "metric": row["metric"],
        "value": str(row["value"]) if pd.isna(value) else number(float(value)),
        "bounds": " to ".join(bounds) if all(bounds) else (f"at least {bounds[0]}" if bounds[0] else (
            f"at most {bounds[1]}" if bounds[1] else "")),
    }  # fmt: skip
