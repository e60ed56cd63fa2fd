"""Find the genes of queries and matrices among those of an index; nothing is dropped without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from beadwork.model.connectivity.query import MappedQuery, MissingGene, Query
from beadwork.model.errors import AlignmentError, GeneSetError, name_some
from beadwork.model.missing import NO_GENE
from beadwork.model.params import QueryParams

if TYPE_CHECKING:
    import pandas as pd

ENTREZ_FIELDS = ("pr_gene_id", "entrez_id", "entrezid", "gene_id")


Names = Callable[[], Mapping[str, str]]


class GeneFinder:
    """Row of a gene by Entrez id, id of the index, symbol, old symbol or another table's id.

    Parameters
    ----------
    gene_ids, symbols
        Genes of the index in row order, and their symbols (None where unknown).
    known
        Gives all genes of the platform, Entrez id -> symbol; one of them that the index lacks is said to be so.
    renamed
        Gives other names of genes: name -> Entrez id (old symbols, Ensembl ids).
    probes
        Gives probe set -> Entrez id.

    Each table is asked for when a gene is first looked for in it.
    """

    def __init__(
        self,
        gene_ids: Sequence[str],
        symbols: Sequence[str | None],
        known: Names | None = None,
        renamed: Names | None = None,
        probes: Names | None = None,
    ) -> None:
        self.n_genes = len(gene_ids)
        self.rows = {gene: row for row, gene in enumerate(gene_ids)}
        self._symbols, self._known, self._renamed, self._probes = symbols, known, renamed, probes

    @cached_property
    def symbols(self) -> dict[str, int]:
        """Row of each symbol, in capitals."""
        found: dict[str, int] = {}
        for row, symbol in enumerate(self._symbols):
            if isinstance(symbol, str):
                found.setdefault(symbol.upper(), row)
        return found

    @cached_property
    def known(self) -> set[str]:
        """Ids and symbols, in capitals, of all genes of the platform."""
        genes = self._known() if self._known else {}
        return set(genes) | {symbol.upper() for symbol in genes.values()}

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Entrez id of other names, in capitals."""
        return {name.upper(): gene for name, gene in (self._renamed() if self._renamed else {}).items()}

    @cached_property
    def probes(self) -> Mapping[str, str]:
        """Entrez id of probe sets."""
        return self._probes() if self._probes else {}

    def find(self, gene: str) -> tuple[int, str]:
        """Row of a gene (-1 if there is none) and how it was found or why not."""
        name = gene.strip()
        if name in NO_GENE:
            return -1, "placeholder for a missing gene"
        if name in self.rows:
            return self.rows[name], "id"
        upper = name.upper()
        if upper in self.symbols:
            return self.symbols[upper], "symbol"
        bare = upper.split(".")[0] if upper.startswith("ENS") else upper
        if bare in self.renamed:
            entrez = self.renamed[bare]
            if entrez in self.rows:
                return self.rows[entrez], "other name"
            return -1, f"known as {entrez}, but not among the {self.n_genes:,} genes of the index"
        if name.endswith("_at") and self.probes:
            entrez = self.probes.get(name, "")
            if entrez in self.rows:
                return self.rows[entrez], "probe set"
            if entrez:
                return -1, f"probe set of {entrez}, which is not among the {self.n_genes:,} genes of the index"
            return -1, "unknown probe set, or one of no gene of the platform"
        if name in self.known or upper in self.known:
            return -1, f"not among the {self.n_genes:,} genes of the index"
        return -1, "unknown gene"


def map_query(query: Query, finder: GeneFinder, params: QueryParams = QueryParams()) -> MappedQuery:  # noqa: B008 (frozen)
    """Put a query on the rows of an index.

    A repeated gene counts once.  A gene in both sets stays in both, as in CMap's own code, and is counted as overlap.

    Raises
    ------
    GeneSetError
        None of the query's genes is in the index.
    """
    if query.profile is not None:
        return _map_profile(query, finder, params)
    if not query.up and not query.down:
        raise GeneSetError(f"query {query.name}: holds no genes")
    counts: dict[str, int] = {}
    missing: list[MissingGene] = []
    found: dict[str, np.ndarray] = {}
    how: dict[str, int] = {}
    for side, genes in (("up", query.up), ("down", query.down)):
        rows, absent, ways = _map_genes(query.name, side, genes, finder)
        found[side] = np.array(list(dict.fromkeys(rows)), np.int64)
        missing += absent
        counts |= {
            f"n_{side}": len(genes),
            f"n_{side}_found": len(found[side]),
            f"n_{side}_missing": len(absent),
            f"n_{side}_repeated": len(rows) - len(found[side]),
        }
        for way, number in ways.items():
            how[way] = how.get(way, 0) + number
    if len(found["up"]) + len(found["down"]) == 0:
        examples = name_some([*query.up, *query.down], 3)
        raise GeneSetError(
            f"query {query.name}: none of its {len(query.up) + len(query.down)} genes ({examples}) is in the index; "
            "Entrez ids, symbols or the ids of the index are needed"
        )
    counts["n_overlap"] = len(np.intersect1d(found["up"], found["down"]))
    notes = tuple(_notes(query, counts, how, params))
    scored = {side: rows if len(rows) >= params.min_set else rows[:0] for side, rows in found.items()}
    if len(scored["up"]) + len(scored["down"]) == 0:
        raise GeneSetError(
            f"query {query.name}: {len(found['up'])} up and {len(found['down'])} down genes are in the index, "
            f"fewer than {params.min_set} each; give more genes or lower --min-set"
        )
    return MappedQuery(query.name, scored["up"], scored["down"], counts=counts, missing=tuple(missing), notes=notes)


