"""Fields of wells that a matrix lacks, from a table of wells."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from beadwork.model.errors import AlignmentError, counted, name_some
from beadwork.model.levels.wells import plain_text
from beadwork.model.matrix import Matrix

log = logging.getLogger("beadwork.annotate")


def add_fields(matrix: Matrix, table: pd.DataFrame, *, what: str = "matrix", source: str = "table") -> Matrix:
    """Give the columns of a matrix the fields of a table of wells.

    What the matrix says itself stays, and where the table says something else, this is reported; a missing value, or a
    missing field, is filled.  How many columns are in the table is reported too, and which are not.

    Parameters
    ----------
    table
        Index: ids of columns (``io.levels.inst_info.read_inst_info``).
    what, source
        How messages name the matrix and the table, usually their files.

    Raises
    ------
    AlignmentError
        No column of the matrix is in the table.
    """
    known = matrix.cids.isin(table.index)
    if not known.any():
        raise AlignmentError(
            f"{source}: has none of the {len(known)} columns of {what} ({name_some(matrix.cids, 3)}); are their ids "
            "those of the table (inst_id, distil_id, sample_id, or det_plate:det_well)?"
        )
    if known.all():
        log.info("%s: all %d columns are in %s", what, len(known), source)
    else:
        log.warning(
            "%s: %d of %d columns are in %s; without a row there: %s",
            what, int(known.sum()), len(known), source, name_some(matrix.cids[~known]),
        )  # fmt: skip
    rows = table.reindex(matrix.cids)
    cols = matrix.cols.copy()
    for name in rows.columns:
        if rows[name].isna().all():
            continue
        if name not in cols:
            cols[name] = rows[name]
            continue
        theirs, ours = rows[name], cols[name]
        differ = ours.notna() & theirs.notna() & ~_equal(ours, theirs)
        if differ.any():
            at = int(differ.to_numpy().argmax())
            log.warning(
                "%s: %s of %s is not that of %s (%s: %s there, %s here); the value of the matrix stays",
                what, name, counted(int(differ.sum()), "column"), source, differ.index[at],
                theirs.iloc[at], ours.iloc[at],
            )  # fmt: skip
        fill = ours.isna() & theirs.notna()
        if fill.any():
            same = pd.api.types.is_numeric_dtype(ours) and pd.api.types.is_numeric_dtype(theirs)
            cols[name] = ours.where(~fill, theirs) if same else ours.astype(object).where(~fill, theirs)
    return matrix.with_values(matrix.values, cols=cols)


def _equal(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    """Whether values are the same: numbers to six digits, texts whatever their case."""
    one, other = (pd.to_numeric(column, errors="coerce").to_numpy(np.float64) for column in (ours, theirs))
    texts = [column.map(lambda item: plain_text(item).casefold()).to_numpy(object) for column in (ours, theirs)]
    return pd.Series(np.isclose(one, other, rtol=1e-5, atol=0) | (texts[0] == texts[1]), index=ours.index)
