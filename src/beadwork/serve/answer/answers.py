"""Answers as they are kept: columns of arrays; and as they are shown: tables of rows, made when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.api.index.asking.answers import TABLE_FIELDS, QueryResult
from beadwork.api.index.asking.explain import Explained, explain_scores
from beadwork.api.index.asking.how_sure import how_sure, shared_genes
from beadwork.kernels.numeric.groups import descending_order
from beadwork.model.connectivity.query import MappedQuery
from beadwork.model.connectivity.signature_table import SignatureTable, arrow_numbers
from beadwork.model.errors import AlignmentError
from beadwork.serve.answer.pages import View, rows_of
from beadwork.serve.answer.recent import Recent
from beadwork.serve.lookup.states import (
    PERT,
    IndexState,
    States,
    arrow_rows,
    pert_strips,
    places_by_perturbagen,
    places_of,
)
from beadwork.serve.questions import Asked, kept_question, understand
from beadwork.serve.refusals import RefusedError, not_found
from beadwork.serve.store import Kept, Store
from beadwork.stages.connectivity.filters import filter_signatures
from beadwork.stages.connectivity.perturbagens import RollUpPlan
from beadwork.stages.connectivity.roll_up import RolledUp
from beadwork.stages.connectivity.score import score_sets

TABLES = ("perts", "classes", "genes", "cells", "sigs")
LEVELS = {"cells": 0, "perts": 1, "classes": 2}
OLD_NAMES = {"signatures": "sigs", "perturbagens": "perts"}
STRIP_BINS = 64
MOST_MISSING = 1000
MOST_TABLES = 256 << 20
"""Bytes of tables that are kept as they were made last, about."""
HIDDEN = "_row"
"""Column of the place in the roll-up plan, or in the index; not shown."""


def columns_of(asked: Asked, result: QueryResult, rolled: tuple[RolledUp, RolledUp, RolledUp]) -> dict[str, Any]:
    """Columns of an answer that are kept: scores by signature, and the roll-ups, as Arrow tables."""
    import pyarrow as pa

    scores = {name: np.asarray(result.values(name)[0], np.float32) for name in result.score_names}
    if result.connections.q_control is not None:
        scores["q_control"] = np.asarray(result.connections.q_control[0], np.float32)
    tables = {"scores": arrow_rows(scores)}
    for name, level in LEVELS.items():
        tables[name if name != "classes" else "rolled"] = _rolled_table(rolled[level])
    gene_ids = asked.open_state.index.store.gene_ids
    rows = [("up", int(row)) for row in asked.query.up] + [("down", int(row)) for row in asked.query.down]
    tables["sets"] = pa.table(
        {
            "set": pa.array([side for side, _ in rows], pa.string()),
            "row": pa.array([row for _, row in rows], pa.int32()),
            "gene_id": pa.array([gene_ids[row] for _, row in rows], pa.string()),
            "symbol": pa.array([asked.open_state.index.finder.name_of(row) for _, row in rows], pa.string()),
        }
    )
    if result.shown is not None:
        tables["shown"] = arrow_rows({"row": np.flatnonzero(result.shown).astype(np.int32)})
    return tables


def _rolled_table(level: RolledUp) -> Any:
    """One level, best connected first, with the place of each row in the plan."""
    order = descending_order(level.ncs[0])
    chosen = arrow_numbers(order)
    columns = {
        name: column[order] if isinstance(column, np.ndarray) else column.take(chosen)
        for name, column in level.columns.items()
    }
    behind = {name: values[0][order] for name, values in level.behind.items()}
    columns |= {name: behind.pop(name) for name in list(columns) if name in behind}
    rank = np.arange(1, len(order) + 1, dtype=np.int32)
    numbers = {"ncs": level.ncs[0][order], "tau": level.tau[0][order], **behind}
    found = {"rank": rank, **columns, **numbers, HIDDEN: order.astype(np.int32)}
    small = {
        name: column.astype(np.int32) if isinstance(column, np.ndarray) and column.dtype == np.int64 else column
        for name, column in found.items()
    }
    return arrow_rows(small)


def facts_of(
    asked: Asked, result: QueryResult, rolled: tuple[RolledUp, RolledUp, RolledUp], seconds: float
) -> dict[str, Any]:
    """Facts that stand at the top of an answer."""
    query, connections = asked.query, result.connections
    shown = slice(None) if result.shown is None else result.shown
    ncs = connections.ncs[0][shown]
    sure = how_sure(
        query.counts, connections.scores["wtcs"][0][shown], signature=len(query.rows) > 0,
        fdr=connections.fdr[0][shown], tau=connections.tau[0][shown], shared=shared_genes(query.up, query.down),
        n_perturbagens=len(rolled[1].ncs[0]),
    )  # fmt: skip
    finite = np.abs(ncs[np.isfinite(ncs)])
    counts = {key: int(value) for key, value in query.counts.items()}
    counts |= {
        "n_signatures": int(result.n_shown), "n_perturbagens": len(rolled[1].ncs[0]),
        "n_cells": len(rolled[0].ncs[0]), "n_classes": len(rolled[2].ncs[0]),
        "n_missing": len(query.missing),
    }  # fmt: skip
    notes = [*result.notes(0), *rolled[1].notes, *rolled[2].notes]
    return {
        "counts": counts, "notes": list(dict.fromkeys(notes)), "null_types": dict(connections.null_types),
        "how_sure": [{"verdict": str(item.verdict), "words": item.words} for item in sure],
        "missing": missing_rows(query), "largest": float(finite.max(initial=0.0)), "seconds": round(seconds, 3),
        "scores": [*result.score_names], "signatures": len(result.index),
    }  # fmt: skip


def missing_rows(query: MappedQuery) -> list[dict[str, str]]:
    """Genes that are not used, and why."""
    return [
        {"set": item.set, "gene": item.gene, "answer": str(item.answer), "reason": item.reason}
        for item in query.missing[:MOST_MISSING]
    ]


def refused_closed(what: str) -> RefusedError:
    """Refuse what needs a state of the index that is not open any more."""
    words = f"this answer is of an older state of the index, which is not open any more; {what}; ask again"
    return RefusedError(words, 410, "older_state")


class Answers:
    """Finds answers, and keeps the tables that were made last."""

    def __init__(self, store: Store, states: States) -> None:
        self.store, self.states = store, states
        self._tables: Recent[SignatureTable] = Recent(32, MOST_TABLES)
        self._orders: Recent[np.ndarray] = Recent(64, MOST_TABLES // 4)
        self._plans: Recent[tuple[RollUpPlan, tuple[np.ndarray, np.ndarray]]] = Recent(4)
        self._closed: Recent[SignatureTable] = Recent(2)

    def find(self, key: str) -> Answer:
        """Answer by its id.

        Raises
        ------
        RefusedError
            There is none, or its columns were removed for newer ones.
        """
        kept = self.store.find(key)
        if kept is None:
            raise not_found("no such query; it may have been dropped for newer ones")
        if not kept.bytes:
            raise RefusedError("this answer is not kept any more; ask again", 410, "not_kept")
        return Answer(self, kept, self.states.find(kept.state))

    def table(self, answer: Answer, name: str) -> SignatureTable:
        """Table of an answer."""
        key = (answer.kept.id, name)
        found = self._tables.get(key)
        if found is None:
            made = answer.make(name)
            found = self._tables.keep(key, made, made.arrow.nbytes)
        return found

    def rows(self, answer: Answer, name: str, view: View) -> np.ndarray:
        """Rows of a view of a table."""
        key = (answer.kept.id, name, view.key)
        found = self._orders.get(key)
        if found is None:
            rows = rows_of(self.table(answer, name), view)
            found = self._orders.keep(key, rows, rows.nbytes)
        return found

    def plan(self, answer: Answer) -> tuple[RollUpPlan, tuple[np.ndarray, np.ndarray]]:
        """Roll-up plan of an answer, and its signatures by perturbagen."""
        state = answer.open_state
        where = answer.kept.question.get("where")
        if not where:
            return state.plan, state.pert_places
        key = f"{state.key} {where}"
        found = self._plans.get(key)
        if found is None:
            plan = state.index.roll_up_plan(shown=filter_signatures(state.index.annotation, where))
            found = self._plans.keep(key, (plan, places_by_perturbagen(plan)))
        return found

    def signatures(self, answer: Answer) -> SignatureTable:
        """Annotation of the signatures of a state that is not open any more, as it was kept with its answers."""
        found = self._closed.get(answer.kept.state)
        if found is None:
            kept = self.store.signatures(answer.kept.state)
            if kept is None:
                raise refused_closed("the signatures of that state are not kept")
            found = self._closed.keep(answer.kept.state, SignatureTable(kept))
        return found


class Answer:
    """One answer that is kept."""

    def __init__(self, answers: Answers, kept: Kept, state: IndexState | None) -> None:
        self.answers, self.kept, self.state = answers, kept, state

    @property
    def open_state(self) -> IndexState:
        """State of the index that it was made from.

        Raises
        ------
        RefusedError
            That state is not open any more.
        """
        if self.state is None:
            raise refused_closed("this needs the index as it was; tables and scores of the answer can still be read")
        return self.state

    @property
    def annotation(self) -> SignatureTable:
        """Annotation of the signatures of the index as it was asked.

        Raises
        ------
        RefusedError
            That state is not open any more, and its signatures are not kept.
        """
        return self.answers.signatures(self) if self.state is None else self.state.index.annotation

    @property
    def is_annotated(self) -> bool:
        """Whether the annotation is there: the state is open, or its signatures are kept."""
        return self.state is not None or self.answers.store.signatures(self.kept.state) is not None

    @property
    def pert_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Signatures in the order of the perturbagens of the answer, and where those of each begin."""
        if self.state is not None:
            return self.answers.plan(self)[1]
        pert_of = self.annotation.column(PERT).to_numpy().copy()
        if self.kept.question.get("where"):  # a filter leaves perturbagens out, but not their order
            out = np.ones(len(pert_of), bool)
            out[self.shown] = False
            pert_of[out] = -1
            _, places = np.unique(np.append(pert_of, -1), return_inverse=True)
            pert_of = places[:-1].astype(np.int32) - 1
        return places_of(pert_of, int(pert_of.max(initial=-1)) + 1)

    def table(self, name: str) -> SignatureTable:
        """Table ``perts``, ``classes``, ``genes``, ``cells`` or ``sigs``."""
        return self.answers.table(self, name)

    def rows(self, name: str, view: View) -> np.ndarray:
        """Rows of a view of a table, in its order."""
        return self.answers.rows(self, name, view)

    def stored(self, name: str) -> Any:
        """Columns as they are kept."""
        found = self.answers.store.table(self.kept.id, name)
        if found is None:
            raise RefusedError("this answer is not kept any more; ask again", 410, "not_kept")
        return found

    def scores(self, name: str) -> np.ndarray:
        """Scores of all signatures of the index, in its order."""
        columns = self.stored("scores")
        if name not in columns.column_names:
            raise RefusedError(f"no score {name!r}; there are {', '.join(columns.column_names)}", field="fields")
        values: np.ndarray = columns.column(name).to_numpy()
        return values

    @property
    def shown(self) -> np.ndarray:
        """Positions of the signatures that pass the filters of the question."""
        where = self.kept.question.get("where")
        if not where:
            return np.arange(self.kept.facts["signatures"])
        kept = self.answers.store.table(self.kept.id, "shown")
        if kept is not None:
            rows: np.ndarray = kept.column("row").to_numpy().astype(np.int64)
            return rows
        return np.flatnonzero(filter_signatures(self.annotation, where))

    @property
    def strip_limit(self) -> float:
        """End of the scale of strips, NCS."""
        return float(max(1.0, np.ceil(10 * float(self.kept.facts.get("largest") or 0)) / 10))

    def strips(self, plan_rows: np.ndarray) -> list[tuple[list[int], list[float | None]]]:
        """Strip and quartiles of some perturbagens, by their places in the plan."""
        return pert_strips(self.scores("ncs"), self.pert_places, plan_rows.tolist(), self.strip_limit, STRIP_BINS)

    def make(self, name: str) -> SignatureTable:
        """Make a table."""
        if name in ("perts", "cells"):
            return SignatureTable(self.stored(name))
        if name == "sigs":
            return self._signatures()
        kept = self.answers.store.table(self.kept.id, name)
        if kept is None:
            kept = self._explain()[name]
        return SignatureTable(kept)

    def _signatures(self) -> SignatureTable:
        import pyarrow as pa

        annotation, shown = self.annotation, self.shown
        order = shown[descending_order(self.scores("ncs")[shown])]
        fields = annotation.take(order, [name for name in TABLE_FIELDS if name in annotation])
        columns = {"rank": arrow_numbers(np.arange(1, len(order) + 1, dtype=np.int32))}
        columns |= {name: fields.column(name).combine_chunks() for name in fields.column_names}
        stored = self.stored("scores")
        columns |= {name: arrow_numbers(stored.column(name).to_numpy()[order]) for name in stored.column_names}
        columns[HIDDEN] = arrow_numbers(order.astype(np.int32))
        return SignatureTable(pa.table(columns))

    def _explain(self) -> dict[str, Any]:
        """Tables of classes and genes; they are kept with the answer."""
        import pandas as pd
        import pyarrow as pa

        annotation, shown = self.annotation, self.shown
        names = ("pert_iname", "pert_id", "pert_type", "cell_id", "moa", "target")
        there = [name for name in names if name in annotation]
        frame = annotation.take(shown, there).to_pandas()
        frame = frame.astype({name: object for name in there})
        rolled = self.stored("rolled").to_pandas()
        try:
            found: Explained | None = explain_scores(self.kept.name, frame, self.scores("ncs")[shown])
        except AlignmentError:
            found = None  # no treatment has a score: there is nothing behind the answer
        classes = pd.DataFrame() if found is None else found.classes.drop(columns="query")
        genes = pd.DataFrame(columns=["symbol", "score"]) if found is None else found.genes.drop(columns="query")
        tables = {"classes": join_classes(rolled, classes), "genes": genes}
        made = {}
        for name, table in tables.items():
            table = table.assign(rank=np.arange(1, len(table) + 1, dtype=np.int32))
            table = table[["rank", *(column for column in table.columns if column != "rank")]]
            made[name] = pa.Table.from_pandas(table, preserve_index=False)
            self.answers.store.add(self.kept.id, name, made[name])
        return made

    def enrichment_scores(self) -> dict[str, np.ndarray]:
        """Enrichment scores of both sets in all signatures (``es_up``, ``es_down``); they are kept with the answer."""
        kept = self.answers.store.table(self.kept.id, "enrichment")
        if kept is None:
            index = self.open_state.index
            sets = self.stored("sets").to_pydict()
            rows = [np.array([row for row, side in zip(sets["row"], sets["set"], strict=True) if side == one], np.int64)
                    for one in ("up", "down")]  # fmt: skip
            none = np.empty(0, np.int64)
            found = score_sets(index.store.blocks, [item if len(item) else rows[1 - place] for place, item in
                                                    enumerate(rows)], [none, none], threads=index.threads)  # fmt: skip
            columns = {
                name: found[place] if len(rows[place]) else np.full(found.shape[1], np.nan, np.float32)
                for place, name in enumerate(("es_up", "es_down"))
            }
            kept = arrow_rows(columns)
            self.answers.store.add(self.kept.id, "enrichment", kept)
        return {name: kept.column(name).to_numpy() for name in ("es_up", "es_down")}

    def result(self) -> tuple[QueryResult, tuple[RolledUp, RolledUp, RolledUp]]:
        """Answer the question once more, with the matrices and roll-ups of the library."""
        state = self.open_state
        asked = understand(kept_question(self.kept.question), state)
        result = state.index.answer([asked.query], asked.params, asked.where)
        return result, result.roll_up(plan=self.answers.plan(self)[0])

    def query(self) -> MappedQuery:
        """Put the question on the genes of the index."""
        return understand(kept_question(self.kept.question), self.open_state).query


