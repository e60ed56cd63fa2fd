"""Wells of a run down to their beads: QC of a well, and the beads of one analyte with the values called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.api.figures.panels import CalledPlate, bead_panels, find_analytes, graded_analytes, well_position
from beadwork.api.figures.plate import read_called
from beadwork.io.beads.lxb import read_plate
from beadwork.io.files.tables import read_table
from beadwork.io.files.text import read_text
from beadwork.model.errors import FileError, ParameterError, name_some
from beadwork.model.plates.sheet import parse_plate_sheet

if TYPE_CHECKING:
    import pandas as pd

BINS = 80


@dataclass(frozen=True)
class RunPlates:
    """Plates of a run.

    Parameters
    ----------
    results
        Folder of results: ``{plate}/{plate}_GEX.gctx``.
    lxb
        Folder or archive of the LXB files by plate; of plates that it lacks, no beads can be shown.
    """

    results: Path
    lxb: Mapping[str, Path]

    @classmethod
    def open(cls, results: Path, sheet: Path | None = None) -> RunPlates:
        """Find the plates of a folder of results; the sheet of the run says where their beads are.

        Raises
        ------
        FileError, MapError
            There is no such folder, or the sheet cannot be read.
        """
        if not results.is_dir():
            raise FileError(f"{results}: no such folder; name the results of a run")
        lxb: dict[str, Path] = {}
        if sheet is not None:
            rows = parse_plate_sheet(read_text(sheet, "a sheet of plates"), str(sheet), files=False, unused=True)
            lxb = {row.det_plate: _found_beads(row.lxb, sheet) for row in rows}
        return cls(results, lxb)

    @property
    def names(self) -> list[str]:
        """Plates that have values."""
        return sorted(path.name for path in self.results.iterdir() if (path / f"{path.name}_GEX.gctx").is_file())

    def called(self, plate: str) -> CalledPlate:
        """Values of a plate.

        Raises
        ------
        ParameterError
            The run has no such plate.
        """
        if plate not in self.names:
            raise ParameterError(f"the run has no plate {plate!r}; it has {name_some(self.names)}")
        folder = self.results / plate
        others = [folder / f"{plate}_{name}.gctx" for name in ("SD", "ODDS")]
        sd, odds = (path if path.is_file() else None for path in others)
        return read_called(folder / f"{plate}_GEX.gctx", sd, odds)

    def wells(self, plate: str) -> list[dict[str, Any]]:
        """Annotation of the wells of a plate."""
        called = self.called(plate)
        rows = called.gex.cols.to_dict("records")
        return [{"well": well, **{str(name): value for name, value in row.items()}} for well, row in
                zip(called.wells, rows, strict=True)]  # fmt: skip

    def qc(self, plate: str, well: str) -> list[dict[str, Any]]:
        """QC rows of a well, of all stages."""
        return [row for wells, table in self._qc_tables(plate) for row in _records(table[wells == well])]

    def figures(self, plate: str) -> dict[str, dict[str, float]]:
        """QC figures of the wells of a plate that are numbers, by well and metric."""
        found: dict[str, dict[str, float]] = {}
        for wells, table in self._qc_tables(plate):
            for well, row in zip(wells, _records(table), strict=True):
                if isinstance(row.get("value"), float):
                    found.setdefault(well, {})[row["metric"]] = row["value"]
        return found

    def _qc_tables(self, plate: str) -> Iterator[tuple[pd.Series, pd.DataFrame]]:
        """QC rows of each stage of a plate, and what each is of: a well, or the plate itself."""
        folder = self.results / plate / "qc"
        for path in sorted(folder.glob("*.tsv")) if folder.is_dir() else []:
            table = read_table(path)
            if "entity" in table:
                yield table["entity"].astype(str).str.removeprefix(f"{plate}:"), table

    def beads(self, plate: str, well: str, analytes: list[str]) -> list[dict[str, Any]]:
        """Histograms of the beads of some analytes of a well (log2 FI), with the values called.

        Parameters
        ----------
        analytes
            Numbers, or symbols or ids of genes; without any six from easy to hard.

        Raises
        ------
        ParameterError
            There is no such plate, well or analyte, or it is not known where the beads are.
        """
        called = self.called(plate)
        well_position(called, well)
        if plate not in self.lxb:
            raise ParameterError(
                f"it is not known where the beads of {plate} are; name the run's sheet of plates, --plates"
            )
        beads = read_plate(self.lxb[plate], plate, wells=[well])
        chosen = find_analytes(called, analytes) or graded_analytes(called, beads, well)
        found = []
        for analyte, panel in zip(chosen, bead_panels(called, beads, well, chosen), strict=True):
            counts, edges = np.histogram(panel.beads, BINS, (2.0, 16.0))
            found.append(
                {
                    "analyte": analyte, "title": panel.title, "beads": len(panel.beads), "counts": counts.tolist(),
                    "edges": [round(float(edge), 4) for edge in edges],
                    "peaks": [{"symbol": gene, "log2": round(value, 4)} for gene, value in panel.genes.items()],
                    "sd": [round(value, 4) for value in panel.sd],
                    "odds": None if panel.odds is None else float(panel.odds),
                }
            )  # fmt: skip
        return found


def _found_beads(name: str, sheet: Path) -> Path:
    """Where the beads of a plate are: the sheet names them from the folder of the data, which mostly is its own."""
    path = Path(name)
    beside = sheet.parent / path
    return beside if not path.is_absolute() and not path.exists() and beside.exists() else path


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _plain_value(value) for key, value in row.items()} for row in table.to_dict("records")]


def _plain_value(value: Any) -> Any:
    """Numbers and truths of a table of texts."""
    if not isinstance(value, str):
        return value
    if value in ("True", "False"):
        return value == "True"
    try:
        return float(value)
    except ValueError:
        return value
