"""Answer queries into a folder, in portions, so that thousands of queries fit in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from beadwork.api.index.asking.answering import settle_ranking
from beadwork.api.index.asking.answers import QueryResult
from beadwork.api.index.asking.library_files import LibraryFiles
from beadwork.api.index.opened import Classes, ConnectivityIndex
from beadwork.io.connectivity.gene_sets import file_names
from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.connectivity.ranked_tables import ROWS, write_parts, write_ranked, write_records
from beadwork.io.connectivity.signature_fields import row_fields
from beadwork.io.files.atomic import check_folder, write_text
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.files.scratch import scratch_folder
from beadwork.io.matrix.gctx.writer import gctx_columns
from beadwork.model.connectivity.annotation import MECHANISM_FIELDS
from beadwork.model.connectivity.query import SIGNATURE_FIELDS, MappedQuery, Query, query_label
from beadwork.model.connectivity.signature_table import arrow_numbers
from beadwork.model.errors import GeneSetError
from beadwork.model.params import QueryParams, RepurposingParams, SignatureParams
from beadwork.stages.connectivity.filters import filter_signatures
from beadwork.stages.connectivity.perturbagens import RollUpPlan
from beadwork.stages.connectivity.roll_up import RolledUp, ranked_columns
from beadwork.stages.connectivity.scores import check_metrics

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("beadwork")
RESERVED = ("answers", "missing_genes", "queries", "skipped", "groups")
LEVELS = ("cells", "perturbagens", "classes")
MOST_WARNED = 5
"""Notes of so many queries are said on the terminal; those of all stand in queries.tsv."""


Matrices = Literal["auto", "all", "none"]
MATRIX_BYTES = 50_000_000
"""Whole matrices larger than this together are written only where they are asked for."""
TABLE_ROWS = 150_000
"""Ranked tables of more rows together hold both ends only, unless the number of their rows is given."""
TOP = 1000
"""Signatures of each end of a ranked table that is not whole."""
ANSWERS = "answers.parquet"
REPURPOSING = "repurposing.tsv"


def writes_matrices(matrices: Matrices, kinds: int, rows: int, columns: int, annotation: int = 0) -> bool:
    """Whether so many matrices of float32 are written; `annotation`: bytes of that of each."""
    return matrices == "all" or (matrices == "auto" and kinds * (4 * rows * columns + annotation) <= MATRIX_BYTES)


@dataclass(frozen=True)
class Outputs:
    """What is written.

    Attributes
    ----------
    rollup, html, gct
        For each query beside the ranked table: roll-ups, HTML page, ``query_result.gct``.
    matrices
        Whole matrices: all, none, or auto, where they have no more than 50 MB together.
    top
        Rows of each end of the ranked tables, 0 for all of them; None: all of up to 150,000 rows together, else 1,000.
        Where tables are not whole, ``answers.parquet`` has all scores.
    repurposing
        For each query also ``repurposing.tsv``, with these limits.
    library
        Of many queries: matrices of perturbagens, cells and classes by queries, and nothing for single queries.
    """

    rollup: bool = True
    html: bool = True
    gct: bool = True
    matrices: Matrices = "auto"
    top: int | None = None
    repurposing: RepurposingParams | None = None
    library: bool = False

    def limit(self, n_queries: int, n_shown: int) -> int:
        """Rows of each end of a ranked table; 0 for all."""
        if self.library:
            return 0
        if self.top is None:
            top = TOP if n_queries * n_shown > TABLE_ROWS else 0
        else:
            top = self.top
        return top if 2 * top < n_shown else 0

    @property
    def any(self) -> bool:
        """Whether there is a folder per query at all."""
        return self.rollup or self.html or self.gct or self.repurposing is not None


def answer_to_files(
    index: ConnectivityIndex,
    queries: Sequence[Query],
    output: Path,
    *,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    table_params: SignatureParams | None = None,
    filters: Sequence[str] = (),
    classes: Classes = None,
    outputs: Outputs = Outputs(),
    files: Mapping[str, Sequence[Path]] | None = None,
) -> list[dict[str, Any]]:
    """Write the answers to queries into a folder; returns the report, one row per query.

    Everything is checked before the first file is written.

    Parameters
    ----------
    output
        Folder; made if need be.
    table_params
        How tables of differential expression were read, for the provenance.
    filters
        Which signatures are shown.
    classes
        Mechanism classes of the roll-up; None: the field moa of the index.
    outputs
        What is written for each query.
    files
        Input files by role, for the provenance.
    """
    output = Path(output)
    check_folder(output, "the answers")
    mapped, skipped = _usable(index, queries, params)
    params = settle_ranking(index, params, mapped)
    check_metrics(mapped, params)
    shown = filter_signatures(index.annotation, filters) if filters else np.ones(len(index), bool)
    names = file_names([query.name for query in mapped], RESERVED)
    inputs: dict[str, Any] = {"index": [input_record(MANIFEST, index.store.digest)]}
    for role, paths in (files or {}).items():
        if paths:
            inputs[role] = [input_record(path) for path in paths]
    read = table_params.model_dump(mode="json") if table_params else {}
    provenance = make_provenance("query", {**params.model_dump(mode="json"), **read, "where": list(filters)}, inputs)
    kinds = [*dict.fromkeys(["wtcs", *params.metric]), "ncs", "tau", "fdr", *(["p"] if params.permutations else [])]
    kinds += ["p_control"] if index.is_cleaned else []
    n_shown = int(shown.sum())
    limit = outputs.limit(len(mapped), n_shown)
    report: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    groups: Sequence[Mapping[str, Any]] = []
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(output))
        batches = list(index.batches(mapped, params))
        if len(batches) == 1:  # score while the files are begun
            scoring = stack.enter_context(ThreadPoolExecutor(1)).submit(index.score, mapped)
        fields = [*SIGNATURE_FIELDS, *(name for name in MECHANISM_FIELDS if name in index.annotation)]
        rows = row_fields(index.annotation, fields, np.flatnonzero(shown) if filters else None)
        plan = (
            _plan(index, classes, params, shown if filters else None)
            if outputs.rollup or outputs.html or outputs.library
            else None
        )
        cids = [query.name for query in mapped]
        whole = writes_matrices(outputs.matrices, len(kinds), n_shown, len(mapped), rows.reserve)
        written = kinds if whole else []
        writers = {
            kind: stack.enter_context(gctx_columns(output / f"{kind}.gctx", rows, cids, provenance)) for kind in written
        }
        if len(batches) > 1:
            scores = _score_all(index, mapped, scratch)
        answers = stack.enter_context(_all_answers(output / ANSWERS, index, shown)) if limit else None
        library = None
        if outputs.library:
            library = LibraryFiles(output, scratch, stack, cids, provenance, params, outputs.repurposing)
        done = 0
        for batch in batches:
            wtcs = np.array(scores[done : done + len(batch)]) if len(batches) > 1 else scoring.result()
            result = index.answer(batch, params, filters, wtcs=wtcs)
            for kind, write in writers.items():
                values = result.values(kind)
                write(done, values[:, shown] if filters else values)
            if answers is not None:
                for place in range(len(batch)):
                    answers(result, place)
            if library is not None:
                library.add(done, result.roll_up(plan=plan), result)
            else:
                _write_each(result, batch, names[done : done + len(batch)], output, plan, outputs, limit)
            for place, query in enumerate(batch[: max(0, MOST_WARNED - done)]):
                for note in result.notes(place):
                    log.warning("%s: %s", query_label(query.name), note)
            for place, row in enumerate(result.connections.report):
                file = {} if outputs.library else {"file": f"{names[done + place]}.tsv"}
                report.append({"query": row["query"], **file, **row})
            missing += [vars(item) for query in batch for item in query.missing]
            groups = result.connections.groups
            done += len(batch)
        if library is not None:
            log.info("%s: %s", output, ", ".join(library.finish()))
    _say_what_is_not_whole(output, kinds, written, limit, n_shown)
    write_records(report, output / "queries.tsv")
    if skipped:
        write_records(skipped, output / "skipped.tsv")
    else:
        (output / "skipped.tsv").unlink(missing_ok=True)
    write_records(missing, output / "missing_genes.tsv", ("query", "set", "gene", "answer", "reason"))
    write_records(groups, output / "groups.tsv")
    _write_sets(mapped, index, output)
    return report


def _plan(index: ConnectivityIndex, classes: Classes, params: QueryParams, shown: np.ndarray | None) -> RollUpPlan:
    """Plan the roll-up, and say what became of the classes."""
    plan = index.roll_up_plan(classes, params, shown)
    for note in plan.notes:
        log.warning("%s", note)
    if classes is not None and plan.match is not None:
        log.log(logging.INFO if plan.match.found else logging.WARNING, "%s", plan.match)
    return plan


def _usable(
    index: ConnectivityIndex, queries: Sequence[Query], params: QueryParams
) -> tuple[list[MappedQuery], list[dict[str, Any]]]:
    """Put queries on the genes of the index; of several, those that cannot be used are skipped, and said.

    Raises
    ------
    GeneSetError
        None can be used.
    """
    mapped, skipped, first = [], [], None
    for query in queries:
        try:
            mapped += index.map_queries([query], params)
        except GeneSetError as error:
            first = first or error
            skipped.append({"query": query.name, "reason": str(error)})
    if not mapped and first is not None:
        raise first
    for row in skipped[:MOST_WARNED]:
        log.warning("%s; it is skipped", row["reason"])
    if len(skipped) > MOST_WARNED:
        log.warning("%d of %d queries are skipped; skipped.tsv lists them", len(skipped), len(queries))
    return mapped, skipped


def _score_all(index: ConnectivityIndex, queries: Sequence[MappedQuery], scratch: Path) -> np.ndarray:
    """Score all queries in one pass, into a file of the scratch folder: one pass costs far less than several."""
    scores = np.memmap(scratch / "wtcs.bin", np.float32, "w+", shape=(len(queries), len(index)))
    return index.score(queries, out=scores)


def _write_each(
    result: QueryResult, batch: Sequence[MappedQuery], names: Sequence[str], output: Path, plan: RollUpPlan | None,
    outputs: Outputs, limit: int,
) -> None:  # fmt: skip
    """Write the ranked tables, and the folder of each query; signatures are printed while they are rolled up."""

    def write_signatures(place: int) -> None:
        count = 2 * limit or result.n_shown
        parts = (result.ranked_columns(place, rows) for rows in _pieces(result.n_shown, limit))
        gct = output / names[place] / "query_result.gct" if outputs.gct else None
        write_parts(parts, output / f"{names[place]}.tsv", gct, batch[place].name, count)

    def write_rolled(place: int, rolled: tuple[RolledUp, RolledUp, RolledUp] | None) -> None:
        folder = output / names[place]
        if outputs.rollup and rolled is not None:
            for level, scores in zip(LEVELS, rolled, strict=True):
                write_ranked(ranked_columns(scores, place), folder / f"{level}.tsv")
        if outputs.repurposing is not None:
            from beadwork.io.files.tables import write_table
            from beadwork.stages.connectivity.library.repurposing import repurposing_table

            ncs = result.connections.ncs[place].astype(np.float64)
            table = repurposing_table(result.index.annotation, ncs, result.shown, outputs.repurposing)
            write_table(table, folder / REPURPOSING)
        if outputs.html:
            from beadwork.api.index.asking.query_page import query_page

            write_text(folder / "index.html", query_page(result, place, rolled))

    with ThreadPoolExecutor(1) as pool:
        signatures = [pool.submit(write_signatures, place) for place in range(len(batch))]
        rolled = result.roll_up(plan=plan) if plan is not None else None
        for place, written in enumerate(signatures):
            write_rolled(place, rolled)
            written.result()


def _pieces(count: int, limit: int) -> list[slice] | list[np.ndarray]:
    """Rows of a ranked table by portions: all, or `limit` of each end."""
    if limit:
        rows = np.r_[0:limit, count - limit : count]
        return [rows[at : at + ROWS] for at in range(0, len(rows), ROWS)]
    return [slice(at, at + ROWS) for at in range(0, max(1, count), ROWS)]


@contextmanager
def _all_answers(
    path: Path, index: ConnectivityIndex, shown: np.ndarray
) -> Iterator[Callable[[QueryResult, int], None]]:
    """Yield a function that adds all scores of one query to a parquet file, by the order of the index."""
    import pyarrow as pa

    from beadwork.io.connectivity.answer_files import new_answers

    kept = None if shown.all() else np.flatnonzero(shown)
    ids = index.annotation.column("sig_id")
    ids = ids if kept is None else ids.take(arrow_numbers(kept))
    with new_answers(path) as write:

        def add(result: QueryResult, place: int) -> None:
            columns: dict[str, Any] = {"sig_id": ids}
            for kind in result.score_names:
                values = result.values(kind)[place]
                columns[kind] = arrow_numbers(np.asarray(values if kept is None else values[kept], np.float32))
            write(result.names[place], pa.table(columns))

        yield add


def _say_what_is_not_whole(output: Path, kinds: Sequence[str], written: Sequence[str], limit: int, count: int) -> None:
    """Say what was left out for its size, and remove files of an earlier answer that would be taken for this one's."""
    if not written:
        for kind in kinds:
            (output / f"{kind}.gctx").unlink(missing_ok=True)
        log.info("%s: whole matrices are not written (--matrices all writes them)", output)
    if limit:
        log.info(
            "%s: ranked tables hold the first and the last %d of %d signatures (--top 0: all); %s has all scores",
            output, limit, count, ANSWERS,
        )  # fmt: skip
    else:
        (output / ANSWERS).unlink(missing_ok=True)


