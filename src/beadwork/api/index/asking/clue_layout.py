"""Answers in the folders and under the names of clue.io's tools (sig_queryl1k_tool, sig_gutc_tool), for its scripts.

``cs`` is WTCS, ``ns`` (``ncs``) the normalised score, ``ps`` the percentile score tau, missing where there is no
background. Perturbagens are rolled up by pert_id, as clue.io does.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from beadwork.api.index.asking.answers import QueryResult, table_fields
from beadwork.io.connectivity.gene_sets import file_names
from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.connectivity.ranked_tables import write_parts, write_records, write_scores
from beadwork.io.files.atomic import check_folder, write_text
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.matrix.formats import write_matrix
from beadwork.kernels.numeric.groups import descending_order
from beadwork.model.connectivity.annotation import SEVERAL
from beadwork.model.connectivity.query import Query
from beadwork.model.errors import ParameterError
from beadwork.model.matrix import Matrix
from beadwork.model.params import QueryParams
from beadwork.model.pert_types import perturbation_kind
from beadwork.stages.connectivity.filters import filter_signatures

if TYPE_CHECKING:
    import pandas as pd

    from beadwork.api.index.opened import Classes, ConnectivityIndex

log = logging.getLogger("beadwork")
Tool = Literal["sig_queryl1k_tool", "sig_gutc_tool"]
TOOLS: tuple[Tool, ...] = ("sig_queryl1k_tool", "sig_gutc_tool")
MOST_SCORES = 500_000_000
"""Signatures times queries; all of them are in memory."""
DECIMALS = 4
LATER_NAMES = {"cell_iname": "cell_id", "nsample": "distil_nsample", "cc_q75": "distil_cc_q75",
               "target_name": "target"}  # fmt: skip
"""Names that query_result.gct has had since LINCS 2020, beside those of before."""
LATER_FIELDS = ("ss_ngene", "qc_pass", "is_hiq", "is_exemplar_sig")
"""Fields of signatures that it has had since then, where the index has them: scripts keep rows by them."""
MICRO = {0xB5: "u", 0x3BC: "u"}
KINDS = {"loss of function": "KD", "over-expression": "OE", "mutant": "OE"}
"""First part of the id of a class, by the kind of its perturbations; else CP."""


ALWAYS = ("moa", "target_name")
"""Fields that it always has, missing everywhere where the index knows none: scripts leave out rows without them."""
ARF_FILES = {"pert_cell": "pert_id_cell", "pert_summary": "pert_id_summary", "pcl_cell": "pcl_cell",
             "pcl_summary": "pcl_summary"}  # fmt: skip
"""Files of one query in ``arfs``, by the level of its scores."""


@dataclass(frozen=True, eq=False)
class _Level:
    """Scores of one level of the roll-up: annotation with ids, NCS and tau of shape (entities, queries)."""

    rows: pd.DataFrame
    ncs: np.ndarray
    tau: np.ndarray


def write_clue_layout(
    index: ConnectivityIndex,
    queries: Sequence[Query],
    output: Path,
    *,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
    filters: Sequence[str] = (),
    classes: Classes = None,
    tools: Sequence[Tool] = TOOLS,
) -> list[dict[str, Any]]:
    """Answer queries into the folders of clue.io's tools; returns the report, one row per query.

    Raises
    ------
    FileError, ParameterError, GeneSetError
        The folder is a file, there are too many scores, or a query cannot be used.
    """
    output = Path(output)
    check_folder(output, "the answers")
    if len(queries) * len(index) > MOST_SCORES:
        most = MOST_SCORES // len(index)
        raise ParameterError(f"--layout clue holds all scores in memory: ask at most {most} queries at a time")
    params = params.model_copy(update={"perturbagen": "pert_id"})
    mapped = index.map_queries(queries, params)
    result = index.answer(mapped, params, filters)
    given = {**result.params.model_dump(mode="json"), "where": list(filters), "layout": "clue"}
    provenance = make_provenance("query", given, {"index": [input_record(MANIFEST, index.store.digest)]})
    names = file_names([query.name for query in mapped], ("index",))
    report = [dict(row) for row in result.connections.report]
    rows = [
        {
            "query_id": query.name,
            "url": name,
            "path": f"arfs/{name}",
            **{key: value for key, value in row.items() if key != "query"},
        }
        for query, name, row in zip(mapped, names, report, strict=True)
    ]  # fmt: skip
    _write_sets(result, (output, output / "matrices" / "query"))
    if "sig_queryl1k_tool" in tools:
        _write_query(result, names, output, provenance)
    if "sig_gutc_tool" in tools:
        _write_gutc(result, names, output, filters, classes, provenance)
        write_records(rows, output / "matrices" / "gutc" / "query_info.txt")
    lacking = [
        {"query": item.query, "set": item.set, "gene": item.gene, "answer": str(item.answer), "reason": item.reason}
        for query in result.connections.queries
        for item in query.missing
    ]
    write_records(lacking, output / "missing_genes.tsv", ("query", "set", "gene", "answer", "reason"))
    write_records(rows, output / "arfs" / "index.txt")
    for name, row in zip(names, rows, strict=True):
        write_records([row], output / "arfs" / name / "query_info.txt")
    return report


def _write_sets(result: QueryResult, folders: Sequence[Path]) -> None:
    ids = result.index.store.gene_ids
    for file, side, suffix in (("up.gmt", "up", "UP"), ("dn.gmt", "down", "DN")):
        lines = [
            "\t".join([_set_name(query.name, suffix), "as scored", *(ids[row] for row in getattr(query, side))]) + "\n"
            for query in result.connections.queries
            if len(getattr(query, side))  # cmapPy refuses a set without genes
        ]
        for folder in folders:
            write_text(folder / file, "".join(lines))


def _set_name(query: str, side: str) -> str:
    return query if query.upper().endswith(f"_{side}") else f"{query}_{side}"


def _cids(result: QueryResult) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(index=pd.Index(result.names, dtype=object))


def _write_query(result: QueryResult, names: Sequence[str], output: Path, provenance: Mapping[str, Any]) -> None:
    """sig_queryl1k_tool: matrices of scores, and a ranked table of signatures for each query."""
    for kind, name in (("wtcs", "cs"), ("ncs", "ncs"), ("fdr", "fdr_qvalue")):
        _write_scores(result, kind, output / "matrices" / "query" / f"{name}.gctx", provenance)
    for place, name in enumerate(names):
        columns = with_later_names(result.ranked_columns(place, more=LATER_FIELDS))
        gct = output / "arfs" / name / "query_result.gct"
        write_parts([columns], None, gct, result.names[place], result.n_shown)
    _write_ncs(result, output / "ncs.gct")


def _write_ncs(result: QueryResult, path: Path) -> None:
    """Normalised scores of all queries beside the names of the signatures, in the order of the index."""
    kept = np.arange(len(result.index)) if result.shown is None else np.flatnonzero(result.shown)
    fields = table_fields(result.index.annotation, kept, LATER_FIELDS)
    scores = {name: result.connections.ncs[place][kept] for place, name in enumerate(result.names)}
    write_scores(with_later_names(fields), scores, path)


def with_later_names(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns, some under their later names too, and those that scripts always filter by."""
    import pyarrow as pa

    later = {name: columns[own] for name, own in LATER_NAMES.items() if own in columns and name not in columns}
    found = {**columns, **later}
    missing = pa.nulls(len(next(iter(columns.values()))), pa.string())
    return {**found, **{name: missing for name in ALWAYS if name not in found}}


