"""Answer queries into a folder, in portions, so that thousands of queries fit in memory."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.api.connectivity import Classes, ConnectivityIndex, QueryResult
from beadwork.io.atomic import atomic_path, write_text
from beadwork.io.gctx_writer import gctx_columns
from beadwork.io.gene_sets import file_names
from beadwork.io.index_store import MANIFEST
from beadwork.io.provenance import input_record, make_provenance
from beadwork.io.tables import write_table
from beadwork.model.connectivity import SIGNATURE_FIELDS, MappedQuery, Query
from beadwork.model.errors import FileError
from beadwork.model.params import QueryParams
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.connect import filter_signatures
from beadwork.stages.metrics import check_metrics
from beadwork.stages.roll_up import RollUpPlan, ranked

log = logging.getLogger("beadwork")
RESERVED = ("missing_genes", "queries", "groups", "up", "dn")
LEVELS = ("cells", "perturbagens", "classes")
DECIMALS = 6
_PLAIN = re.compile(r"[\t\r\n\"]+")
MOST_WARNED = 5
"""Notes of so many queries are said on the terminal; those of all stand in queries.tsv."""


@dataclass(frozen=True)
class Outputs:
    """What is written for each query beside the ranked table: roll-ups, HTML page, ``query_result.gct``."""

    rollup: bool = True
    html: bool = True
    gct: bool = True

    @property
    def any(self) -> bool:
        """Whether there is a folder per query at all."""
        return self.rollup or self.html or self.gct


def answer_to_files(
    index: ConnectivityIndex,
    queries: Sequence[Query],
    output: Path,
    *,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    filters: Sequence[str] = (),
    classes: Classes = None,
    outputs: Outputs = Outputs(),
    files: Mapping[str, Sequence[Path]] | None = None,
) -> pd.DataFrame:
    """Write the answers to queries into a folder; returns QC rows.

    Everything is checked before the first file is written.

    Parameters
    ----------
    output
        Folder; made if need be.
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
    if output.exists() and not output.is_dir():
        raise FileError(f"{output}: is a file; name a folder for the answers")
    mapped = index.map_queries(queries, params)
    check_metrics(mapped, params)
    shown = filter_signatures(index.siginfo, filters) if filters else np.ones(len(index), bool)
    names = file_names([query.name for query in mapped], RESERVED)
    rows = signature_annotation(index.siginfo[shown] if filters else index.siginfo)
    inputs: dict[str, Any] = {"index": [input_record(index.store.path / MANIFEST)]}
    for role, paths in (files or {}).items():
        if paths:
            inputs[role] = [input_record(path) for path in paths]
    provenance = make_provenance("query", {**params.model_dump(mode="json"), "where": list(filters)}, inputs)
    plan = index.roll_up_plan(classes, params) if outputs.rollup or outputs.html else None
    kinds = [*dict.fromkeys(["wtcs", *params.metric]), "ncs", "tau", "fdr", *(["p"] if params.permutations else [])]
    reports, missing, groups = [], [], pd.DataFrame()
    with ExitStack() as stack:
        cids = [query.name for query in mapped]
        writers = {
            kind: stack.enter_context(gctx_columns(output / f"{kind}.gctx", rows, cids, provenance)) for kind in kinds
        }
        done = 0
        batches = list(index.batches(mapped, params))
        scores = stack.enter_context(_all_scores(index, mapped, output)) if len(batches) > 1 else None
        for batch in batches:
            wtcs = None if scores is None else np.array(scores[done : done + len(batch)])
            result = index.answer(batch, params, filters, wtcs=wtcs)
            for kind, write in writers.items():
                values = result.values(kind)
                write(done, values[:, shown] if filters else values)
            _write_each(result, batch, names[done : done + len(batch)], output, plan, outputs)
            for place, query in enumerate(batch[: max(0, MOST_WARNED - done)]):
                for note in result.notes(place):
                    log.warning("query %s: %s", query.name, note)
            reports.append(result.report)
            missing.append(result.missing_genes)
            groups = result.groups
            done += len(batch)
    report = pd.concat(reports, ignore_index=True)
    report.insert(1, "file", [f"{name}.tsv" for name in names])
    write_table(report, output / "queries.tsv")
    write_table(pd.concat(missing, ignore_index=True), output / "missing_genes.tsv")
    write_table(groups, output / "groups.tsv")
    _write_sets(mapped, index, output)
    return query_qc(report, params)


