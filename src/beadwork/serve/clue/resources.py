"""Collections of clue.io's API, as far as an index knows them, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from beadwork.api.index.asking.clue_layout import class_id
from beadwork.model.connectivity.annotation import CELL_FIELDS, COMPOUND_FIELDS, SEVERAL
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.pert_types import rolled_up_as
from beadwork.serve.lookup.states import IndexState
from beadwork.serve.refusals import not_found


@dataclass(frozen=True)
class Collection:
    """A table, its fields that list several values, and what rows of others can be included, by their field."""

    table: SignatureTable
    lists: tuple[str, ...] = ()
    relations: dict[str, str] | None = None


def collection(state: IndexState, name: str) -> Collection:
    """Give the collection of this name; it is made once for each state.

    Raises
    ------
    RefusedError
        The index does not know what it would hold.
    """
    found = state.kept.get(f"clue {name}")
    if found is None:
        found = state.kept[f"clue {name}"] = with_id(MAKERS[name](state), name)
    made: Collection = found
    return made


def with_id(found: Collection, name: str) -> Collection:
    """Give the rows of a collection their id, as all records of clue.io have one; here what names a row."""
    import pyarrow as pa

    table = found.table
    if "id" in table or KEYS[name] not in table:
        return found
    ids = table.arrow.column(KEYS[name]).cast(pa.string()).to_pylist()
    if name.startswith("rep_drug_"):
        ids = [f"{one}:{part}" for one, part in zip(ids, table.arrow.column("name").to_pylist(), strict=True)]
    columns = {column: table.arrow.column(column) for column in table.names}
    return Collection(SignatureTable(pa.table({"id": pa.array(ids, pa.string()), **columns})), found.lists,
                      found.relations)  # fmt: skip


def _table(rows: list[dict[str, Any]], names: list[str]) -> SignatureTable:
    import pyarrow as pa

    columns = {name: [row.get(name) for row in rows] for name in names}
    return SignatureTable(pa.table({name: _array(values) for name, values in columns.items()}))


def _array(values: list[Any]) -> Any:
    import pyarrow as pa

    numbers = all(value is None or isinstance(value, int | float) for value in values)
    if numbers and any(value is not None for value in values):
        return pa.array(values)
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _sigs(state: IndexState) -> Collection:
    annotation = state.index.annotation
    names = [name for name in annotation.names if name != "source"]
    return Collection(SignatureTable(annotation.arrow.select(names)), ("distil_id", "det_plates", "moa", "target"))


def _perts(state: IndexState) -> Collection:
    """One row for each pert_id: its most frequent name and type, and everything that its signatures say."""
    annotation = state.index.annotation
    codes, ids = annotation.texts("pert_id" if "pert_id" in annotation else "pert_iname")
    known = [name for name in ("pert_iname", "pert_type", *COMPOUND_FIELDS) if name in annotation]
    spread = [name for name in ("cell_id", "pert_idose", "pert_itime") if name in annotation]
    counts = np.bincount(codes[codes >= 0], minlength=len(ids))
    rows: list[dict[str, Any]] = [
        {"pert_id": one, "num_sig": int(count)} for one, count in zip(ids, counts, strict=True)
    ]
    for name in (*known, *spread):
        own, texts = annotation.texts(name)
        there = (codes >= 0) & (own >= 0)
        pairs, number = np.unique(np.stack([codes[there], own[there]], axis=1), axis=0, return_counts=True)
        if name in spread:
            for pert, code in pairs.tolist():
                rows[pert][name] = f"{rows[pert][name]}{SEVERAL}{texts[code]}" if name in rows[pert] else texts[code]
        else:
            for pert, code in pairs[np.argsort(number, kind="stable")].tolist():
                rows[pert][name] = rolled_up_as(texts[code]) if name == "pert_type" else texts[code]
    return Collection(_table(rows, ["pert_id", *known, "num_sig", *spread]), ("moa", "target", *spread))


def _genes(state: IndexState) -> Collection:
    from beadwork.io.platform.gene_table import gene_table

    known = gene_table()
    titles = known["pr_gene_title"] if "pr_gene_title" in known else None
    rows = []
    for row, gene in enumerate(state.index.store.gene_ids):
        there = gene in known.index
        measured = bool(there and known["pr_is_lm"][gene] == 1)
        well = bool(there and known["pr_is_bing"][gene] == 1)
        rows.append(
            {
                "gene_symbol": state.index.finder.name_of(row), "entrez_id": gene, "pr_gene_id": gene,
                "pr_gene_symbol": state.index.finder.name_of(row),
                "gene_title": str(titles[gene]) if titles is not None and there else None,
                "l1000_type": "landmark" if measured else "best inferred" if well else "inferred" if there else None,
                "pr_is_lm": int(measured), "pr_is_bing": int(well), "is_lm": measured, "is_bing": well,
            }
        )  # fmt: skip
    return Collection(_table(rows, list(rows[0]) if rows else ["gene_symbol"]))


def _cells(state: IndexState) -> Collection:
    table = state.lists["cells"]
    rows = [{**row, "cell_iname": row["cell_id"]} for row in table.arrow.to_pylist()]
    names = ["cell_id", "cell_iname", *(name for name in CELL_FIELDS if name in table), "n_signatures"]
    return Collection(_table(rows, names))


def _replicates(state: IndexState) -> list[dict[str, Any]]:
    """Wells behind signatures, from their distil_id: ``PLATE:WELL`` each."""
    annotation = state.index.annotation
    name = next((item for item in ("distil_id", "distil_ids") if item in annotation), None)
    if name is None:
        words = "the index does not know the wells behind its signatures: its siginfo had no distil_id"
        raise not_found(words)
    names = ["sig_id", "pert_id", "pert_iname", "pert_type", "cell_id", "pert_idose", "pert_itime"]
    names = [item for item in names if item in annotation]
    rows = []
    for row in annotation.arrow.select([name, *names]).to_pylist():
        for one in (row[name] or "").split(SEVERAL):
            if one:
                plate, _, well = one.partition(":")
                rows.append({"distil_id": one, "inst_id": one, "det_plate": plate, "det_well": well or None,
                             **{item: row[item] for item in names}})  # fmt: skip
    return rows


def _profiles(state: IndexState) -> Collection:
    rows = _replicates(state)
    return Collection(_table(rows, list(rows[0]) if rows else ["distil_id"]))


def _plates(state: IndexState) -> Collection:
    found: dict[str, dict[str, Any]] = {}
    wells: dict[str, set[str]] = {}
    for row in _replicates(state):
        plate = row["det_plate"]
        found.setdefault(
            plate, {"det_plate": plate, "cell_id": row.get("cell_id"), "pert_itime": row.get("pert_itime")}
        )
        wells.setdefault(plate, set()).add(row["distil_id"])
    rows = [{**row, "num_profiles": len(wells[plate])} for plate, row in found.items()]
    return Collection(_table(rows, ["det_plate", "cell_id", "pert_itime", "num_profiles"]))


def _pcls(state: IndexState) -> Collection:
    if not {"moa", "target"} & set(state.index.annotation.names):
        raise not_found("the index has no mechanisms and targets (moa, target); `beadwork index annotate` joins them")
    plan = state.plan
    names, types = plan.classes["class"].to_pylist(), plan.classes["pert_type"].to_pylist()
    perts, ids = plan.perts["pert_iname"].to_pylist(), plan.perts["pert_id"].to_pylist()
    rows = [
        {
            "pcl_id": class_id(name, kind or ""), "group_id": class_id(name, kind or ""), "name": name,
            "pert_type": kind, "num_perts": len(members),
            "members": SEVERAL.join(dict.fromkeys(perts[row] for row in members.tolist())),
            "pert_id": SEVERAL.join(dict.fromkeys(ids[row] for row in members.tolist() if ids[row])),
        }
        for name, kind, members in zip(names, types, plan.members, strict=True)
    ]  # fmt: skip
    fields = ["pcl_id", "group_id", "name", "pert_type", "num_perts", "members", "pert_id"]
    return Collection(_table(rows, fields), ("members", "pert_id"))


def _drugs(state: IndexState) -> list[dict[str, Any]]:
    table = state.lists["perts"]
    fields = [name for name in ("moa", "target", "clinical_phase", "disease_area", "indication") if name in table]
    if not fields:
        raise not_found("the index has no annotation of drugs; `beadwork index annotate` joins it")
    names = ["pert_iname", "pert_id", "pert_type", *fields]
    return [row for row in table.arrow.select(names).to_pylist() if any(row[name] for name in fields)]


def _rep_drugs(state: IndexState) -> Collection:
    rows = [
        {
            "pert_iname": row["pert_iname"], "pert_id": row["pert_id"], "final_status": row.get("clinical_phase"),
            "disease_area": row.get("disease_area"),
        }
        for row in _drugs(state)
    ]  # fmt: skip
    relations = {"rep_drug_moas": "pert_iname", "rep_drug_targets": "pert_iname", "rep_drug_indications": "pert_iname"}
    names = ["pert_iname", "pert_id", "final_status", "disease_area"]
    return Collection(_table(rows, names), ("pert_id",), relations)


def _parts_of(field: str) -> Callable[[IndexState], Collection]:
    also = ["indication", "disease_area"] if field == "indication" else []

    def make(state: IndexState) -> Collection:
        rows = [
            {"pert_iname": row["pert_iname"], "name": part, "indication": part, "disease_area": row.get("disease_area")}
            for row in _drugs(state) for part in (row.get(field) or "").split(SEVERAL) if part
        ]  # fmt: skip
        return Collection(_table(rows, ["pert_iname", "name", *also]))

    return make


MAKERS: dict[str, Callable[[IndexState], Collection]] = {
    "sigs": _sigs, "perts": _perts, "genes": _genes, "cells": _cells, "profiles": _profiles, "plates": _plates,
    "pcls": _pcls, "rep_drugs": _rep_drugs, "rep_drug_moas": _parts_of("moa"), "rep_drug_targets": _parts_of("target"),
    "rep_drug_indications": _parts_of("indication"),
}  # fmt: skip

KEYS = {
    "sigs": "sig_id", "perts": "pert_id", "genes": "entrez_id", "cells": "cell_id", "profiles": "distil_id",
    "plates": "det_plate", "pcls": "pcl_id", "rep_drugs": "pert_iname", "rep_drug_moas": "pert_iname",
    "rep_drug_targets": "pert_iname", "rep_drug_indications": "pert_iname",
}  # fmt: skip
"""What names a row of each collection."""
