"""Tables with a row per signature: siginfo of ours, sig_info and sig_metrics of LINCS, joined by sig_id."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.files.digest import digest_file
from beadwork.io.files.large_tables import read_large_table
from beadwork.model.connectivity.flags import read_flags
from beadwork.model.errors import AlignmentError, counted, name_some

log = logging.getLogger("beadwork")


@dataclass(frozen=True, eq=False)
class Siginfo:
    """Annotation of signatures (column sig_id), and the checksums of the tables it was read from."""

    table: pd.DataFrame
    digests: tuple[str, ...]


def read_siginfo(paths: str | Path | Sequence[str | Path] | None) -> Siginfo | None:
    """Read one table or several: rows of other signatures are added, further columns of the same ones joined.

    Raises
    ------
    FileError
        A table cannot be read, or lacks sig_id.
    AlignmentError
        A signature stands twice in one table, or two tables say different things of it.
    """
    if paths is None:
        return None
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    if not names:
        return None
    tables = ((read_flags(read_large_table(path, required=("sig_id",)), str(path)), str(path)) for path in names)
    return Siginfo(join_siginfo(tables), tuple(digest_file(path) for path in names))


def join_siginfo(tables: Iterable[tuple[pd.DataFrame, str]]) -> pd.DataFrame:
    """Join tables of signatures, each with its name for messages, as :func:`read_siginfo` does."""
    joined: pd.DataFrame | None = None
    known = ""
    for table, name in tables:
        own = _by_id(table, name)
        joined = own if joined is None else _join(joined, own, known, name)
        known = "the tables before it" if known else name
    assert joined is not None
    joined.insert(0, "sig_id", joined.index)  # in place: a copy of a million rows takes half a gigabyte
    joined.index = pd.RangeIndex(len(joined))
    return joined


def _by_id(table: pd.DataFrame, path: str) -> pd.DataFrame:
    table = table.copy(deep=False)
    if "" in table:  # row numbers, as pandas writes them without a name
        table.pop("")
    ids = table.pop("sig_id").astype(object).astype(str)
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        raise AlignmentError(f"{path}: siginfo: sig_id stand twice: {name_some(twice)}; keep one row each")
    table.index = pd.Index(ids, dtype=object, name="sig_id")
    return table


def _join(one: pd.DataFrame, two: pd.DataFrame, known: str, path: str) -> pd.DataFrame:
    """Join two tables; what both say of a signature must agree."""
    both = one.index.intersection(two.index, sort=False)
    for name in one.columns.intersection(two.columns) if len(both) else ():
        left, right = _plain(one.loc[both, name]), _plain(two.loc[both, name])
        differ = _differ(left, right)
        if differ.any():
            at = int(np.flatnonzero(differ)[0])
            raise AlignmentError(
                f"{path}: {name} of {both[at]} is {_shown(right.iloc[at])}, but {_shown(left.iloc[at])} in {known} "
                f"({counted(int(differ.sum()), 'signature differs', 'signatures differ')}); "
                "tables of one index must agree"
            )
    if not len(both):
        return pd.concat([one, two])
    fresh = [str(name) for name in two.columns if name not in one.columns]
    bare = one.index.difference(two.index, sort=False)
    if fresh and len(bare):
        log.warning(
            "%s: has no row for %d of the %d signatures of %s (%s); their %s stays missing",
            path, len(bare), len(one), known, name_some(bare, 3), name_some(fresh, 3),
        )  # fmt: skip
    added = two.loc[two.index.difference(one.index, sort=False)]
    joined = pd.concat([one, added]) if len(added) else one.copy()
    for name in two.columns:
        if name not in joined:
            joined[name] = two[name].reindex(joined.index)
        elif joined[name].isna().any():
            own, other = (_plain(column) for column in (joined[name], two[name].reindex(joined.index)))
            joined[name] = own.where(own.notna(), other)
    return joined


def _plain(column: pd.Series) -> pd.Series:
    """Categories as the texts that they are."""
    return column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column


def _shown(value: object) -> str:
    """Write a value for a message: numbers plainly, not as NumPy's own types."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def _differ(one: pd.Series, two: pd.Series) -> np.ndarray:
    """Where both values are there and are not the same."""
    there = (one.notna() & two.notna()).to_numpy()
    if pd.api.types.is_numeric_dtype(one) and pd.api.types.is_numeric_dtype(two):
        same = np.isclose(one.to_numpy(float), two.to_numpy(float), rtol=1e-5, atol=1e-8, equal_nan=True)
    else:
        same = one.astype(str).to_numpy() == two.astype(str).to_numpy()
    differ: np.ndarray = there & ~same
    return differ
