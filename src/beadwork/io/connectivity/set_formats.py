"""Gene sets in text, whatever the format: GMT, GMX, GRP, ranked lists, tables of set and gene; by name and content."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from beadwork.io.connectivity.set_lines import SetLines, lines_of
from beadwork.io.files.delimited import NAMES, unquote
from beadwork.model.connectivity.gene_columns import GENE_COLUMNS, Identify
from beadwork.model.connectivity.query import SIZE_LIMIT, GeneSet
from beadwork.model.connectivity.value_columns import FOLD_CHANGES, STATISTICS, parse_numbers, plain_name
from beadwork.model.errors import GeneSetError, counted, name_some

SET_COLUMNS = ("set", "query", "name", "term", "geneset", "setname", "genesetname", "gsname", "pathway")
DIRECTION_COLUMNS = ("direction", "sign", "side", "updown", "regulation")
HEADINGS = frozenset([*GENE_COLUMNS, "x", "v1", "genelist", "genesymbols", "symbols", "ids"])
"""First lines of lists that are headers, in lower case and without marks."""
UP, DOWN = "_UP", "_DN"
DIRECTIONS = dict.fromkeys(
    ("up", "1", "+1", "+", "1.0", "upregulated", "up-regulated", "increased"), UP
) | dict.fromkeys(("down", "dn", "-1", "-", "-1.0", "\u22121", "downregulated", "down-regulated", "decreased"), DOWN)
_FRACTION = r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?"
_WEIGHT = re.compile(
    r"(?P<listed>.*\S)\s*[,;]\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
    rf"|(?P<pair>.*\S)\s*:\s*{_FRACTION}|(?P<bracket>.*\S)\s*\(\s*{_FRACTION}\s*\)"
)
"""A gene and its weight: ``RFC2,1``, ``RFC2:0.5``, ``RFC2 (0.5)``; behind a colon a whole number is part of an id."""
_SIDED = re.compile(r"(up|dn|down)(?:[ _.-]?regulated)?(?:[ _.-]genes?)?", re.IGNORECASE)
"""Headings of columns of genes that go up, or down, without another name."""
_MARKS = (",", ";", "//", ":", "(")
_SEVERAL = re.compile(r"\s*(?:///|[,;])\s*")
_BETWEEN = re.compile(r"[,;\s]+")


@dataclass
class SetFile:
    """Sets of a text, and what its reader has to say about it as a whole; each set has notes of its own."""

    sets: list[GeneSet]
    notes: list[str] = field(default_factory=list)
    source: str = ""
    clean: bool = True

    def add(
        self, name: str, genes: tuple[str, ...], notes: tuple[str, ...] = (), identify: Identify | None = None
    ) -> None:
        """Add a set; `identify` is given where its genes may carry weights, or stand several in a cell."""
        if self.clean and identify is not None:
            genes, notes = _cleaned(genes, notes, identify)
        self.sets.append(GeneSet(name, genes, self.source, notes))


def parse_sets(
    text: str, name: str, ending: str, identify: Identify, *, source: str = "", weights: bool = True
) -> SetFile:
    """Read sets from a text.

    Parameters
    ----------
    name
        Name of a set that has none in the text.
    ending
        ``.gmt``, ``.gmx``, ``.grp`` or anything else; what the text holds has the last word.
    identify
        Says which gene each name of a list means (see :data:`beadwork.model.connectivity.gene_columns.Identify`).
    source
        Name of the file.
    weights
        Whether numbers behind a comma are weights that are taken off, and cells of several genes are taken apart.

    Raises
    ------
    GeneSetError
        There are no sets, or none that can be used.
    """
    found = SetFile([], source=source, clean=weights)
    lines = lines_of(text)
    kind = ".gmx" if ending == ".gmx" else _kind(lines, ending, identify)
    _READERS[kind](lines, found, name, identify)
    if kind != ending and ending in (".gmt", ".grp"):
        found.notes.append(f"is read as {_CALLED[kind]}, which it holds, whatever its name ends in")
    if lines.separator not in "\t " and kind in (".gmt", ".gmx") and ending in (".gmt", ".gmx"):
        found.notes.append(f"its cells are separated by {NAMES[lines.separator]}, not by tabs")
    return found


def _kind(lines: SetLines, ending: str, identify: Identify) -> str:
    """Recognise what the lines are, whatever the name says."""
    rows = lines.sample
    widest = max(len(row) for row in rows)
    if max(sum(map(bool, row)) for row in rows) == 1 and (widest == 1 or lines.separator == "\t"):
        return ".grp"
    first = rows[0]
    header = [plain_name(item) for item in first]
    grouped = any(item in (*SET_COLUMNS, *DIRECTION_COLUMNS) for item in header)
    if any(item in GENE_COLUMNS for item in header) and len(lines.texts) > 1 and (grouped or not any(identify(first))):
        return "long"
    if ending in (".tsv", ".csv") and grouped:
        return "long"
    if len(lines.texts) == 1 and (ending != ".gmt" or lines.separator != "\t") and _share(first, identify) >= 0.8:
        return ".grp"  # all genes in one line
    if ending != ".gmt" and len(lines.texts) > 2 and widest > 1 and all(_SIDED.fullmatch(item) for item in first):
        return ".gmx"  # a column of genes that go up, another of those that go down
    if ending not in (".gmt", ".gmx") and lines.separator in ",; " and _in_lines(rows, identify):
        return "lines"
    if widest == 2:
        share = [_share([row[at] for row in rows if len(row) > at], identify) for at in (0, 1)]
        seconds = [row[1] for row in rows if len(row) > 1]
        numbers = parse_numbers(seconds)
        fractions = any("." in text for text in seconds)
        if numbers.n > len(rows) / 2 and not numbers.n_wrong and (share[0] >= 0.5 or fractions):
            return "weighted"
        if share[0] >= 0.5 > share[1]:
            return "described"
        if share[1] >= 0.5 and len({row[0] for row in lines.rows}) < len(lines.texts):
            return "pairs"
        lists = ending != ".gmt" and min(share) >= 0.5 and len(rows) > 2 and not any(identify(first))
        return ".gmx" if lists else ".gmt"
    below = [row[0] for row in rows[2:] if row[0]]
    if ending != ".gmt" and len(below) > 2 and _share(below, identify) >= 0.5 > _share(first, identify):
        return ".gmx"
    return ".gmt"


def _in_lines(rows: Sequence[Sequence[str]], identify: Identify) -> bool:
    """Say whether the lines are one list that goes on and on: genes in every cell, from the first of each line."""
    firsts, others = [row[0] for row in rows], [cell for row in rows for cell in row[1:]]
    return min(_share(names, identify) for names in (rows[0], firsts, others)) >= 0.8


def _share(names: Sequence[str], identify: Identify) -> float:
    named = [name for name in names if name]
    return sum(bool(key) for key in identify(named)) / len(named) if named else 0.0


def _read_gmt(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    described, unclear = _has_description(lines.sample, identify)
    first = 2 if described else 1
    bad: list[str] = []
    taken: dict[str, tuple[str, ...]] = {}
    for place, number in enumerate(lines.numbers):
        row = lines.row(place)
        label, genes = row[0], tuple(filter(None, row[first:]))
        if not label:
            bad.append(f"line {number} has no set name in its first cell")
        elif len(row) <= first:
            kind = "tab-separated " if lines.separator == "\t" else ""
            bad.append(f"line {number} has {len(row)} {kind}cells; a GMT line holds name, description and genes")
        elif reason := _unusable(label, genes):
            bad.append(reason)
        elif label in taken:
            same = "with the same genes" if set(genes) == set(taken[label]) else "with other genes; rename one"
            bad.append(f"line {number}: set {label} stands twice, {same}")
        else:
            taken[label] = genes
            notes: tuple[str, ...] = ()
            if not described:
                notes = (f"the file has no description column: {row[1]} beside the name is a gene and counts as one",)
            elif row[1] in unclear:
                notes = (f"{row[1]} beside the name is taken for the description, though a gene has that name",)
            text = lines.texts[place]
            found.add(label, genes, notes, identify if _is_marked(text, row[:first]) else None)
    _report(bad, found)


def _is_marked(text: str, head: Sequence[str]) -> bool:
    """Say whether marks of weights or of several genes stand behind the first cells of a line."""
    return any(mark in text and text.count(mark) > sum(cell.count(mark) for cell in head) for mark in _MARKS)


def _has_description(rows: Sequence[Sequence[str]], identify: Identify) -> tuple[bool, frozenset[str]]:
    """Say whether the second cells of a GMT are descriptions; and which are, though a gene has that name.

    They are genes if none is empty, they are not all alike, and as many of them as of the third cells are known.
    """
    sample = [row for row in rows if any(row[1:])]
    seconds = [_unweighted(row[1]) for row in sample]
    short = [text for text in seconds if text and len(text) <= 30 and not any(mark in text for mark in " /:")]
    known = {text for text, key in zip(short, identify(short), strict=True) if key} if short else set()
    prose = len(short) < len(seconds) / 2
    share = sum(text in known for text in seconds) / len(seconds) if seconds else 0.0
    thirds = [_unweighted(row[2]) for row in sample if len(row) > 2 and row[2]]
    n_digits = sum(text.isdecimal() for text in seconds)
    sizes = sum(text == str(sum(map(bool, row[2:]))) for text, row in zip(seconds, sample, strict=True))
    other_kind = n_digits > len(seconds) / 2 > sum(text.isdecimal() for text in thirds)
    alike = len(seconds) > 2 and len(set(seconds)) == 1
    if share < 0.5 or prose or "" in seconds or alike or other_kind or sizes > len(seconds) / 2:
        return True, frozenset(text for text in known if not text.isdecimal())
    if share < 0.8 * _share(thirds, identify):
        return True, frozenset(known)
    return False, frozenset()


def _read_gmx(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    rows = lines.rows
    if len(rows) < 3:
        raise GeneSetError(f"a GMX file holds names, descriptions and then genes, but has {counted(len(rows), 'line')}")
    width = len(rows[0])
    for number, row in zip(lines.numbers, rows, strict=True):
        if len(row) > width and any(row[width:]):
            raise GeneSetError(f"line {number} has more columns than the {width} names of line 1")
    described, dubious = _has_description(_transposed(rows), identify)
    first = 2 if described else 1
    if not described:
        found.notes.append(f"has no line of descriptions: {rows[1][0]} below {rows[0][0]} is a gene and counts as one")
    bad, taken = [], set()
    for place, label in enumerate(rows[0]):
        genes = tuple(row[place] for row in rows[first:] if place < len(row) and row[place])
        if not label and not genes:
            continue
        reason = _unusable(label, genes) if label else f"column {place + 1} has no set name in line 1"
        if label in taken:
            reason = f"column {place + 1}: set {label} stands twice; rename it"
        if reason:
            bad.append(reason)
        else:
            taken.add(label)
            if side := _SIDED.fullmatch(label):
                label = f"{name}{UP if side[1].lower() == 'up' else DOWN}"
            text = rows[1][place] if place < len(rows[1]) else ""
            notes = (f"{text} below the name is taken for the description, though a gene has that name",)
            found.add(label, genes, notes if text in dubious else (), identify)
    _report(bad, found)


def _transposed(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Columns of named sets as lines of a GMT."""
    return [[row[place] if place < len(row) else "" for row in rows] for place, name in enumerate(rows[0]) if name]


