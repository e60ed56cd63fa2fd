"""Matrix: values of genes by samples with their annotation, its level and its gene space.

``docs/reference/formats/levels.md`` describes the same rules in prose; :func:`check_matrix` is that page as a function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from beadwork.model.errors import AlignmentError, LevelError, agree, counted, name_some
from beadwork.model.levels.sample_major import SampleMajor


class Level(StrEnum):
    """What the values of a matrix are."""

    GEX = "GEX"
    """Level 2: deconvoluted expression, linear fluorescence intensity (FI)."""
    NORM = "NORM"
    """Level 3: LISS-scaled, log2."""
    QNORM = "QNORM"
    """Level 3: quantile-normalised over the plate, log2."""
    INF = "INF"
    """Level 3: landmarks and inferred genes, log2."""
    ZSPC = "ZSPC"
    """Level 4: robust z-score against the plate's population."""
    ZSVC = "ZSVC"
    """Level 4: robust z-score against the plate's vehicle wells."""
    ZSNC = "ZSNC"
    """Level 4: z-score, noise controlled: without what wells that hold the same thing differ by."""
    MODZ = "MODZ"
    """Level 5: moderated z-score, one column per signature."""
    MNZ = "MNZ"
    """Level 5: mean of noise-controlled z-scores, or a level-5 signature that was cleaned itself."""
    CAL = "CAL"
    """Level 2: the ten calibrators CAL01..CAL10, linear FI."""


CLEANED = (Level.ZSNC, Level.MNZ)
"""Levels without the noise that wells share; they are never mixed with others."""


class Space(StrEnum):
    """Which genes the rows are (Entrez ids)."""

    LM = "LM"
    """The 978 landmarks, measured."""
    BING = "BING"
    """10,174: landmarks and the 9,196 genes that are inferred well."""
    AIG = "AIG"
    """12,328: landmarks and all 11,350 inferred genes."""


SPACE_SIZES: Mapping[Space, int] = {Space.LM: 978, Space.BING: 10_174, Space.AIG: 12_328}


