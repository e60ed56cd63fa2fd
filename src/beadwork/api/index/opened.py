"""A connectivity index as an object: open it, ask it, look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.api.index.asking.answering import answer_queries
from beadwork.api.index.asking.answers import QueryResult
from beadwork.api.index.asking.query_inputs import GeneSets, load_queries, queries_of
from beadwork.api.index.facts import found_genes, index_facts
from beadwork.io.connectivity.gene_sets import read_gene_names
from beadwork.io.connectivity.index.joined import open_store
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.platform.gene_names import gene_resolver
from beadwork.model.connectivity.background import Background
from beadwork.model.connectivity.perturbagen_classes import PerturbagenClasses
from beadwork.model.connectivity.query import MappedQuery, Query, SignatureBlock
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_text
from beadwork.model.errors import GeneSetError, counted, name_some
from beadwork.model.params import IndexParams, QueryParams, make_params
from beadwork.stages.connectivity.gene_finder import GeneFinder
from beadwork.stages.connectivity.gene_mapping import map_query
from beadwork.stages.connectivity.groups import ReferenceGroups, make_groups, treatment_mask
from beadwork.stages.connectivity.perturbagens import RollUpPlan, plan_roll_up
from beadwork.stages.connectivity.roll_up import RolledBackground, roll_up_background
from beadwork.stages.connectivity.score import Reference, connect, has_numba, score_sets

if TYPE_CHECKING:
    import pandas as pd


Classes = Any
"""Classes of perturbagens, as :class:`PerturbagenClasses` takes them, or None."""
Progress = Callable[[str], None]
BATCH_BYTES = 128 << 20
"""Memory that the results of one batch of queries may take."""


class ConnectivityIndex:
    """A connectivity index, open for reading; it stays as it was opened while others append to it.

    Examples
    --------
    >>> index = ConnectivityIndex.open("results/index")                           # doctest: +SKIP
    >>> index.query(up=["TP53", "CDKN1A", "MDM2"], down=["CCNB1", "CDK1", "PLK1"])        # doctest: +SKIP
    """

    def __init__(self, store: IndexStore, *, threads: int | None = None, gene_names: str | Path | None = None) -> None:
        self.store = store
        self.gene_names = gene_names
        self.threads = threads or _cores()
        self._asked = False
        self._groups: dict[tuple[Any, ...], ReferenceGroups] = {}

    # ---- make and inspect ------------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        path: str | Path | Sequence[str | Path],
        *,
        threads: int | None = None,
        gene_names: str | Path | None = None,
    ) -> ConnectivityIndex:
        """Open an index; reads its manifest only.

        Parameters
        ----------
        path
            Folder of the index, or several of the same genes and level, to be asked as one.
        gene_names
            Table of further names of genes, of your own: columns name and gene_id (Entrez).

        Raises
        ------
        IndexStoreError
            There is no index, or it is damaged, or of an unknown version.
        """
        return cls(open_store(path), threads=threads, gene_names=gene_names)

    @classmethod
    def build(
        cls,
        path: str | Path,
        matrices: str | Path | Sequence[str | Path],
        siginfo: str | Path | Sequence[str | Path] | None = None,
        *,
        overwrite: bool = False,
        threads: int | None = None,
        **parameters: Any,
    ) -> ConnectivityIndex:
        """Build an index from MODZ matrices (see :func:`beadwork.api.index.writing.build.build_index`)."""
        from beadwork.api.index.writing.build import build_index

        matrices = [matrices] if isinstance(matrices, str | Path) else matrices
        params = make_params(IndexParams, **parameters)
        store = build_index(path, matrices, siginfo, params=params, overwrite=overwrite, threads=threads or _cores())
        return cls(store, threads=threads)

    def append(
        self, matrices: str | Path | Sequence[str | Path], siginfo: str | Path | Sequence[str | Path] | None = None
    ) -> ConnectivityIndex:
        """Add signatures; returns the index as it is then, while this object stays what it was."""
        from beadwork.api.index.writing.append import append_index

        matrices = [matrices] if isinstance(matrices, str | Path) else matrices
        return type(self)(append_index(self.store.path, matrices, siginfo, threads=self.threads), threads=self.threads)

    def learn_background(
        self, up: GeneSets | None = None, down: GeneSets | None = None, **parameters: Any
    ) -> ConnectivityIndex:
        """Learn the background of tau anew, from signatures of the index or from given sets; returns the new index."""
        from beadwork.api.index.writing.background import relearn_background

        queries = [] if up is None and down is None else self.map_queries(queries_of(up, down, None, "query"))
        params = make_params(IndexParams, **{**self.store.manifest["parameters"], **parameters})
        store = relearn_background(
            self.store.path, params=params, queries=queries, mapped_on=self.store, threads=self.threads
        )
        return type(self)(store, threads=self.threads, gene_names=self.gene_names)

    def verify(self, *, quick: bool = False, progress: Progress = lambda text: None) -> tuple[list[str], list[str]]:
        """(faults, remarks) of a full check."""
        from beadwork.api.index.writing.build import verify_index

        return verify_index(self.store.path, quick=quick, threads=self.threads, progress=progress)

    def __repr__(self) -> str:
        space = f" in space {self.store.space}" if self.store.space else ""
        return (
            f"ConnectivityIndex({str(self.store.path)!r}: {len(self):,} signatures x {self.store.n_genes:,} genes"
            f"{space}, "
            f"{counted(len(self.store.segments), 'segment')})"
        )

    def __len__(self) -> int:
        return self.store.n_signatures

    @cached_property
    def annotation(self) -> SignatureTable:
        """Annotation of all signatures, in index order, as columns."""
        return SignatureTable(self.store.signature_table())

    @cached_property
    def siginfo(self) -> pd.DataFrame:
        """Annotation of all signatures, in index order; repeated texts are categories."""
        frame: pd.DataFrame = self.annotation.arrow.to_pandas()
        return frame

    @cached_property
    def genes(self) -> pd.DataFrame:
        """Genes in row order: gene_id, symbol."""
        import pandas as pd

        return pd.DataFrame(self.store.gene_columns())

    def warm(self) -> None:
        """Read the annotation and load the compiled code, so that the first query is as fast as the next."""
        self.load_compiled()
        params = QueryParams()
        rows = np.arange(min(2, self.store.n_genes))
        query = MappedQuery("warm", rows[:1], rows[1:])
        small = self.store.blocks[0]
        block = SignatureBlock(0, np.ascontiguousarray(small.rank[:, :32]), np.ascontiguousarray(small.z[:, :32]))
        annotation = SignatureTable(self.annotation.take(np.arange(block.stop)))
        connect(Reference([block], annotation), [query], params=params)
        _ = self.finder

    @staticmethod
    def load_compiled() -> None:
        """Load the compiled form of the scores, where it can be."""
        if not has_numba():
            return
        from beadwork.kernels.connectivity.wtcs import score_numba

        assert score_numba

    def info(self) -> dict[str, Any]:
        """Facts about the index, for people and programs."""
        return index_facts(self)

    def signature(self, sig_id: str) -> pd.Series:
        """Scores of one signature, by gene id."""
        import pandas as pd

        place = self.position(sig_id)
        return pd.Series(self.store.read_signatures([place])[0], index=self.store.gene_ids, name=sig_id)

    def position(self, sig_id: str) -> int:
        """Place of a signature in the index."""
        import pyarrow.compute as pc

        place: int = pc.index(self.annotation.column("sig_id"), arrow_text(sig_id)).as_py()
        if place < 0:
            raise GeneSetError(f"the index has no signature {sig_id!r}; `siginfo` lists them")
        return place

    # ---- queries ---------------------------------------------------------------------------------------------------

    @cached_property
    def finder(self) -> GeneFinder:
        """Finds genes of queries among those of the index."""
        columns = self.store.gene_columns()
        further = read_gene_names(self.gene_names) if self.gene_names else {}
        return GeneFinder(columns["gene_id"], columns["symbol"], gene_resolver(), further)

    def find_genes(self, names: Sequence[object]) -> pd.DataFrame:
        """Report what the index makes of each gene of one list: used, a gene that it lacks, or not a gene.

        Returns
        -------
        One row per name: name, answer, gene_id (of the index), symbol, kind (how it is named), reason (why not used).
        """
        return found_genes(self, names)

    def query(
        self,
        up: GeneSets | None = None,
        down: GeneSets | None = None,
        *,
        signature: Mapping[str, float] | pd.Series | None = None,
        name: str = "query",
        where: str | Sequence[str] = (),
        **parameters: Any,
    ) -> pd.DataFrame:
        """Signatures of the index ranked by how they connect to one query.

        Parameters
        ----------
        up, down
            Genes that go up and down, by any of their names (Entrez ids, symbols of today or older
            ones, Ensembl ids, ...), `min_set` or more of them; or a gene-set file of one query.
        signature
            Value by gene, instead of `up` and `down`.
        name
            Name of the query.
        where
            Filters such as ``cell_id=A375`` or ``tas>=0.2``; they choose the signatures that are shown, with their
            scores against the whole index.  Roll-ups follow the filter.
        parameters
            Any of :class:`beadwork.model.params.QueryParams`, for example ``metric=("wtcs", "ks")``.

        Returns
        -------
        One row per signature, best connected first; what was missing stands in ``.attrs["notes"]`` and
        ``.attrs["missing_genes"]``.

        Raises
        ------
        GeneSetError
            None of the genes is in the index, or there are several queries (use :meth:`query_many`).
        """
        queries = queries_of(up, down, signature, name)
        if len(queries) != 1:
            raise GeneSetError(
                f"{len(queries)} queries given ({name_some([q.name for q in queries])}); use query_many()"
            )
        results = self.query_many(queries, where=where, **parameters)
        table = results.table(0)
        table.attrs["notes"] = list(results.notes(0))
        table.attrs["missing_genes"] = [
            {"set": item.set, "gene": item.gene, "answer": str(item.answer), "reason": item.reason}
            for item in results.connections.queries[0].missing
        ]
        return table

    def query_many(
        self,
        up: GeneSets | Sequence[Query] | None = None,
        down: GeneSets | None = None,
        *,
        where: str | Sequence[str] = (),
        **parameters: Any,
    ) -> QueryResult:
        """Answers to several queries at once, as matrices and tables."""
        params = make_params(QueryParams, **parameters)
        queries = queries_of(up, down)
        mapped = self.map_queries(queries, params)
        filters = [where] if isinstance(where, str) else list(where)
        return self.answer(mapped, params, filters)

    def map_queries(self, queries: Sequence[Query], params: QueryParams = QueryParams()) -> list[MappedQuery]:  # noqa: B008 (frozen)
        """Put queries on the index's genes; a query without any usable gene is an error that names it."""
        mapped = [map_query(query, self.finder, params) for query in queries]
        if not self.is_cleaned:
            return mapped
        note = ("the query signature is not noise controlled, but the index is; --denoise cleans it",)
        return [
            item if query.profile is None or query.cleaned else replace(item, notes=(*item.notes, *note))
            for query, item in zip(queries, mapped, strict=True)
        ]

    @property
    def is_cleaned(self) -> bool:
        """Whether the index holds noise-controlled signatures (ZSNC, MNZ)."""
        return self.store.manifest.get("level") in ("ZSNC", "MNZ")

    @cached_property
    def landmarks(self) -> np.ndarray:
        """Rows of the landmarks."""
        from beadwork.io.platform.gene_table import gene_table  # brings pandas, which one query needs not

        genes = gene_table()
        known = set(genes.index[genes["pr_is_lm"] == 1])
        return np.array([row for row, gene in enumerate(self.store.gene_ids) if gene in known], np.int64)

    def answer(
        self,
        queries: Sequence[MappedQuery],
        params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
        filters: Sequence[str] = (),
        progress: Callable[[float], None] | None = None,
        wtcs: np.ndarray | None = None,
        p_control: bool = True,
        threads: int | None = None,
    ) -> QueryResult:
        """Score mapped queries; `p_control`: of a noise-controlled index, also p against its control signatures.

        `threads`: fewer than those of the index, where several ask at a time.
        """
        if self._asked:  # who asks again will ask more
            self.load_compiled()
        self._asked = True
        return answer_queries(self, queries, params, filters, progress, wtcs, p_control, threads)

    def groups(self, params: QueryParams) -> ReferenceGroups:
        """Return the groups of signatures whose scores are normalised together; kept, as every query needs them."""
        key = (params.group_by, params.min_reference, params.null_type)
        if key not in self._groups:
            self._groups[key] = make_groups(self.annotation, params)
        return self._groups[key]

    def score(self, queries: Sequence[MappedQuery], out: np.ndarray | None = None) -> np.ndarray:
        """WTCS of many queries in one pass over the index, float32, shape (queries, signatures).

        `out` may be a mapped file, for results that are larger than memory.
        """
        up, down = [query.up for query in queries], [query.down for query in queries]
        return score_sets(self.store.blocks, up, down, threads=self.threads, out=out)

    def batches(self, queries: Sequence[MappedQuery], params: QueryParams) -> Iterator[Sequence[MappedQuery]]:
        """Portions of queries whose results fit in memory."""
        width = max(1, BATCH_BYTES // max(1, len(self) * 4 * (4 + len(params.metric) + (params.permutations > 0))))
        for first in range(0, len(queries), width):
            yield queries[first : first + width]

    def roll_up_plan(
        self,
        classes: Classes = None,
        params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
        shown: np.ndarray | None = None,
    ) -> RollUpPlan:
        """Which signatures stand behind which perturbagen and class.

        Parameters
        ----------
        classes
            Perturbagens by class, or a table with pert_iname (or pert_id) and moa; None: the field moa of the index.
        shown
            Signatures that pass the filters; None for all.
        """
        siginfo = self.annotation
        if classes is None and "moa" in siginfo:
            classes = PerturbagenClasses.of(siginfo, "mechanisms of the index", own=True)
        treated = treatment_mask(siginfo, params)
        return plan_roll_up(siginfo, treated if shown is None else treated & shown, classes, params)

    def rolled_background(
        self,
        plan: RollUpPlan,
        params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
        empty: Callable[[tuple[int, int]], np.ndarray] = np.empty,
    ) -> RolledBackground | None:
        """Background of tau rolled up by a plan, for many questions; None where tau is missing.

        `empty` makes the arrays, which may be in a file.
        """
        found = self.background(params)
        return (
            roll_up_background(plan, found, empty)
            if found is not None and found.size >= params.min_background
            else None
        )

    def background(self, params: QueryParams) -> Background | None:
        """Background of tau, None where there is none that was learned within the same groups."""
        entry = self.store.background
        if entry is None or (tuple(entry["group_by"]), entry["min_reference"]) != (
            params.group_by,
            params.min_reference,
        ):
            return None
        return Background(int(entry["n_queries"]), self.store.background_scores)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


__all__ = ["ConnectivityIndex", "QueryResult", "load_queries"]
