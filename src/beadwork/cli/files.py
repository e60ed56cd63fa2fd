"""How commands read and write matrices: with checks that name the file, and with provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from beadwork.api.matrix_files import StoredMatrix, add_inst_info, save_matrix
from beadwork.api.plate_steps import Made
from beadwork.cli.options import write_qc
from beadwork.io.files.provenance import input_record
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from beadwork.model.matrix import Level, Matrix, Space


def load_matrix(
    path: Path,
    *,
    level: Level | Iterable[Level] | None = None,
    space: Space | Iterable[Space] | None = None,
    finite: bool = False,
) -> Matrix:
    """Read a matrix and check that it is what the command needs; messages name the file."""
    return StoredMatrix(path).checked(level=level, space=space, finite=finite)


def load_landmarks(path: Path, *, level: Level | Iterable[Level] | None = None) -> Matrix:
    """Read the landmarks of a matrix, as rows of Entrez ids."""
    return StoredMatrix(path).landmarks(level)


def write_made(made: Made, paths: Mapping[str, Path | None], qc: Path | None) -> None:
    """Write what a step made, where asked: matrices and tables by name, then its QC rows."""
    for name, matrix in made.matrices.items():
        if (path := paths.get(name)) is not None:
            write_matrix(matrix, path)
    for name, table in made.tables.items():
        if (path := paths.get(name)) is not None:
            write_table(table, path)
    write_qc(made.qc, qc)


__all__ = ["add_inst_info", "input_record", "load_landmarks", "load_matrix", "save_matrix", "write_made"]
