"""Which signatures stand behind which perturbagen, cell and class.

A perturbagen is what has one name and one pert_type: a gene that is knocked down, cut and over-expressed is three.  Its
pert_ids (hairpins, guides, clones, samples of a compound) are joined and listed; a pert_id that stands under several
names has the most frequent of them.  With ``perturbagen="pert_id"`` each pert_id stands by itself, as in CMap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.numeric.groups import number_codes, stable_order
from beadwork.model.connectivity.annotation import MECHANISM_FIELDS
from beadwork.model.connectivity.perturbagen_classes import PerturbagenClasses, plain_id
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers, arrow_texts
from beadwork.model.errors import agree, counted, name_some
from beadwork.model.params import QueryParams
from beadwork.model.pert_types import COMPOUND, perturbation_kind, plain_pert_type, rolled_up_as

if TYPE_CHECKING:
    import pandas as pd

PERTURBAGEN = ("pert_iname", "pert_id", "pert_type")
"""Fields that name one perturbagen."""
Columns = Mapping[str, Any]
"""A table as arrays of one length by name: numbers as NumPy arrays, texts as Arrow dictionaries."""


@dataclass(frozen=True)
class ClassMatch:
    """How the members of the classes given were found among the perturbagens.

    Parameters
    ----------
    source
        Where the classes come from.
    n_given
        Perturbagens that have a class there.
    by_id, by_name
        Perturbagens of the roll-up that were found by their id, and by their name alone.
    n_perturbagens
        Perturbagens of the roll-up.
    n_classes, n_small
        Classes that are scored, and classes with a member here that are too small to be.
    """

    source: str
    n_given: int
    by_id: int
    by_name: int
    n_perturbagens: int
    n_classes: int
    n_small: int

    @property
    def found(self) -> int:
        """Perturbagens of the roll-up that have a class."""
        return self.by_id + self.by_name

    def __str__(self) -> str:
        if not self.found:
            return (
                f"{self.source}: none of its {self.n_given:,} perturbagens is among the {self.n_perturbagens:,} here, "
                "neither by id nor by name; no class is scored"
            )
        small = f"; {self.n_small:,} more have too few here" if self.n_small else ""
        return (
            f"{self.source}: {self.found:,} of the {self.n_perturbagens:,} perturbagens here have a class "
            f"({self.by_id:,} by id, {self.by_name:,} by name); {self.n_classes:,} classes are scored{small}"
        )


@dataclass(frozen=True, eq=False)
class RollUpPlan:
    """Which signatures stand behind which perturbagen, cell and class.

    Parameters
    ----------
    cell_of
        Group (perturbagen in a cell) of each signature; -1: left out (controls, and what no filter passes).
    cells
        One row a group, by perturbagen: pert_iname, pert_id, pert_type, cell_id, n_signatures.
    pert_of
        Perturbagen of each row of `cells`, ascending.
    perts
        One row a perturbagen: pert_iname, pert_id, pert_type, n_signatures, n_cells.
    members
        Rows of `perts` by class.
    classes
        One row per class: class, pert_type, n_perturbagens, n_signatures.
    match
        How the members of the classes were found; None where no classes were given.
    notes
        What is worth knowing, in words.
    """

    cell_of: np.ndarray
    cells: Columns
    pert_of: np.ndarray
    perts: Columns
    members: Sequence[np.ndarray]
    classes: Columns
    match: ClassMatch | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def order(self) -> np.ndarray:
        """Signatures that are rolled up, by `cells`, and so by `perts` too."""
        order = stable_order(self.cell_of)
        return order[np.searchsorted(self.cell_of[order], 0) :]

    @cached_property
    def cell_starts(self) -> np.ndarray:
        """Where the signatures of each row of `cells` begin in `order`, and their end."""
        return np.searchsorted(self.cell_of[self.order], np.arange(len(self.pert_of) + 1))

    @cached_property
    def pert_starts(self) -> np.ndarray:
        """Where the rows of `cells` of each perturbagen begin, and their end."""
        return np.searchsorted(self.pert_of, np.arange(len(self.perts["n_signatures"]) + 1))


def plan_roll_up(
    siginfo: SignatureTable | pd.DataFrame,
    behind: np.ndarray,
    classes: Any = None,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
) -> RollUpPlan:
    """Group signatures by perturbagen and cell, and perturbagens by class.

    Parameters
    ----------
    siginfo
        pert_iname, pert_id, pert_type, cell_id of each signature.
    behind
        Signatures that are rolled up: treatments that pass the filters.
    classes
        :class:`PerturbagenClasses`, or what they can be made of.
    params
        `min_class`: a class with fewer perturbagens is left out; `perturbagen`: what one is.
    """
    siginfo = SignatureTable.of(siginfo)
    found = _find(siginfo, behind, params)
    names, name_of, pert_code, chosen, behind = found.names, found.name_of, found.code, found.chosen, found.behind
    id_code, ids = _texts(siginfo, "pert_id")
    kind_code, kinds = _texts(siginfo, "pert_type")
    cell_code, cell_names = _texts(siginfo, "cell_id")
    group, first = _distinct([pert_code, alphabetical_places(cell_names)[cell_code]], behind)
    pert_of = pert_code[first]
    own = {
        "pert_iname": arrow_texts(name_of[chosen], names),
        "pert_id": _joined(pert_code, id_code, ids, len(chosen)),
        "pert_type": _types(pert_code, kind_code, kinds, len(chosen)),
    }
    known = {
        field: _joined(pert_code, *siginfo.texts(field), len(chosen)) for field in MECHANISM_FIELDS if field in siginfo
    }
    perts = {
        **own,
        **{field: column for field, column in known.items() if column.null_count < len(column)},
        "n_signatures": np.bincount(pert_code[behind], minlength=len(chosen)),
        "n_cells": np.bincount(pert_of, minlength=len(chosen)),
    }
    of_cells = arrow_numbers(pert_of)
    cells = {
        **{name: column.take(of_cells) for name, column in own.items()},
        "cell_id": arrow_texts(cell_code[first], cell_names),
        "n_signatures": np.bincount(group[behind], minlength=len(first)),
    }
    given = None if classes is None else PerturbagenClasses.of(classes)
    members, rows, match = _class_members(perts, given, params.min_class)
    return RollUpPlan(group.astype(np.int32), cells, pert_of.astype(np.int32), perts, members, rows, match, found.notes)


def perturbagen_codes(
    siginfo: SignatureTable | pd.DataFrame,
    behind: np.ndarray,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """Find the number of the perturbagen of each signature, as a roll-up does; -1: none, as of controls."""
    return _find(SignatureTable.of(siginfo), behind, params).code


@dataclass(frozen=True, eq=False)
class _Found:
    """Perturbagens: `code` of each signature (-1: none), one signature of each (`chosen`), names, who is counted."""

    code: np.ndarray
    chosen: np.ndarray
    names: Sequence[str]
    name_of: np.ndarray
    behind: np.ndarray
    notes: tuple[str, ...]


def _find(siginfo: SignatureTable, behind: np.ndarray, params: QueryParams) -> _Found:
    names, name_of, notes = _names(siginfo)
    key_of, keys = name_of, names
    if params.perturbagen == "pert_id":
        key_of, keys = _either(*_texts(siginfo, "pert_id"), name_of, names)
    kind_code, kinds = _texts(siginfo, "pert_type")
    types = sorted({rolled_up_as(kind) for kind in kinds})
    type_of = np.array([*(types.index(rolled_up_as(kind)) for kind in kinds), -1], np.int64)[kind_code]
    nameless = int((behind & (key_of < 0)).sum())
    if nameless:
        notes += (
            f"{counted(nameless, 'signature')} {agree(nameless, 'has')} neither pert_id nor pert_iname and "
            f"{agree(nameless, 'is')} not rolled up",
        )
    behind = behind & (key_of >= 0)
    # one perturbagen: name, then key (the same but for "pert_id"), then type, in alphabetical order
    places = [alphabetical_places(names)[name_of]]
    if key_of is not name_of:
        places.append(alphabetical_places(keys)[key_of])
    code, chosen = _distinct([*places, type_of], behind)
    return _Found(code, chosen, names, name_of, behind, notes)


def _texts(siginfo: SignatureTable, name: str) -> tuple[np.ndarray, list[str]]:
    return siginfo.texts(name) if name in siginfo else (np.full(len(siginfo), -1), [])


def _names(siginfo: SignatureTable) -> tuple[list[str], np.ndarray, tuple[str, ...]]:
    """Names, the place among them of each signature's, and what was joined.

    A signature has the name of its pert_id, else its own, else the id itself.
    """
    id_code, ids = _texts(siginfo, "pert_id")
    name_code, names = _texts(siginfo, "pert_iname")
    known = (id_code >= 0) & (name_code >= 0)
    pairs, _, counts = _pairs(id_code[known], name_code[known], len(names))
    alphabet = alphabetical_places(names)
    is_id = np.array([names[name] == ids[one] for one, name in pairs.tolist()], bool)
    best = pairs[np.lexsort([-alphabet[pairs[:, 1]], counts, ~is_id, pairs[:, 0]])]  # the last of an id is its name
    of_id = np.full(len(ids) + 1, -1)
    of_id[best[:, 0]] = best[:, 1]
    code = np.where((id_code >= 0) & (of_id[id_code] >= 0), of_id[id_code], name_code)
    several = np.flatnonzero(np.bincount(pairs[~is_id, 0], minlength=len(ids)) > 1)
    notes: tuple[str, ...] = ()
    if len(several):
        one = several[0]
        others = [names[name] for other, name in pairs[~is_id].tolist() if other == one and name != of_id[one]]
        notes = (
            f"{len(several):,} pert_ids stand under several names and are rolled up under the most frequent one each "
            f"({ids[one]}: {names[of_id[one]]}, also {name_some(others, 2)})",
        )
    code, names = _either(code, names, id_code, ids)
    return names, code, notes


def _either(
    codes: np.ndarray, texts: Sequence[str], other_codes: np.ndarray, other_texts: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Texts of a column, and those of another where it has none, as codes and texts."""
    if (codes >= 0).all():
        return codes, list(texts)
    places = {text: place for place, text in enumerate(texts)}
    renamed = np.array([*(places.setdefault(text, len(places)) for text in other_texts), -1])
    return np.where(codes >= 0, codes, renamed[other_codes]), list(places)


