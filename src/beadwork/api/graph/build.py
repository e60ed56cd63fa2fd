"""Make a graph of an index: consensus signatures, edges with evidence, vectors of perturbagens, and their files."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from beadwork.io.connectivity import graph_files
from beadwork.io.connectivity.index.layout import MANIFEST
from beadwork.io.files.atomic import check_folder
from beadwork.io.files.provenance import input_record, make_provenance
from beadwork.io.files.scratch import scratch_folder
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_names import gene_resolver, uniprot_ids
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.connectivity.annotation import MECHANISM_FIELDS, STRUCTURE_FIELDS
from beadwork.model.errors import IndexStoreError, agree, counted
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import GraphParams
from beadwork.stages.connectivity.filters import filter_signatures
from beadwork.stages.connectivity.graph.consensus import find_perturbagens, make_consensus, sum_groups
from beadwork.stages.connectivity.graph.edges import gene_edges, similar
from beadwork.stages.connectivity.graph.embedding import Factors, embed_owners, factorise, nearest
from beadwork.stages.connectivity.graph.parts import COMPOUND, GAIN, LOSS, Consensus, Edges, Perturbagens

if TYPE_CHECKING:
    from beadwork.api.index.opened import ConnectivityIndex

log = logging.getLogger("beadwork")
MEMORY_BYTES = 2 << 30
"""Means within cells that are larger than this stand in a file while they are needed."""
NEAREST = 10
RELATIONS = {LOSS: "loss-similar", GAIN: "gain-similar"}


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph of perturbagens and genes.

    Attributes
    ----------
    cells
        Means within cells, in the order of the groups of `perturbagens`.
    consensus
        Consensus of each perturbagen over its cells.
    edges
        One relation each.
    factors
        What embeds a signature.
    vectors
        Embedding of each perturbagen, float32, rows of length 1.
    notes
        What its reader should know, in words.
    """

    perturbagens: Perturbagens
    cells: np.ndarray
    consensus: Consensus
    edges: tuple[Edges, ...]
    factors: Factors
    vectors: np.ndarray
    notes: tuple[str, ...]


