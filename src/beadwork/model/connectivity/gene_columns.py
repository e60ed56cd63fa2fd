"""Which column of a table names the genes: judged by its values, not by its name alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from beadwork.model.connectivity.gene_text import are_row_numbers, entrez_text
from beadwork.model.connectivity.value_columns import (
    ADJUSTED,
    FOLD_CHANGES,
    P_VALUES,
    RATIOS,
    SCORES,
    STATISTICS,
    UNSIGNED,
    column_by_name,
    plain_name,
)
from beadwork.model.errors import GeneSetError, counted, name_some
from beadwork.model.missing import NO_GENE

Identify = Callable[[Sequence[str]], Sequence[str]]
"""Gives the gene that each name of one list or column means: any key that is the same for one gene, empty if none."""

GENE_COLUMNS = ("gene", "geneid", "prgeneid", "entrezid", "entrez", "ncbigeneid", "symbol", "genesymbol",
                "prgenesymbol", "hgncsymbol", "externalgenename", "genename", "genenames", "names", "genes", "ensembl",
                "ensemblid", "ensemblgeneid", "rownames", "feature", "featureid", "targetid", "id", "rid", "index",
                "probeid", "probe")  # fmt: skip
"""Names of gene columns, in lower case and without marks; they decide between columns that are equally good."""
ENTREZ = ("entrez", "ncbi", "prgeneid", "locuslink")
SAMPLE = 400
"""Values by which a column is judged; they are spread evenly over it."""
CLOSE = 0.02
"""Shares that differ by less are equally good."""
_NO_GENES = frozenset([*STATISTICS, *UNSIGNED, *P_VALUES, *ADJUSTED, *FOLD_CHANGES, *RATIOS, *SCORES,
                       "basemean", "lfcse", "aveexpr", "b", "logcpm", "pct1", "pct2", "chr", "chromosome", "start",
                       "end", "length", "width", "strand"])  # fmt: skip
_SEVERAL = re.compile(r"///|[;,|]")
_PIECES = re.compile(r"\s*//\s*")


@dataclass(frozen=True)
class GeneChoice:
    """Genes of each row.

    Attributes
    ----------
    place
        Column that was chosen.
    genes
        Names of the genes of each row; usually one, none where the row has none.
    keys
        What :data:`Identify` says of these; empty where they are unknown.
    what
        Name of the column.
    notes
        What is worth knowing.
    """

    place: int
    genes: list[tuple[str, ...]]
    keys: list[tuple[str, ...]]
    what: str
    notes: tuple[str, ...]


def choose_genes(
    names: Sequence[str], columns: Sequence[Sequence[str]], identify: Identify, wanted: str | None = None
) -> GeneChoice:
    """Take the column most of whose values are genes; a row that it leaves open takes the gene of the next best one.

    Parameters
    ----------
    names, columns
        Names of the columns and their texts.
    identify
        Says which gene each name of a list means.
    wanted
        Name of the column to take.

    Raises
    ------
    GeneSetError
        No column holds genes, or that which was asked for is not there.
    """
    shares = {place: _share(names[place], column, identify) for place, column in enumerate(columns)}
    if wanted is not None:
        return _taken(column_by_name(names, wanted), [], names, columns, identify)
    best = max(shares.values(), default=0.0)
    if best <= 0:
        named = [place for place in shares if plain_name(names[place]) in GENE_COLUMNS]
        if not named:
            listed = name_some([name or "(no name)" for name in names], 8)
            raise GeneSetError(
                "a signature table needs a gene column (gene, gene_id, symbol, ...), but no column holds known genes; "
                f"it has {listed}; name one with --gene-column"
            )
        return _taken(min(named, key=lambda place: _order(names, place)), [], names, columns, identify)
    near = [place for place, share in shares.items() if share >= best - CLOSE]
    first = min(near, key=lambda place: _order(names, place))
    others = sorted((place for place, share in shares.items() if share >= 0.25 and place != first),
                    key=lambda place: (-shares[place], place))  # fmt: skip
    return _taken(first, others, names, columns, identify)


def _order(names: Sequence[str], place: int) -> tuple[int, int]:
    name = plain_name(names[place])
    return GENE_COLUMNS.index(name) if name in GENE_COLUMNS else len(GENE_COLUMNS), place


def _share(name: str, column: Sequence[str], identify: Identify) -> float:
    """Share of the rows whose cell is a known gene; less for numbers that may be anything."""
    plain = plain_name(name)
    if plain in _NO_GENES:
        return 0.0
    present = [text for text in column if text not in NO_GENE]
    if not present or are_row_numbers(present):
        return 0.0
    step = max(1, len(present) // SAMPLE)
    sample = present[::step]
    weight = 1.0
    if all(entrez_text(text) is not None for text in sample):
        if not any(word in plain for word in ENTREZ):
            weight = 0.5  # numbers of probes and rows hit Entrez ids by chance
            if plain and plain not in GENE_COLUMNS:
                return 0.0
    known = sum(bool(key) for key in identify([_first_piece(text) for text in sample]))
    return weight * known / len(sample) * len(present) / len(column)


def _first_piece(text: str) -> str:
    piece = _SEVERAL.split(text, maxsplit=1)[0].strip() or text
    if "//" in piece:
        parts = _PIECES.split(piece)
        return parts[1] if len(parts) > 2 else parts[0]
    return piece


def _taken(
    place: int, others: Sequence[int], names: Sequence[str], columns: Sequence[Sequence[str]], identify: Identify
) -> GeneChoice:
    texts = ["" if text in NO_GENE else text for text in columns[place]]
    keys = list(identify(texts))
    genes: list[tuple[str, ...]] = [(text,) if text else () for text in texts]
    found: list[tuple[str, ...]] = [(key,) if text else () for text, key in zip(texts, keys, strict=True)]
    notes = []
    open_rows = [row for row, key in enumerate(found) if not any(key)]
    n_several = _split_several(open_rows, texts, genes, found, identify)
    open_rows = [row for row in open_rows if not any(found[row])]
    label = column_label(names, place)
    for other in others:
        if not open_rows:
            break
        further = ["" if text in NO_GENE else text for text in columns[other]]
        further_keys = identify(further)
        served = [row for row in open_rows if further[row] and further_keys[row]]
        for row in served:
            genes[row], found[row] = (further[row],), (further_keys[row],)
        if served:
            notes.append(
                f"{counted(len(served), 'row that names', 'rows that name')} no known gene in {label} took "
                f"that of {column_label(names, other)}"
            )
        open_rows = [row for row in open_rows if not found[row] or not any(found[row])]
    for row in open_rows:
        if not genes[row]:  # at least its name stands among what was not found
            text = next((columns[other][row] for other in others if columns[other][row] not in NO_GENE), "")
            genes[row], found[row] = ((text,), ("",)) if text else ((), ())
    if n_several:
        notes.append(
            f"{counted(n_several, 'cell names', 'cells name')} several genes; each of them has the row's value"
        )
    return GeneChoice(place, _one_kind(genes, found), found, label, tuple(notes))


def _split_several(
    rows: Sequence[int], texts: Sequence[str], genes: list[tuple[str, ...]], found: list[tuple[str, ...]],
    identify: Identify,
) -> int:  # fmt: skip
    """Split cells such as ``A /// B`` in place; returns how many there were with several genes."""
    split = {row: [piece for part in _SEVERAL.split(texts[row]) if (piece := part.strip())]
             for row in rows if _SEVERAL.search(texts[row]) or "//" in texts[row]}  # fmt: skip
    tokens = [token for pieces in split.values() for piece in pieces for token in _PIECES.split(piece) if token]
    known = dict(zip(tokens, identify(tokens), strict=True)) if tokens else {}
    several = 0
    for row, pieces in split.items():
        hits: dict[str, str] = {}
        for piece in pieces:
            token = next((item for item in _PIECES.split(piece) if known.get(item)), None)
            if token is not None:
                hits.setdefault(known[token], token)
        if hits:
            genes[row], found[row] = tuple(hits.values()), tuple(hits)
            several += len(hits) > 1
    return several


def _one_kind(genes: list[tuple[str, ...]], found: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Names that keep their meaning in one list: numbers beside symbols are said to be Entrez ids."""
    numbers = [row for row, names in enumerate(genes) if any(name[0].isdigit() and entrez_text(name) for name in names)]
    if not numbers or len(numbers) == sum(bool(names) for names in genes):
        return genes
    result = list(genes)
    for row in numbers:
        result[row] = tuple(
            f"GeneID:{entrez_text(name)}" if key and name[0].isdigit() and entrez_text(name) else name
            for name, key in zip(genes[row], found[row], strict=True)
        )
    return result


def column_label(names: Sequence[str], place: int) -> str:
    """Name of a column in messages."""
    return names[place] or ("of row names" if place == 0 and any(names) else f"{place + 1}")