@contextmanager
def _all_scores(index: ConnectivityIndex, queries: Sequence[MappedQuery], output: Path) -> Iterator[np.ndarray]:
    """Score all queries in one pass, into a file that is removed at the end: one pass costs far less than several."""
    with tempfile.TemporaryDirectory(prefix=".scores-", dir=output) as folder:
        scores = np.memmap(Path(folder) / "wtcs.bin", np.float32, "w+", shape=(len(queries), len(index)))
        yield index.score(queries, out=scores)


def _write_each(
    result: QueryResult, batch: Sequence[MappedQuery], names: Sequence[str], output: Path, plan: RollUpPlan | None,
    outputs: Outputs,
) -> None:  # fmt: skip
    """Write the ranked tables, and the folder of each query."""
    rolled = result.roll_up(plan=plan) if plan is not None else None
    for place, name in enumerate(names):
        table = result.table(place)
        write_ranked(table, output / f"{name}.tsv")
        if outputs.rollup and rolled is not None:
            for level, scores in zip(LEVELS, rolled, strict=True):
                write_ranked(ranked(scores, place), output / name / f"{level}.tsv")
        if outputs.gct:
            write_query_result(table, batch[place].name, output / name / "query_result.gct")
        if outputs.html:
            from beadwork.api.query_page import query_page

            write_text(output / name / "index.html", query_page(result, place, rolled))


def write_query_result(table: pd.DataFrame, name: str, path: Path) -> None:
    """Write clue.io's query_result.gct: one column, norm_cs, sorted; everything else annotates the rows."""
    fields = [field for field in table.columns if field not in ("rank", "sig_id", "wtcs", "ncs", "norm_cs")]
    body = table[["sig_id", *fields, "norm_cs"]]
    quoted = _PLAIN.sub(" ", name)
    head = ["#1.3", f"{len(body)}\t1\t{len(fields)}\t1", "\t".join(["id", *fields, "norm_cs"]),
            "\t".join(["query", *["na"] * len(fields), quoted])]  # fmt: skip
    _write_text_table(body, path, "\n".join(head) + "\n", missing="-666")


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


def query_qc(report: pd.DataFrame, params: QueryParams) -> pd.DataFrame:
    """QC rows of queries: share of genes found, sizes of null and background."""
    by_query = report.set_index("query")
    given = by_query["n_up"] + by_query["n_down"]
    found = by_query["n_up_found"] + by_query["n_down_found"]
    null = by_query[["n_null_positive", "n_null_negative"]].min(axis=1)
    return join_qc(
        [
            qc_rows("query", "genes_found", found / given, lower=0.5),
            qc_rows("query", "n_null", null, lower=params.min_null),
            qc_rows("query", "n_background", by_query["n_background"], lower=params.min_background),
        ]
    )


def signature_annotation(siginfo: pd.DataFrame) -> pd.DataFrame:
    """Annotate the rows of a matrix of signatures: the standard fields by sig_id."""
    fields = [field for field in SIGNATURE_FIELDS if field != "sig_id"]
    return siginfo.set_index("sig_id")[fields].rename_axis(index=None)


def write_ranked(table: pd.DataFrame, path: Path) -> None:
    """Write a ranked table as TSV: numbers to six decimals, missing values empty."""
    _write_text_table(table, path, "\t".join(table.columns) + "\n", missing="")


def _write_text_table(table: pd.DataFrame, path: Path, head: str, missing: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as csv

    arrays = []
    for name in table.columns:
        column = table[name]
        if column.dtype.kind == "f":
            numbers = column.to_numpy(np.float64)
            small = name in ("fdr", "p")
            rounded = numbers.astype(np.float32) if small else np.round(numbers, DECIMALS)
            array = pa.array(rounded, mask=np.isnan(numbers))
        else:
            array = _plain_text(pa.Array.from_pandas(column))
        if missing and array.null_count:
            array = pc.fill_null(pc.cast(array, pa.string()), missing)
        arrays.append(array)
    options = csv.WriteOptions(delimiter="\t", quoting_style="none", include_header=False)
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        stream.write(head.encode())
        csv.write_csv(pa.Table.from_arrays(arrays, names=list(table.columns)), stream, options)


def _plain_text(array: Any) -> Any:
    """Replace tabs, line ends and quotes, which a TSV cannot hold, by blanks in texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        return _plain_text(array.dictionary).take(array.indices)
    if not pa.types.is_string(array.type) and not pa.types.is_large_string(array.type):
        return array
    return pc.replace_substring_regex(array, r"[\t\r\n\"]+", " ")