def join_classes(rolled: Any, tested: Any) -> Any:
    """One row a class: its rolled-up score, and whether its members agree more than as many others would.

    Mechanisms have both; targets, and mechanisms too small for one of the two, have the other missing.
    """
    import pandas as pd

    from beadwork.model.pert_types import COMPOUND

    rolled = rolled.drop(columns=["rank", HIDDEN]).assign(kind="mechanism")
    if tested.empty:
        return rolled.assign(z=np.nan, p=np.nan, fdr=np.nan, leading=None)
    tested = tested.rename(columns={"n_perturbagens": "n_tested"})
    own = rolled["pert_type"].astype(object).fillna("").map(lambda text: COMPOUND in text.split("|"))
    compounds = rolled[own].merge(tested, on=["class", "kind"], how="outer")
    found = pd.concat([compounds, rolled[~own]], ignore_index=True)
    found["n_perturbagens"] = found["n_perturbagens"].fillna(found["n_tested"])
    order = found.assign(none=found["z"].isna(), size=-found["z"].fillna(found["ncs"]))
    found = found.loc[order.sort_values(["none", "size"], kind="stable").index]
    first = ["class", "kind", "pert_type", "n_perturbagens", "n_signatures", "z", "p", "fdr", "ncs", "tau"]
    return found[[*first, *(name for name in found.columns if name not in first)]].reset_index(drop=True)
