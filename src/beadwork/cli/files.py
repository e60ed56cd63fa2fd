"""How commands read and write matrices: with checks that name the file, and with provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from beadwork.cli.options import log
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.matrix.formats import read_annotation, read_matrix, write_matrix
from beadwork.io.platform.gene_table import gene_table, landmark_ids
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


def with_inst_info(matrices: Sequence[Matrix], names: Sequence[Path], table: Path | None) -> list[Matrix]:
    """Matrices with the fields that a table of wells has beside theirs (``--instinfo``)."""
    if table is None:
        return list(matrices)
    from beadwork.io.levels.inst_info import read_inst_info
    from beadwork.stages.levels.annotate import add_fields

    found = read_inst_info(table, [cid for matrix in matrices for cid in matrix.cids])
    return [
        add_fields(matrix, found, what=str(name), source=str(table))
        for matrix, name in zip(matrices, names, strict=True)
    ]


def load_landmarks(path: Path, *, level: Level | Iterable[Level] | None = None) -> Matrix:
    """Read the landmarks of a matrix, as rows of Entrez ids in the file's order; it says that others are left out.

    Rows are known by Entrez id, by HG-U133A probe id, or by Entrez ids in the row field pr_gene_id.

    Raises
    ------
    FileError
        Landmarks are absent, or stand twice.
    """
    found = read_annotation(path)
    ids = landmark_ids(found.rows, str(path))
    if len(ids) < len(found.rows):
        log.info("%s: %d rows that are no landmarks are left out", path, len(found.rows) - len(ids))
    matrix = read_matrix(path, rids=ids.index)
    rows = matrix.rows if ids.index.equals(pd.Index(ids)) else matrix.rows.assign(pr_probe_id=matrix.rids)
    matrix = replace(matrix, rows=rows.set_axis(pd.Index(ids, dtype=object), axis=0), space=Space.LM)
    check_matrix(matrix, level=level, space=Space.LM, what=str(path))
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


__all__ = ["input_record", "load_landmarks", "load_matrix", "save_matrix", "with_inst_info"]
