"""Signatures of matrices of level 3 or 4: scored plate by plate, replicates averaged, a few brews at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from beadwork.api.index.writing.inputs import OpenMatrix
from beadwork.io.matrix.column_stream import select_columns
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.errors import AlignmentError, BeadworkError, counted, name_some
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import ConsensusParams, ZscoreParams
from beadwork.model.spaces import guess_space, space_genes
from beadwork.stages.levels.consensus import consensus
from beadwork.stages.levels.groups import with_brew, with_plate
from beadwork.stages.levels.zscore import zscore

log = logging.getLogger("beadwork")
FEWEST_WELLS = ZscoreParams().min_population


@dataclass(frozen=True, eq=False)
class Brews:
    """Wells of a matrix by brew: the replicate plates that make signatures together.

    Parameters
    ----------
    positions
        Columns of each brew, by name.
    wells
        Annotation of all columns of the matrix.
    """

    positions: dict[str, np.ndarray]
    wells: pd.DataFrame


def find_brews(name: str, cols: pd.DataFrame, wells: pd.DataFrame | None) -> Brews:
    """Group the columns of a matrix by brew, with the annotation of its own and of a table of wells.

    Raises
    ------
    AlignmentError
        Nothing says what is in the wells.
    """
    table = cols.copy()
    if wells is not None:
        known = cols.index.isin(wells.index)
        if known.any() and not known.all():
            log.warning(
                "%s: %d of %d wells are in no table of wells and are left out: %s",
                name, int((~known).sum()), len(known), name_some(cols.index[~known], 3),
            )  # fmt: skip
        for field in wells.columns:
            found = wells[field].reindex(cols.index)
            table[field] = found if field not in table else table[field].where(table[field].notna(), found)
        table = table[known] if known.any() else table
    if "pert_id" not in table or "pert_type" not in table:
        raise AlignmentError(
            f"{name}: nothing says what is in its wells ({name_some(cols.index, 3)}); put the inst_info "
            "(instinfo_beta) of the matrix beside it"
        )
    table = table[table["pert_id"].notna()]
    full = with_brew(with_plate(table))
    places = pd.Index(cols.index).get_indexer(full.index)
    brews = full["brew_prefix"].astype(str).to_numpy()
    order = np.argsort(brews, kind="stable")
    names, starts = np.unique(brews[order], return_index=True)
    parts = np.split(order, starts[1:])
    whole = full.reindex(cols.index)
    return Brews({str(key): np.sort(places[part]) for key, part in zip(names, parts, strict=True)}, whole)


def make_signatures(
    opened: OpenMatrix, brews: Brews, names: Sequence[str], level: Level
) -> Iterator[tuple[Matrix, pd.DataFrame]]:
    """Signatures of some brews, each as a matrix of MODZ and their siginfo.

    A plate with too few wells to be scored is left out, which is said.
    """
    landmarks = space_genes(gene_table(), Space.LM)
    for name in names:
        positions = brews.positions[name]
        values = select_columns(opened.stream, positions).read(0, len(positions)).T
        rows = pd.DataFrame({"pr_gene_symbol": opened.symbols}, index=pd.Index(opened.gene_ids, dtype=object))
        wells = brews.wells.iloc[positions]
        space = guess_space(opened.gene_ids, gene_table())
        matrix = Matrix(values, rows, wells, level=level, space=space)
        try:
            if level is Level.INF:
                matrix = zscore(matrix, if_few="missing", what=f"{opened.stream.path}: {name}").matrix
            scored = np.isfinite(matrix.values).all(axis=0)
            if not scored.all():
                plates = sorted({str(plate) for plate in wells["det_plate"][~scored]})
                log.warning(
                    "%s: %s: %s of %s left out for missing scores (a plate needs %d wells)",
                    opened.stream.path.name, name, counted(int((~scored).sum()), "well"), name_some(plates, 3),
                    FEWEST_WELLS,
                )  # fmt: skip
                if not scored.any():
                    continue
                matrix = Matrix(
                    matrix.values[:, scored], matrix.rows, matrix.cols[scored], level=matrix.level, space=matrix.space
                )
            found = consensus(matrix, landmarks=landmarks, params=ConsensusParams())
        except BeadworkError as error:
            raise AlignmentError(f"{opened.stream.path.name}: {name}: {error}") from None
        yield found.matrix, found.siginfo
