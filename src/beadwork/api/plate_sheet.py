"""From folders and archives of LXB files, as labs, GEO and LINCS have them, to a plate sheet and maps."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beadwork.io.beads.found_plates import Findings, FoundPlate, LeftOut, find_plates
from beadwork.io.beads.maps import read_map
from beadwork.io.files.atomic import check_folder, write_text
from beadwork.io.files.cells import plain_cell
from beadwork.io.files.tables import write_table
from beadwork.io.levels.inst_info import read_plate_rows
from beadwork.io.platform.bead_sets import find_bead_batch
from beadwork.model.errors import BeadworkError, FileError, MapError, agree, counted, name_some
from beadwork.model.ids import parse_det_plate
from beadwork.model.plates.sheet import PLATE_COLUMNS, parse_plate_sheet

if TYPE_CHECKING:
    import pandas as pd

SHEET, MAPS, LEFT_OUT = "plates.tsv", "maps", "left_out.tsv"
_REQUIRED = ("det_plate", "lxb", "map")


@dataclass(frozen=True)
class SheetReport:
    """What was written, and what was not.

    Attributes
    ----------
    plates
        Plates of the sheet.
    wells
        LXB files of them that were seen.
    left_out
        Files and plates that are not in the sheet, or not as they might be, and why.
    notes
        What a reader of the sheet should know.
    """

    plates: list[str]
    wells: int
    left_out: list[LeftOut]
    notes: list[str]


def write_sheet(folder: Path, output: Path, inst_info: Path | None = None, *, overwrite: bool = False) -> SheetReport:
    """Write plates.tsv, maps and left_out.tsv for the LXB files in a folder.

    A plate gets its map from the table of wells, else from a file in the folder that is called after it (its whole
    name, or the first parts of it); without either it is left out.

    Parameters
    ----------
    folder
        What is looked through, all folders and archives in it; or one archive.
    output
        Folder that receives plates.tsv, maps/ (only for plates of the table) and left_out.tsv.
    inst_info
        Table of the wells of all plates: inst_info of LINCS, instinfo_beta, or one with det_plate and det_well.
    overwrite
        Whether to replace a sheet that is there.

    Raises
    ------
    FileError
        No such folder, no plate that can be used, or there is a sheet already.
    """
    sheet = output / SHEET
    check_folder(output, "the sheet and the maps")
    if sheet.exists() and not overwrite:
        raise FileError(f"{sheet}: is there already; choose another folder with -o, or give --overwrite")
    found = find_plates(folder)
    single, left_out = _single_sources(found, folder)
    tables, in_table = read_plate_rows(inst_info, list(single)) if inst_info else ({}, [])
    rows, maps, notes = [], {}, []
    by_folder = [plate.det_plate for plate in single.values() if not plate.named_by_file]
    if by_folder:
        notes.append(
            f"plates named by their folder or archive, since the file names say only wells: {name_some(by_folder)}"
        )
    for name in sorted(single):
        remarks: list[LeftOut] = []
        try:
            parse_det_plate(name)
            path = output / MAPS / f"{name}.tsv"
            if name in tables:
                table = maps[name] = _checked(tables[name], name, str(inst_info))
            else:
                path, table, remarks = _map_beside(found, single[name], _no_row(inst_info, name, in_table))
            row = {"det_plate": name, "lxb": os.path.abspath(single[name].source), "map": os.path.abspath(path)}
            row |= _beside_name(name, table)
            _check_row(row)
        except BeadworkError as error:
            left_out.append(LeftOut(name, " ".join(str(error).split())))
            maps.pop(name, None)
            continue
        rows.append(row)
        left_out += remarks + _wells_apart(single[name], table)
    if not rows:
        what = "; ".join(f"{name}: {reason}" for name, reason in left_out[:3]) or "it holds no LXB files or archives"
        more = f" (and {len(left_out) - 3} more)" if len(left_out) > 3 else ""
        raise FileError(f"{folder}: no plate can be used: {what}{more}")
    notes += _notes(single, rows, in_table)
    _write(rows, maps, left_out, output)
    wells = sum(len(single[row["det_plate"]].files) for row in rows)
    return SheetReport([row["det_plate"] for row in rows], wells, left_out, notes)


def _single_sources(found: Findings, folder: Path) -> tuple[dict[str, FoundPlate], list[LeftOut]]:
    """Plates that lie in one place each; a plate in two places is left out, for nobody knows which is right."""
    places: dict[str, list[FoundPlate]] = {}
    for plate in found.plates.values():
        places.setdefault(plate.det_plate, []).append(plate)
    left_out = list(found.left_out)
    single = {}
    for name, plates in places.items():
        if len(plates) == 1:
            single[name] = plates[0]
        else:
            left_out.append(
                LeftOut(name, f"lies in {len(plates)} places ({name_some(item.source for item in plates)}); keep one")
            )
    return single, left_out


def _checked(table: pd.DataFrame, name: str, source: str) -> pd.DataFrame:
    """Map of a plate from the table of wells; refused where `read_map` would refuse it."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.tsv"
        write_table(table, path)
        try:
            read_map(path, name)
        except BeadworkError as error:
            raise MapError(str(error).replace(str(path), f"{source}: {name}")) from None
    return table


def _no_row(inst_info: Path | None, name: str, in_table: list[str]) -> str:
    if inst_info is None:
        return "no map: give a table of wells with --inst-info, or put a map called after the plate beside its files"
    near = difflib.get_close_matches(name, in_table, n=1, cutoff=0.8)
    return f"no map: {inst_info} has no rows of it" + (f"; did it mean {near[0]}?" if near else "")


