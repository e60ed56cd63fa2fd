"""Figures of one plate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from beadwork.api.figures.panels import (
    CalledPlate,
    bead_panels,
    called_plate,
    find_analytes,
    graded_analytes,
    pair_table,
    typical_well,
    well_position,
    worst_analytes,
)
from beadwork.api.matrix_files import StoredMatrix
from beadwork.io.beads.lxb import read_plate
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_annotation
from beadwork.model.errors import FileError
from beadwork.model.matrix import Level
from beadwork.model.qc import COLUMNS, current_names, with_texts
from beadwork.views.figures import bead_histograms, calibration_curves, plate_ambiguity, plate_wells, wells_of_plate
from beadwork.views.noise_figure import noise_map

Figures = dict[str, Figure]
CURVE_COLUMNS = ("well", "bead_set", "calibrator", "log2_level", "measured", "curve", "a", "b", "k")


def plate_figures(plate: CalledPlate, lxb: Path, curves: Path, rows: Sequence[Path], *, threads: int = 1) -> Figures:
    """Draw wells, calibration and beads of a plate; with uncertainties and odds also ambiguity and worst_beads.

    Parameters
    ----------
    plate
        What was called (:func:`read_called`).
    lxb, curves, rows
        Beads of the plate, the table of `beadwork normalize --curves`, QC tables.
    """
    name = plate.name
    wells = wells_of_plate(read_rows(rows), name)
    curve_table = read_table(curves, required=CURVE_COLUMNS)
    well = typical_well(plate.gex, wells)
    beads = read_plate(lxb, name, threads=threads, wells=[well])  # the others are not drawn
    figures = {
        "wells": plate_wells(name, wells),
        "calibration": calibration_curves(name, curve_table, wells),
        "beads": bead_histograms(name, well, bead_panels(plate, beads, well, graded_analytes(plate, beads, well))),
    }
    if plate.has_uncertainty:
        worst = bead_panels(plate, beads, well, worst_analytes(plate))
        figures["ambiguity"] = plate_ambiguity(name, wells, pair_table(plate))
        figures["worst_beads"] = bead_histograms(name, well, worst, "the pairs least sure")
    return figures


def bead_figures(
    plate: CalledPlate, lxb: Path, analytes: Sequence[str] = (), well: str | None = None, *, threads: int = 1
) -> Figures:
    """Draw the beads of chosen analytes in one well.

    Parameters
    ----------
    analytes
        Numbers of analytes, or symbols or Entrez ids of their genes; by default the six that are least sure, else six
        from easy to hard.
    well
        By default the one with the median number of beads.
    """
    chosen = find_analytes(plate, analytes)
    if well is None:
        counts = plate.gex.cols.get("count_mean", pd.Series(0.0, index=plate.gex.cids)).set_axis(plate.wells)
        well = typical_well(plate.gex, pd.DataFrame({"count_mean": counts, "fate": "kept"}))
    well_position(plate, well)
    beads = read_plate(lxb, plate.name, threads=threads, wells=[well])
    words = "beads and the values called"
    if not chosen and plate.has_uncertainty:
        chosen, words = worst_analytes(plate), "the pairs least sure"
    chosen = chosen or graded_analytes(plate, beads, well)
    return {"beads": bead_histograms(plate.name, well, bead_panels(plate, beads, well, chosen), words)}


def noise_figures(zsnc: Path, rows: Sequence[Path]) -> Figures:
    """Draw the first factor of the noise that the wells of a plate share, with the QC of noise control.

    Raises
    ------
    FileError
        The matrix was not written by `beadwork denoise`.
    """
    wells = read_annotation(zsnc).cols
    if "noise_factor" not in wells:
        raise FileError(f"{zsnc}: has no column field noise_factor; give the ZSNC that `beadwork denoise` wrote")
    plates = wells["det_plate"].dropna().unique().tolist() if "det_plate" in wells else []
    name = str(plates[0]) if len(plates) == 1 else zsnc.stem
    return {"noise": noise_map(name, wells, read_rows(rows))}


def read_called(gex: Path, sd: Path | None = None, odds: Path | None = None) -> CalledPlate:
    """Read what was called of a plate, with its uncertainties and odds if they are given."""
    uncertainty, sure = (None if path is None else StoredMatrix(path).checked() for path in (sd, odds))
    return called_plate(StoredMatrix(gex).checked(level=Level.GEX), uncertainty, sure)


def read_rows(paths: Sequence[Path]) -> pd.DataFrame:
    """QC rows of several tables, metrics under the names of today."""
    rows = pd.concat([read_table(path, required=tuple(COLUMNS)) for path in paths], ignore_index=True)
    return with_texts(current_names(rows))
