"""The report of a folder of results: read plate by plate, so that memory does not grow with the study."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from beadwork.io.files.atomic import write_text
from beadwork.io.files.tables import read_table
from beadwork.io.runs.failures import failed_plates, read_failures
from beadwork.io.runs.status import STUDY_LEVELS, results_status, suspicions
from beadwork.model.errors import agree, counted
from beadwork.model.plates.overview import PlateOverview
from beadwork.model.qc import COLUMNS, current_names, join_qc
from beadwork.stages.plates.overview import metric_strips, plate_overview
from beadwork.views.multiqc import multiqc_files
from beadwork.views.pages import ASSETS, asset
from beadwork.views.strips import number
from beadwork.views.study_report import plate_html, plate_page, plate_row, study_html

FIGURES = {
    "wells": "wells: bead counts, calibration and what became of each",
    "calibration": "calibrators against their reference levels",
    "beads": "beads of a typical well, and the values called",
    "ambiguity": "uncertainty of the values, by well and by pair of genes",
    "worst_beads": "beads of the pairs that are least certain",
    "noise": "noise that wells share: its first factor over the plate",
}
"""Figures of a plate, with what they show, in the order of its page."""
STUDY_FIGURES = {"plates": "plates at a glance", "tas": "transcriptional activity of the signatures"}
KINDS = ("svg", "png")


@dataclass(frozen=True)
class Parts:
    """What a report shows of a folder in which earlier runs may have left more; None: all that is there.

    Parameters
    ----------
    figures
        Names of figures of plates, such as ``noise``.
    steps
        Names of steps whose QC rows of plates are shown, such as ``denoise``.
    queries
        Names of queries.
    """

    figures: Collection[str] | None = None
    steps: Collection[str] | None = None
    queries: Collection[str] | None = None


EVERYTHING = Parts()


def _wanted(name: str, names: Collection[str] | None) -> bool:
    return names is None or name in names


def write_report(
    results: Path,
    output: Path,
    sheet: Iterable[Mapping[str, str]] | None = None,
    title: str = "Study",
    failed: Path | None = None,
    parts: Parts = EVERYTHING,
) -> dict[str, int]:
    """Write ``index.html``, a page of each plate and what they need into a folder, and files for MultiQC.

    Figures that lie in the folder (``{plate}/wells.svg`` and so on) are shown; what is missing is left out.

    Parameters
    ----------
    results
        Folder of results.
    output
        Folder of the report; usually ``results/report``.
    sheet
        Rows of the plate sheet: det_plate, use, batch, brew.
    failed
        Table of what failed, if it is not ``failed.tsv`` of the folder of results.
    parts
        What is shown, where an earlier run left more.

    Returns
    -------
    Numbers of plates, of plates with a failed check, of failed plates.

    Raises
    ------
    FileError
        There is no such folder, or a table in it cannot be read.
    """
    sheet = None if sheet is None else list(sheet)
    status = results_status(results, sheet, failed=failed)
    states = _states(status)
    suspected = dict(suspicions(results, states))
    checks = _plate_checks(results)
    failures = read_failures(results, sheet, failed)
    lost = {row["plate"] for row in failures} & set(failed_plates(results, failed))
    shown = {name: words for name, words in FIGURES.items() if _wanted(name, parts.figures)}
    output.mkdir(parents=True, exist_ok=True)
    for name in ASSETS:
        write_text(output / "assets" / name, asset(name))
    overviews, rows = [], []
    for overview in _overviews(results, states, checks, parts.steps):
        plate = overview.plate
        batch, state = states[plate]
        figures = [(f"../{plate}/{found}", words) for found, words in _figures(output / plate, shown)]
        write_text(output / plate_page(plate), plate_html(overview, batch, state, suspected.get(plate, ""), figures))
        rows.append(plate_row(overview, batch, state))
        overviews.append(overview)
    study = {
        "title": title, "summary": _summary(status, states, len(lost), len(failures)), "plates": rows,
        "failures": failures, "suspected": list(suspected.items()), "signatures": _brews(results, output),
        "queries": _queries(results, output, parts.queries),
        "figures": [(name, name, words) for name, words in _figures(output, STUDY_FIGURES)],
        "links": [("Changes since the last run", "changes.html")] if (output / "changes.html").is_file() else [],
    }  # fmt: skip
    for name, content in multiqc_files(overviews, _brew_numbers(results)).items():
        write_text(output / "multiqc" / name, json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(output / "index.html", study_html(study, metric_strips(overviews)))
    return {"plates": len(rows), "with_failed_checks": sum(bool(row["failed"]) for row in rows),
            "failed": len(lost)}  # fmt: skip


def _states(status: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Batch, and state in words, of each plate."""
    plates = status[~status["level"].isin(STUDY_LEVELS)]
    found = {}
    for plate, part in plates.groupby("entity", sort=False):
        bad = part[part["state"] != "done"].groupby("state", sort=False)["level"].agg(", ".join)
        state = "; ".join(f"{state}: {levels}" for state, levels in bad.items()) or "done"
        found[str(plate)] = (str(part["batch"].iloc[0]), state)
    return found


def _overviews(
    results: Path, plates: Iterable[str], checks: Mapping[str, Mapping[str, float]], steps: Collection[str] | None
) -> Iterator[PlateOverview]:
    for plate in plates:
        paths = [path for path in sorted((results / plate / "qc").glob("*.tsv")) if _wanted(path.stem, steps)]
        rows = current_names(join_qc(read_table(path, required=tuple(COLUMNS)) for path in paths))
        found = plate_overview(plate, rows)
        yield PlateOverview(
            plate, {**found.metrics, **checks.get(plate, {})}, found.failed, found.n_wells, found.n_kept
        )


