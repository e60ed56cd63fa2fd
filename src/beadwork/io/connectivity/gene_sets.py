"""Gene sets of queries from files, how up and down sets pair, and names of genes and answers."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from beadwork.io.connectivity.set_formats import SetFile, parse_sets
from beadwork.io.connectivity.signature_tables import identify_genes, plain_ending, plain_stem
from beadwork.io.files.text import decode, file_label
from beadwork.io.files.unpack import GZIP_MAGIC, read_bytes, unpack
from beadwork.io.files.workbook import is_workbook, read_workbook
from beadwork.model.connectivity.gene_columns import Identify
from beadwork.model.connectivity.query import GeneSet, Query
from beadwork.model.errors import FileError, GeneSetError, counted, name_some

NAME_COLUMNS = ("name", "ensembl", "ensembl_id", "ensembl_gene_id", "symbol", "alias")
NEEDED = "gene sets are GMT, GMX, GRP, TSV or CSV"
log = logging.getLogger("beadwork")
_MORE = r"(?:[\s_.-]?regulated)?(?:[\s_.-](?:genes?|list|sets?|symbols?|ids?))*"
_SIDE = re.compile(rf"(?:^|[\s_.:-]+|(?=\())\(?(up|dn|down|dwn)\)?{_MORE}$", re.IGNORECASE)
"""Side as a word of its own at the end of a name: knockdown and group are none; `web/src/ask/files.js` has the same."""
_FIRST = re.compile(rf"(up|dn|down|dwn){_MORE}[\s_.:-]+(?=\S)", re.IGNORECASE)
_JOINED = re.compile(r"(.*[^\s_.:(-])(up|dn|down|dwn)", re.IGNORECASE | re.DOTALL)


def read_gene_sets(path: str | Path, identify: Identify = identify_genes) -> list[GeneSet]:
    """Read gene sets; what is worth a word about the file is reported.

    GMT: one set per line (name, description, genes; tabs). GMX: one set per column (name, description, genes). GRP:
    one gene per line, the set has the file's name. TSV and CSV: columns ``set`` (or query, name, term), ``gene`` and,
    where sets have two directions, ``direction`` (up or down, 1 or -1). What the file holds decides, before its name;
    it may be gzipped, or ``-`` for standard input.

    Parameters
    ----------
    identify
        Says which gene each name of a list means.

    Raises
    ------
    GeneSetError
        The file is empty, no text, or no set of it can be used.
    """
    return _reported(path, identify, weights=True)


def read_named_sets(path: str | Path) -> list[GeneSet]:
    """Read sets of anything but genes, such as the perturbagens of a class: names are taken as they stand."""
    return _reported(path, lambda names: [""] * len(names), weights=False)


def _reported(path: str | Path, identify: Identify, weights: bool) -> list[GeneSet]:
    try:
        raw = read_bytes(path)
    except FileError as error:
        raise GeneSetError(str(error)) from None
    found = parse_gene_sets(file_label(path), raw, identify, weights=weights)
    for note in found.notes:
        log.warning("%s: %s", file_label(path), note)
    return found.sets


def parse_gene_sets(name: str, raw: bytes, identify: Identify = identify_genes, *, weights: bool = True) -> SetFile:
    """Read gene sets from the content of a file of this name, as :func:`read_gene_sets` does."""
    try:
        if raw.startswith(GZIP_MAGIC):
            raw = unpack(raw, name)
        if is_workbook(raw):
            rows, notes = read_workbook(raw, name)
            text = "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows)
        else:
            text, _, note = decode(raw, name, NEEDED)
            notes = [note] if note else []
    except FileError as error:
        raise GeneSetError(str(error)) from None
    try:
        sets = parse_sets(text, plain_stem(name), plain_ending(name), identify, source=Path(name).name, weights=weights)
    except GeneSetError as error:
        raise GeneSetError(f"{name}: {error}") from None
    sets.notes[:0] = notes
    return sets


def base_name(name: str) -> str:
    """Name of a set without its direction: ``FRASOR_ER_UP`` -> ``FRASOR_ER``."""
    return _SIDE.sub("", name) or name


def set_side(name: str) -> str | None:
    """Direction that a set's name ends in: ``up``, ``down`` or None."""
    match = _SIDE.search(name)
    return None if match is None else _side_of(match[1])


