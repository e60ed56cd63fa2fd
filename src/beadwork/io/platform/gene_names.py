"""Names and ids of human genes from the tables under ``resources/``; read without pandas, each when it is first needed.

:func:`gene_resolver` is what readers and finders use.
"""

from __future__ import annotations

import gzip
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache

from beadwork.io.platform.folder import resource_path
from beadwork.model.connectivity.gene_resolver import GeneResolver, NamedGenes
from beadwork.model.missing import NO_GENE

_NAME_TABLES = ("gene_names.tsv.gz", "gene_names_others.tsv.gz")
_ID_COLUMNS = {"hgnc": 1, "ensembl": 2, "uniprot": 3, "refseq": 4}


@cache
def gene_resolver() -> GeneResolver:
    """Say which human gene a name or an id means, by the tables that ship with beadwork."""
    return GeneResolver(_ShippedTables())


@cache
def known_genes() -> dict[str, str]:
    """Entrez id -> symbol of the platform's genes."""
    columns = _columns("genes.tsv")
    return dict(zip(columns["pr_gene_id"], columns["pr_gene_symbol"], strict=True))


@cache
def uniprot_ids() -> dict[str, str]:
    """Entrez id -> its first UniProt accession."""
    found = {}
    for line in _lines("gene_ids.tsv.gz"):
        cells = line.split("\t")
        if first := cells[_ID_COLUMNS["uniprot"]].split("|")[0]:
            found[cells[0]] = first
    return found


@cache
def probe_genes() -> dict[str, str]:
    """Probe set of HG-U133A -> Entrez id: old gene sets are lists of probe sets."""
    columns = _columns("probes_u133a.tsv")
    pairs = zip(columns["pr_probe_id"], columns["pr_gene_id"], strict=True)
    return {probe: gene for probe, gene in pairs if gene not in NO_GENE}


class _ShippedTables:
    """The tables as a resolver asks for them; threads may ask at once."""

    def name(self, name: str) -> NamedGenes | None:
        key = name + "\t"
        for table in _NAME_TABLES:
            lines = _sorted_lines(table)
            at = bisect_left(lines, key)
            if at < len(lines) and lines[at].startswith(key):
                _, genes, how, *symbol = lines[at].split("\t")
                return NamedGenes(tuple(genes.split("|")), how, symbol[0] if symbol else name)
        return None

    def ids(self, kind: str) -> Mapping[str, str]:
        return _ids(kind)

    def symbols(self) -> Mapping[str, str]:
        return _symbols()

    def probes(self) -> Mapping[str, str]:
        return probe_genes()

    def mouse(self) -> Mapping[str, str]:
        return _mouse()


@cache
def _sorted_lines(name: str) -> Sequence[str]:
    """Lines of a table in order of their names: looking a name up needs no parsing."""
    return _lines(name)


@cache
def _ids(kind: str) -> dict[str, str]:
    """Id of one kind -> Entrez id; Ensembl and HGNC ids by their digits."""
    place = _ID_COLUMNS[kind]
    found: dict[str, str] = {}
    for line in _lines("gene_ids.tsv.gz"):
        cells = line.split("\t")
        for item in cells[place].split("|"):
            found.setdefault(item, cells[0])
    found.pop("", None)
    return found


@cache
def _symbols() -> dict[str, str]:
    """Entrez id -> symbol: the platform's own for its genes, else that of today."""
    found = {}
    for line in _sorted_lines(_NAME_TABLES[1]):
        name, gene, how, *symbol = line.split("\t")
        if how == "s":
            found[gene] = symbol[0] if symbol else name
    return found | known_genes()


@cache
def _mouse() -> dict[str, str]:
    """Symbol of a mouse gene, in capitals -> symbol of its human gene, or nothing."""
    columns = _columns("mouse_genes.tsv")
    return {mouse.upper(): human for mouse, human in zip(columns["mouse"], columns["human"], strict=True)}


def _columns(name: str) -> dict[str, list[str]]:
    """Columns of a shipped table, whose cells are plain: no quotes, none missing."""
    rows = [line.split("\t") for line in _lines(name)]
    return {header: [row[place] for row in rows[1:]] for place, header in enumerate(rows[0])}


def _lines(name: str) -> list[str]:
    """Lines of a shipped table below its heading of ``#`` lines."""
    data = resource_path(name).read_bytes()
    lines = (gzip.decompress(data) if name.endswith(".gz") else data).decode("utf-8").rstrip("\n").split("\n")
    return lines[next(place for place, line in enumerate(lines) if line[:1] != "#") :]
