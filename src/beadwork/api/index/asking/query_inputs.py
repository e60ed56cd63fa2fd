"""Queries from files, or from the content of files: gene sets, tables of differential expression, ranked lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from beadwork.io.connectivity.gene_sets import pair_by_name, pair_sets, parse_gene_sets, read_gene_sets
from beadwork.io.connectivity.signature_tables import (
    TableColumns,
    identify_genes,
    read_signature_bytes,
    read_signatures,
    read_table_columns,
)
from beadwork.model.connectivity.gene_columns import Identify
from beadwork.model.connectivity.query import GeneSet, Query
from beadwork.model.errors import GeneSetError, name_some
from beadwork.model.params import SignatureParams

if TYPE_CHECKING:
    import pandas as pd

GeneSets = str | Path | Sequence[str] | Mapping[str, Sequence[str]]
"""One set as names, several by name, or a file of sets."""


@dataclass
class ReadQueries:
    """Queries, and what their reader has to say about the text as a whole; each query has notes of its own."""

    queries: list[Query]
    notes: list[str] = field(default_factory=list)


def load_queries(
    up: Sequence[str | Path] = (),
    down: Sequence[str | Path] = (),
    signatures: Sequence[str | Path] = (),
    *,
    identify: Identify = identify_genes,
    params: SignatureParams = SignatureParams(),  # noqa: B008 (frozen)
) -> list[Query]:
    """Read queries from files: gene sets (paired by name, else by order) and full signatures.

    Parameters
    ----------
    up, down
        Gene sets: GMT, GMX, GRP, TSV or CSV, also gzipped; ``-`` is standard input.
    signatures
        Tables of differential expression, ranked lists, GCT, GCTX.
    identify
        Says which genes the names of a list are; that of an open index (``index.finder.keys``) knows its genes too.
    params
        Columns of the tables, and the limit of padj.

    Raises
    ------
    GeneSetError
        A file cannot be used, or two queries have the same name.
    """
    ups = [item for path in up for item in read_gene_sets(path, identify)]
    downs = [item for path in down for item in read_gene_sets(path, identify)]
    queries = pair_sets(ups, downs) if ups else pair_by_name(downs, "down")
    queries += [query for path in signatures for query in read_signatures(path, identify, params)]
    if not queries:
        raise GeneSetError("no query given; use --up, --down, --signature or --like")
    check_names(queries)
    return queries


def read_signature_text(
    name: str,
    content: bytes | str,
    identify: Identify = identify_genes,
    params: SignatureParams = SignatureParams(),  # noqa: B008 (frozen)
) -> ReadQueries:
    """Read queries from the content of a signature file of this name, such as one that came over the net.

    Raises
    ------
    GeneSetError
        It cannot be used.
    """
    raw = content.encode() if isinstance(content, str) else content
    queries = read_signature_bytes(name, raw, identify, params)
    check_names(queries)
    return ReadQueries(queries)


def read_table_text(
    name: str,
    content: bytes | str,
    identify: Identify = identify_genes,
    params: SignatureParams = SignatureParams(),  # noqa: B008 (frozen)
) -> TableColumns:
    """Read the columns of a table of this name, and which of them would be taken as a signature.

    Raises
    ------
    GeneSetError
        It is no table.
    """
    return read_table_columns(name, content.encode() if isinstance(content, str) else content, identify, params)


def read_sets_text(
    up: tuple[str, bytes | str] | None = None,
    down: tuple[str, bytes | str] | None = None,
    identify: Identify = identify_genes,
) -> ReadQueries:
    """Read queries from the content of gene-set files, each given as its name and content.

    Raises
    ------
    GeneSetError
        They cannot be used.
    """
    sides: list[list[GeneSet]] = []
    notes: list[str] = []
    for given in (up, down):
        if given is None:
            sides.append([])
            continue
        name, content = given
        found = parse_gene_sets(name, content.encode() if isinstance(content, str) else content, identify)
        sides.append(found.sets)
        notes += [f"{name}: {note}" for note in found.notes]
    queries = pair_sets(*sides) if sides[0] else pair_by_name(sides[1], "down")
    if not queries:
        raise GeneSetError("no genes given")
    check_names(queries)
    return ReadQueries(queries, notes)


def check_names(queries: Sequence[Query]) -> None:
    """Refuse queries of the same name: nobody could say which answer is whose.

    Raises
    ------
    GeneSetError
        There are some.
    """
    twice = sorted(name for name, count in Counter(query.name for query in queries).items() if count > 1)
    if twice:
        raise GeneSetError(f"queries of the same name: {name_some(twice)}; rename the sets")


def queries_of(
    up: GeneSets | Sequence[Query] | None = None,
    down: GeneSets | None = None,
    signature: Mapping[str, float] | pd.Series | None = None,
    name: str = "query",
) -> list[Query]:
    """Make queries of what a caller has in hand: queries, sets of genes, files of sets, or one full signature.

    Raises
    ------
    GeneSetError
        Nothing is given, or the sets cannot be used.
    """
    if _are_queries(up):
        return list(up)
    if signature is not None:
        if up is not None or down is not None:
            raise GeneSetError("give genes that go up and down, or a full signature, not both")
        return [Query(name, profile={str(gene): float(value) for gene, value in dict(signature).items()})]
    if up is None and down is None:
        raise GeneSetError("no genes given; give up, down or signature")
    if up is not None and down is not None:
        return pair_sets(_as_sets(up, name), _as_sets(down, name))
    side, given = ("up", up) if up is not None else ("down", down)
    sets = _as_sets(given, name)
    if isinstance(given, Mapping) or any(item.source for item in sets):
        return pair_by_name(sets, side)
    # a list is on the side that it is given on, whatever its name
    return [Query(item.name, item.genes if side == "up" else (), item.genes if side == "down" else ()) for item in sets]


def _are_queries(given: object) -> TypeGuard[Sequence[Query]]:
    return isinstance(given, Sequence) and len(given) > 0 and isinstance(given[0], Query)


def _as_sets(item: GeneSets | Sequence[Query] | None, name: str) -> list[GeneSet]:
    if item is None:
        return []
    if isinstance(item, Path) or (isinstance(item, str) and Path(item).suffix):
        return read_gene_sets(item)
    if isinstance(item, str):
        item = item.replace(",", " ").split()
    if isinstance(item, Mapping):
        return [GeneSet(str(key), tuple(str(gene) for gene in genes)) for key, genes in item.items()]
    return [GeneSet(name, tuple(str(gene) for gene in item))]
