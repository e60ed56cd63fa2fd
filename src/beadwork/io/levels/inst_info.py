"""Tables of wells: inst_info of LINCS, instinfo_beta of LINCS 2020, and ours.

They say of each column of a matrix of level 3 or 4 what was in the well.  Names of columns differ between them; they
come back under ours.  The largest has three million rows, of which only those that are asked for are kept.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from beadwork.io.files.typed_column import typed_column
from beadwork.model.errors import FileError, name_some
from beadwork.model.ids import distil_id, parse_well
from beadwork.model.missing import is_missing

ID_COLUMNS = ("inst_id", "distil_id", "sample_id", "profile_id", "cid", "id")
"""Columns that may hold the id of a well's profile; the first one there is taken."""
WELL_COLUMNS = ("det_well", "rna_well", "well_position")
OUR_NAMES = {"cmap_name": "pert_iname", "pert_desc": "pert_iname", "cell_iname": "cell_id", "cell_mfc_name": "cell_id",
             "nearest_dose": "pert_dose"}  # fmt: skip
"""Names of others for fields of ours; a field that stands under its own name is taken from there."""
_ROWS = 100_000
_NO_TABLE = (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError, EOFError, gzip.BadGzipFile, zlib.error)


def read_inst_info(path: str | Path, ids: Collection[str]) -> pd.DataFrame:
    """Read the rows of some wells from a table of wells, tab-separated, also .gz.

    The id of a row is its inst_id, distil_id or sample_id, else ``{det_plate}:{well}``; blanks around it do not count.

    Returns
    -------
    pandas.DataFrame
        Index: those of `ids` that are in the table; columns under our names, numbers where the field registry or all
        cells say so, other texts as they are.

    Raises
    ------
    FileError
        No such file, not a table, no column of ids, or an id twice with different values.
    """
    wanted = {str(name).strip(): name for name in ids}
    kept: list[pd.DataFrame] = []
    for part in _parts(path):
        part.index = pd.Index(_ids(part, path), dtype=object)
        kept.append(part[part.index.isin(wanted)])
    table = pd.concat(kept).drop_duplicates() if kept else pd.DataFrame()
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()].unique()
        raise FileError(f"{path}: wells stand twice with different values: {name_some(twice)}; keep one row of each")
    table.index = pd.Index([wanted[name] for name in table.index], dtype=object)
    columns = {name: typed_column(name, texts) for name, texts in _named(table).items()}
    return pd.DataFrame(columns, index=table.index)


