"""Answers of an index: matrices of signatures by queries, a ranked table for each query, roll-ups and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.numeric.groups import descending_order
from beadwork.model.connectivity.annotation import MECHANISM_FIELDS
from beadwork.model.connectivity.query import SIGNATURE_FIELDS
from beadwork.model.errors import GeneSetError, counted, name_some
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.perturbagens import RollUpPlan
from beadwork.stages.connectivity.roll_up import RolledBackground, RolledUp, ranked, roll_up
from beadwork.stages.connectivity.score import Connections

EPS = 2.0**-52
"""What CMap's tools add to q before the logarithm, so that a q of 0 has one."""
TABLE_FIELDS = (*SIGNATURE_FIELDS, *MECHANISM_FIELDS)
"""Annotation in tables of signatures, as far as the index has it."""

KEPT_ORDERS = 100
"""Rankings that are kept: tables and pages need each several times, and not one after the other."""

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import Classes, ConnectivityIndex
    from beadwork.model.connectivity.signature_table import SignatureTable
    from beadwork.model.matrix import Matrix


class QueryResult:
    """Answers to queries: matrices of signatures by queries, a ranked table for each query, and reports.

    Attributes
    ----------
    connections
        The arrays, queries by signatures, of all signatures of the index.
    shown
        Which signatures pass the filters; None for all.
    """

    def __init__(
        self,
        index: ConnectivityIndex,
        connections: Connections,
        shown: np.ndarray | None = None,
        params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    ) -> None:
        self.index, self.connections, self.shown, self.params = index, connections, shown, params
        self._orders: dict[int, np.ndarray] = {}

    def __repr__(self) -> str:
        return (
            f"<QueryResult {counted(len(self.names), 'query')} ({name_some(self.names, 3)}) against "
            f"{self.n_shown:,} signatures: "
            f"{', '.join(self.score_names)}>"
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Signatures ranked by score, for each query by its name (:meth:`table`)."""
        return {name: self.table(place) for place, name in enumerate(self.names)}

    @property
    def names(self) -> list[str]:
        """Names of the queries."""
        return [query.name for query in self.connections.queries]

    @property
    def report(self) -> pd.DataFrame:
        """One row per query: genes given and found, sizes of null and background, notes."""
        import pandas as pd

        return pd.DataFrame(list(self.connections.report))

    @property
    def groups(self) -> pd.DataFrame:
        """One row a group of the normalisation, and where it was widened."""
        import pandas as pd

        return pd.DataFrame(list(self.connections.groups))

    @property
    def missing_genes(self) -> pd.DataFrame:
        """Genes of the queries that are not used: not in the index, or no genes, and why."""
        import pandas as pd

        found = [item for query in self.connections.queries for item in query.missing]
        rows = [(item.query, item.set, item.gene, str(item.answer), item.reason) for item in found]
        return pd.DataFrame(rows, columns=["query", "set", "gene", "answer", "reason"])

    def notes(self, query: int) -> tuple[str, ...]:
        """Say what is worth knowing about one query."""
        return self.connections.notes[self.connections.queries[query].name]

    def values(self, name: str) -> np.ndarray:
        """One of the matrices by name (wtcs, ncs, tau, fdr, p or another metric), queries by signatures."""
        plain = {"ncs": self.connections.ncs, "tau": self.connections.tau, "fdr": self.connections.fdr,
                 "p": self.connections.p, "p_control": self.connections.p_control,
                 "q_control": self.connections.q_control}  # fmt: skip
        found = plain.get(name, self.connections.scores.get(name))
        if found is None:
            raise GeneSetError(f"no score {name!r} was asked for; there are {name_some(self.score_names, 20)}")
        return found

    @property
    def score_names(self) -> list[str]:
        """Names of the matrices there are."""
        optional = {"p": self.connections.p, "p_control": self.connections.p_control}
        there = [name for name, values in optional.items() if values is not None]
        return [*self.connections.scores, "ncs", "tau", "fdr", *there]

    def matrix(self, name: str) -> Matrix:
        """One of the matrices, signatures by queries, with the annotation of both."""
        import pandas as pd

        from beadwork.model.matrix import Matrix

        values, siginfo = self.values(name), self.index.siginfo
        if self.shown is not None:
            values, siginfo = values[:, self.shown], siginfo[self.shown]
        rows = siginfo.set_index("sig_id")[[field for field in SIGNATURE_FIELDS if field != "sig_id"]]
        rows = rows.astype({field: object for field in rows.columns if rows[field].dtype == "category"})
        return Matrix(values.T, rows.rename_axis(index=None), pd.DataFrame(index=pd.Index(self.names, dtype=object)))

    def roll_up(
        self, classes: Classes = None, plan: RollUpPlan | None = None, background: RolledBackground | None = None
    ) -> tuple[RolledUp, RolledUp, RolledUp]:
        """Scores of perturbagens in cells, of perturbagens, and of mechanism classes, each with its own tau.

        They follow the filters: signatures that are not shown count nowhere, and the background of tau is rolled up
        over the same signatures.

        Parameters
        ----------
        plan
            :meth:`ConnectivityIndex.roll_up_plan` of the signatures shown, to save time.
        background
            :meth:`ConnectivityIndex.rolled_background` of this plan, to save time.
        """
        plan = plan or self.index.roll_up_plan(classes, self.params, self.shown)
        if self.params.rank_by == "cosine":
            return roll_up(plan, self.connections.ncs, None, self.params.min_background)
        known = background or self.index.background(self.params)
        return roll_up(plan, self.connections.ncs, known, self.params.min_background, self.connections.tau)

    def perturbagens(self, query: int | str = 0) -> pd.DataFrame:
        """Perturbagens ranked by the score of one query."""
        return ranked(self.roll_up()[1], self._place(query))

    def _place(self, query: int | str) -> int:
        return self.names.index(query) if isinstance(query, str) else query

    def table(self, query: int | str = 0) -> pd.DataFrame:
        """Signatures ranked by the score of one query, best connected first."""
        import pandas as pd

        place = self._place(query)
        order, siginfo = self._order(place), self.index.siginfo
        known = [siginfo[name] for name in TABLE_FIELDS if name in siginfo.columns]
        fields = {
            str(column.name): column.array.take(order) if column.dtype == "category" else column.to_numpy()[order]
            for column in known
        }
        columns = {"rank": np.arange(1, len(order) + 1), **fields, **self._ranked_scores(place, order)}
        columns |= {"raw_cs": columns["wtcs"].copy(), "norm_cs": columns["ncs"].copy()}  # of their own in a table
        return pd.DataFrame(columns, copy=False)

    def ranked_places(self, query: int, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Positions in the index of the signatures of :meth:`table`."""
        return self._order(query)[rows]

    def ranked_columns(
        self, query: int, rows: slice | np.ndarray = slice(None), more: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Columns of :meth:`table`, NumPy or Arrow arrays; `rows` takes a part of them, `more` names further fields."""
        order, annotation = self._order(query), self.index.annotation
        rank = np.arange(1, len(order) + 1)[rows]
        order = order[rows]
        return {"rank": rank, **table_fields(annotation, order, more), **self._ranked_scores(query, order)}

    @property
    def n_shown(self) -> int:
        """Number of signatures that pass the filters."""
        return len(self.index) if self.shown is None else int(self.shown.sum())

    def _order(self, query: int) -> np.ndarray:
        """Positions of the signatures that are shown, best connected first."""
        order = self._orders.get(query)
        if order is None:
            ncs = self.connections.ncs[query]
            if self.shown is None:
                order = descending_order(ncs)
            else:
                kept = np.flatnonzero(self.shown)
                order = kept[descending_order(ncs[kept])]
            if len(self._orders) >= KEPT_ORDERS:
                self._orders.clear()
            self._orders[query] = order
        return order

    def _ranked_scores(self, query: int, order: np.ndarray) -> dict[str, np.ndarray]:
        columns = {name: values[query][order] for name, values in self.connections.scores.items()}
        fdr = self.connections.fdr[query][order]
        columns["ncs"] = self.connections.ncs[query].astype(np.float64)[order]
        columns |= {"tau": self.connections.tau[query][order], "fdr": fdr}
        columns |= clue_names(columns)
        if self.connections.p is not None:
            columns["p"] = self.connections.p[query][order]
        if self.connections.p_control is not None and self.connections.q_control is not None:
            columns["p_control"] = self.connections.p_control[query][order]
            columns["q_control"] = self.connections.q_control[query][order]
        return columns


def table_fields(annotation: SignatureTable, places: np.ndarray, more: Sequence[str] = ()) -> dict[str, Any]:
    """Fields of signatures that tables show, as Arrow arrays; `more` names further ones."""
    fields = annotation.take(places, [name for name in (*TABLE_FIELDS, *more) if name in annotation])
    return {name: fields.column(name).combine_chunks() for name in fields.column_names}


def clue_names(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores under the names that clue.io's ranked tables have."""
    return {"fdr_q_nlog10": -np.log10(columns["fdr"] + EPS), "raw_cs": columns["wtcs"], "norm_cs": columns["ncs"]}