def make_graph(
    index: ConnectivityIndex,
    filters: Sequence[str] = (),
    params: GraphParams = GraphParams(),  # noqa: B008 (frozen)
    scratch: Path | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Graph:
    """Make a graph of the signatures of an index that pass the filters.

    Parameters
    ----------
    scratch
        Folder for means within cells that do not fit in memory.

    Raises
    ------
    IndexStoreError
        There are fewer than two perturbagens.
    """
    shown = filter_signatures(index.annotation, filters) if filters else None
    found = find_perturbagens(index.annotation, shown)
    if len(found.names) < 2:
        raise IndexStoreError(
            f"{index.store.path}: {len(found.names)} compounds or genes to make a graph of; two are needed"
        )
    notes = [f"{counted(n, 'signature')} {agree(n, 'is')} left out: {why}" for why, n in found.left_out.items()]
    progress("mean signatures of cells")
    shape = (len(found.owner), index.store.n_genes)
    if scratch is not None and 8 * shape[0] * shape[1] > MEMORY_BYTES:
        cells: np.ndarray = np.memmap(scratch / "cells.bin", np.float64, "w+", shape=shape)
    else:
        cells = np.zeros(shape)
    sum_groups(index.store.blocks, found.groups, cells)
    cells /= found.n_signatures[:, None]
    consensus = make_consensus(cells, found)
    measured = measured_genes(index.store.gene_ids)
    edges: list[Edges] = []
    compounds = found.of_kind(COMPOUND)
    progress("genes of compounds")
    up, down, dropped = gene_edges(consensus, cells, found, compounds, measured, params)
    if dropped:
        notes.append(f"{dropped:,} edges from compounds to genes were dropped: cells disagree in the direction")
    edges += [up, down]
    progress("similar perturbagens")
    profile = consensus.z[:, measured] if measured.any() else consensus.z
    edges.append(similar("similar", profile, compounds, compounds, found, params))
    for kind, relation in RELATIONS.items():
        if len(found.of_kind(kind)) and len(compounds):
            edges.append(similar(relation, profile, found.of_kind(kind), compounds, found, params))
        else:
            notes.append(f"no signatures of {kind}: no edges {relation}")
    progress("embeddings")
    factors = factorise(index.store.blocks, found.groups >= 0, params.dimensions, params.whiten)
    if factors.n < params.dimensions:
        notes.append(
            f"embeddings have {factors.n} numbers, not {params.dimensions}: {int((found.groups >= 0).sum()):,} "
            f"signatures of {index.store.n_genes:,} genes have no more directions"
        )
    return Graph(
        found, cells, consensus, tuple(edges), factors, embed_owners(cells, found.owner, factors), tuple(notes)
    )


def measured_genes(gene_ids: Sequence[str]) -> np.ndarray:
    """Which genes of an index are landmarks."""
    genes = gene_table()
    known = set(genes.index[genes["pr_is_lm"] == 1])
    return np.array([gene in known for gene in gene_ids], bool)


def graph_to_files(
    index: ConnectivityIndex,
    output: str | Path,
    *,
    filters: Sequence[str] = (),
    genes: Literal["entrez", "uniprot"] = "entrez",
    source: str = "infores:beadwork",
    params: GraphParams = GraphParams(),  # noqa: B008 (frozen)
    progress: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """Write a graph into a folder; returns what was done, line by line.

    Raises
    ------
    BeadworkError
        The index makes no graph, or the folder cannot be written.
    """
    output = Path(output)
    check_folder(output, "the graph")
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(output))
        graph = make_graph(index, filters, params, scratch, progress)
        provenance = make_provenance(
            "graph", {**params.model_dump(mode="json"), "where": list(filters), "genes": genes},
            {"index": [input_record(MANIFEST, index.store.digest)]},
        )  # fmt: skip
        metadata = {"provenance": json.dumps(provenance, sort_keys=True)}
        nodes, node_genes = perturbagen_nodes(index, graph), gene_nodes(index, genes)
        table = edge_table(graph, nodes, node_genes)
        progress("files")
        for folder in ("kgx", "bioteque"):
            (output / folder).mkdir(parents=True, exist_ok=True)
        every = pd.concat([nodes, node_genes], ignore_index=True)
        unnamed = graph_files.write_kgx(every, _curies(table, every), output / "kgx", source, "beadwork graph")
        graph_files.write_pairs(table, output / "bioteque")
        graph_files.write_frame(every, output / "nodes.parquet", metadata)
        graph_files.write_frame(table, output / "edges.parquet", metadata)
        names = nodes[["node", "name", "kind", "curie"]]
        graph_files.write_vectors(graph.vectors, names, output, metadata)
        write_table(neighbour_table(graph, nodes), output / "neighbours.tsv")
        _write_consensus(index, graph, nodes, output / "consensus.gctx", provenance)
        said = _write_cells(index, graph, nodes, output / "consensus_cells.gctx", provenance)
    notes = [*graph.notes, *said]
    if unnamed:
        notes.append(
            f"{unnamed:,} nodes have no id that Biolink knows (InChIKey, PubChem, ChEMBL, Entrez) and are not in kgx/"
        )
    for note in notes:
        log.warning("%s", note)
    counts = {kind: len(graph.perturbagens.of_kind(kind)) for kind in (COMPOUND, LOSS, GAIN)}
    lines = [", ".join(f"{kind}: {count:,}" for kind, count in counts.items())]
    lines += [f"{edges.relation}: {counted(len(edges), 'edge')}" for edges in graph.edges]
    return [*lines, f"embeddings: {len(graph.vectors):,} perturbagens, {graph.factors.n} numbers each"]


def perturbagen_nodes(index: ConnectivityIndex, graph: Graph) -> pd.DataFrame:
    """Nodes of perturbagens: node (its id here), name, kind, curie, n1, category, xref, what they rest on."""
    found = graph.perturbagens
    fields = [name for name in ("pert_id", *STRUCTURE_FIELDS, *MECHANISM_FIELDS) if name in index.annotation]
    rows = index.annotation.take(found.first, fields).to_pylist()
    symbols = [name for name, kind in zip(found.names, found.kinds, strict=True) if kind != COMPOUND]
    answers = gene_resolver().resolve(symbols, suggest=False)
    known = {name: answer.gene for name, answer in zip(symbols, answers, strict=True)}
    nodes = []
    for place, (row, name, kind) in enumerate(zip(rows, found.names, found.kinds, strict=True)):
        is_compound = kind == COMPOUND
        gene = "" if is_compound else known.get(name, "")
        curie = graph_files.compound_curie(row) if is_compound else f"NCBIGene:{gene}" if gene else ""
        pert_id = str(row.get("pert_id") or name)
        node: dict[str, Any] = {"node": name if is_compound else f"{name} {'loss' if kind == LOSS else 'gain'}"}
        node |= {"name": name, "kind": kind, "curie": curie}
        node["id"] = curie.partition(":")[2] or pert_id
        node["category"] = graph_files.COMPOUND_CATEGORY if is_compound else graph_files.GENE_CATEGORY
        node["xref"] = pert_id
        node |= {
            "n_cells": int(graph.consensus.n_cells[place]),
            "n_signatures": int(graph.consensus.n_signatures[place]),
        }
        node |= {field: row.get(field) for field in MECHANISM_FIELDS if field in fields}
        nodes.append(node)
    table = pd.DataFrame(nodes)
    twice = table["node"].duplicated(keep=False)
    table.loc[twice, "node"] = table.loc[twice, "node"] + " " + table.loc[twice, "id"].astype(str)
    return table


def gene_nodes(index: ConnectivityIndex, genes: Literal["entrez", "uniprot"]) -> pd.DataFrame:
    """Nodes of the genes of an index; `genes` says by which ids Bioteque's pairs name them."""
    columns, accessions = index.store.gene_columns(), uniprot_ids()
    ids = [str(item) for item in columns["gene_id"]]
    symbols = [str(item or gene) for item, gene in zip(columns["symbol"], ids, strict=True)]
    known = [gene.isdigit() for gene in ids]
    pairs = [accessions.get(gene, gene) if genes == "uniprot" else gene for gene in ids]
    return pd.DataFrame(
        {
            "node": symbols,
            "name": symbols,
            "kind": "gene",
            "curie": [f"NCBIGene:{gene}" if is_known else "" for gene, is_known in zip(ids, known, strict=True)],
            "id": pairs,
            "category": graph_files.GENE_CATEGORY,
            "xref": [f"UniProtKB:{accessions[gene]}" if gene in accessions else "" for gene in ids],
        }
    )


def edge_table(graph: Graph, nodes: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """All edges: relation, n1 and n2 (ids), their names, score, fdr, cells that agree, cells."""
    parts = []
    for edges in graph.edges:
        ends = genes if edges.relation.endswith("regulates") else nodes
        parts.append(
            pd.DataFrame(
                {
                    "relation": edges.relation,
                    "n1": nodes["id"].to_numpy()[edges.subject],
                    "n2": ends["id"].to_numpy()[edges.object],
                    "subject": nodes["node"].to_numpy()[edges.subject],
                    "object": ends["node"].to_numpy()[edges.object],
                    "subject_curie": nodes["curie"].to_numpy()[edges.subject],
                    "object_curie": ends["curie"].to_numpy()[edges.object],
                    "score": edges.score,
                    "fdr": edges.fdr,
                    "n_cells_agree": edges.support,
                    "n_cells": edges.n_cells,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _curies(table: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    return table.assign(subject=table["subject_curie"], object=table["object_curie"])


def neighbour_table(graph: Graph, nodes: pd.DataFrame, count: int = NEAREST) -> pd.DataFrame:
    """Nearest perturbagens of each by their embeddings: cosine, nearest first."""
    places, cosine = nearest(graph.vectors, count)
    names = nodes["node"].to_numpy()
    each = places.shape[1]
    return pd.DataFrame(
        {
            "node": np.repeat(names, each),
            "rank": np.tile(np.arange(1, each + 1), len(names)),
            "neighbour": names[places.reshape(-1)],
            "cosine": np.round(cosine.reshape(-1), 6),
        }
    )


def _write_cells(
    index: ConnectivityIndex, graph: Graph, nodes: pd.DataFrame, path: Path, provenance: dict[str, Any]
) -> list[str]:
    found = graph.perturbagens
    size = 4 * graph.cells.size
    if size > MEMORY_BYTES:
        path.unlink(missing_ok=True)
        return [f"{path.name} would take {size / 1e9:.1f} GB and is not written; --where chooses signatures"]
    cols = nodes.iloc[found.owner][["node", "name", "kind"]].reset_index(drop=True)
    cols["cell_id"], cols["n_signatures"] = list(found.cells), found.n_signatures
    ids = (cols.pop("node") + ":" + cols["cell_id"]).tolist()
    cols = cols.set_index(pd.Index(ids, dtype=object)).rename(columns={"name": "pert_iname"})
    rows = pd.DataFrame({"pr_gene_symbol": gene_nodes(index, "entrez")["name"].to_numpy()}, index=index.store.gene_ids)
    write_matrix(Matrix(graph.cells.T.astype(np.float32), rows, cols, provenance=provenance), path)
    return []


def _write_consensus(
    index: ConnectivityIndex, graph: Graph, nodes: pd.DataFrame, path: Path, provenance: dict[str, Any]
) -> None:
    rows = pd.DataFrame({"pr_gene_symbol": gene_nodes(index, "entrez")["name"].to_numpy()}, index=index.store.gene_ids)
    cols = nodes.set_index("node")[["name", "kind", "n_cells", "n_signatures"]].rename_axis(index=None)
    cols = cols.rename(columns={"name": "pert_iname"})
    level = Level(index.store.manifest["level"]) if index.store.manifest.get("level") else None
    write_matrix(Matrix(graph.consensus.values.T, rows, cols, level=level, provenance=provenance), path)
