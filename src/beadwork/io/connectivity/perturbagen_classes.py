"""Mechanism classes of perturbagens: GMT sets, and tables of annotation as the Repurposing Hub and CLUE have them.

Tables are known by their columns: one with `moa` says who belongs to what; one with an id and a name, such as the
Hub's table of samples, adds the ids to the names of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beadwork.io.connectivity.gene_sets import read_named_sets
from beadwork.model.connectivity.perturbagen_classes import ClassMember, PerturbagenClasses, plain_id
from beadwork.model.errors import FileError

if TYPE_CHECKING:
    import pandas as pd

ID_COLUMNS = ("pert_id", "broad_id", "deprecated_broad_id")
NAME_COLUMNS = ("pert_iname", "cmap_name", "pert_name", "name")
ALIAS_COLUMNS = ("compound_aliases",)
CLASS_COLUMNS = ("moa", "mechanism_of_action")
TARGET_COLUMNS = ("target", "targets", "target_name", "gene_target")
COMMENTS = ("#", "!")
"""Beginnings of lines above the header; the Hub's are ``!``."""


def read_classes(
    paths: str | Path | Sequence[str | Path], columns: Sequence[str] = CLASS_COLUMNS
) -> PerturbagenClasses:
    """Read classes: sets of a GMT by name, or tables with pert_iname or pert_id and moa; gzipped files too.

    Several rows of one perturbagen, as in compoundinfo_beta, are joined; '|' stands between several classes, ids or
    names of a row.

    Parameters
    ----------
    paths
        Tables and GMTs.
    columns
        Fields that hold the classes, such as :data:`TARGET_COLUMNS`.

    Raises
    ------
    FileError
        A table has no such columns, or only names perturbagens and no table says their classes.
    GeneSetError
        The GMT cannot be used.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    classes: dict[str, list[ClassMember]] = {}
    rows: list[_Row] = []
    has_classes = False
    for path in files:
        plain = path.with_suffix("") if path.suffix == ".gz" else path
        if plain.suffix in (".gmt", ".gmx"):
            has_classes = True
            for item in read_named_sets(path):
                classes.setdefault(item.name, []).extend(ClassMember((one,), (one,)) for one in item.genes)
            continue
        found, says_classes = _rows(path, columns)
        rows += found
        has_classes |= says_classes
    if not has_classes:
        raise FileError(
            f"{files[0]}: lacks {columns[0]}; it names perturbagens, but not their mechanisms. "
            "Give the table that has them too (of the Repurposing Hub: the drug table)"
        )
    for name, members in _join(rows).items():
        classes.setdefault(name, []).extend(members)
    source = ", ".join(path.name for path in files)
    return PerturbagenClasses({name: list(dict.fromkeys(members)) for name, members in classes.items()}, source)


@dataclass(frozen=True)
class _Row:
    """What a row says of one perturbagen."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    aliases: tuple[str, ...]
    classes: tuple[str, ...]


def _rows(path: Path, wanted_classes: Sequence[str]) -> tuple[list[_Row], bool]:
    """Rows of a table, and whether it says classes."""
    from beadwork.io.files.tables import read_table

    table = read_table(path, text_only=True, comments=COMMENTS)
    columns = {str(name).strip().lower().replace(" ", "_"): str(name) for name in table.columns}
    ids, names, aliases, classes = (
        [columns[name] for name in wanted if name in columns]
        for wanted in (ID_COLUMNS, NAME_COLUMNS, ALIAS_COLUMNS, wanted_classes)
    )
    if not (ids or names) or not (classes or (ids and names)):
        lacking = wanted_classes[0] if ids or names else "pert_iname or pert_id"
        raise FileError(
            f"{path}: lacks {lacking}; classes need a perturbagen (pert_iname or pert_id) and its {wanted_classes[0]}; "
            f"the columns are {', '.join(map(str, table.columns[:12]))}"
        )
    parts = [_texts(table, ids), _texts(table, names, split=False), _texts(table, aliases), _texts(table, classes)]
    return [_Row(*row) for row in zip(*parts, strict=True)], bool(classes)


def _texts(table: pd.DataFrame, fields: Sequence[str], split: bool = True) -> list[tuple[str, ...]]:
    """Texts in some columns of each row, '|' between several."""
    found = []
    for row in zip(*(table[field].tolist() for field in fields), strict=True) if fields else ((),) * len(table):
        cells = [item for item in row if isinstance(item, str)]
        parts = (part.strip() for item in cells for part in (item.split("|") if split else [item]))
        found.append(tuple(dict.fromkeys(part for part in parts if part)))
    return found


def _join(rows: Sequence[_Row]) -> dict[str, list[ClassMember]]:
    """Members of classes; rows that share an id or a name are one perturbagen.  Aliases join nothing: they repeat."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = key = parents[parents[key]]
        return key

    keyed = []
    for row in rows:
        keys = [*(f"id {plain_id(one)}" for one in row.ids), *(f"name {name.lower()}" for name in row.names)]
        for key in keys[1:]:
            parents[root(key)] = root(keys[0])
        if keys:
            keyed.append((keys[0], row))
    joined: dict[str, list[_Row]] = {}
    for key, row in keyed:
        joined.setdefault(root(key), []).append(row)
    classes: dict[str, list[ClassMember]] = {}
    for own in joined.values():
        ids = dict.fromkeys(plain_id(one) for row in own for one in row.ids)
        names = dict.fromkeys(name for row in own for name in (*row.names, *row.aliases))
        for kind in dict.fromkeys(kind for row in own for kind in row.classes):
            classes.setdefault(kind, []).append(ClassMember(tuple(ids), tuple(names)))
    return classes
