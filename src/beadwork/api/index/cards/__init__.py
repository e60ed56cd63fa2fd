"""Cards: what an index knows of a perturbagen, a gene, a cell, a signature, a class of perturbagens."""

from beadwork.api.index.cards.card import Card
from beadwork.api.index.cards.cell import show_cell
from beadwork.api.index.cards.gene import show_gene
from beadwork.api.index.cards.gene_lists import write_gene_sets
from beadwork.api.index.cards.mechanism import show_class
from beadwork.api.index.cards.perturbagen import show_perturbagen
from beadwork.api.index.cards.rows import find_perturbagen
from beadwork.api.index.cards.signature import show_signature

__all__ = [
    "Card", "find_perturbagen", "show_cell", "show_class", "show_gene", "show_perturbagen", "show_signature",
    "write_gene_sets",
]  # fmt: skip