def _side_of(word: str) -> str:
    return "up" if word.lower() == "up" else "down"


def pair_sets(up: Sequence[GeneSet], down: Sequence[GeneSet] = ()) -> list[Query]:
    """Make queries of up and down sets: by name without _UP and _DN, else by order.

    Where some names agree, all pairing is by name and a set without partner is a query of its own; where none does,
    the first up set goes with the first down set and so on.  Without `down` the names of sets say which are down sets
    (see :func:`pair_by_name`).

    Raises
    ------
    GeneSetError
        No name agrees and the numbers differ, or two sets of one side have the same name without the suffix.
    """
    if not down:
        return pair_by_name(up)
    ups, downs = _by_base(up), _by_base(down)
    shared = [name for name in ups if name in downs]
    if not shared and ups:
        if len(up) != len(down):
            raise GeneSetError(
                f"{counted(len(up), 'up set')} ({name_some([i.name for i in up], 3)}) and "
                f"{counted(len(down), 'down set')} "
                f"({name_some([i.name for i in down], 3)}) share no name and differ in number; "
                "name them alike (X_UP and X_DN), or give as many of each in the same order"
            )
        return [_query(base_name(one.name), one, two) for one, two in zip(up, down, strict=True)]
    queries = [
        _query(item.name if set_side(item.name) == "down" else base_name(item.name), item, downs.get(name))
        for name, item in ups.items()
    ]
    return queries + [_query(base_name(item.name), None, item) for name, item in downs.items() if name not in ups]


def pair_by_name(sets: Sequence[GeneSet], side: str = "up") -> list[Query]:
    """Make queries of sets that were given together: the name of each says on which side it is, whatever it came with.

    X_UP and X_DN are one query; X_DN without partner is a down set, and X an up set.  What follows from a name alone
    is said in the notes of the query.

    Parameters
    ----------
    side
        That of sets whose names say none.

    Raises
    ------
    GeneSetError
        Two sets of one side have the same name without the suffix.

    Examples
    --------
    >>> queries = pair_by_name([GeneSet("X_UP", ("1",)), GeneSet("Y_DN", ("2",)), GeneSet("X_DN", ("3",))])
    >>> [(query.name, query.up, query.down, query.notes) for query in queries]
    [('X', ('1',), ('3',), ()), ('Y', (), ('2',), ('Y_DN is taken as a down set, by its name',))]
    """
    names = {item.name.lower() for item in sets}
    first: dict[str, set[str]] = {}
    for name in names:
        if match := _FIRST.match(name):
            first.setdefault(name[match.end() :], set()).add(_side_of(match[1]))
    named = [(*_named_side(item.name, names, first), item) for item in sets]
    if len({own or side for _, own, _ in named}) == 1:  # two of one name are for who asks
        return [_named_query(base, {own or side: (item, own is not None)}, side) for base, own, item in named]
    pairs: dict[str, dict[str, tuple[GeneSet, bool]]] = {}
    bases: dict[str, str] = {}
    for base, own, item in named:
        pair = pairs.setdefault(base.lower(), {})
        bases.setdefault(base.lower(), base)
        if (other := pair.get(own or side)) is not None:
            raise _same_name(other[0], item)
        pair[own or side] = item, own is not None
    return [_named_query(bases[key], pair, side) for key, pair in pairs.items()]


