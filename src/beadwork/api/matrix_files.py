"""Matrices and the files they stand in: with checks that name the file, and with provenance."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.matrix.formats import read_annotation, read_matrix, read_provenance, write_matrix
from beadwork.io.platform.gene_table import gene_table, landmark_ids
from beadwork.io.platform.shipped import edited_tables
from beadwork.model.errors import counted
from beadwork.model.matrix import Level, Matrix, Space, check_matrix
from beadwork.model.spaces import guess_space

if TYPE_CHECKING:
    from beadwork.model.params import Params

log = logging.getLogger("beadwork")


class StoredMatrix:
    """A matrix in a file: read when it is asked for first, or at hand because it was just written.

    Parameters
    ----------
    path
        The file.
    written
        The matrix that was written there; its annotation is taken from the file again, so that the next step sees
        what a command of its own would read.
    digest
        Checksum of the file, if it is known.
    """

    def __init__(self, path: Path, written: Matrix | None = None, digest: str | None = None) -> None:
        self.path = path
        self._written = written
        self._digest = digest

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix as the file holds it."""
        if self._written is None:
            return read_matrix(self.path)
        found = read_annotation(self.path)
        values, self._written = self._written.values, None
        return Matrix(values, found.rows, found.cols, level=found.level, space=found.space, provenance=found.provenance)

    @cached_property
    def record(self) -> dict[str, str]:
        """Name and checksum, for the provenance of what is made of it."""
        if self._digest is None:
            _ = self.provenance  # which says more clearly what is wrong with a file that is no matrix
        return input_record(self.path, self._digest)

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """How it came to be."""
        return self.matrix.provenance if self._is_at_hand() else read_provenance(self.path)

    def _is_at_hand(self) -> bool:
        """Whether no value need be read."""
        return "matrix" in self.__dict__ or self._written is not None

    def checked(
        self,
        *,
        level: Level | Iterable[Level] | None = None,
        space: Space | Iterable[Space] | None = None,
        finite: bool = False,
        samples: bool = False,
    ) -> Matrix:
        """Return the matrix if it is what a step needs; messages name the file.

        A file that does not say its gene space (one of someone else's) gets the space whose genes it has.
        """
        matrix = self.matrix
        if matrix.space is None:
            found = guess_space(matrix.rids, gene_table())
            if found is not None:
                matrix = matrix.with_values(matrix.values, space=found)
        check_matrix(matrix, level=level, space=space, finite=finite, samples=samples, what=str(self.path))
        return matrix

    def landmarks(self, level: Level | Iterable[Level] | None = None) -> Matrix:
        """Return the landmarks, as rows of Entrez ids in the file's order; it says that others are left out.

        Rows are known by Entrez id, by HG-U133A probe id, or by Entrez ids in the row field pr_gene_id.

        Raises
        ------
        FileError
            Landmarks are absent, or stand twice.
        """
        there = self._is_at_hand()
        table = self.matrix.rows if there else read_annotation(self.path).rows
        ids = landmark_ids(table, str(self.path))
        if len(ids) < len(table):
            lost = counted(len(table) - len(ids), "row that is no landmark is", "rows that are no landmarks are")
            log.info("%s: %s left out", self.path, lost)
        matrix = self.matrix.take_rows(ids.index) if there else read_matrix(self.path, rids=ids.index)
        rows = matrix.rows if ids.index.equals(pd.Index(ids)) else matrix.rows.assign(pr_probe_id=matrix.rids)
        matrix = replace(matrix, rows=rows.set_axis(pd.Index(ids, dtype=object), axis=0), space=Space.LM)
        check_matrix(matrix, level=level, space=Space.LM, what=str(self.path))
        return matrix


def add_inst_info(matrices: Sequence[Matrix], names: Sequence[Path], table: Path | None) -> list[Matrix]:
    """Return matrices with the fields that a table of wells has beside theirs; the same if there is no table."""
    if table is None:
        return list(matrices)
    from beadwork.io.levels.inst_info import read_inst_info
    from beadwork.stages.levels.annotate import add_fields

    found = read_inst_info(table, [cid for matrix in matrices for cid in matrix.cids])
    return [
        add_fields(matrix, found, what=str(name), source=str(table))
        for matrix, name in zip(matrices, names, strict=True)
    ]


def record_of(
    command: str,
    params: Params | None,
    options: Mapping[str, Any] | None,
    inputs: Mapping[str, Iterable[Mapping[str, str]]],
    earlier: Iterable[Mapping[str, Any]] = (),
    tables: Iterable[str] = (),
) -> dict[str, Any]:
    """Provenance of a step.

    Parameters
    ----------
    params, options
        What the result depends on: the parameter model, and options beside it (never threads, paths or times).
    inputs
        By role, records of the input files (:func:`beadwork.io.files.provenance.input_record`).
    earlier
        Provenance of the input matrices, which becomes this record's history.
    tables
        Shipped tables that it uses; those that were edited stand in the record.
    """
    found = edited_tables()
    edited = {name: found[name] for name in tables if name in found}
    parameters = {**(params.model_dump(mode="json") if params else {}), **(options or {})}
    return make_provenance(command, parameters, inputs, earlier, edited)


def save_matrix(
    matrix: Matrix,
    path: Path,
    *,
    command: str,
    params: Params | None = None,
    options: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Iterable[Mapping[str, str]]],
    sources: Iterable[Matrix] = (),
    tables: Iterable[str] = (),
) -> None:
    """Write a matrix with the record of how it was made (:func:`record_of`); `sources` are the input matrices."""
    record = record_of(command, params, options, inputs, [source.provenance for source in sources], tables)
    write_matrix(matrix.with_values(matrix.values, provenance=record), path)