def _map_beside(found: Findings, plate: FoundPlate, otherwise: str) -> tuple[Path, pd.DataFrame, list[LeftOut]]:
    """Map that lies in the folder and is called after the plate, by its whole name or the first parts of it.

    One in the folder of the LXB files or in that which holds them goes before others.
    """
    name, parts = plate.det_plate, plate.det_plate.split("_")
    near = (plate.source, plate.source.parent)
    for count in range(len(parts), 0, -1):
        readable, reasons = [], []
        for path in found.tables.get("_".join(parts[:count]), []):
            try:
                readable.append((path, read_map(path, name)))
            except BeadworkError as error:
                reasons.append(" ".join(str(error).split()))
        if not readable and reasons:
            raise MapError(f"its map cannot be read: {reasons[0]}")
        beside = [item for item in readable if item[0].parent in near] or readable
        if any(not table.equals(beside[0][1]) for _, table in beside[1:]):
            raise MapError(f"has maps that differ ({name_some(path for path, _ in beside)}); keep one")
        others = [path for path, table in readable if not table.equals(beside[0][1])]
        if beside:
            reason = f"in the sheet with the map that lies beside its files; another differs: {name_some(others)}"
            return *beside[0], [LeftOut(name, reason)] if others else []
    raise MapError(otherwise)


def _beside_name(name: str, table: pd.DataFrame) -> dict[str, str]:
    """Cells of the sheet for a plate whose name has more parts than ours, as those of LINCS with two bead sets.

    ``CPC005_A375_6H_X1_B3_DUO52HI53LO``: the first five parts are ours, if the map says the same cell.
    """
    parts = name.split("_")
    cells = {text for text in _texts(table, "cell_id") if text}
    cell = next(iter(cells)) if len(cells) == 1 else ""
    given = {}
    if len(parts) > 5 and parts[1] == cell and parse_det_plate(name).cell_id != cell:
        given = {"bead_batch": parts[4], "cell_id": cell, "brew_prefix": "_".join(parts[:3])}
    batches = {text for text in _texts(table, "bead_batch") if text}
    batch = given.get("bead_batch", parse_det_plate(name).bead_batch)
    if len(batches) == 1 and find_bead_batch(batch) is None and find_bead_batch(next(iter(batches))) is not None:
        given["bead_batch"] = next(iter(batches))
    return given


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    from beadwork.model.missing import is_missing

    found = [str(text).strip() for text in table[column].dropna()] if column in table else []
    return [text for text in found if not is_missing(text)]


def _check_row(row: Mapping[str, str]) -> None:
    """Refuse a row that the sheet's reader would not give back as it is."""
    for column in ("lxb", "map"):
        if set(row[column]) & set("\t\r\n$") or row[column].strip() != row[column]:
            raise MapError(
                f"{row[column]!r}: a path with '$', a tab, a line end or a blank at its end; rename the folder"
            )
    parse_plate_sheet(_sheet_text([row]), SHEET, files=False)


def _wells_apart(plate: FoundPlate, table: pd.DataFrame) -> list[LeftOut]:
    """Wells that only the files or only the map have, where they are few enough to be a mistake."""
    if plate.partial:
        return []
    mapped = set(table["det_well"]) if "det_well" in table else set(table.index)
    beyond = sorted(set(plate.files) - mapped)
    if not set(plate.files) & mapped:
        return [
            LeftOut(plate.det_plate, "in the sheet, but no file has a row in the map: is it the map of this plate?")
        ]
    return (
        [LeftOut(plate.det_plate, f"in the sheet, but wells without a row in the map: {name_some(beyond)}")]
        if beyond
        else []
    )


def _notes(single: Mapping[str, FoundPlate], rows: list[dict[str, str]], in_table: list[str]) -> list[str]:
    notes = []
    archives: dict[Path, int] = {}
    for row in rows:
        source = single[row["det_plate"]].source
        if source.is_file():
            archives[source] = archives.get(source, 0) + 1
    for path, count in archives.items():
        if count > 1:
            notes.append(f"{path} holds {count} plates, and each plate reads all of it; unpack it once to save time")
    split = [row["det_plate"] for row in rows if "brew_prefix" in row]
    if split:
        notes.append(
            f"names of more than five parts, whose bead batch, cell and brew are in the sheet: {name_some(split)}"
        )
    absent = [name for name in in_table if name not in single]
    if absent:
        notes.append(
            f"{counted(len(absent), 'plate')} of the table of wells {agree(len(absent), 'has')} no LXB "
            f"files here: {name_some(absent)}"
        )
    return notes


def _sheet_text(rows: list[Mapping[str, str]]) -> str:
    columns = [name for name in PLATE_COLUMNS if name in _REQUIRED or any(row.get(name) for row in rows)]
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return "".join("\t".join(cells) + "\n" for cells in lines)


def _write(rows: list[dict[str, str]], maps: Mapping[str, pd.DataFrame], left_out: list[LeftOut], output: Path) -> None:
    """Write maps first and the sheet last, so that a sheet has all its maps."""
    for name, table in maps.items():
        write_table(table, output / MAPS / f"{name}.tsv")
    listed = output / LEFT_OUT
    if left_out:
        lines = [("name", "reason"), *left_out]
        write_text(listed, "".join("\t".join(map(plain_cell, line)) + "\n" for line in lines))
    else:
        listed.unlink(missing_ok=True)
    write_text(output / SHEET, _sheet_text(list(rows)))