def _map_genes(
    query: str, side: str, genes: Iterable[str], finder: GeneFinder
) -> tuple[list[int], list[MissingGene], dict[str, int]]:
    rows, missing, ways = [], [], {}
    for gene in genes:
        row, reason = finder.find(gene)
        if row < 0:
            missing.append(MissingGene(query, side, gene, reason))
        else:
            rows.append(row)
            ways[reason] = ways.get(reason, 0) + 1
    return rows, missing, ways


def _notes(query: Query, counts: Mapping[str, int], ways: Mapping[str, int], params: QueryParams) -> list[str]:
    notes = []
    for side in ("up", "down"):
        given, found = counts[f"n_{side}"], counts[f"n_{side}_found"]
        if counts[f"n_{side}_missing"]:
            notes.append(f"{counts[f'n_{side}_missing']} of {given} {side} genes are not in the index")
        if counts[f"n_{side}_repeated"]:
            notes.append(f"{counts[f'n_{side}_repeated']} {side} genes stand more than once and count once")
        if given and found < params.min_set:
            notes.append(f"{found} {side} genes found, fewer than {params.min_set}: the {side} set is not scored")
        elif given and found < params.small_set:
            notes.append(f"the {side} set has {found} genes; below {params.small_set} scores are unsteady")
    if not query.up or not query.down:
        notes.append(f"there is no {'down' if query.up else 'up'} set: the score is that of one set alone")
    if counts["n_overlap"]:
        notes.append(f"{counts['n_overlap']} genes are in the up and in the down set")
    if ways.get("other name"):
        notes.append(f"{ways['other name']} genes were found by an older or other name")
    if ways.get("probe set"):
        notes.append(f"{ways['probe set']} probe sets of HG-U133A were taken for their genes")
    return notes


def _map_profile(query: Query, finder: GeneFinder, params: QueryParams) -> MappedQuery:
    assert query.profile is not None
    missing, rows, values = [], [], []
    taken: dict[int, int] = {}
    repeated = 0
    for gene, value in query.profile.items():
        row, reason = finder.find(gene)
        if row < 0:
            missing.append(MissingGene(query.name, "signature", gene, reason))
        elif row in taken:
            repeated += 1
            if abs(value) > abs(values[taken[row]]):
                values[taken[row]] = value
        else:
            taken[row] = len(rows)
            rows.append(row)
            values.append(value)
    if not rows:
        raise GeneSetError(
            f"query {query.name}: none of its {len(query.profile)} genes ({name_some(query.profile, 3)}) is in the "
            "index; Entrez ids, symbols or the ids of the index are needed"
        )
    order = np.argsort(rows)
    at, number = np.array(rows, np.int64)[order], np.array(values)[order]
    ranked = np.argsort(-number, kind="stable")
    size = min(params.set_size, len(at) // 4)
    if size < 1:
        raise GeneSetError(
            f"query {query.name}: only {len(at)} genes of the signature are in the index; too few to rank"
        )
    up, down = at[ranked[:size]], at[ranked[-size:]]
    counts = {
        "n_up": size, "n_up_found": size, "n_down": size, "n_down_found": size, "n_signature": len(query.profile),
        "n_signature_found": len(at), "n_up_missing": 0, "n_down_missing": 0, "n_up_repeated": 0, "n_down_repeated": 0,
        "n_overlap": 0, "n_signature_missing": len(missing), "n_signature_repeated": repeated,
    }  # fmt: skip
    notes = [f"a signature of {len(at)} genes: its {size} highest and {size} lowest are the sets"]
    if missing:
        notes.append(f"{len(missing)} of {len(query.profile)} genes of the signature are not in the index")
    if repeated:
        notes.append(f"{repeated} genes of the signature stand more than once; the largest change counts")
    return MappedQuery(query.name, up, down, at, number, counts, tuple(missing), tuple(notes))


def identify_genes(
    rows: pd.DataFrame, known: Mapping[str, str], probes: Mapping[str, str], what: str = "matrix"
) -> tuple[list[str], list[str | None]]:
    """Entrez ids and symbols of a matrix' rows: its ids, else its annotation, else its probes' genes.

    Parameters
    ----------
    rows
        Row annotation, indexed by row id.
    known
        Entrez id -> symbol.
    probes
        Probe name -> Entrez id.

    Returns
    -------
    (ids, symbols); the row ids themselves where no Entrez ids can be had.

    Raises
    ------
    AlignmentError
        Two rows are the same gene.
    """
    import pandas as pd

    ids = [str(item) for item in rows.index]
    chosen = ids
    if sum(item in known for item in ids) < len(ids) / 2:
        field = next((name for name in ENTREZ_FIELDS if name in rows.columns and rows[name].notna().all()), None)
        if field is not None and rows[field].astype(str).isin(list(known)).mean() > 0.5:
            chosen = [str(item).removesuffix(".0") for item in rows[field]]
        elif all(item in probes for item in ids):
            chosen = [probes[item] for item in ids]
    if len(set(chosen)) < len(chosen):
        twice = sorted({item for item, count in pd.Series(chosen).value_counts().items() if count > 1})
        raise AlignmentError(f"{what}: genes stand in several rows: {name_some(twice)}; keep one row a gene")
    own = (
        rows["pr_gene_symbol"] if "pr_gene_symbol" in rows.columns else pd.Series(None, index=rows.index, dtype=object)
    )
    symbols = [
        known.get(gene) or (text if isinstance(text, str) else None) for gene, text in zip(chosen, own, strict=True)
    ]
    return chosen, symbols
