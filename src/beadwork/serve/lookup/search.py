"""One search over everything that has a name: compounds, genes, classes, cells, signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from beadwork.api.index.opened import ConnectivityIndex
from beadwork.model.connectivity.annotation import SEVERAL
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import counted

KINDS = ("pert", "gene", "class", "cell", "sig")


class Hit(NamedTuple):
    """One thing that was found."""

    kind: str
    id: str
    label: str
    detail: str
    type: str = ""


class Search:
    """Finds names by words, whatever their case: whole names first, then beginnings, then parts."""

    def __init__(self, index: ConnectivityIndex, lists: Mapping[str, SignatureTable]) -> None:
        self.index = index
        self._entries: list[tuple[str, str, Hit]] = [*_perts(index, lists["perts"]), *_genes(index, lists["genes"]),
                                                     *_classes(lists["classes"]), *_cells(lists["cells"])]  # fmt: skip

    def find(self, text: str, limit: int = 20, kinds: tuple[str, ...] = KINDS) -> list[Hit]:
        """Best matches, at most `limit` of each kind."""
        words = text.lower().split()
        if not words:
            return []
        wanted, found = " ".join(words), []
        for name, all_names, hit in self._entries:
            if hit.kind in kinds and all(word in all_names for word in words):
                found.append((_rank(wanted, name, all_names), KINDS.index(hit.kind), len(name), name, hit))
        counts: dict[str, int] = {}
        chosen = []
        for *_, hit in sorted(found, key=lambda item: item[:4]):
            counts[hit.kind] = counts.get(hit.kind, 0) + 1
            if counts[hit.kind] <= limit:
                chosen.append(hit)
        return chosen + (self._signatures(words, limit) if "sig" in kinds else [])

    def _signatures(self, words: list[str], limit: int) -> list[Hit]:
        import pyarrow.compute as pc

        annotation = self.index.annotation
        column = annotation.column("sig_id")
        import pyarrow as pa

        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        mask = None
        for word in words:
            hit = pc.match_substring(column, word, ignore_case=True)
            mask = hit if mask is None else pc.and_(mask, hit)
        places = pc.indices_nonzero(mask)[:limit].to_numpy()
        names = [name for name in ("pert_iname", "cell_id", "pert_idose", "pert_itime") if name in annotation]
        rows = annotation.take(places, ["sig_id", *names]).to_pylist()
        return [
            Hit("sig", str(row["sig_id"]), str(row["sig_id"]), ", ".join(str(row[name]) for name in names if row[name]))
            for row in rows
        ]


def _rank(wanted: str, name: str, all_names: str) -> int:
    if name == wanted:
        return 0
    if f"\n{wanted}\n" in f"\n{all_names}\n":
        return 1
    if name.startswith(wanted):
        return 2
    return 3 if f"\n{wanted}" in f"\n{all_names}" else 4


def _names(*parts: Any) -> str:
    return "\n".join(str(part) for part in parts if part).lower()


def _perts(index: ConnectivityIndex, table: SignatureTable) -> list[tuple[str, str, Hit]]:
    aliases = _aliases(index)
    found = []
    columns = [name for name in ("pert_iname", "pert_id", "pert_type", "moa", "n_signatures") if name in table]
    for row in table.arrow.select(columns).to_pylist():
        name, pert_id = row["pert_iname"] or "", row.get("pert_id") or ""
        several = pert_id.replace(SEVERAL, "\n")
        detail = ", ".join(str(item) for item in (row.get("pert_type"), row.get("moa"),
                                                  counted(row["n_signatures"], "signature")) if item)  # fmt: skip
        hit = Hit("pert", name, name, detail, row.get("pert_type") or "")
        found.append((name.lower(), _names(name, several, aliases.get(name, "")), hit))
    return found


def _aliases(index: ConnectivityIndex) -> dict[str, str]:
    """Other names of compounds by their name."""
    annotation = index.annotation
    if "compound_aliases" not in annotation or "pert_iname" not in annotation:
        return {}
    names, texts = annotation.texts("pert_iname")
    own, values = annotation.texts("compound_aliases")
    pairs = {(name, code) for name, code in zip(names.tolist(), own.tolist(), strict=True) if name >= 0 and code >= 0}
    return {texts[name]: values[code].replace(SEVERAL, "\n") for name, code in pairs}


def _genes(index: ConnectivityIndex, table: SignatureTable) -> list[tuple[str, str, Hit]]:
    rows = table.arrow.select(["symbol", "gene_id", "values"]).to_pylist()
    return [
        (row["symbol"].lower(), _names(row["symbol"], row["gene_id"]),
         Hit("gene", row["symbol"], row["symbol"], f"gene {row['gene_id']}, {row['values']}"))
        for row in rows
    ]  # fmt: skip


def _classes(table: SignatureTable) -> list[tuple[str, str, Hit]]:
    counts: dict[str, int] = {}
    for row in table.arrow.select(["class", "n_perturbagens"]).to_pylist():
        counts[row["class"]] = counts.get(row["class"], 0) + int(row["n_perturbagens"])
    return [(name.lower(), name.lower(), Hit("class", name, name, f"mechanism, {counted(count, 'perturbagen')}"))
            for name, count in counts.items() if name]  # fmt: skip


def _cells(table: SignatureTable) -> list[tuple[str, str, Hit]]:
    found = []
    for row in table.arrow.to_pylist():
        more = [str(row[name]) for name in ("cell_lineage", "primary_site") if row.get(name)]
        detail = ", ".join(["cell", *more, counted(row["n_signatures"], "signature")])
        found.append((row["cell_id"].lower(), _names(row["cell_id"], *more), Hit("cell", row["cell_id"],
                                                                                 row["cell_id"], detail)))  # fmt: skip
    return found
