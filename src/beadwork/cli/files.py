"""How commands read and write matrices: with checks that name the file, and with provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Level, Matrix, Space, check_matrix
from beadwork.model.params import Params
from beadwork.model.spaces import guess_space


def load_matrix(
    path: Path,
    *,
    level: Level | Iterable[Level] | None = None,
    space: Space | Iterable[Space] | None = None,
    finite: bool = False,
) -> Matrix:
    """Read a matrix and check that it is what the command needs; messages name the file.

    A file that does not say its gene space (one of someone else's) gets the space whose genes it has.
    """
    matrix = read_matrix(path)
    if matrix.space is None:
        found = guess_space(matrix.rids, gene_table())
        if found is not None:
            matrix = matrix.with_values(matrix.values, space=found)
    check_matrix(matrix, level=level, space=space, finite=finite, what=str(path))
    return matrix


def save_matrix(
    matrix: Matrix,
    path: Path,
    *,
    command: str,
    params: Params | None = None,
    options: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Iterable[Mapping[str, str]]],
    sources: Iterable[Matrix] = (),
) -> None:
    """Write a matrix with the record of how it was made.

    Parameters
    ----------
    params, options
        What the result depends on: the parameter model, and options beside it (never threads, paths or times).
    inputs
        By role, records of the input files (:func:`beadwork.io.files.provenance.input_record`).
    sources
        Input matrices, whose own provenance becomes this file's history.
    """
    parameters = {**(params.model_dump(mode="json") if params else {}), **(options or {})}
    record = make_provenance(command, parameters, inputs, [source.provenance for source in sources])
    write_matrix(matrix.with_values(matrix.values, provenance=record), path)


__all__ = ["input_record", "load_matrix", "save_matrix"]
