"""Recognise what lies in a folder of downloads, by name and header: matrices of which level, and tables of what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import h5py

from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.connectivity.library.annotation_tables import (
    CELL_COLUMNS,
    CELL_NAMES,
    COMPOUND_COLUMNS,
    ID_COLUMNS,
    NAME_COLUMNS,
    fields_of,
    plain_names,
)
from beadwork.io.files.large_tables import find_header
from beadwork.io.matrix.gctx.reader import open_gctx
from beadwork.model.connectivity.annotation import CELL_FIELDS, COMPOUND_FIELDS
from beadwork.model.errors import BeadworkError, FileError
from beadwork.model.matrix import Level

TABLES = (".txt", ".tsv", ".tab")
MATRICES = (".gctx", ".gct", ".h5ad", ".parquet")
_LEVEL = re.compile(r"level[ _-]?([2345])", re.IGNORECASE)
_TOKENS = {
    "MODZ": 5, "COMPZ": 5, "MNZ": 5, "ZSPCINF": 4, "ZSVCINF": 4, "ZSPC": 4, "ZSVC": 4, "ZSNC": 4, "INF": 3,
    "QNORM": 3, "Q2NORM": 3, "NORM": 3, "GEX": 2, "CAL": 0,
}  # fmt: skip
"""What parts of a file's name say of the level of its values; 0: no values of genes."""
_LEVELS = {Level.GEX: 2, Level.NORM: 3, Level.QNORM: 3, Level.INF: 3, Level.ZSPC: 4, Level.ZSVC: 4, Level.ZSNC: 4,
           Level.MODZ: 5, Level.MNZ: 5}  # fmt: skip
_SIZE = re.compile(r"_n(\d+)x(\d+)(?=[_.]|$)")
COMMENTS = ("#", "!")


class Role(StrEnum):
    """What a file is taken for."""

    MATRIX = "matrix"
    SIGNATURES = "table of signatures"
    WELLS = "table of wells"
    COMPOUNDS = "table of compounds"
    CELLS = "table of cells"
    GENES = "table of genes"
    NONE = "left"


@dataclass(frozen=True)
class Item:
    """One file of a folder.

    Parameters
    ----------
    level
        Level of a matrix, 2 to 5; None where neither the file nor its name says it.
    shape
        (genes, columns) of a matrix; None where that would need unpacking or reading.
    why
        Why it was left.
    token
        What kind of values the name or the file says, such as ZSVC; empty if it does not.
    """

    path: Path
    role: Role
    size: int
    level: int | None = None
    shape: tuple[int, int] | None = None
    why: str = ""
    token: str = ""
    columns: tuple[str, ...] = ()

    @property
    def is_packed(self) -> bool:
        """Whether it has to be unpacked before it can be read in portions."""
        return self.path.suffix == ".gz" and self.role is Role.MATRIX


def recognise(folder: Path) -> list[Item]:
    """Recognise what each file of a folder and of the folders in it is; indices, results of runs and hidden files not.

    Raises
    ------
    FileError
        There is no such folder, or nothing in it.
    """
    if folder.is_file():
        raise FileError(f"{folder}: is a file; name the folder that holds matrices and tables")
    if not folder.is_dir():
        raise FileError(f"{folder}: no such folder; name the folder that holds matrices and tables")
    found = [recognise_file(path) for path in _files(folder)]
    if not found:
        raise FileError(f"{folder}: holds no files; download matrices and tables into it")
    return found


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not (path / MANIFEST).exists():
                found += _files(path)
        elif path.is_file():
            found.append(path)
    return found


def recognise_file(path: Path) -> Item:
    """Recognise what one file is."""
    size = path.stat().st_size
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if size == 0:
        return Item(path, Role.NONE, size, why="is empty")
    if plain.suffix.lower() in MATRICES:
        return _matrix(path, plain, size)
    if plain.suffix.lower() in TABLES:
        return _table(path, size)
    return Item(path, Role.NONE, size, why="neither a matrix (.gctx, .gct, .h5ad, .parquet) nor a table (.txt, .tsv)")


def name_level(name: str) -> tuple[int | None, str]:
    """Level that a file's name says, and the token that says it.

    >>> name_level("GSE92742_Broad_LINCS_Level5_COMPZ.MODZ_n473647x12328.gctx")
    (5, 'COMPZ')
    >>> name_level("level3_beta_ctl_n188708x12328.gctx")
    (3, '')
    """
    parts = re.split(r"[_.\- ]", name.upper())
    token = next((part for part in parts if part in _TOKENS), "")
    level = _LEVEL.search(name)
    if level is not None:
        return int(level[1]), token
    return (_TOKENS[token], token) if token else (None, "")


def named_size(name: str) -> tuple[int, int] | None:
    """(genes, columns) that a name such as ``..._n720216x12328.gctx`` says."""
    found = _SIZE.search(name)
    return None if found is None else (int(found[2]), int(found[1]))


def _matrix(path: Path, plain: Path, size: int) -> Item:
    level, token = name_level(plain.name)
    shape = named_size(plain.name)
    if path.suffix != ".gz" and path.suffix.lower() == ".gctx":
        if not h5py.is_hdf5(path):
            return Item(path, Role.NONE, size, why="is no HDF5 file, as a GCTX is; fetch it anew")
        try:
            with open_gctx(path, path) as file:
                there = file.shape
                if file.level is not None:
                    level, token = _LEVELS[file.level], str(file.level)
        except BeadworkError as error:
            raise FileError(str(error)) from None
        if shape is not None and shape != there:
            raise FileError(
                f"{path}: holds {there[1]:,} columns of {there[0]:,} genes, but its name says {shape[1]:,} of "
                f"{shape[0]:,}; fetch it anew, or give it the right name"
            )
        shape = there
    if level == 0:
        return Item(path, Role.NONE, size, why="holds calibrators, not genes", token=token)
    return Item(path, Role.MATRIX, size, level, shape, token=token)


def _table(path: Path, size: int) -> Item:
    header = find_header(path, COMMENTS)
    if header is None:
        return Item(path, Role.NONE, size, why="no tab-separated table with a header")
    columns = tuple(header[0])
    role, why = table_role(columns)
    return Item(path, role, size, why=why, columns=columns)


def table_role(columns: Sequence[str]) -> tuple[Role, str]:
    """Recognise what a table with these columns is, and why it is none that is needed."""
    there = plain_names(columns)
    compound = [name for name in (*ID_COLUMNS, *NAME_COLUMNS) if name in there]
    if {"rank", "ncs"} <= set(there):
        return Role.NONE, "is a ranked answer of `beadwork query`, not a table of signatures"
    if "sig_id" in there:
        return Role.SIGNATURES, ""
    if {"inst_id", "distil_id", "sample_id", "profile_id"} & set(there) or (
        "det_plate" in there and {"det_well", "rna_well", "well_position"} & set(there)
    ):
        return Role.WELLS, ""
    if "pr_gene_id" in there or ("gene_id" in there and {"gene_symbol", "symbol"} & set(there)):
        return Role.GENES, ""
    is_cell = any(name in there for name in CELL_NAMES)
    if is_cell and not compound and fields_of(columns, CELL_FIELDS, CELL_COLUMNS):
        return Role.CELLS, ""
    if compound and fields_of(columns, COMPOUND_FIELDS, COMPOUND_COLUMNS):
        return Role.COMPOUNDS, ""
    return (
        Role.NONE,
        f"a table, but of neither signatures, wells, compounds, cells nor genes (columns {columns[0]}, ...)",
    )
