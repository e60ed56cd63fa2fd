"""One table from many, a part at a time: memory does not grow with the rows of a study, only with its plates.

Rows of wells and plates are put aside by plate (on disk, beside the output) and made wide one plate after the other.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.large_tables import find_header
from beadwork.io.files.scratch import scratch_folder
from beadwork.io.files.tables import read_table, write_portions, write_table
from beadwork.io.files.unpack import STANDARD_INPUT
from beadwork.model.errors import AlignmentError
from beadwork.model.qc import COLUMNS, current_names, numeric_values
from beadwork.stages.plates.wide import (
    PLATE,
    WELL,
    Names,
    as_numbers,
    column_names,
    finish_plates,
    known_plates,
    of_wells,
    rows_of_plates,
    stage_pairs,
    wide_plates,
    wide_wells,
)


def collect_tables(
    tables: Sequence[Path], output: Path, *, wells: Path | None = None, plates: Path | None = None
) -> None:
    """Join tables of one kind, QC rows or siginfo, in the order given; columns that one lacks are empty there.

    Parameters
    ----------
    tables
        Tab-separated files.
    output
        Receives all their rows; of QC rows, texts of ``value`` stand in the column ``note``.
    wells, plates
        Receive QC rows as wide tables (:func:`beadwork.stages.plates.wide.wide_tables`).

    Raises
    ------
    AlignmentError
        The tables are of two kinds, or hold no QC rows and wide tables are asked for.
    FileError
        A table cannot be read, or an output cannot be written.
    """
    columns = _united(tables)
    is_qc = columns[: len(COLUMNS)] == COLUMNS
    parts = (read_table(path, text_only=True).reindex(columns=columns) for path in tables)
    if is_qc:
        parts = (numeric_values(current_names(part)) for part in parts)
    if wells is None and plates is None:
        write_portions(parts, output)
        return
    if not is_qc:
        raise AlignmentError(f"{tables[0]}: holds no QC rows ({', '.join(COLUMNS)}), as --wells and --plates need")
    with scratch_folder(output.parent) as folder, _Store(folder / "rows") as rows, _Store(folder / "wide") as wide:
        pairs = _Pairs()
        write_portions(_put_aside(parts, rows, pairs), output)
        names, plate_names = column_names(pairs.of_wells), column_names(pairs.of_plates)
        own, medians = _no_plate()
        found = [_of_plate(plate, rows, wide, names, plate_names) for plate in pairs.plates]
        if wells is not None:
            write_portions(_typed_wells(pairs.plates, wide, names), wells)
        if plates is not None:
            if of_plates := [row for row, _ in found if row]:
                own = pd.DataFrame(of_plates, dtype=object)
            if of_medians := [row for _, row in found if row]:
                medians = pd.DataFrame(of_medians)
            write_table(finish_plates(own, medians), plates)


def _united(tables: Sequence[Path]) -> list[str]:
    """Columns of all tables, in the order in which they first stand; most are known by the header line."""
    columns: list[str] = []
    for path in tables:
        found = None if str(path) == STANDARD_INPUT else find_header(path)
        if found is None or not all(found[0]) or len(set(found[0])) < len(found[0]):
            names = list(read_table(path, text_only=True).columns)
        else:
            names = found[0]
        if columns and columns[0] != names[0]:
            raise AlignmentError(
                f"{path}: its first column is {names[0]}, but that of {tables[0]} is {columns[0]}; "
                "merge tables of one kind"
            )
        columns += [name for name in names if name not in columns]
    return columns


class _Store:
    """Tables by name in a file: several of one name are joined when they are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, list[int]] = {}

    def __enter__(self) -> _Store:
        self._file = open(self._path, "w+b")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Put a table at the end."""
        self._places.setdefault(name, []).append(self._file.seek(0, 2))
        pickle.dump(table, self._file, protocol=pickle.HIGHEST_PROTOCOL)

    def read(self, name: str) -> pd.DataFrame:
        """All tables of a name."""
        found: list[pd.DataFrame] = []
        for place in self._places[name]:
            self._file.seek(place)
            found.append(pickle.load(self._file))
        return pd.concat(found, ignore_index=True) if len(found) > 1 else found[0]


class _Pairs:
    """Which entities are plates, and the metrics and stages of wells and plates, each in order of first appearance."""

    def __init__(self) -> None:
        self.of_wells: dict[tuple[str, str], None] = {}
        self._known: set[str] = set()
        self._of_entity: dict[str, dict[tuple[str, str], int]] = {}
        self._count = 0

    def note(self, rows: pd.DataFrame) -> None:
        """Note the rows of a part."""
        is_well = rows[WELL] != ""
        self.of_wells |= dict.fromkeys(stage_pairs(rows[is_well]))
        self._known |= known_plates(rows)
        first = rows.loc[~is_well, [PLATE, "metric", "stage"]].drop_duplicates()
        for entity, metric, stage in first.itertuples(index=False, name=None):
            self._of_entity.setdefault(entity, {}).setdefault((metric, stage), self._count)
            self._count += 1

    @property
    def plates(self) -> list[str]:
        """Names of plates, sorted."""
        return sorted(self._known)

    @property
    def of_plates(self) -> list[tuple[str, str]]:
        """Metrics and stages of plates."""
        found: dict[tuple[str, str], int] = {}
        for plate in self._known & set(self._of_entity):
            for pair, place in self._of_entity[plate].items():
                found[pair] = min(place, found.get(pair, place))
        return sorted(found, key=found.__getitem__)


def _put_aside(parts: Iterable[pd.DataFrame], rows: _Store, pairs: _Pairs) -> Iterator[pd.DataFrame]:
    """Let parts through, and keep the rows of wells and plates."""
    for part in parts:
        found = rows_of_plates(part)
        pairs.note(found)
        for plate, own in found.groupby(PLATE, sort=False):
            rows.add(str(plate), own)
        yield part


def _of_plate(
    plate: str, rows: _Store, wide: _Store, names: Names, plate_names: Names
) -> tuple[dict[str, object], dict[str, object]]:
    """Make the rows of a plate wide: keep its wells, return its own row and that of medians of its wells."""
    found = rows.read(plate)
    is_well = found[WELL] != ""
    wells = wide_wells(found[is_well], names)
    wide.add(plate, wells)
    return _record(wide_plates(found[~is_well], plate_names)), _record(of_wells(wells))


def _record(table: pd.DataFrame) -> dict[str, object]:
    """Return the row of a table of one, which takes a hundredth of its memory."""
    return {str(name): cell for name, cell in table.iloc[0].items()} if len(table) else {}


def _no_plate() -> tuple[pd.DataFrame, pd.DataFrame]:
    nothing = rows_of_plates(pd.DataFrame(columns=COLUMNS, dtype=object))
    return wide_plates(nothing, {}), of_wells(wide_wells(nothing, {}))


def _typed_wells(plates: Sequence[str], wide: _Store, names: Names) -> Iterator[pd.DataFrame]:
    """Wide tables of wells, plate by plate, whose cells are printed as those of one table would be."""
    kinds: dict[str, set[str]] = {name: set() for name in names.values()}
    for plate in plates:
        table = wide.read(plate)
        for name in kinds if len(table) else ():
            kinds[name].add(as_numbers(table[name]).dtype.kind)
    numbers = {name: np.int64 if found <= {"i"} else np.float64 for name, found in kinds.items() if found <= {"i", "f"}}
    yield pd.DataFrame(columns=[PLATE, WELL, *names.values(), "failed"], dtype=object)
    for plate in plates:
        table = wide.read(plate)
        if len(table):
            yield table.assign(**{name: pd.to_numeric(table[name]).astype(kind) for name, kind in numbers.items()})
