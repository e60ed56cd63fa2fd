"""Mechanism classes of perturbagens, as a user gives them: who belongs to which class, by id and by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beadwork.model.connectivity.signature_table import SignatureTable

BROAD_ID = 13
"""Characters of a Broad id that name the compound; what follows (salt, batch) is one of its samples."""


@dataclass(frozen=True)
class ClassMember:
    """One perturbagen under the ids and names that a table knows it by."""

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PerturbagenClasses:
    """Members by class.

    Parameters
    ----------
    members
        Perturbagens of each class.
    source
        Where they come from, for messages.
    """

    members: Mapping[str, Sequence[ClassMember]]
    source: str = "classes"

    @property
    def n_perturbagens(self) -> int:
        """Number of perturbagens that have a class."""
        return len({member for members in self.members.values() for member in members})

    @classmethod
    def of(cls, given: Any, source: str = "classes", own: bool = False) -> PerturbagenClasses:
        """Take classes in any form: by name a list of ids or names, or a table with pert_iname (or pert_id) and moa.

        In a table of one's `own`, the annotation of the same index, an id needs no name beside it.
        """
        if isinstance(given, PerturbagenClasses):
            return given
        if isinstance(given, Mapping):
            return cls({str(name): [ClassMember((item,), (item,)) for item in items] for name, items in given.items()},
                       source)  # fmt: skip
        return cls(_members_of_table(SignatureTable.of(given), own), source)


def plain_id(text: str) -> str:
    """Write an id as it is compared: small letters, a Broad id without its sample."""
    text = text.strip().lower()
    return text[:BROAD_ID] if text.startswith("brd-") and text[BROAD_ID : BROAD_ID + 1] in ("", "-") else text


def _members_of_table(table: SignatureTable, own: bool) -> dict[str, list[ClassMember]]:
    """Classes from a field ``moa`` ('|' between several) of siginfo or of an annotation table."""
    fields = [name for name in ("pert_id", "pert_iname", "moa") if name in table]
    coded = {name: table.texts(name) for name in fields}
    rows = np.stack([coded[name][0] for name in fields], axis=1).astype(np.int64)
    rows = rows[rows[:, -1] >= 0]
    joint = np.zeros(len(rows), np.int64)
    for place, name in enumerate(fields):
        joint = np.unique(joint * (len(coded[name][1]) + 1) + rows[:, place] + 1, return_inverse=True)[1].reshape(-1)
    first = np.unique(joint, return_index=True)[1]
    classes: dict[str, list[ClassMember]] = {}
    for row in rows[np.sort(first)].tolist():
        texts = {name: [coded[name][1][code]] for name, code in zip(fields, row, strict=True) if code >= 0}
        ids = tuple(texts.get("pert_id", ()))
        member = ClassMember(ids, () if own and ids else tuple(texts.get("pert_iname", ())))
        if member.ids or member.names:
            for part in dict.fromkeys(part.strip() for part in texts["moa"][0].split("|")):
                if part:
                    classes.setdefault(part, []).append(member)
    return {name: list(dict.fromkeys(members)) for name, members in classes.items()}