def _write_sets(mapped: Sequence[MappedQuery], index: ConnectivityIndex, output: Path) -> None:
    """Write the sets that were scored, by the index's gene ids: up.gmt and dn.gmt."""
    ids = index.store.gene_ids
    for file, suffix, sets in (
        ("up.gmt", "UP", [query.up for query in mapped]),
        ("dn.gmt", "DN", [query.down for query in mapped]),
    ):
        lines = [
            "\t".join([f"{query.name}_{suffix}", "as scored", *(ids[row] for row in rows)])
            for query, rows in zip(mapped, sets, strict=True)
            if len(rows)
        ]
        if lines:
            write_text(output / file, "\n".join(lines) + "\n")


def query_qc(report: Sequence[Mapping[str, Any]], params: QueryParams) -> pd.DataFrame:
    """QC rows of queries: share of genes found, sizes of null and background."""
    from beadwork.model.qc import join_qc, qc_rows

    def by_query(value: Any) -> dict[str, Any]:
        return {str(row["query"]): value(row) for row in report}

    found = by_query(lambda row: (row["n_up_found"] + row["n_down_found"]) / (row["n_up"] + row["n_down"]))
    null = by_query(lambda row: min(row["n_null_positive"], row["n_null_negative"]))
    background = by_query(lambda row: row["n_background"])
    return join_qc(
        [
            qc_rows("query", "genes_found", found, lower=0.5),
            qc_rows("query", "n_null", null, lower=params.min_null),
            qc_rows("query", "n_background", background, lower=params.min_background),
        ]
    )