def _named_side(name: str, names: Collection[str], first: Mapping[str, Collection[str]]) -> tuple[str, str | None]:
    """Name without its side, and the side; that of p53up or up_p53 counts where p53dn or down_p53 is there too."""
    joined = _JOINED.fullmatch(name)
    if joined is not None:
        own, base = _side_of(joined[2]), joined[1]
        others = ("dn", "down", "dwn") if own == "up" else ("up",)
        if any(f"{base.lower()}{word}" in names for word in others):
            return base, own
    if (own_side := set_side(name)) is not None:
        return _SIDE.sub("", name) or "query", own_side
    if (match := _FIRST.match(name)) and len(first[name[match.end() :].lower()]) == 2:
        return name[match.end() :], _side_of(match[1])
    return name, None


def _named_query(base: str, pair: Mapping[str, tuple[GeneSet, bool]], side: str) -> Query:
    (up, up_is_named), (down, down_is_named) = (pair.get(one, (None, True)) for one in ("up", "down"))
    only = up or down
    assert only is not None
    if up is not None and down is not None:
        notes = (
            []
            if up_is_named and down_is_named
            else [f"{up.name} and {down.name} are taken as the two sides of a query"]
        )
        return _query(base, up, down, notes)
    own = "up" if up is not None else "down"
    notes = [] if own == side else [f"{only.name} is taken as {'an' if own == 'up' else 'a'} {own} set, by its name"]
    return _query(only.name if own == side == "down" else base, up, down, notes)


def _query(name: str, up: GeneSet | None, down: GeneSet | None = None, said: Sequence[str] = ()) -> Query:
    notes = [*said] + [
        f"{side} set: {note}" if up and down else note
        for side, item in (("up", up), ("down", down))
        for note in (item.notes if item else ())
    ]
    return Query(name, up.genes if up else (), down.genes if down else (), notes=tuple(notes))


def _by_base(sets: Sequence[GeneSet]) -> dict[str, GeneSet]:
    found: dict[str, GeneSet] = {}
    for item in sets:
        name = base_name(item.name).lower()
        if name in found:
            raise _same_name(found[name], item)
        found[name] = item
    return found


def _same_name(one: GeneSet, other: GeneSet) -> GeneSetError:
    return GeneSetError(f"sets {one.name} and {other.name} have the same name without _UP and _DN; rename one")


def read_gene_names(path: str | Path) -> dict[str, str]:
    """Read further names of genes: a table with a name (name, ensembl, ensembl_id, symbol) and a gene_id (Entrez).

    Raises
    ------
    GeneSetError
        The table cannot be used.
    """
    from beadwork.io.files.tables import read_table

    try:
        table = read_table(path, text_only=True)
    except FileError as error:
        raise GeneSetError(str(error)) from None
    columns = {name.lower(): name for name in table.columns}
    name = next((columns[item] for item in NAME_COLUMNS if item in columns), None)
    gene = next((columns[item] for item in ("gene_id", "pr_gene_id", "entrez_id", "entrezid") if item in columns), None)
    if name is None or gene is None:
        raise GeneSetError(
            f"{path}: a table of gene names needs a column name (or ensembl, symbol) and gene_id (Entrez)"
        )
    pairs = table[[name, gene]].dropna().astype(str)
    return dict(
        zip((item.split(".")[0] if item.startswith("ENS") else item for item in pairs[name]), pairs[gene], strict=True)
    )


_UNSAFE = re.compile(r"[^A-Za-z0-9._+=@,-]+")


def file_names(names: Sequence[str], reserved: Sequence[str] = ()) -> list[str]:
    """Names that are safe as file names, one for each query name, distinct whatever the case.

    >>> file_names(["a/b", "a b", "../x"])
    ['a_b', 'a_b_2', 'x']
    """
    taken = {name.lower() for name in reserved}
    result = []
    for name in names:
        plain = _UNSAFE.sub("_", name).strip("._-")[:120] or "query"
        candidate, number = plain, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{plain}_{number}"
        taken.add(candidate.lower())
        result.append(candidate)
    return result