def _write_scores(result: QueryResult, kind: str, path: Path, provenance: Mapping[str, Any]) -> None:
    matrix = result.matrix(kind)
    write_matrix(replace(matrix, rows=in_ascii(matrix.rows), provenance=provenance), path)


def in_ascii(rows: pd.DataFrame) -> pd.DataFrame:
    """Texts of an annotation in the letters that cmapPy reads in GCTX: ``uM`` for µM, as later releases of LINCS write.

    Letters without their accents; what is left is a question mark. Ids stay as they are.
    """
    changed = {}
    for name in rows.columns:
        values = rows[name].to_numpy(object)
        if any(isinstance(value, str) and not value.isascii() for value in values):
            changed[name] = [_ascii(value) if isinstance(value, str) else value for value in values]
    return rows.assign(**changed) if changed else rows


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(MICRO))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).encode("ascii", "replace").decode()


def _write_gutc(
    result: QueryResult,
    names: Sequence[str],
    output: Path,
    filters: Sequence[str],
    classes: Classes,
    provenance: Mapping[str, Any],
) -> None:
    """sig_gutc_tool: scores of signatures, perturbagens and classes, in each cell and summarised."""
    folder = output / "matrices" / "gutc"
    for kind, name in (("wtcs", "cs"), ("ncs", "ns"), ("tau", "ps")):
        _write_scores(result, kind, folder / f"{name}_sig.gctx", provenance)
    levels = _levels(result, filters, classes)
    if not len(levels["pcl_summary"].rows):
        log.warning(
            "%s: no class has enough perturbagens, or no mechanism is known (moa, target): files of pcl have no rows; "
            "`beadwork index annotate` joins mechanisms, --classes names classes of your own",
            result.index.store.path,
        )
    cids = _cids(result)
    for name, level in levels.items():
        for short, values in (("ns", level.ncs), ("ps", level.tau)):
            matrix = Matrix(values.astype(np.float32), in_ascii(level.rows), cids, provenance=provenance)
            write_matrix(matrix, folder / f"{short}_{name}.gctx")
    for place, query in enumerate(names):
        for name, file in ARF_FILES.items():
            _write_scores_of(levels[name], place, result.names[place], output / "arfs" / query / f"{file}.gct")


