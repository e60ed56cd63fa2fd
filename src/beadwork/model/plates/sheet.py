"""The plate sheet: its rows, what is wrong with them, and the wells of the plate maps that they name."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from beadwork.model.errors import MapError, agree, all_at_once, counted, name_some
from beadwork.model.ids import DET_PLATE_PATTERN, parse_det_plate
from beadwork.model.lines import split_lines
from beadwork.model.missing import is_missing
from beadwork.model.params import expectation
from beadwork.model.pert_types import is_vehicle

Name = Annotated[str, StringConstraints(pattern=rf"^{DET_PLATE_PATTERN}$")]
"""A name that can stand in a file name."""
BRACES = "holds { or }, which mean something else in a workflow; rename it"
"""What is wrong with such a path: Snakemake takes what is between them for a wildcard, and seeks another file."""


def _empty_is_none(value: Any) -> Any:
    return None if value is None or is_missing(str(value)) else str(value).strip()


Optional = Annotated[Name | None, BeforeValidator(_empty_is_none)]


class PlateRow(BaseModel, extra="forbid", frozen=True):
    """One row of the plate sheet."""

    det_plate: Name = Field(description="name of the plate, {pert_plate}_{cell}_{time}_{replicate}_{bead batch}")
    lxb: str = Field(min_length=1, description="folder, .tar, .tar.gz or .zip of its .lxb or .lxb.gz files")
    map: str = Field(min_length=1, description="its plate map, tab-separated")
    bead_batch: Optional = Field(None, description="bead batch, if the last part of det_plate does not say it")
    bead_set: Optional = Field(None, description="bead set (epsilon-r2, ...), if the batch table does not say it")
    cell_id: Optional = Field(None, description="cell line, if neither map nor det_plate says it")
    brew_prefix: Optional = Field(
        None, description="plates with the same are replicates; by default the first three parts of det_plate"
    )
    batch: Annotated[str | None, BeforeValidator(_empty_is_none)] = Field(None, description="your own label")
    archived: Annotated[Literal["yes", "no"], BeforeValidator(lambda text: str(text).strip().lower() or "no")] = Field(
        "no", description="yes: the beads of the plate, which is done, need not be there any more"
    )
    use: Annotated[Literal["yes", "no"], BeforeValidator(lambda text: str(text).strip().lower() or "yes")] = Field(
        "yes", description="no leaves the plate out"
    )

    @property
    def brew(self) -> str:
        """Name that replicate plates share."""
        return self.brew_prefix or parse_det_plate(self.det_plate).brew_prefix


PLATE_COLUMNS: tuple[str, ...] = tuple(PlateRow.model_fields)


Done = Callable[[str], bool]


def _never(plate: str) -> bool:
    return False


def is_stored(path: str) -> bool:
    """Whether a path is an address of a storage, such as ``s3://bucket/plate.tar``."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path) is not None


def check_plate_rows(
    rows: Iterable[tuple[int, Mapping[str, str]]], source: str, *, data: str = "", files: bool = True,
    unused: bool = False, done: Done = _never,
) -> list[PlateRow]:  # fmt: skip
    """Check the rows of a plate sheet and return those to use, paths complete; all mistakes at once.

    Parameters
    ----------
    rows
        Line number in the sheet, and cells by column.
    source
        How messages name the sheet.
    data
        Folder from which relative paths start.  Environment variables are filled in, there and in the sheet.
    files
        Whether lxb and map must exist (for plates with use: yes); an address (``s3://...``) is not looked for.
    done
        Says of a plate, by name, whether it needs its beads no more; asked where they are not there.
    unused
        Whether to return the plates with use: no as well.

    Raises
    ------
    MapError
        One line for each mistake, naming sheet, line, column and what was expected.
    """
    mistakes: list[str] = []
    plates: dict[str, tuple[int, PlateRow]] = {}
    for number, cells in rows:
        where = f"{source}: line {number}"
        try:
            row = PlateRow.model_validate(dict(cells))
        except ValidationError as error:
            mistakes += [_row_mistake(item, where) for item in error.errors()]
            continue
        if row.det_plate in plates:
            first = plates[row.det_plate][0]
            mistakes.append(f"{where}: det_plate {row.det_plate} stands in line {first} already; one row per plate")
            continue
        if row.use == "yes":
            row, problems = _complete_paths(row, data, files, done)
            mistakes += [f"{where}: {problem}" for problem in problems]
        plates[row.det_plate] = (number, row)
    used = [row for _, row in plates.values() if row.use == "yes"]
    mistakes += _cell_conflicts(used, source)
    if mistakes:
        raise MapError(all_at_once(mistakes))
    return [row for _, row in plates.values()] if unused else used


def _row_mistake(item: Any, where: str) -> str:
    column = ".".join(str(part) for part in item["loc"] if str(part) in PlateRow.model_fields) or str(item["loc"][0])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(column, PLATE_COLUMNS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(PLATE_COLUMNS)}"
        return f"{where}: column {column} is unknown; {hint}"
    if item["type"] in ("missing", "string_too_short"):
        return f"{where}: {column} is empty; it must be given"
    return f"{where}: {column}: {expectation(item)}, not {item['input']!r}"


