"""Genes of the platform by id, symbol and older symbol; read without pandas, since every query needs them."""

from __future__ import annotations

from functools import cache

from beadwork.io.platform.folder import resource_path
from beadwork.model.missing import NO_GENE


@cache
def known_genes() -> dict[str, str]:
    """Entrez id -> symbol of the platform's genes."""
    columns = _columns("genes.tsv")
    return dict(zip(columns["pr_gene_id"], columns["pr_gene_symbol"], strict=True))


@cache
def old_symbols() -> dict[str, str]:
    """Older (and newer) symbol -> Entrez id."""
    columns = _columns("renamed_genes.tsv")
    names: dict[str, str] = {}
    for column in ("old_symbol", "new_symbol"):
        for name, gene in zip(columns[column], columns["pr_gene_id"], strict=True):
            names.setdefault(name, gene)
    return names


@cache
def probe_genes() -> dict[str, str]:
    """Probe set of HG-U133A -> Entrez id: old gene sets are lists of probe sets."""
    columns = _columns("probes_u133a.tsv")
    pairs = zip(columns["pr_probe_id"], columns["pr_gene_id"], strict=True)
    return {probe: gene for probe, gene in pairs if gene not in NO_GENE}


def _columns(name: str) -> dict[str, list[str]]:
    """Columns of a shipped table, whose cells are plain: no quotes, none missing."""
    text = resource_path(name).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {header: [row[place] for row in rows[1:]] for place, header in enumerate(rows[0])}
