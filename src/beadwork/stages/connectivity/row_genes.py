"""Which genes the rows of a matrix are, by their ids, else by their annotation, else by their probes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beadwork.model.connectivity.gene_resolver import NAME_KINDS, GeneAnswer, GeneColumn, GeneResolver, Kind
from beadwork.model.connectivity.gene_text import entrez_text, gene_text, is_mouse_case
from beadwork.model.errors import AlignmentError, agree, counted, name_some

if TYPE_CHECKING:
    import pandas as pd

GENE_FIELDS = (
    "pr_gene_id", "entrez_id", "entrezid", "gene_id", "pr_gene_symbol", "gene_symbol", "symbol", "ensembl_id",
    "feature_id",
)  # fmt: skip
"""Fields of row annotation that may name genes, the surest first."""
_RANK = {Kind.PREVIOUS: 1, Kind.ALIAS: 2}


@dataclass(frozen=True)
class RowGenes:
    """Genes of a matrix' rows.

    Attributes
    ----------
    ids
        Entrez ids; a row that is no gene that is known keeps its own id.
    symbols
        Symbols, None where none is known.
    n_known
        Number of rows that are known as genes.
    source
        What the genes were read from, in words: ``Entrez ids``, ``symbols in field gene_symbol``.
    remarks
        What is worth knowing, in words.
    """

    ids: list[str]
    symbols: list[str | None]
    n_known: int
    source: str
    remarks: tuple[str, ...] = ()


def identify_genes(
    rows: pd.DataFrame,
    resolver: GeneResolver,
    known: Mapping[str, str],
    probes: Mapping[str, str],
    what: str = "matrix",
) -> RowGenes:
    """Say which genes the rows of a matrix are.

    Parameters
    ----------
    rows
        Row annotation, indexed by row id.
    resolver
        Says which gene a name means.
    known
        Symbol by Entrez id, for the genes of the platform.
    probes
        Entrez id by probe, for probes of which each stands for one gene.
    what
        Name of the matrix, for messages.

    Raises
    ------
    AlignmentError
        No row is known as a gene, or two rows are the same gene.
    """
    own = [gene_text(item) for item in rows.index]
    if all(item in known for item in own) and len(set(own)) == len(own):  # the usual index, often one of hundreds
        return RowGenes(own, [known[item] for item in own], len(own), f"{Kind.ENTREZ}s")
    field, answers, column = _best_column(own, rows, resolver, probes)
    if not any(answer.gene for answer in answers):
        why = f"none is known as a gene ({own[0]}: {answers[0].reason}), so that no query could reach them"
        if column.kind is Kind.ROW_NUMBER:
            why = "they are row numbers, not genes"
        raise AlignmentError(
            f"{what}: row ids ({name_some(own, 3)}): {why}; give Entrez ids, symbols or Ensembl ids as row ids or as a "
            "row field pr_gene_id"
        )
    ids, left = _distinct_ids(own, answers, what)
    symbols = _symbols(ids, rows, resolver, known)
    n_known = sum(bool(answer.gene) for answer in answers) - len(left)
    return RowGenes(ids, symbols, n_known, _source(field, column), tuple(_remarks(own, answers, n_known, left)))


def _best_column(
    own: Sequence[str], rows: pd.DataFrame, resolver: GeneResolver, probes: Mapping[str, str]
) -> tuple[str, list[GeneAnswer], GeneColumn]:
    """Row ids if half of them are genes, else the field that names most, else the probes' genes, else the row ids."""
    column = resolver.describe(own)
    plain = column.kind not in (None, Kind.PROBE, Kind.ROW_NUMBER)
    if not plain:
        for field in (name for name in GENE_FIELDS if name in rows.columns):
            values = [gene_text(item) for item in rows[field]]
            described = resolver.describe(values)
            if described.kind not in (None, Kind.ROW_NUMBER):
                return field, resolver.resolve(values, suggest=False), described
        if own and all(item in probes for item in own):
            return "", [GeneAnswer(item, probes[item], Kind.PROBE) for item in own], column
    if column.kind is Kind.ROW_NUMBER:
        return "", [GeneAnswer(item, "", Kind.ROW_NUMBER, "a row number") for item in own], column
    answers = resolver.resolve(own, suggest=False)
    if not any(answer.gene for answer in answers):  # no names at all: numbers among other texts are Entrez ids
        numbers = [item for item in own if entrez_text(item)]
        known = [answer for answer in resolver.resolve(own, numbers=True, suggest=False) if answer.gene]
        if known and len(known) >= 0.8 * len(numbers):
            answers = resolver.resolve(own, numbers=True, suggest=False)
            column = GeneColumn(Kind.ENTREZ, len(known) / len(own), column.n, column.distinct)
    return "", answers, column