def read_plate_rows(path: str | Path, det_plates: Collection[str]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Read the rows of some plates from a table of the wells of many, tab-separated, also .gz.

    The plate of a row is its det_plate, else what its id (inst_id, distil_id or sample_id) has before the colon.

    Returns
    -------
    dict of pandas.DataFrame
        By plate: rows as texts, columns under our names, det_plate and det_well first.  Equal rows stand once.
    list of str
        All plates of the table, in order.

    Raises
    ------
    FileError
        No such file, not a table, or no column that says plate and well.
    """
    wanted, order = set(det_plates), dict[str, None]()
    kept: list[pd.DataFrame] = []
    for part in _parts(path):
        plates, wells = _plates_and_wells(part, path)
        order.update(dict.fromkeys(plates))
        mine = np.array([plate in wanted for plate in plates], bool)
        if mine.any():
            place = [np.array(texts, dtype=object)[mine] for texts in (plates, wells)]
            kept.append(part[mine].assign(det_plate=place[0], det_well=place[1]))
    order.pop("", None)
    if not kept:
        return {}, list(order)
    table = pd.concat(kept, ignore_index=True)
    found = {}
    for plate, rows in table.groupby("det_plate", sort=False):
        columns = _named(rows)
        names = ["det_plate", "det_well", *(name for name in columns if name not in ("det_plate", "det_well"))]
        found[str(plate)] = pd.DataFrame({name: columns[name] for name in names}).drop_duplicates(ignore_index=True)
    return found, list(order)


def _parts(path: str | Path) -> Iterator[pd.DataFrame]:
    """Parts of a table, all cells as text."""
    try:
        packed: Literal["gzip"] | None = "gzip" if _is_gzip(path) else None
        with pd.read_csv(
            path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE, index_col=False, chunksize=_ROWS,
            encoding=_encoding(path), compression=packed,
        ) as parts:  # fmt: skip
            for part in parts:
                part.columns = [_plain(str(name)) for name in part.columns]
                yield part
    except _NO_TABLE as error:
        raise FileError(f"{path}: no tab-separated table of wells ({' '.join(str(error).split())})") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}); check the name") from None


def _plates_and_wells(part: pd.DataFrame, path: str | Path) -> tuple[list[str], list[str]]:
    """Plate and well of each row; those of its own columns go before those of its id."""
    found = next((name for name in ID_COLUMNS if name in part.columns), None)
    ids = [_plain(text).rpartition(":") for text in part[found]] if found else []
    well = next((name for name in WELL_COLUMNS if name in part.columns), None)
    by_id = any(plate for plate, _, _ in ids)
    if not by_id and ("det_plate" not in part.columns or well is None):
        raise FileError(
            f"{path}: has neither ids as PLATE:A01 ({', '.join(ID_COLUMNS[:3])}), nor det_plate with one of "
            f"{', '.join(WELL_COLUMNS)}; it has {name_some(part.columns, 12)}"
        )
    of_id = [plate for plate, _, _ in ids] if by_id else [""] * len(part)
    plates = [_plain(text) for text in part["det_plate"]] if "det_plate" in part.columns else of_id
    # an id says the well that was read; rna_well says where its sample came from
    own = "det_well" if "det_well" in part.columns else None if by_id else well
    wells = [_plain(text) for text in part[own]] if own else [_plain(text) for _, _, text in ids]
    wells = [parse_well(text) or text for text in wells]
    for (plate, _, text), mine, stated in zip(ids, plates, wells, strict=False):
        if (plate, parse_well(text)) != (mine, stated) and plate and mine and parse_well(text):
            raise FileError(f"{path}: id {plate}:{text} has det_plate {mine} and well {stated}; correct the row")
    return plates, wells


def _plain(cell: object) -> str:
    """Text of a cell without blanks and quotes around it; a row that is too short has none."""
    return cell.strip().strip('"').strip() if isinstance(cell, str) else ""


def _is_gzip(path: str | Path) -> bool:
    with open(path, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _encoding(path: str | Path) -> str:
    """Find the encoding: by the mark at the beginning, else UTF-8 if the first part is, else latin-1."""
    with gzip.open(path, "rb") if _is_gzip(path) else open(path, "rb") as stream:
        head = stream.read(1 << 20)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "latin-1" if error.start < len(head) - 4 else "utf-8-sig"
    return "utf-8-sig"


def _ids(part: pd.DataFrame, path: str | Path) -> list[str]:
    """Ids of the rows of a part of the table."""
    found = next((name for name in ID_COLUMNS if name in part.columns), None)
    if found is not None:
        return [_plain(text) for text in part[found]]
    well = next((name for name in WELL_COLUMNS if name in part.columns), None)
    if "det_plate" not in part.columns or well is None:
        raise FileError(
            f"{path}: has none of the columns {', '.join(ID_COLUMNS[:3])}, nor det_plate with one of "
            f"{', '.join(WELL_COLUMNS)}; it has {name_some(part.columns, 12)}"
        )
    pairs = zip(part["det_plate"], part[well], strict=True)
    return [distil_id(_plain(plate), parse_well(_plain(text)) or _plain(text)) for plate, text in pairs]


def _named(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Columns of texts under our names, without ids and without columns that are wholly missing."""
    columns: dict[str, np.ndarray] = {}
    for name in sorted(table.columns, key=lambda name: name in OUR_NAMES):  # those under our names come first
        target = OUR_NAMES.get(name, name)
        texts = np.array([_plain(text) for text in table[name]], dtype=object)
        if name in ID_COLUMNS or not name or all(is_missing(text) for text in texts):
            continue
        if target in columns and target != name:
            target = name
        columns[target] = texts
    return columns
