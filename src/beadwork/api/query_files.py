"""Answer queries into a folder, in portions, so that thousands of queries fit in memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.api.connectivity import ConnectivityIndex
from beadwork.io.atomic import atomic_path
from beadwork.io.gctx_writer import gctx_columns
from beadwork.io.gene_sets import file_names
from beadwork.io.index_store import MANIFEST
from beadwork.io.provenance import input_record, make_provenance
from beadwork.io.tables import write_table
from beadwork.model.connectivity import SIGNATURE_FIELDS, Query
from beadwork.model.errors import FileError
from beadwork.model.params import QueryParams
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.connect import filter_signatures
from beadwork.stages.metrics import check_metrics

log = logging.getLogger("beadwork")
RESERVED = ("missing_genes", "queries", "groups")
DECIMALS = 6
MOST_WARNED = 5
"""Notes of so many queries are said on the terminal; those of all stand in queries.tsv."""


def answer_to_files(
    index: ConnectivityIndex,
    queries: Sequence[Query],
    output: Path,
    *,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    filters: Sequence[str] = (),
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
    rows = _annotation(index.siginfo[shown] if filters else index.siginfo)
    inputs: dict[str, Any] = {"index": [input_record(index.store.path / MANIFEST)]}
    for role, paths in (files or {}).items():
        if paths:
            inputs[role] = [input_record(path) for path in paths]
    provenance = make_provenance("query", {**params.model_dump(mode="json"), "where": list(filters)}, inputs)
    kinds = [*dict.fromkeys(["wtcs", *params.metric]), "ncs", "tau", "fdr", *(["p"] if params.permutations else [])]
    reports, missing, groups = [], [], pd.DataFrame()
    with ExitStack() as stack:
        cids = [query.name for query in mapped]
        writers = {
            kind: stack.enter_context(gctx_columns(output / f"{kind}.gctx", rows, cids, provenance)) for kind in kinds
        }
        done = 0
        for batch in index.batches(mapped, params):
            result = index.answer(batch, params, filters)
            for kind, write in writers.items():
                values = result.values(kind)
                write(done, values[:, shown] if filters else values)
            for place in range(len(batch)):
                write_ranked(result.table(place), output / f"{names[done + place]}.tsv")
                for note in result.notes(place) if done + place < MOST_WARNED else ():
                    log.warning("query %s: %s", batch[place].name, note)
            reports.append(result.report)
            missing.append(result.missing_genes)
            groups = result.groups
            done += len(batch)
    report = pd.concat(reports, ignore_index=True)
    report.insert(1, "file", [f"{name}.tsv" for name in names])
    write_table(report, output / "queries.tsv")
    write_table(pd.concat(missing, ignore_index=True), output / "missing_genes.tsv")
    write_table(groups, output / "groups.tsv")
    return query_qc(report, params)


def query_qc(report: pd.DataFrame, params: QueryParams) -> pd.DataFrame:
    """QC rows of queries: share of genes found, sizes of null and background."""
    by_query = report.set_index("query")
    given = by_query["n_up"] + by_query["n_down"]
    found = by_query["n_up_found"] + by_query["n_down_found"]
    return join_qc(
        [
            qc_rows("query", "genes_found", found / given, lower=0.5),
            qc_rows(
                "query", "n_null", by_query[["n_null_positive", "n_null_negative"]].min(axis=1), lower=params.min_null
            ),
            qc_rows("query", "n_background", by_query["n_background"], lower=params.min_background),
        ]
    )


def _annotation(siginfo: pd.DataFrame) -> pd.DataFrame:
    rows = siginfo.set_index("sig_id")[[field for field in SIGNATURE_FIELDS if field != "sig_id"]].rename_axis(
        index=None
    )
    return rows.astype({field: object for field in rows.columns if rows[field].dtype == "category"})


def write_ranked(table: pd.DataFrame, path: Path) -> None:
    """Write a ranked table as TSV: numbers to six decimals, missing values empty."""
    import pyarrow as pa
    import pyarrow.csv as pc

    arrays = []
    for name in table.columns:
        column = table[name]
        if column.dtype.kind == "f":
            numbers = column.to_numpy(np.float64)
            small = name in ("fdr", "p")
            rounded = numbers if small else np.round(numbers, DECIMALS)
            arrays.append(pa.array(rounded.astype(np.float32) if small else rounded, mask=np.isnan(numbers)))
        else:
            arrays.append(pa.Array.from_pandas(column))
    plain = [_plain_text(item) for item in arrays]
    options = pc.WriteOptions(delimiter="\t", quoting_style="none", include_header=False)
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        stream.write(("\t".join(table.columns) + "\n").encode())
        pc.write_csv(pa.Table.from_arrays(plain, names=list(table.columns)), stream, options)


def _plain_text(array: Any) -> Any:
    """Texts without tabs, line ends and quotes, which a TSV cannot hold; other arrays unchanged."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        return _plain_text(array.dictionary).take(array.indices)
    if not pa.types.is_string(array.type) and not pa.types.is_large_string(array.type):
        return array
    return pc.replace_substring_regex(array, r"[\t\r\n\"]+", " ")


__all__ = ["answer_to_files", "query_qc", "write_ranked"]
