"""Find genes among those of an index; whatever is not used is named for what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from beadwork.model.connectivity.gene_resolver import GeneAnswer, GeneResolver, Kind
from beadwork.model.connectivity.gene_text import entrez_text, gene_text, is_list_of_ids, is_number
from beadwork.model.connectivity.query import Answer

_IDS_OF_GENES = frozenset({Kind.ENSEMBL, Kind.HGNC, Kind.UNIPROT, Kind.PROBE})
"""Kinds whose ids are of genes even where it is not known of which."""


class FoundGene(NamedTuple):
    """One gene of a list: its row in the index (-1: not used), how it was found, and why it is not used."""

    name: str
    row: int
    answer: Answer
    kind: Kind | None = None
    reason: str = ""


class GeneFinder:
    """Row of a gene by any of its names and ids.

    The index's own ids and symbols go first, then names of a user's table, then what the resolver knows.

    Parameters
    ----------
    gene_ids, symbols
        Genes of the index in row order, and their symbols (None where unknown).
    resolver
        Says which gene a name means.
    further
        A user's own names of genes: name -> Entrez id.
    """

    def __init__(
        self,
        gene_ids: Sequence[str],
        symbols: Sequence[str | None],
        resolver: GeneResolver,
        further: Mapping[str, str] | None = None,
    ) -> None:
        self.n_genes = len(gene_ids)
        self.rows = {gene: row for row, gene in enumerate(gene_ids)}
        self.resolver = resolver
        self._symbols = symbols
        self.further = {name.upper(): gene for name, gene in (further or {}).items()}

    @cached_property
    def symbols(self) -> dict[str, int]:
        """Row of each symbol, in capitals."""
        found: dict[str, int] = {}
        for row, symbol in enumerate(self._symbols):
            if isinstance(symbol, str):
                found.setdefault(symbol.upper(), row)
        return found

    @cached_property
    def _row_of_gene(self) -> Mapping[str, int]:
        """Row by Entrez id, also where the index has other ids."""
        if all(map(str.isdigit, self.rows)):
            return self.rows
        answers = self.resolver.resolve(self.rows, suggest=False)
        others = {answer.gene: row for row, answer in enumerate(answers) if answer.gene}
        return others | self.rows

    def find(self, names: Iterable[object]) -> list[FoundGene]:
        """Answer for each gene of one list, in order; numbers are Entrez ids only in a list of ids."""
        texts = [gene_text(name) for name in names]
        numbers = is_list_of_ids(texts)
        own = {text: self._own_row(text, numbers) for text in texts}
        others = [text for text, (row, _) in own.items() if row < 0]
        answers = dict(zip(others, self.resolver.resolve(others, numbers=numbers), strict=True))
        answers |= {text: GeneAnswer(text, gene, Kind.ALIAS) for text in others if (gene := self._further_gene(text))}
        return [
            self._known(answers[text]) if text in answers else FoundGene(text, own[text][0], Answer.USED, own[text][1])
            for text in texts
        ]

    def keys(self, names: Iterable[object]) -> list[str]:
        """Give the same text for each name of one gene in a list: its row or Entrez id; nothing for what is no gene."""
        texts = [gene_text(name) for name in names]
        numbers = is_list_of_ids(texts)
        rows = [self._own_row(text, numbers)[0] for text in texts]
        others = [text for text, row in zip(texts, rows, strict=True) if row < 0]
        answers = dict(zip(others, self.resolver.resolve(others, numbers=numbers, suggest=False), strict=True))
        found = []
        for text, row in zip(texts, rows, strict=True):
            gene = "" if row >= 0 else answers[text].gene
            row = self._row_of_gene.get(gene, -1) if gene else row
            found.append(f"row {row}" if row >= 0 else gene)
        return found

    def name_of(self, row: int) -> str:
        """Symbol of a row, or its id where it has none."""
        return self._symbols[row] or list(self.rows)[row]

    def _own_row(self, text: str, numbers: bool) -> tuple[int, Kind | None]:
        """Row of an id or symbol of the index, or of a user's own name."""
        if is_number(text):
            row = self.rows.get(entrez_text(text) or text, -1) if numbers else -1
            return row, Kind.ENTREZ
        if text in self.rows:
            return self.rows[text], None
        upper = text.upper()
        if upper in self.symbols:
            return self.symbols[upper], Kind.SYMBOL
        gene = self._further_gene(text)
        return (self._row_of_gene.get(gene, -1), Kind.ALIAS) if gene else (-1, None)

    def _further_gene(self, text: str) -> str:
        if not self.further or is_number(text):
            return ""
        upper = text.upper()
        bare = upper.split(".")[0] if upper.startswith("ENS") else upper
        return self.further.get(upper) or self.further.get(bare) or ""

    def _known(self, found: GeneAnswer) -> FoundGene:
        where = f"not among the {self.n_genes:,} genes of the index"
        if found.gene:
            row = self._row_of_gene.get(found.gene, -1)
            if row >= 0:
                return FoundGene(found.name, row, Answer.USED, found.kind)
            is_symbol = found.kind is Kind.SYMBOL
            who = f"Entrez id {found.gene}" if is_symbol else f"{found.kind} of {self.resolver.symbol(found.gene)}"
            return FoundGene(found.name, -1, Answer.NOT_IN_INDEX, found.kind, f"{who}, {where}")
        if found.kind in _IDS_OF_GENES:
            return FoundGene(found.name, -1, Answer.NOT_IN_INDEX, found.kind, f"{found.reason}; {where}")
        if found.genes and not any(gene in self._row_of_gene for gene in found.genes):
            return FoundGene(found.name, -1, Answer.NOT_IN_INDEX, found.kind, f"{found.reason}; none is in the index")
        return FoundGene(found.name, -1, Answer.NO_GENE, found.kind, found.reason)