def _plate_checks(results: Path) -> dict[str, dict[str, float]]:
    """Numbers of `beadwork check-plates` by plate."""
    path = results / "plate_check.tsv"
    if not path.is_file():
        return {}
    table = read_table(path, required=("det_plate",)).set_index("det_plate")
    names = [name for name in ("replicate_match", "control_match", "cell_match") if name in table]
    numbers = table[names].apply(pd.to_numeric, errors="coerce")
    return {str(plate): row.dropna().to_dict() for plate, row in numbers.iterrows()}


def _figures(folder: Path, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those figures that are in a folder: file name and what it shows."""
    found = []
    for name, words in names.items():
        file = next((f"{name}.{kind}" for kind in KINDS if (folder / f"{name}.{kind}").is_file()), None)
        if file:
            found.append((file, words))
    return found


def _summary(status: pd.DataFrame, states: Mapping[str, tuple[str, str]], lost: int, failures: int) -> list[str]:
    done = sum(state == "done" for _, state in states.values())
    lines = [f"{counted(len(states), 'plate')}, {done:,} of {agree(len(states), 'it')} complete"]
    if lost:
        rest = f"; the rest went on without {agree(lost, 'it')}" if lost < len(states) else ""
        lines.append(f"{counted(lost, 'plate')} failed{rest}")
    if failures > lost:
        lines.append(f"{counted(failures - lost, 'step')} failed of figures, or of the whole study")
    signatures = status[(status["level"] == "MODZ") & (status["state"] == "done")]
    lines.append(f"{signatures['columns'].astype(int).sum():,} signatures of {counted(len(signatures), 'brew')}")
    versions = sorted(set(status["version"]) - {""})
    if versions:
        mixed = " (more than one: values of different versions may not be comparable)" if len(versions) > 1 else ""
        lines.append(f"made by beadwork {', '.join(versions)}{mixed}")
    return lines


def _brews(results: Path, output: Path) -> list[dict[str, Any]]:
    path = results / "siginfo.tsv"
    if not path.is_file():
        return []
    table = read_table(path, required=("sig_id",))
    if "brew_prefix" not in table:
        return []
    rows = []
    for brew, part in table.groupby("brew_prefix", sort=False):
        gold = pd.to_numeric(part["is_gold"], errors="coerce").dropna() if "is_gold" in part else pd.Series(dtype=float)
        figure = f"{brew}/replicates.svg"
        rows.append({
            "brew": brew, "n": len(part), "replicates": _median(part, "distil_nsample"),
            "cc": _median(part, "distil_cc_q75"), "tas": _median(part, "tas"),
            "gold": f"{int(gold.sum())} of {len(gold)}" if len(gold) else "",
            "figure": figure if (output / figure).is_file() else "",
        })  # fmt: skip
    return rows


def _brew_numbers(results: Path) -> list[dict[str, Any]]:
    """Numbers of the signatures of each brew."""
    path = results / "siginfo.tsv"
    table = read_table(path, required=("sig_id",)) if path.is_file() else pd.DataFrame()
    if "brew_prefix" not in table:
        return []
    names = [name for name in ("distil_nsample", "distil_cc_q75", "tas", "pct_self_rank_q25") if name in table]
    numbers = table[names].apply(pd.to_numeric, errors="coerce").groupby(table["brew_prefix"], sort=False)
    counts = table["brew_prefix"].value_counts(sort=False)
    return [{"brew": brew, "n_signatures": int(counts[brew]), **row.dropna().to_dict()}
            for brew, row in numbers.median().iterrows()]  # fmt: skip


def _median(table: pd.DataFrame, name: str) -> str:
    values = pd.to_numeric(table[name], errors="coerce").dropna() if name in table else pd.Series(dtype=float)
    return number(float(values.median())) if len(values) else ""


def _queries(results: Path, output: Path, names: Collection[str] | None) -> list[dict[str, str]]:
    rows = []
    for path in sorted(results.glob("queries/*/queries.tsv")):
        if not _wanted(path.parent.name, names):
            continue
        table = read_table(path, required=("query", "file"), text_only=True).fillna("")
        for row in table.to_dict("records"):
            ranked = read_table(path.parent / row["file"], required=("sig_id", "ncs"))
            page = path.parent / Path(row["file"]).stem / "index.html"
            linked = page.is_file() and output.parent == results
            rows.append({
                "query": row["query"], "agrees": _ends(ranked), "opposes": _ends(ranked.iloc[::-1]),
                "notes": row.get("notes", ""),
                "page": f"../{page.relative_to(results).as_posix()}" if linked else "",
            })  # fmt: skip
    return rows


def _ends(ranked: pd.DataFrame, most: int = 3) -> str:
    """First signatures of a ranked table in words."""
    words = []
    for row in ranked.head(most).to_dict("records"):
        name = row.get("pert_iname") if isinstance(row.get("pert_iname"), str) else row["sig_id"]
        cell = f", {row['cell_id']}" if isinstance(row.get("cell_id"), str) else ""
        words.append(f"{name}{cell} ({number(float(row['ncs']))})" if pd.notna(row["ncs"]) else f"{name}{cell}")
    return "; ".join(words)