def _complete_paths(row: PlateRow, data: str, files: bool, done: Done) -> tuple[PlateRow, list[str]]:
    problems, paths = [], {}
    for column, what in (("lxb", "folder or archive"), ("map", "file")):
        if "\0" in getattr(row, column):
            problems.append(f"{column}: holds a NUL character, which no path can; save the sheet anew as text")
            continue
        text = os.path.expanduser(os.path.expandvars(getattr(row, column)))
        base = os.path.expanduser(os.path.expandvars(data))
        stored = column == "lxb" and is_stored(text)
        path = text if stored else os.path.normpath(os.path.join(base, text))
        unknown = re.findall(r"\$\{?(\w+)", path)
        if unknown:
            problems.append(f"{column}: environment variable {unknown[0]} is not set; set it, or write the path out")
        elif "{" in path or "}" in path:
            problems.append(f"{column}: {path} {BRACES}")
        elif stored or not files or os.path.isfile(path):
            pass
        elif column == "map" or not (os.path.isdir(path) or done(row.det_plate)):
            problems.append(f"{column}: there is no {what} {path}; relative paths start from {data or 'the working'}"
                            f"{'' if data else ' directory'}"
                            + ("; it is needed, for level 2 of the plate is not there" if column == "lxb" and
                               row.archived == "yes" else ""))  # fmt: skip
        paths[column] = path
    return row.model_copy(update=paths), problems


def _cell_conflicts(plates: Iterable[PlateRow], source: str) -> list[str]:
    """Brews whose plates name different cells: they cannot be replicates."""
    cells: dict[str, set[str]] = {}
    for row in plates:
        cell = row.cell_id or parse_det_plate(row.det_plate).cell_id
        cells.setdefault(row.brew, set()).add(cell)
    return [
        f"{source}: brew_prefix {brew} has plates of different cells ({name_some(sorted(found))}); "
        "replicates share one cell"
        for brew, found in cells.items()
        if len(found) > 1
    ]


def parse_plate_sheet(
    text: str, source: str, *, data: str = "", files: bool = True, unused: bool = False, done: Done = _never
) -> list[PlateRow]:
    """Read the text of a plate sheet: tab-separated, a header line, ``#`` above it and empty lines left out.

    See :func:`check_plate_rows`, which it calls, for the parameters and what is raised; `unused` adds the plates with
    use: no, whose paths stay as they are written.
    """
    lines = [(number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip()]
    while lines and lines[0][1].startswith("#"):
        lines.pop(0)
    required = [name for name, field in PlateRow.model_fields.items() if field.is_required()]
    if not lines:
        raise MapError(f"{source}: is empty; it needs a header line with {', '.join(required)}")
    header = [name.strip() for name in lines[0][1].split("\t")]
    mistakes = []
    for name in required:
        if name not in header:
            hint = "; columns must be separated by tabs" if len(header) == 1 else ""
            mistakes.append(f"{source}: lacks the column {name}{hint}")
    for name in header:
        if name not in PLATE_COLUMNS:
            near = difflib.get_close_matches(name, PLATE_COLUMNS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(PLATE_COLUMNS)}"
            mistakes.append(f"{source}: column {name} is unknown; {hint}")
        elif header.count(name) > 1:
            mistakes.append(f"{source}: column {name} stands {header.count(name)} times; keep one")
    if mistakes:
        raise MapError(all_at_once(mistakes))
    rows = []
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) > len(header):
            mistakes.append(
                f"{source}: line {number} has {counted(len(cells), 'cell')}, but there "
                f"{agree(len(header), 'is')} {counted(len(header), 'column')}"
            )
        rows.append((number, dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))))
    if mistakes:
        raise MapError(all_at_once(mistakes))
    return check_plate_rows(rows, source, data=data, files=files, unused=unused, done=done)


def parse_plate_sheets(
    sheets: Iterable[tuple[str, str]], *, data: str = "", files: bool = True, unused: bool = False, done: Done = _never
) -> list[PlateRow]:
    """Read several plate sheets as one.

    A plate may stand in a later sheet again, with other files for example, if the earlier ones say use: no.

    Parameters
    ----------
    sheets
        Text of each sheet, and how messages name it.
    data, files, unused, done
        See :func:`check_plate_rows`.

    Raises
    ------
    MapError
        As :func:`parse_plate_sheet`, for the first sheet that has mistakes; or a plate is to be used from two sheets,
        or plates of one brew name different cells.
    """
    plates: dict[str, tuple[str, PlateRow]] = {}
    mistakes, names = [], []
    for text, source in sheets:
        names.append(source)
        for row in parse_plate_sheet(text, source, data=data, files=files, unused=True, done=done):
            first, known = plates.get(row.det_plate, ("", None))
            if known is not None and known.use == "yes" and row.use == "yes":
                mistakes.append(f"{source}: det_plate {row.det_plate} stands in {first} already; say use: no there")
            if known is None or row.use == "yes":
                plates[row.det_plate] = (source, row)
    rows = [row for _, row in plates.values()]
    used = [row for row in rows if row.use == "yes"]
    mistakes += _cell_conflicts(used, ", ".join(names))
    if mistakes:
        raise MapError(all_at_once(mistakes))
    return rows if unused else used


@dataclass(frozen=True)
class MapCounts:
    """What the workflow needs to know of a plate map beforehand."""

    wells: int
    vehicles: int


def count_wells(text: str, source: str) -> MapCounts:
    """Count the wells of a plate map, and its vehicle wells.

    Raises
    ------
    MapError
        A column that every map needs is missing; the source is named.
    """
    lines = [line for line in split_lines(text) if line.strip()]
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    header = [name.strip().strip('"') for name in lines[0].split("\t")] if lines else []
    absent = [name for name in ("pert_id", "pert_type") if name not in header]
    if not {"rna_well", "det_well", "well_position"} & set(header):
        absent.insert(0, "rna_well (or det_well, well_position)")
    if absent:
        raise MapError(f"{source}: lacks the column(s) {', '.join(absent)}; a plate map is tab-separated with a header")
    position = header.index("pert_type")
    types = [line.split("\t")[position].strip().strip('"') for line in lines[1:] if line.count("\t") >= position]
    return MapCounts(wells=len(lines) - 1, vehicles=sum(map(is_vehicle, types)))