def _levels(result: QueryResult, filters: Sequence[str], classes: Classes) -> dict[str, _Level]:
    index, params = result.index, result.params
    cells, perts, groups = result.roll_up(classes)
    cell_rows, pert_rows, class_rows = (level.table for level in (cells, perts, groups))
    pert_ids, cell_ids = _pert_ids(pert_rows), _pert_ids(cell_rows)
    found = {
        "pert_cell": _Level(
            _named(cell_rows, [f"{one}:{cell}" for one, cell in zip(cell_ids, cell_rows["cell_id"], strict=True)]),
            cells.ncs.T, cells.tau.T,
        ),
        "pert_summary": _Level(_named(pert_rows, pert_ids), perts.ncs.T, perts.tau.T),
        "pcl_summary": _Level(_named(class_rows, _class_ids(class_rows)), groups.ncs.T, groups.tau.T),
    }  # fmt: skip
    shown = filter_signatures(index.annotation, filters) if filters else np.ones(len(index), bool)
    codes, texts = index.annotation.texts("cell_id")
    parts: list[tuple[pd.DataFrame, np.ndarray, np.ndarray]] = []
    for code in np.unique(codes[shown & (codes >= 0)]).tolist():
        plan = index.roll_up_plan(classes, params, shown & (codes == code))
        if len(plan.members):
            own = result.roll_up(plan=plan)[2]
            rows = own.table.assign(cell_id=texts[code])
            ids = [f"{one}:{texts[code]}" for one in _class_ids(rows)]
            parts.append((_named(rows, ids), own.ncs.T, own.tau.T))
    found["pcl_cell"] = _stacked(parts, len(result.names), class_rows)
    return found


def _stacked(parts: Sequence[tuple[pd.DataFrame, np.ndarray, np.ndarray]], width: int, like: pd.DataFrame) -> _Level:
    import pandas as pd

    if not parts:
        none = np.empty((0, width), np.float32)
        return _Level(_named(like.iloc[:0].assign(cell_id=[]), []), none, none)
    rows, ncs, tau = zip(*parts, strict=True)
    return _Level(pd.concat(rows), np.concatenate(ncs), np.concatenate(tau))


def _named(rows: pd.DataFrame, ids: Sequence[str]) -> pd.DataFrame:
    """Rows under ids, each once, with texts as texts."""
    import pandas as pd

    seen: dict[str, int] = {}
    unique = []
    for one in ids:
        seen[one] = seen.get(one, 0) + 1
        unique.append(one if seen[one] == 1 else f"{one}_{seen[one]}")
    return rows.set_axis(pd.Index(unique, dtype=object), axis=0)


def _pert_ids(rows: pd.DataFrame) -> list[str]:
    """Ids of perturbagens: pert_id, else the name."""
    return [
        str(pert_id).split(SEVERAL)[0] if isinstance(pert_id, str) and pert_id else str(name)
        for pert_id, name in zip(rows["pert_id"], rows["pert_iname"], strict=True)
    ]


def _class_ids(rows: pd.DataFrame) -> list[str]:
    return [class_id(str(name), str(kind or "")) for name, kind in zip(rows["class"], rows["pert_type"], strict=True)]


def class_id(name: str, pert_type: str) -> str:
    """Id of a class as clue.io writes them: ``HDAC inhibitor`` of compounds is ``CP_HDAC_INHIBITOR``."""
    kind = perturbation_kind(pert_type.split(SEVERAL)[0]) if pert_type else ""
    plain = "_".join("".join(letter if letter.isalnum() else " " for letter in name).split())
    return f"{KINDS.get(kind, 'CP')}_{plain.upper()}"


def _write_scores_of(level: _Level, place: int, query: str, path: Path) -> None:
    """Percentile scores of one query, the best first, without annotation, as sig_gutc_tool writes them."""
    import pandas as pd

    order = descending_order(level.ncs[:, place])
    rows = pd.DataFrame(index=level.rows.index[order])
    cols = pd.DataFrame(index=pd.Index([query], dtype=object))
    write_matrix(Matrix(level.tau[order][:, [place]].astype(np.float32), rows, cols), path, decimals=DECIMALS)
