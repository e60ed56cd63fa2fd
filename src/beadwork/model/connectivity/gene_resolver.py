"""Which human gene a name or an id means; what is no gene is named for what it is.

>>> from beadwork.io.platform.gene_names import gene_resolver
>>> resolver = gene_resolver()
>>> [(answer.gene, str(answer.kind)) for answer in resolver.resolve(["CDKN1A", "SEPT9", "ENSG00000141510.18"])]
[('1026', 'symbol'), ('10801', 'symbol'), ('7157', 'Ensembl id')]
>>> [answer.reason for answer in resolver.resolve(["CDKN1A", "TP53", "2"])][2]
'a bare number in a list that is not one of ids; not taken for an Entrez id'
>>> str(resolver.describe(["CDKN1A", "TP53", "GAPDH", "no gene"]).kind), resolver.share_known(["CDKN1A", "2.5"])
('symbol', 0.5)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from beadwork.model.connectivity.gene_text import (
    PLACEHOLDERS,
    are_row_numbers,
    entrez_text,
    gene_text,
    is_list_of_ids,
    is_number,
)
from beadwork.model.connectivity.spreadsheet import gene_dates, is_scientific, serial_date, symbols_of_date

SAMPLE = 2000
"""Values by which a column is judged; they are spread evenly over it."""
MOST_SUGGESTIONS = 10
"""Unknown names of one list for which a similar symbol is looked for."""

_LABELLED = re.compile(
    r"(?:gene|(?:entrez|ncbi)? ?(?:gene)? ?id|entrez|ncbi|hsa|ensembl|uniprot(?:kb)?|refseq|symbol)\s*[:=]\s*(\S.*)",
    re.I,
)
_SEPARATORS = re.compile(r"///|[|;]|_(?=ENSG\d{11})|(?<=ENSG\d{11})_")
_ENSEMBL = re.compile(r"ENS(?P<species>[A-Z]*?)(?P<feature>[GTPER])(?P<digits>\d{11})(?:[._]\d+)?(?:_PAR_Y)?", re.I)
_REFSEQ = re.compile(r"([NX][MRPG]_\d{6,9})(?:\.\d+)?", re.I)
_UNIPROT = re.compile(r"((?:[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}))(?:-\d+)?", re.I)
_HGNC = re.compile(r"HGNC:(\d+)", re.I)
_LOC = re.compile(r"LOC(\d+)", re.I)
_PROBE = re.compile(r"\S+_at|ILMN_\d+|A_\d\d_P\d+|TC\d+\.hg\.\d+|cg\d{8}", re.I)
_UNIGENE = re.compile(r"Hs\.\d+", re.I)
_MOUSE_ONLY = re.compile(r"Gm\d+|\d{7}[A-Z]\d\dRik|[A-Z]{1,2}\d{6}", re.I)
_HEADING = re.compile(
    r"(?:gene|hgnc|official)?[ ._]?(?:genes?|symbols?|names?|ids?)|entrez.*|ensembl.*|gene[ ._].*|up|down|dn", re.I
)
_SPECIES = {"MUS": "mouse", "RNO": "rat", "DAR": "zebrafish", "MMU": "macaque", "SSC": "pig", "GAL": "chicken"}
_FEATURES = {"T": "transcript", "P": "protein", "E": "exon", "R": "regulatory feature"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"


class Kind(StrEnum):
    """How a gene is named, or what a text is instead."""

    ENTREZ = "Entrez id"
    SYMBOL = "symbol"
    PREVIOUS = "previous symbol"
    ALIAS = "alias"
    ENSEMBL = "Ensembl id"
    UNIPROT = "UniProt accession"
    REFSEQ = "RefSeq accession"
    HGNC = "HGNC id"
    PROBE = "probe set"
    MISSING = "missing"
    NUMBER = "number"
    ROW_NUMBER = "row number"
    DATE = "date"
    MOUSE = "gene of another species"
    SEVERAL = "name of several genes"
    UNKNOWN = "unknown"


NAME_KINDS = frozenset({Kind.SYMBOL, Kind.PREVIOUS, Kind.ALIAS})
"""Kinds that stand beside each other in one list of symbols."""
_BY_LETTER = {"p": Kind.SYMBOL, "s": Kind.SYMBOL, "o": Kind.PREVIOUS, "a": Kind.ALIAS}


class NamedGenes(NamedTuple):
    """Genes that have a name: Entrez ids (several: it is not settled which), how they have it, and its usual case."""

    genes: tuple[str, ...]
    how: str
    symbol: str


class GeneTables(Protocol):
    """What a resolver knows."""

    def name(self, name: str) -> NamedGenes | None:
        """Genes of a symbol, previous symbol or alias in capitals."""

    def ids(self, kind: str) -> Mapping[str, str]:
        """Entrez id by another id: of ``ensembl`` and ``hgnc`` (digits), ``uniprot``, ``refseq``."""

    def symbols(self) -> Mapping[str, str]:
        """Symbol of each Entrez id."""

    def probes(self) -> Mapping[str, str]:
        """Entrez id of each probe set."""

    def mouse(self) -> Mapping[str, str]:
        """Symbols, in capitals, that only mouse genes have, and the symbol of the human gene."""


class GeneAnswer(NamedTuple):
    """What a name means.

    Attributes
    ----------
    name
        The name as it was given.
    gene
        Entrez id of the human gene; empty where no gene, or no single one, is meant.
    kind
        How it is named, or what it is instead; an id of a known kind but of no gene that is known keeps its kind.
    reason
        Why it is no gene, in words; empty where it is one.
    genes
        Entrez ids of all genes that share the name, where there are several.
    """

    name: str
    gene: str
    kind: Kind
    reason: str = ""
    genes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GeneColumn:
    """What the values of a column or list are.

    Attributes
    ----------
    kind
        The kind of most of its values; None where fewer than half of them are one known kind of gene.
    share
        Share of the values (missing ones aside) that are known genes of that kind, 0 to 1.
    n
        Number of values that were judged.
    distinct
        Share of these that differ from each other, 0 to 1.
    """

    kind: Kind | None
    share: float
    n: int
    distinct: float


class GeneResolver:
    """Says which human gene a name or id means.

    Entrez ids (also ``5982.0``), symbols of the platform and of today, previous symbols, aliases, Ensembl ids with and
    without version, UniProt, RefSeq and HGNC ids, probe sets of HG-U133A.  A name that several genes have goes to the
    platform's symbol, else today's, else a previous symbol, else an alias; of several on one step none is chosen.

    Numbers are Entrez ids only in a list of ids, that is where they are more than three
    quarters of it and none has a fraction: a list of symbols with weights is none.
    """

    def __init__(self, tables: GeneTables) -> None:
        self.tables = tables

    def resolve(
        self, names: Iterable[object], *, numbers: bool | None = None, suggest: bool = True
    ) -> list[GeneAnswer]:
        """Answer for each name of one list, in order.

        Parameters
        ----------
        names
            Texts, numbers or bytes of one list or column; what stands beside a number decides what it means.
        numbers
            Whether numbers are Entrez ids; by default judged by the list.
        suggest
            Whether a similar symbol is looked for where a name is unknown.
        """
        texts = [gene_text(item) for item in names]
        if numbers is None:
            numbers = is_list_of_ids(texts)
        known: dict[str, GeneAnswer] = {}
        left = MOST_SUGGESTIONS if suggest else 0
        for text in texts:
            if text not in known:
                answer = self._answer(text, numbers)
                if answer.kind is Kind.UNKNOWN and left and answer.reason == _UNKNOWN:
                    left -= 1
                    answer = answer._replace(reason=_UNKNOWN + _did_you_mean(self.similar(text)))
                known[text] = answer
        return [known[text] for text in texts]

    def describe(self, values: Iterable[object]) -> GeneColumn:
        """Recognise what the values of a column are, judged by at most :data:`SAMPLE` of them."""
        texts = [gene_text(item) for item in values]
        rows, numbers = are_row_numbers(texts), is_list_of_ids(texts)
        sample = self.resolve(texts[:: max(1, len(texts) // SAMPLE)], numbers=numbers, suggest=False)
        answers = [answer for answer in sample if answer.kind is not Kind.MISSING]
        distinct = len({answer.name for answer in answers}) / len(answers) if answers else 0.0
        if rows:
            return GeneColumn(Kind.ROW_NUMBER, 0.0, len(answers), distinct)
        kinds = Counter(Kind.SYMBOL if a.kind in NAME_KINDS else a.kind for a in answers if a.gene)
        if not kinds:
            return GeneColumn(None, 0.0, len(answers), distinct)
        kind, number = kinds.most_common(1)[0]
        share = number / len(answers)
        return GeneColumn(kind if share >= 0.5 else None, share, len(answers), distinct)

    def kind_of(self, values: Iterable[object]) -> Kind | None:
        """Kind of gene that at least half of the values are, else None (a row number is no gene)."""
        kind = self.describe(values).kind
        return None if kind is Kind.ROW_NUMBER else kind

    def share_known(self, values: Iterable[object]) -> float:
        """Share of the values, missing ones aside, that are known genes of one kind."""
        return self.describe(values).share

    def symbol(self, gene: str) -> str:
        """Symbol of an Entrez id, or the id where none is known."""
        return self.tables.symbols().get(gene, gene)

    def similar(self, name: str) -> list[str]:
        """Find up to three symbols that differ from a name by one letter, a swap or a suffix such as ``.1``."""
        upper = name.upper()
        if len(upper) < 4 or len(upper) > 20:
            return []
        near: dict[str, int] = {}
        bare = re.sub(r"[.-]\d+$", "", upper)
        for candidate in [bare, upper.replace(".", "-"), re.sub(r"[-_. ]", "", upper), *_one_off(upper)]:
            found = self.tables.name(candidate) if candidate != upper and len(candidate) > 2 else None
            if found and found.how in "ps":
                near.setdefault(found.symbol, 0 if found.how == "p" else 1)
            if len(near) and candidate == re.sub(r"[-_. ]", "", upper):
                break  # the same but for marks: nothing is closer
        return sorted(near, key=lambda symbol: (near[symbol], symbol))[:3] if len(near) <= 12 else []

    # ---- one name --------------------------------------------------------------------------------------------------

    def _answer(self, text: str, numbers: bool) -> GeneAnswer:
        upper = text.upper()
        if upper in PLACEHOLDERS:
            return GeneAnswer(text, "", Kind.MISSING, "placeholder for a missing gene")
        if text[0] in "0123456789+-.," and (number := self._number(text, numbers)):
            return number
        found = self.tables.name(upper)
        if found:
            return self._named(text, found)
        if match := _LABELLED.fullmatch(text):
            return self._answer(match[1], True)._replace(name=text)
        return self._other_id(text, upper) or self._no_gene(text, upper)

    def _named(self, text: str, found: NamedGenes) -> GeneAnswer:
        kind = _BY_LETTER[found.how]
        if len(found.genes) == 1:
            return GeneAnswer(text, found.genes[0], kind)
        several = _and_more([self.symbol(gene) for gene in found.genes])
        return GeneAnswer(text, "", Kind.SEVERAL, f"{kind} of several genes ({several}); give one of them", found.genes)

    def _number(self, text: str, numbers: bool) -> GeneAnswer | None:
        whole = entrez_text(text)
        if whole is None:
            if is_scientific(text):
                reason = "a number in scientific notation, as spreadsheets make of clone names (2310009E13Rik)"
                return GeneAnswer(text, "", Kind.NUMBER, reason)
            if is_number(text):
                return GeneAnswer(text, "", Kind.NUMBER, "a number, not a gene")
            return None
        if numbers and whole in self.tables.symbols():
            return GeneAnswer(text, whole, Kind.ENTREZ)
        day = serial_date(int(whole)) if len(whole) <= 6 else None
        made_of = self._date_symbols([(day.month, day.day)]) if day else []
        hint = f"; as a day of a spreadsheet it is {day}, perhaps made of {_or(made_of)}" if made_of else ""
        if numbers:
            return GeneAnswer(text, "", Kind.NUMBER, f"a number, but no Entrez id of a known human gene{hint}")
        return GeneAnswer(text, "", Kind.NUMBER, f"{_BARE}{hint}")

    def _other_id(self, text: str, upper: str) -> GeneAnswer | None:
        if match := _ENSEMBL.fullmatch(upper):
            return self._ensembl(text, match["species"], match["feature"], match["digits"])
        if match := _REFSEQ.fullmatch(upper):
            return self._by_id(text, Kind.REFSEQ, "refseq", match[1], "a RefSeq accession that the table lacks")
        if match := _HGNC.fullmatch(upper):
            return self._by_id(text, Kind.HGNC, "hgnc", match[1], "an HGNC id of no gene that is known")
        if match := _LOC.fullmatch(upper):
            if match[1] in self.tables.symbols():
                return GeneAnswer(text, match[1], Kind.SYMBOL)
            return GeneAnswer(text, "", Kind.UNKNOWN, f"no known human gene has the Entrez id {match[1]}")
        if _PROBE.fullmatch(text):
            gene = self.tables.probes().get(text) or self.tables.probes().get(text.lower())
            if gene:
                return GeneAnswer(text, gene, Kind.PROBE)
            return GeneAnswer(text, "", Kind.PROBE, "unknown probe set, or one of no gene of the platform")
        if match := _UNIPROT.fullmatch(upper):
            return self._by_id(
                text, Kind.UNIPROT, "uniprot", match[1], "a UniProt accession of no gene of the platform"
            )
        if len(parts := [part for part in _SEPARATORS.split(text) if part.strip()]) > 1:
            return self._joined(text, parts)
        return None

    def _by_id(self, text: str, kind: Kind, table: str, key: str, reason: str) -> GeneAnswer:
        gene = self.tables.ids(table).get(key, "")
        return GeneAnswer(text, gene, kind, "" if gene else reason)

    def _ensembl(self, text: str, species: str, feature: str, digits: str) -> GeneAnswer:
        if species:
            name = _SPECIES.get(species, "another species")
            return GeneAnswer(
                text, "", Kind.MOUSE, f"Ensembl id of {name}; give the ids or symbols of the human genes instead"
            )
        if feature != "G":
            what = _FEATURES[feature]
            return GeneAnswer(text, "", Kind.UNKNOWN, f"Ensembl id of a {what}; ids of genes (ENSG...) are needed")
        return self._by_id(text, Kind.ENSEMBL, "ensembl", digits.lstrip("0"), "Ensembl id of no named gene")

    def _joined(self, text: str, parts: Sequence[str]) -> GeneAnswer:
        genes = dict.fromkeys(answer.gene for answer in self.resolve(parts, numbers=True, suggest=False) if answer.gene)
        if len(genes) == 1:
            return GeneAnswer(text, next(iter(genes)), Kind.SYMBOL)
        if genes:
            several = _and_more([self.symbol(gene) for gene in genes])
            return GeneAnswer(
                text, "", Kind.SEVERAL, f"several genes in one cell ({several}); give one of them", tuple(genes)
            )
        return GeneAnswer(text, "", Kind.UNKNOWN, _UNKNOWN)

    def _no_gene(self, text: str, upper: str) -> GeneAnswer:
        if days := gene_dates(text):
            made_of = self._date_symbols(days)
            hint = f" of a symbol, perhaps {_or(made_of)}" if made_of else ""
            return GeneAnswer(text, "", Kind.DATE, f"a date, as spreadsheets make{hint}; give the symbol")
        mouse = self.tables.mouse().get(upper)
        if mouse is not None or _MOUSE_ONLY.fullmatch(text):
            human = f"; its human gene is {mouse}" if mouse else ""
            return GeneAnswer(text, "", Kind.MOUSE, f"symbol of a mouse gene{human}")
        if _HEADING.fullmatch(text):
            return GeneAnswer(text, "", Kind.UNKNOWN, "a heading, not a gene")
        if _UNIGENE.fullmatch(text):
            return GeneAnswer(
                text, "", Kind.UNKNOWN, "a UniGene cluster; UniGene is closed, give symbols or Entrez ids"
            )
        if is_number(text):
            return GeneAnswer(text, "", Kind.NUMBER, "a number, not a gene")
        return GeneAnswer(text, "", Kind.UNKNOWN, _UNKNOWN)

    def _date_symbols(self, days: Sequence[tuple[int, int]]) -> list[str]:
        """Symbols of today of the genes whose names a spreadsheet turns into these days."""
        genes: dict[str, str] = {}
        for month, day in days:
            for name in symbols_of_date(month, day):
                found = self.tables.name(name)
                for gene in found.genes if found else ():
                    genes.setdefault(gene, found.symbol if found and found.how in "ps" else self.symbol(gene))
        return list(genes.values())[:4]


_UNKNOWN = "unknown gene"
_BARE = "a bare number in a list that is not one of ids; not taken for an Entrez id"


def _one_off(name: str) -> Iterable[str]:
    for place in range(len(name)):
        yield name[:place] + name[place + 1 :]
        if place + 1 < len(name):
            yield name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    for place in range(len(name) + 1):
        for letter in _LETTERS:
            yield name[:place] + letter + name[place:]
            if place < len(name):
                yield name[:place] + letter + name[place + 1 :]


def _did_you_mean(symbols: Sequence[str]) -> str:
    return f"; did you mean {_or(symbols)}?" if symbols else ""


def _or(items: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def _and_more(items: Sequence[str], most: int = 4) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