def _distinct_ids(own: Sequence[str], answers: Sequence[GeneAnswer], what: str) -> tuple[list[str], list[int]]:
    """Id of each row; of rows that are one gene by its symbol and by another name, the latter keeps its own id.

    Returns
    -------
    (ids, rows that keep their id since another row is their gene)
    """
    by_gene = defaultdict(list)
    for row, answer in enumerate(answers):
        if answer.gene:
            by_gene[answer.gene].append(row)
    left, twice = [], []
    for gene, places in by_gene.items():
        if len(places) > 1:
            ranks = [_rank(answers[row]) for row in places]
            if ranks.count(min(ranks)) > 1:
                twice.append(gene)
            left += [row for row, rank in zip(places, ranks, strict=True) if rank > min(ranks)]
    passed = set(left)
    ids = [
        answer.gene if answer.gene and row not in passed else entrez_text(own[row]) or own[row]
        for row, answer in enumerate(answers)
    ]
    if not twice and len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = [item for item in ids if item in seen or seen.add(item)]  # type: ignore[func-returns-value]
    if twice:
        raise AlignmentError(
            f"{what}: genes stand in several rows: {name_some(sorted(set(twice)))}; keep one row per gene"
        )
    return ids, sorted(left)


def _rank(answer: GeneAnswer) -> tuple[int, int]:
    """Of several rows the lowest is the gene.  Ensembl's older id is that of the chromosome, not of a patch."""
    digits = answer.name.partition(".")[0].lstrip("ENSGensg") if answer.kind is Kind.ENSEMBL else ""
    return _RANK.get(answer.kind, 0), int(digits) if digits.isdecimal() else 0


def _symbols(
    ids: Sequence[str], rows: pd.DataFrame, resolver: GeneResolver, known: Mapping[str, str]
) -> list[str | None]:
    own = list(rows["pr_gene_symbol"]) if "pr_gene_symbol" in rows.columns else [None] * len(ids)
    found: list[str | None] = []
    for gene, text in zip(ids, own, strict=True):
        symbol = known.get(gene) or (text if isinstance(text, str) else None)
        if symbol is None and (named := resolver.symbol(gene)) != gene:
            symbol = named
        found.append(symbol)
    return found


def _source(field: str, column: GeneColumn) -> str:
    kind = f"{column.kind}s" if column.kind else "ids of several kinds"
    return f"{kind} of field {field}" if field else kind


def _remarks(own: Sequence[str], answers: Sequence[GeneAnswer], n_known: int, left: Sequence[int]) -> list[str]:
    remarks = []
    mouse = [answer.name for answer in answers if answer.kind in NAME_KINDS and is_mouse_case(answer.name)]
    if len(mouse) > len(answers) / 2:
        remarks.append(
            f"row ids are written as symbols of mouse or rat ({mouse[0]}), and taken for the human genes of that name"
        )
    unknown = [own[row] for row, answer in enumerate(answers) if not answer.gene]
    if unknown:
        remarks.append(
            f"{len(unknown)} of {len(own)} rows are no known genes ({name_some(unknown, 3)}); they keep their ids"
        )
    if left:
        names = name_some([own[row] for row in left], 3)
        remarks.append(
            f"{counted(len(left), 'row')} {agree(len(left), 'has')} another name of a gene that has a row "
            f"({names}); {'it keeps its id' if len(left) == 1 else 'they keep their ids'}"
        )
    return remarks
