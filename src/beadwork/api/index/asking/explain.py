"""Explain an answer: read it from wherever it stands, and write what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.connectivity.gene_sets import read_named_sets
from beadwork.io.connectivity.perturbagen_classes import CLASS_COLUMNS, TARGET_COLUMNS, read_classes
from beadwork.io.files.tables import read_table, write_table
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_names import gene_resolver
from beadwork.io.platform.mechanism_words import mechanism_words
from beadwork.model.connectivity.perturbagen_classes import PerturbagenClasses, plain_id
from beadwork.model.errors import FileError, ParameterError, counted
from beadwork.stages.connectivity.explain import (
    Perturbagens,
    perturbagens_of,
    score_classes,
    score_genes,
    score_hits,
)

OTHER_NAMES = {
    "pert_iname": ("pert_iname", "cmap_name", "pert_desc", "pert_name", "name"),
    "pert_id": ("pert_id", "broad_id"),
    "pert_type": ("pert_type",),
    "cell_id": ("cell_id", "cell_iname", "cell_mfc_name", "cell"),
    "moa": CLASS_COLUMNS,
    "target": TARGET_COLUMNS,
}
"""Fields of an answer under the names that tables have them by."""
SCORES = ("ncs", "norm_cs", "score", "tau", "wtcs", "raw_cs", "cs")
"""Columns of a ranked table that hold its score, the first that is there."""


def explain_answer(
    answer: Path,
    output: Path,
    classes: Sequence[Path] = (),
    sets: Sequence[Path] = (),
    hits: Sequence[str] = (),
    min_class: int = 3,
) -> list[str]:
    """Write ``classes.tsv``, ``genes.tsv`` and ``perturbagens.tsv`` (what they rest on) of an answer.

    Parameters
    ----------
    answer
        Folder of ``beadwork query``, a ranked table, or a GCT or GCTX of scores with annotation of its rows.
    classes
        Tables of mechanisms and targets, such as the Repurposing Hub's; the fields moa and target of the answer count
        too.
    sets
        GMTs of perturbagens.
    hits
        Names of perturbagens; classes that hold more of them than chance would give go to ``hits.tsv``.
    min_class
        Smallest class.

    Returns
    -------
    What was used, and what was not, one line each.

    Raises
    ------
    FileError, AlignmentError, ParameterError
        The answer or a table cannot be used, or nothing names classes and no gene is perturbed.
    """
    tables: dict[str, list[pd.DataFrame]] = {"classes": [], "genes": [], "perturbagens": [], "hits": []}
    lines: list[str] = []
    for query, rows, scores in read_answers(answer):
        found = explain_scores(query, rows, scores, classes, sets, min_class)
        lines = lines or found.lines
        tables["classes"].append(found.classes)
        tables["genes"].append(found.genes)
        table = found.perturbagens.table
        tables["perturbagens"].append(table.assign(query=query)[["query", *table.columns]])
        if hits:
            tables["hits"].append(score_hits(query, found.perturbagens, hits, found.members, min_class))
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items() if parts}
    if joined["classes"].empty and joined["genes"].empty:
        raise ParameterError(
            f"{answer}: nothing to explain it with: no class has {min_class} of its perturbagens and no gene is "
            "perturbed; give --classes a table with pert_iname and moa or target"
        )
    output.mkdir(parents=True, exist_ok=True)
    for name, table in joined.items():
        write_table(table, output / f"{name}.tsv")
    return [*lines, *(f"{output / name}.tsv: {counted(len(table), 'row')}" for name, table in joined.items())]


@dataclass(frozen=True, eq=False)
class Explained:
    """What stands behind the scores of one query.

    Attributes
    ----------
    classes, genes
        Tables of :func:`score_classes` and :func:`score_genes`.
    perturbagens
        What they rest on.
    members
        Names of perturbagens by class, by kind of class.
    lines
        What was used, one line each.
    """

    classes: pd.DataFrame
    genes: pd.DataFrame
    perturbagens: Perturbagens
    members: Mapping[str, Mapping[str, Sequence[str]]]
    lines: list[str]


def explain_scores(
    query: str,
    rows: pd.DataFrame,
    scores: np.ndarray,
    classes: Sequence[Path] = (),
    sets: Sequence[Path] = (),
    min_class: int = 3,
) -> Explained:
    """Find what stands behind scores that are at hand.

    Parameters
    ----------
    rows
        Annotation of each score: pert_iname or pert_id, pert_type, cell_id, moa, target, as far as they are known.
    """
    lines: list[str] = []
    found = perturbagens_of(rows, scores)
    members = _members(rows, found.table, classes, sets, lines)
    genes = score_genes(
        query, found, members.get("target", {}), _by_drug(members.get("mechanism", {})), mechanism_words(),
        current_symbols,
    )  # fmt: skip
    return Explained(score_classes(query, found, members, min_class), genes, found, members, lines)


def read_answers(answer: Path) -> Iterator[tuple[str, pd.DataFrame, np.ndarray]]:
    """Give the queries of an answer: name, annotation of the rows under our names, score of each row."""
    if answer.is_dir():
        matrix = answer / "ncs.gctx"
        if matrix.is_file():
            yield from _matrix_answers(matrix)
            return
        listed = answer / "queries.tsv"
        if not listed.is_file():
            raise FileError(f"{answer}: holds no ncs.gctx and no queries.tsv; give the folder of `beadwork query`")
        for row in read_table(listed, required=("query", "file"), text_only=True).itertuples():
            yield from _table_answers(answer / str(row.file), str(row.query))
    elif any(answer.name.endswith(end) for end in (".gct", ".gctx", ".gct.gz", ".gctx.gz")):
        yield from _matrix_answers(answer)
    else:
        yield from _table_answers(answer, answer.name.split(".")[0])


def _matrix_answers(path: Path) -> Iterator[tuple[str, pd.DataFrame, np.ndarray]]:
    matrix = read_matrix(path)
    rows = _our_names(matrix.rows.reset_index(drop=True), path)
    for place, query in enumerate(matrix.cids):
        yield str(query), rows, matrix.values[:, place].astype(np.float64)


def _table_answers(path: Path, query: str) -> Iterator[tuple[str, pd.DataFrame, np.ndarray]]:
    table = read_table(path)
    score = next((name for name in SCORES if name in table), None)
    if score is None:
        raise FileError(f"{path}: has no column of scores; one of {', '.join(SCORES)} is needed")
    yield query, _our_names(table, path), pd.to_numeric(table[score], errors="coerce").to_numpy(np.float64)


def _our_names(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    found: dict[str, Any] = {}
    for field, names in OTHER_NAMES.items():
        name = next((name for name in names if name in rows), None)
        if name is not None:
            found[field] = rows[name].map(lambda item: item if item is None or item != item else str(item).strip())
    if not {"pert_iname", "pert_id"} & set(found):
        raise FileError(f"{path}: its rows have neither pert_iname nor pert_id; annotate them first")
    return pd.DataFrame(found, index=rows.index)


def _members(
    rows: pd.DataFrame, perturbagens: pd.DataFrame, classes: Sequence[Path], sets: Sequence[Path], lines: list[str]
) -> dict[str, dict[str, list[str]]]:
    """Names of the answer's perturbagens by class, by kind of class."""
    ids: dict[str, str] = {}
    names = {name.lower(): name for name in perturbagens["name"]}
    if {"pert_id", "pert_iname"} <= set(rows.columns):
        for pert_id, name in rows[["pert_id", "pert_iname"]].dropna().drop_duplicates().itertuples(index=False):
            ids.setdefault(plain_id(pert_id), name)
    found: dict[str, dict[str, list[str]]] = {}
    for kind, field, columns in (("mechanism", "moa", CLASS_COLUMNS), ("target", "target", TARGET_COLUMNS)):
        given = []
        if field in rows:
            own = rows[[name for name in ("pert_id", "pert_iname") if name in rows]].assign(moa=rows[field])
            given.append(PerturbagenClasses.of(own, own=True))
        for path in classes:
            given.append(read_classes(path, columns))
        found[kind] = _named(given, ids, names)
        drugs = {item for own in found[kind].values() for item in own}
        lines.append(f"{kind}s: {len(found[kind]):,} of {len(drugs):,} perturbagens")
    if sets:
        found["set"] = {
            item.name: [names[gene.lower()] for gene in item.genes if gene.lower() in names]
            for path in sets for item in read_named_sets(path)
        }  # fmt: skip
        lines.append(f"sets: {len(found['set']):,}")
    return found


def _named(
    given: Sequence[PerturbagenClasses], ids: Mapping[str, str], names: Mapping[str, str]
) -> dict[str, list[str]]:
    """Members of classes by the name that the answer has them under, each once."""
    found: dict[str, dict[str, None]] = {}
    for source in given:
        for name, members in source.members.items():
            own = found.setdefault(name, {})
            for member in members:
                hit = next((ids[plain_id(one)] for one in member.ids if plain_id(one) in ids), None)
                hit = hit or next((names[one.lower()] for one in member.names if one.lower() in names), None)
                if hit is not None:
                    own[hit] = None
    return {name: list(own) for name, own in found.items() if own}


def _by_drug(mechanisms: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for mechanism, names in mechanisms.items():
        for name in names:
            found.setdefault(name.lower(), []).append(mechanism)
    return found


def current_symbols(names: Sequence[str]) -> list[str]:
    """Symbol of today of each gene, the name itself where it is no gene that is known."""
    distinct = list(dict.fromkeys(names))
    answers = gene_resolver().resolve(distinct, suggest=False)
    symbols = {
        name: gene_resolver().symbol(answer.gene) if answer.gene else name
        for name, answer in zip(distinct, answers, strict=True)
    }
    return [symbols[name] for name in names]