def _read_list(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    texts = [cell for row in lines.rows for cell in row if cell and not row[0].startswith("#")]
    found.notes += _drop_heading(texts, identify)
    genes: list[str] = []
    for text in texts:
        tokens = [unquote(token) for token in _BETWEEN.split(text) if token]
        if len(tokens) > 1 and not _WEIGHT.fullmatch(text) and _share(tokens, identify) >= 0.8:
            genes += tokens
        else:
            genes.append(text)
    _add_single(found, name, genes, identify)


def _read_lines(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    """Genes in lines of several, as lists are wrapped; sets that are named by genes need the ending of a GMT."""
    _read_list(lines, found, name, identify)
    found.notes.append(
        f"its {counted(len(lines.texts), 'line')} of genes are one list; "
        "sets that are named by genes need a name in .gmt"
    )


def _read_weighted(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    """Genes with a number each: weights of one set, unless they have both signs, which makes them a ranked list."""
    numbers = parse_numbers([row[1] if len(row) > 1 else "" for row in lines.rows]).values
    if (numbers < 0).any() and (numbers > 0).any():
        raise GeneSetError(
            "holds genes with values of both signs; give it with --signature, which takes its two ends for the sets"
        )
    said = (
        f"{counted(len(lines.rows), 'gene carries', 'genes carry')} a number (such as "
        f"{', '.join(lines.rows[0][:2])}), which was taken off"
    )
    _add_single(found, name, [row[0] for row in lines.rows], identify, (said,))


def _read_described(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    """Genes with a text each."""
    genes = [row[0] for row in lines.rows if row[0]]
    notes = _drop_heading(genes, identify)
    _add_single(found, name, genes, identify, (*notes, "the first column holds the genes; the second was left out"))


def _read_pairs(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    """Set and gene in each line, without a header."""
    _grouped([(row[0], row[1] if len(row) > 1 else "") for row in lines.rows], found, identify)
    found.notes.append("there is no header line: the first column names the sets, the second the genes")


def _read_long(lines: SetLines, found: SetFile, name: str, identify: Identify) -> None:
    header = [plain_name(item) for item in lines.rows[0]]
    gene = next((header.index(item) for item in GENE_COLUMNS if item in header), None)
    if gene is None:
        raise GeneSetError("a table of gene sets needs a column named gene (and set, direction)")
    group = next((header.index(item) for item in SET_COLUMNS if item in header), None)
    side = next((header.index(item) for item in DIRECTION_COLUMNS if item in header), None)
    rows = [row + [""] * (len(header) - len(row)) for row in lines.rows[1:]]
    if group is None and side is None:
        for item in (*STATISTICS, *FOLD_CHANGES):
            values = parse_numbers([row[header.index(item)] for row in rows]).values if item in header else None
            if values is not None and (values < 0).any() and (values > 0).any():
                raise GeneSetError(
                    f"is a table of differential expression (column {lines.rows[0][header.index(item)]} has both "
                    "signs); give it with --signature, which takes its two ends for the sets"
                )
    pairs = []
    for number, row in zip(lines.numbers[1:], rows, strict=True):
        label = row[group] if group is not None else name
        if side is not None:
            text = row[side].lower()
            if text not in DIRECTIONS:
                raise GeneSetError(f"row {number}: direction {row[side]!r}; up or down (1 or -1) is needed")
            label += DIRECTIONS[text]
        pairs.append((label, row[gene]))
    _grouped(pairs, found, identify)


def _grouped(pairs: Sequence[tuple[str, str]], found: SetFile, identify: Identify) -> None:
    sets: dict[str, list[str]] = {}
    empty = 0
    for label, gene in pairs:
        if label and gene and gene != "-666":
            sets.setdefault(label, []).append(gene)
        else:
            empty += 1
    if empty:
        found.notes.append(f"{empty} rows without a set or gene were left out")
    bad = []
    for label, genes in sets.items():
        if reason := _unusable(label, genes):
            bad.append(reason)
        else:
            found.add(label, tuple(genes), (), identify)
    _report(bad, found)


def _add_single(
    found: SetFile, name: str, genes: Sequence[str], identify: Identify, notes: tuple[str, ...] = ()
) -> None:
    kept = tuple(filter(None, genes))
    if reason := _unusable(name, kept):
        raise GeneSetError(reason)
    found.add(name, kept, notes, identify)


def _drop_heading(texts: list[str], identify: Identify) -> list[str]:
    """Take a header off a list of genes; returns the note about it."""
    if len(texts) > 1 and plain_name(texts[0]) in HEADINGS and not any(identify(texts[:1])):
        return [f"its first line, {texts.pop(0)!r}, is taken for a header"]
    return []


def _unusable(label: str, genes: Sequence[str]) -> str:
    if not genes:
        return f"set {label} holds no genes; remove it or fill it"
    if len(genes) > SIZE_LIMIT:
        return f"set {label} holds {len(genes):,} genes; at most {SIZE_LIMIT:,} are allowed"
    return ""


def _report(bad: Sequence[str], found: SetFile) -> None:
    """Say which sets are left out; where none is left, the file cannot be used."""
    if bad and not found.sets:
        raise GeneSetError(bad[0])
    if not found.sets:
        raise GeneSetError("holds no gene set")
    if bad:
        found.notes.append(f"{len(bad)} of {len(bad) + len(found.sets)} sets were skipped: {name_some(bad, 3)}")


def _unweighted(gene: str) -> str:
    match = _WEIGHT.fullmatch(gene)
    return match[match.lastgroup] if match and match.lastgroup else gene


def _cleaned(
    given: tuple[str, ...], notes: tuple[str, ...], identify: Identify
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take weights off, and take cells of several genes apart; both are said."""
    marked = [gene for gene in given if any(mark in gene for mark in _MARKS)]
    if not marked:
        return given, notes
    genes = [_unweighted(gene) for gene in given]
    weighted = [before for before, after in zip(given, genes, strict=True) if before != after]
    if weighted:
        notes = (
            *notes,
            f"{counted(len(weighted), 'gene carries', 'genes carry')} a weight (such as {weighted[0]}), "
            f"which was taken off",
        )
    apart: list[str] = []
    for gene in genes:
        pieces = [piece for piece in _SEVERAL.split(gene) if piece] if _SEVERAL.search(gene) else []
        apart += pieces if len(pieces) > 1 and _share(pieces, identify) >= 0.5 else [gene]
    if len(apart) > len(genes):
        notes = (
            *notes,
            f"{counted(len(apart) - len(genes), 'more gene stands', 'more genes stand')} in cells that "
            f"name several; each counts",
        )
    return tuple(apart), notes


_READERS: dict[str, Callable[[SetLines, SetFile, str, Identify], None]] = {
    ".gmt": _read_gmt,
    ".gmx": _read_gmx,
    ".grp": _read_list,
    "lines": _read_lines,
    "weighted": _read_weighted,
    "described": _read_described,
    "pairs": _read_pairs,
    "long": _read_long,
}
_CALLED = {
    ".gmt": "a GMT",
    ".gmx": "a GMX",
    ".grp": "a list of genes",
    "lines": "a list of genes",
    "weighted": "genes with a number each",
    "described": "genes with a text each",
    "pairs": "a table of sets and genes",
    "long": "a table of sets and genes",
}
