"""Tables of compounds, cells and genes: of LINCS 2020 and GEO, the Repurposing Hub's, and others with such columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from beadwork.io.files.tables import read_table
from beadwork.model.connectivity.annotation import (
    CELL_FIELDS,
    COMPOUND_FIELDS,
    SEVERAL,
    STRUCTURE_FIELDS,
    CellTable,
    Compound,
    CompoundTable,
)
from beadwork.model.connectivity.perturbagen_classes import plain_id
from beadwork.model.errors import FileError, name_some
from beadwork.model.missing import is_missing

COMMENTS = ("#", "!")
ID_COLUMNS = ("pert_id", "broad_id", "deprecated_broad_id", "brd_id")
NAME_COLUMNS = ("pert_iname", "cmap_name", "pert_name", "name", "compound_name")
COMPOUND_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "moa": ("mechanism_of_action", "mechanism"),
    "target": ("targets", "gene_target", "target_name"),
    "clinical_phase": ("phase", "status", "max_phase"),
    "disease_area": (),
    "indication": ("indications",),
    "inchi_key": ("inchikey", "standard_inchi_key"),
    "canonical_smiles": ("smiles",),
    "pubchem_cid": ("pubchem", "pubchem_id", "cid_pubchem"),
    "chembl_id": ("chembl", "chemblid", "molecule_chembl_id"),
    "compound_aliases": ("aliases", "alt_name"),
    "is_touchstone": (),
}
"""Other names of the fields of compounds."""
CELL_NAMES = ("cell_id", "cell_iname")
CELL_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "cell_lineage": ("lineage", "tissue"), "primary_site": (), "subtype": ("primary_disease",), "cell_type": (),
}  # fmt: skip


def plain_names(columns: Sequence[str]) -> dict[str, str]:
    """Columns by their names in small letters, blanks as ``_``."""
    return {str(name).strip().lower().replace(" ", "_"): str(name) for name in columns}


def fields_of(columns: Sequence[str], fields: Sequence[str], others: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Column of each field that a table has."""
    there = plain_names(columns)
    found = {}
    for name in fields:
        column = next((there[item] for item in (name, *others.get(name, ())) if item in there), None)
        if column is not None:
            found[name] = column
    return found


def read_compounds(paths: Sequence[str | Path]) -> CompoundTable:
    """Read one table of compounds or several; rows that share an id or a name are one compound.

    Raises
    ------
    FileError
        A table cannot be read, or has no id or name, or no field of compounds.
    """
    rows = [row for path in paths for row in _compound_rows(Path(path))]
    return CompoundTable(_merge(rows), ", ".join(Path(path).name for path in paths))


def read_cells(paths: Sequence[str | Path]) -> CellTable:
    """Read tables of cells: cell_id or cell_iname, with cell_lineage, primary_site, subtype, cell_type.

    Raises
    ------
    FileError
        A table cannot be read, or has no such columns.
    """
    cells: dict[str, dict[str, str]] = {}
    for path in paths:
        table = read_table(path, text_only=True, comments=COMMENTS)
        columns = [str(name) for name in table.columns]
        names = [plain_names(columns)[name] for name in CELL_NAMES if name in plain_names(columns)]
        fields = fields_of(columns, CELL_FIELDS, CELL_COLUMNS)
        if not names or not fields:
            raise FileError(
                f"{path}: lacks {'cell_id (or cell_iname)' if not names else name_some(CELL_FIELDS)}; a table of cells "
                f"needs both; the columns are {name_some(columns, 12)}"
            )
        for row in table.to_dict("records"):
            values = {name: text for name, column in fields.items() if (text := _text(row[column]))}
            for name in names:
                if cell := _text(row[name]):
                    cells[cell] = {**values, **cells.get(cell, {})}
    return CellTable(cells, ", ".join(Path(path).name for path in paths))


def read_symbols(paths: Sequence[str | Path]) -> dict[str, str]:
    """Symbol by Entrez id, of tables of genes: gene_info of LINCS, geneinfo_beta."""
    symbols: dict[str, str] = {}
    for path in paths:
        table = read_table(path, text_only=True, comments=COMMENTS)
        there = plain_names([str(name) for name in table.columns])
        ids = next((there[name] for name in ("pr_gene_id", "gene_id") if name in there), None)
        names = next((there[name] for name in ("pr_gene_symbol", "gene_symbol", "symbol") if name in there), None)
        if ids is None or names is None:
            raise FileError(f"{path}: lacks gene_id or gene_symbol; the columns are {name_some(list(there), 12)}")
        for gene, symbol in zip(table[ids], table[names], strict=True):
            if _text(gene) and _text(symbol):
                symbols.setdefault(_text(gene), _text(symbol))
    return symbols


class _Row:
    """What one row of a table says."""

    def __init__(self, ids: Sequence[str], names: Sequence[str], values: Mapping[str, str]) -> None:
        self.ids, self.names, self.values = ids, names, values
        self.keys = [*(f"id {plain_id(one)}" for one in ids), *(f"name {name.lower()}" for name in names)]


def _text(item: object) -> str:
    text = item.strip() if isinstance(item, str) else ""
    return "" if is_missing(text) else text


def _compound_rows(path: Path) -> list[_Row]:
    table = read_table(path, text_only=True, comments=COMMENTS)
    columns = [str(name) for name in table.columns]
    there = plain_names(columns)
    ids, names = ([there[name] for name in wanted if name in there] for wanted in (ID_COLUMNS, NAME_COLUMNS))
    fields = fields_of(columns, COMPOUND_FIELDS, COMPOUND_COLUMNS)
    if not (ids or names) or not (fields or (ids and names)):
        lacking = name_some(COMPOUND_FIELDS, 9) if ids or names else "pert_id (or broad_id) and pert_iname"
        raise FileError(
            f"{path}: lacks {lacking}; a table of compounds needs an id or a name, and what is known of them; the "
            f"columns are {name_some(columns, 12)}"
        )
    rows = []
    for row in table.to_dict("records"):
        own_ids = [part for column in ids for part in _text(row[column]).split(SEVERAL) if part.strip()]
        own_names = [text for column in names if (text := _text(row[column]))]
        if own_ids or own_names:
            values = {name: text for name, column in fields.items() if (text := _text(row[column]))}
            rows.append(_Row(own_ids, own_names, values))
    return rows


def _merge(rows: Sequence[_Row]) -> list[Compound]:
    """Compounds of rows that share an id or a name."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = key = parents[parents[key]]
        return key

    for row in rows:
        for key in row.keys[1:]:
            parents[root(key)] = root(row.keys[0])
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        groups.setdefault(root(row.keys[0]), []).append(row)
    return [_compound(own) for own in groups.values()]


def _compound(rows: Sequence[_Row]) -> Compound:
    parts: dict[str, dict[str, None]] = {}
    of_id: dict[str, dict[str, str]] = {}
    for row in rows:
        for name, text in row.values.items():
            several = [text] if name in STRUCTURE_FIELDS else [part.strip() for part in text.split(SEVERAL)]
            parts.setdefault(name, {}).update(dict.fromkeys(part for part in several if part))
            if name in STRUCTURE_FIELDS:
                for one in row.ids:
                    of_id.setdefault(plain_id(one), {}).setdefault(name, text)
    fields = {
        name: next(iter(found)) if name in STRUCTURE_FIELDS else SEVERAL.join(found)
        for name, found in parts.items() if found
    }  # fmt: skip
    ids = dict.fromkeys(one for row in rows for one in row.ids)
    names = dict.fromkeys(name for row in rows for name in row.names)
    return Compound(tuple(ids), tuple(names), fields, of_id)