def alphabetical_places(texts: Sequence[str]) -> np.ndarray:
    """Place of each text in alphabetical order, int64; one -1 more at the end, the place of a code that is missing."""
    places = np.full(len(texts) + 1, -1)
    places[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return places


def _distinct(columns: Sequence[np.ndarray], chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows of some columns of codes: number of each row, in order, and one row of each number.

    Rows that are not chosen have -1.
    """
    rows = np.flatnonzero(chosen)
    joint = np.zeros(len(rows), np.int64)
    for codes in columns:
        joint = joint * (int(codes.max(initial=-1)) + 2) + codes[rows] + 1
    _, first, code = number_codes(joint)
    number = np.full(len(chosen), -1)
    number[rows] = code
    return number, rows[first]


def _pairs(one: np.ndarray, two: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct pairs of codes (the second below `width`), where each comes first, and how often it comes.

    Most codes come with one other only; the rows of those need not be sorted.
    """
    ones, first, number = number_codes(one.astype(np.int64))
    counts = np.bincount(number, minlength=len(ones))
    several = np.zeros(len(ones), bool)
    several[number[two[first][number] != two]] = True
    rows = np.flatnonzero(several[number])
    more, place, more_counts = np.unique(
        one[rows].astype(np.int64) * width + two[rows], return_index=True, return_counts=True
    )
    joint = np.concatenate([ones[~several] * width + two[first[~several]], more])
    order = np.argsort(joint)
    joint, first = joint[order], np.concatenate([first[~several], rows[place]])[order]
    counts = np.concatenate([counts[~several], more_counts])[order]
    return np.stack([joint // width, joint % width], axis=1), first, counts


def _values_of(
    pert_code: np.ndarray, codes: np.ndarray, n_perts: int
) -> tuple[np.ndarray, Mapping[int, Sequence[int]]]:
    """First code of each perturbagen's signatures (-1: none has one), and all of those that have several."""
    known = np.flatnonzero((pert_code >= 0) & (codes >= 0))
    pairs, first, _ = _pairs(pert_code[known], codes[known], int(codes.max(initial=0)) + 1)
    pairs = pairs[np.argsort(first)]
    one = np.full(n_perts, -1)
    one[pairs[::-1, 0]] = pairs[::-1, 1]
    several: dict[int, list[int]] = {}
    for pert, code in pairs[np.bincount(pairs[:, 0], minlength=n_perts)[pairs[:, 0]] > 1].tolist():
        several.setdefault(pert, []).append(code)
    return one, several


def _joined(pert_code: np.ndarray, id_code: np.ndarray, ids: Sequence[str], n_perts: int) -> Any:
    """Ids of each perturbagen, several joined by '|'."""
    one, several = _values_of(pert_code, id_code, n_perts)
    return _named(one, ids, {pert: "|".join(ids[code] for code in codes) for pert, codes in several.items()})


def _types(pert_code: np.ndarray, kind_code: np.ndarray, kinds: Sequence[str], n_perts: int) -> Any:
    """Type of each perturbagen; a compound that is a positive control somewhere is a compound."""
    one, several = _values_of(pert_code, kind_code, n_perts)
    plain = [plain_pert_type(kind) for kind in kinds]
    found = {pert: {plain[code] for code in codes} for pert, codes in several.items()}
    return _named(one, plain, {pert: COMPOUND if len(own) > 1 else "".join(own) for pert, own in found.items()})


def _named(codes: np.ndarray, texts: Sequence[str], others: Mapping[int, str]) -> Any:
    """Arrow column of codes into texts, -1 and empty ones missing; some rows have other texts."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    renamed = np.array([*(places[text] if text else -1 for text in texts), -1])
    codes = renamed[codes]
    for row, text in others.items():
        codes[row] = places.setdefault(text, len(places)) if text else -1
    return arrow_texts(codes, list(places))


def _column(texts: Sequence[str]) -> Any:
    """Arrow column of texts, empty ones missing."""
    places: dict[str, int] = {}
    codes = [places.setdefault(text, len(places)) if text else -1 for text in texts]
    return arrow_texts(np.array(codes, np.int64), list(places))


def _class_members(
    perts: Columns, classes: PerturbagenClasses | None, min_class: int
) -> tuple[list[np.ndarray], Columns, ClassMatch | None]:
    """Rows of the perturbagens of each class, those of one kind of perturbation together.

    A gene that is over-expressed says the opposite of one that is knocked down: a class has a row for each.
    """
    members: list[np.ndarray] = []
    names, types, sizes = [], [], []
    small, match = 0, None
    if classes is not None:
        finder = _Finder(perts)
        for name in sorted(classes.members):
            by_kind: dict[str, set[int]] = {}
            for row in {row for member in classes.members[name] for row in finder.rows_of(member.ids, member.names)}:
                by_kind.setdefault(perturbation_kind(finder.types[row]), set()).add(row)
            for kind in sorted(by_kind):
                rows = np.array(sorted(by_kind[kind]), np.int64)
                size = len({finder.names[row] for row in rows.tolist()})
                if size < min_class:
                    small += 1
                    continue
                members.append(rows)
                names.append(name)
                types.append("|".join(sorted({finder.types[row] for row in rows.tolist()} - {""})))
                sizes.append(size)
        by_id, by_name = len(finder.by_id), len(finder.by_name - finder.by_id)
        n_given, n_here = classes.n_perturbagens, len(finder.names)
        match = ClassMatch(classes.source, n_given, by_id, by_name, n_here, len(names), small)
    return members, {
        "class": _column(names),
        "pert_type": _column(types),
        "n_perturbagens": np.array(sizes, np.int64),
        "n_signatures": np.array([int(perts["n_signatures"][rows].sum()) for rows in members], np.int64),
    }, match  # fmt: skip


class _Finder:
    """Finds perturbagens by any of their ids, and where no id is known by name, whatever the case."""

    def __init__(self, perts: Columns) -> None:
        self.names = perts["pert_iname"].to_pylist()
        self.types = [kind or "" for kind in perts["pert_type"].to_pylist()]
        self.by_id: set[int] = set()
        self.by_name: set[int] = set()
        self._ids: dict[str, list[int]] = {}
        self._names: dict[str, list[int]] = {}
        for row, (name, joined) in enumerate(zip(self.names, perts["pert_id"].to_pylist(), strict=True)):
            self._names.setdefault(name.lower(), []).append(row)
            for one in {plain_id(item) for item in (joined or "").split("|") if item}:
                self._ids.setdefault(one, []).append(row)

    def rows_of(self, ids: Sequence[str], names: Sequence[str]) -> set[int]:
        """Rows of one perturbagen."""
        found = {row for item in ids for row in self._ids.get(plain_id(item), ())}
        self.by_id |= found
        if not found:
            found = {row for item in names for row in self._names.get(item.strip().lower(), ())}
            self.by_name |= found
        return found
