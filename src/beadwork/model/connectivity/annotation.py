"""What is known of perturbagens and cells beside their names: fields that tables of annotation add to signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from beadwork.model.connectivity.perturbagen_classes import plain_id

MECHANISM_FIELDS = ("moa", "target", "clinical_phase", "disease_area", "indication")
"""Fields that stand beside the names of perturbagens wherever an index has them."""
STRUCTURE_FIELDS = ("inchi_key", "canonical_smiles", "pubchem_cid", "chembl_id")
"""Fields of one substance; salts of a compound have their own."""
COMPOUND_FIELDS = (*MECHANISM_FIELDS, *STRUCTURE_FIELDS, "compound_aliases", "is_touchstone")
CELL_FIELDS = ("cell_lineage", "primary_site", "subtype", "cell_type")
SEVERAL = "|"
"""Stands between several values of one cell of a table."""


@dataclass(frozen=True, eq=False)
class Compound:
    """One compound under all its ids and names.

    Parameters
    ----------
    fields
        Values by field; several are joined by ``|``.
    of_id
        Structure by plain id, where a table gives one for each sample.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    fields: Mapping[str, str]
    of_id: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def value(self, name: str, pert_id: str) -> str | None:
        """Value of a field, for a perturbagen of this id."""
        own = self.of_id.get(plain_id(pert_id), {}) if pert_id else {}
        return own.get(name) or self.fields.get(name)


@dataclass(frozen=True, eq=False)
class CompoundTable:
    """Compounds, to be found by id, else by name."""

    compounds: Sequence[Compound]
    source: str

    def by_id(self) -> dict[str, Compound]:
        """Compounds by plain id."""
        return {plain_id(one): item for item in reversed(self.compounds) for one in item.ids}

    def by_name(self) -> dict[str, Compound]:
        """Compounds by name, small letters."""
        return {name.strip().lower(): item for item in reversed(self.compounds) for name in item.names}

    @property
    def fields(self) -> list[str]:
        """Fields that some compound has."""
        there = {name for item in self.compounds for name in item.fields}
        return [name for name in COMPOUND_FIELDS if name in there]


@dataclass(frozen=True, eq=False)
class CellTable:
    """Values by cell and field."""

    cells: Mapping[str, Mapping[str, str]]
    source: str

    @property
    def fields(self) -> list[str]:
        """Fields that some cell has."""
        there = {name for item in self.cells.values() for name in item}
        return [name for name in CELL_FIELDS if name in there]