@dataclass(frozen=True, eq=False)
class Matrix:
    """Values of genes by samples; immutable: stages return new ones.

    Parameters
    ----------
    values
        float32, shape (genes, samples).  NaN is missing.  Stored read-only.
    rows, cols
        Annotation of genes and samples; the index holds unique ids (strings).
    level
        What the values are; None if unknown (a file of someone else's).
    space
        Which genes the rows are; None if they are not one of the named spaces.
    provenance
        How the matrix came to be (see ``beadwork.io.files.provenance``); carried along, never computed with.
    """

    values: np.ndarray
    rows: pd.DataFrame
    cols: pd.DataFrame
    level: Level | None = None
    space: Space | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        if values is self.values and values.flags.writeable:
            values = values.view()
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        _check_ids(values.shape, self.rows, self.cols)

    @classmethod
    def of_samples(
        cls,
        stored: SampleMajor,
        rows: pd.DataFrame,
        cols: pd.DataFrame,
        level: Level | None = None,
        space: Space | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Matrix:
        """Take values that lie sample after sample; they are turned when `values` is first asked for."""
        made = object.__new__(cls)
        fields = {"rows": rows, "cols": cols, "level": level, "space": space, "provenance": provenance or {}}
        for name, item in {**fields, "_stored": stored}.items():
            object.__setattr__(made, name, item)
        _check_ids(stored.shape, rows, cols)
        return made

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Turn values that lie sample after sample; any other name is none of ours."""
            if name != "values" or "_stored" not in self.__dict__:
                raise AttributeError(f"Matrix has no {name!r}")
            object.__setattr__(self, "values", self.__dict__["_stored"].turned())
            return self.__dict__["values"]

    def __getstate__(self) -> dict[str, Any]:
        """Give what a copy holds: turned values."""
        return {"values": self.values, **{name: item for name, item in self.__dict__.items() if name != "_stored"}}

    @property
    def by_sample(self) -> np.ndarray:
        """Values as (samples, genes): as they were read, where they were not turned yet; a view."""
        stored: SampleMajor | None = self.__dict__.get("_stored")
        return self.values.T if stored is None else stored.shared()

    @property
    def rids(self) -> pd.Index:
        """Row ids (genes)."""
        return self.rows.index

    @property
    def cids(self) -> pd.Index:
        """Column ids (samples)."""
        return self.cols.index

    @property
    def plate(self) -> str:
        """Name of the plate if all samples are of one (from det_plate, else from ids ``{det_plate}:{well}``)."""
        ids = [str(cid).rpartition(":")[0] for cid in self.cids]
        names = self.cols["det_plate"].dropna() if "det_plate" in self.cols else ids
        found = {str(name) for name in names} - {""}
        return found.pop() if len(found) == 1 else "plate"

    def __repr__(self) -> str:
        said = " ".join(str(word) for word in (self.level, self.space) if word)
        fields = f"{len(self.rows.columns)} row and {len(self.cols.columns)} column fields"
        return f"<Matrix {said + ' ' if said else ''}{len(self.rows):,} x {len(self.cols):,}, {fields}>"

    def _repr_html_(self) -> str:
        """Show the first line and a corner of the values in a notebook."""
        from html import escape

        corner = pd.DataFrame(self.values[:5, :5], index=self.rids[:5], columns=self.cids[:5])
        return f"{escape(repr(self))}{corner.to_html()}"

    def with_values(self, values: np.ndarray, **changes: Any) -> Matrix:
        """Return a copy with other values (same shape) and, by keyword, other level, cols, ..."""
        return replace(self, values=values, **changes)

    def take_rows(self, rids: Sequence[str] | pd.Index, space: Space | None = None) -> Matrix:
        """Return the rows `rids` in that order; raises AlignmentError naming those that are absent."""
        position = self.rids.get_indexer(pd.Index(rids))
        if (position < 0).any():
            absent = np.asarray(rids, dtype=object)[position < 0]
            raise AlignmentError(
                f"{counted(len(absent), 'row id')} {agree(len(absent), 'is')} not in the matrix: {name_some(absent)}"
            )
        return replace(self, values=self.values[position], rows=self.rows.iloc[position], space=space)

    def take_cols(self, keep: np.ndarray | Sequence[str] | pd.Index) -> Matrix:
        """Return the columns chosen by ids or by a boolean mask, in the matrix's order for a mask."""
        chosen = np.asarray(keep)
        if chosen.dtype == bool:
            position = np.flatnonzero(chosen)
        else:
            position = self.cids.get_indexer(pd.Index(keep))
            if (position < 0).any():
                raise AlignmentError(f"column ids are not in the matrix: {name_some(chosen[position < 0])}")
        return replace(self, values=self.values[:, position], cols=self.cols.iloc[position])

    def to_frame(self) -> pd.DataFrame:
        """Values as a DataFrame, genes by samples."""
        return pd.DataFrame(self.values, index=self.rids, columns=self.cids)

    def to_gctoo(self) -> Any:
        """Convert to cmapPy's GCToo (level, space and provenance do not fit in one and are left out)."""
        from beadwork.model.cmappy import load_gctoo

        return load_gctoo().GCToo(
            data_df=self.to_frame().rename_axis(index="rid", columns="cid"),
            row_metadata_df=self.rows.rename_axis(index="rid", columns="rhd"),
            col_metadata_df=self.cols.rename_axis(index="cid", columns="chd"),
        )

    @classmethod
    def from_gctoo(cls, gctoo: Any, level: Level | None = None, space: Space | None = None) -> Matrix:
        """Take over a cmapPy GCToo; ids become strings, the order stays."""

        def table(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.set_axis(frame.index.astype(str), axis=0).rename_axis(index=None, columns=None)

        return cls(
            gctoo.data_df.to_numpy(np.float32),
            table(gctoo.row_metadata_df),
            table(gctoo.col_metadata_df),
            level=level,
            space=space,
        )

    def to_anndata(self) -> Any:
        """Convert to AnnData: samples are obs, genes are var; level, space and provenance go to ``uns``."""
        import json

        from anndata import AnnData

        uns = {
            "level": str(self.level or ""),
            "space": str(self.space or ""),
            "provenance": json.dumps(self.provenance),
        }
        obs, var = (_plain_objects(table, missing="") for table in (self.cols, self.rows))
        return AnnData(X=self.by_sample.copy(), obs=obs, var=var, uns=uns)

    @classmethod
    def from_anndata(cls, adata: Any) -> Matrix:
        """Take over an AnnData (dense or sparse X)."""
        import json

        dense = adata.X.toarray() if hasattr(adata.X, "toarray") else np.asarray(adata.X)
        level, space = adata.uns.get("level") or None, adata.uns.get("space") or None
        return cls(
            np.ascontiguousarray(dense.T, dtype=np.float32),
            _plain_objects(adata.var),
            _plain_objects(adata.obs),
            level=Level(level) if level else None,
            space=Space(space) if space else None,
            provenance=json.loads(adata.uns.get("provenance") or "{}"),
        )


def _check_ids(shape: tuple[int, ...], rows: pd.DataFrame, cols: pd.DataFrame) -> None:
    """Check that ids are unique and fit the values."""
    if shape != (len(rows), len(cols)):
        raise AlignmentError(f"matrix of shape {shape} does not fit {len(rows)} row ids and {len(cols)} column ids")
    for name, table in (("row", rows), ("column", cols)):
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()].unique()
            raise AlignmentError(f"{name} ids must be unique; repeated: {name_some(twice)}")


def _plain_objects(table: pd.DataFrame, missing: object = np.nan) -> pd.DataFrame:
    """Copy with categoricals and string types as plain objects, and missing strings as `missing`."""
    table = table.set_axis(table.index.astype(str).astype(object), axis=0)
    for name, column in table.items():
        if not pd.api.types.is_numeric_dtype(column):
            texts = column.astype(object)
            table[name] = texts.where(texts.notna() & (texts != ""), missing)
    return table


def check_matrix(
    matrix: Matrix,
    *,
    level: Level | Iterable[Level] | None = None,
    space: Space | Iterable[Space] | None = None,
    finite: bool = False,
    samples: bool = False,
    what: str = "matrix",
) -> None:
    """Check that a matrix is what a stage needs; the specification of levels and spaces as a function.

    Parameters
    ----------
    level, space
        The level(s) and space(s) that are allowed.  A matrix whose level is unknown (every GCT) passes the level check
        unless its values cannot be of that level: linear intensities, log2 or z-scores.
    finite
        Whether missing values are an error.
    samples
        Whether it is an error to have none.
    what
        How the message names the matrix, usually its file.

    Raises
    ------
    LevelError
        Wrong level or space, or a space whose number of rows is not what it must be.
    AlignmentError
        Missing values where none are allowed, naming up to five genes; or no samples where some are needed.
    """
    if samples and not len(matrix.cids):
        raise AlignmentError(f"{what}: has no samples; give a matrix that has some")
    allowed = _as_tuple(level)
    if allowed and matrix.level is not None and matrix.level not in allowed:
        raise LevelError(
            f"{what}: holds level {matrix.level}, but {_either(allowed)} is needed here; "
            f"give the {_either(allowed)} file"
        )
    if allowed and matrix.level is None:
        _check_scale(matrix.values, allowed, what)
    spaces = _as_tuple(space)
    if spaces and matrix.space not in spaces:
        found = f"space {matrix.space}" if matrix.space else "a gene space that is none of LM, BING and AIG"
        raise LevelError(f"{what}: is in {found} ({len(matrix.rids)} rows), but {_either(spaces)} is needed here")
    if matrix.space is not None and len(matrix.rids) != SPACE_SIZES[matrix.space]:
        raise LevelError(
            f"{what}: says it is in space {matrix.space} of {SPACE_SIZES[matrix.space]:,} genes, "
            f"but has {len(matrix.rids):,} rows; make the file anew"
        )
    if finite:
        bad = ~np.isfinite(matrix.values).all(axis=1)
        if bad.any():
            raise AlignmentError(
                f"{what}: missing or infinite values in {counted(int(bad.sum()), 'row')} "
                f"({name_some(matrix.rids[bad])}); "
                "fill or drop them first"
            )


_LINEAR, _ZSCORES = (Level.GEX, Level.CAL), (Level.ZSPC, Level.ZSVC, Level.ZSNC, Level.MODZ, Level.MNZ)
LARGEST_LOG2 = 40.0
"""No log2 value of a plate is larger; linear intensities are."""
_FEWEST_ROWS = 100
"""A matrix with fewer rows may have any values."""


def _check_scale(values: np.ndarray, allowed: tuple[Any, ...], what: str) -> None:
    """Refuse values that no allowed level can have; a matrix that is small or unusual is let pass."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return
    found = None
    if len(values) >= _FEWEST_ROWS:
        if all(level in _LINEAR for level in allowed) and finite.max() <= LARGEST_LOG2:
            found = f"no value is above {LARGEST_LOG2:g}, so these are no linear intensities"
        elif all(level in _ZSCORES for level in allowed) and finite.min() >= 0:
            found = "no value is negative, so these are no z-scores"
    if not any(level in _LINEAR for level in allowed) and (middle := float(np.median(finite))) > LARGEST_LOG2:
        found = f"the median is {middle:,.0f}, so these are linear intensities"
    if found:
        raise LevelError(f"{what}: does not say its level, and {found}; {_either(allowed)} is needed here")


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _either(names: Iterable[Any]) -> str:
    return " or ".join(str(name) for name in names)
