"""Files of a graph: KGX (nodes and edges), Bioteque's pairs, parquet, vectors as parquet and npy."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from beadwork.io.files.atomic import atomic_path, write_text
from beadwork.io.files.tables import write_table

GENE_CATEGORY = "biolink:Gene"
COMPOUND_CATEGORY = "biolink:SmallMolecule"
KNOWLEDGE = {"knowledge_level": "statistical_association", "agent_type": "data_analysis_pipeline"}
EFFECT = {"predicate": "biolink:affects", "category": "biolink:ChemicalAffectsGeneAssociation",
          "qualified_predicate": "biolink:causes", "object_aspect_qualifier": "expression"}  # fmt: skip
BIOLINK: dict[str, dict[str, str]] = {
    "up-regulates": {**EFFECT, "object_direction_qualifier": "increased"},
    "down-regulates": {**EFFECT, "object_direction_qualifier": "decreased"},
    "similar": {"predicate": "biolink:similar_to", "category": "biolink:ChemicalToChemicalAssociation"},
    "loss-similar": {"predicate": "biolink:similar_to", "category": "biolink:Association",
                     "subject_direction_qualifier": "decreased"},
    "gain-similar": {"predicate": "biolink:similar_to", "category": "biolink:Association",
                     "subject_direction_qualifier": "increased"},
}  # fmt: skip
"""How Biolink (4) says each relation."""
EDGE_COLUMNS = ("id", "subject", "predicate", "object", "category", "qualified_predicate", "object_aspect_qualifier",
                "object_direction_qualifier", "subject_direction_qualifier", "knowledge_level", "agent_type",
                "primary_knowledge_source", "provided_by", "adjusted_p_value", "score", "n_cells_agree",
                "n_cells")  # fmt: skip
STRUCTURE_PREFIXES = {"inchi_key": "INCHIKEY", "pubchem_cid": "PUBCHEM.COMPOUND", "chembl_id": "CHEMBL.COMPOUND"}
BIOTEQUE = {"up-regulates": "CPD-upr-GEN", "down-regulates": "CPD-dwr-GEN", "similar": "CPD-sim-CPD",
            "loss-similar": "GEN-lsim-CPD", "gain-similar": "GEN-gsim-CPD"}  # fmt: skip
"""Name of the file of pairs of each relation; the first two are Bioteque's own."""


def compound_curie(row: dict[str, Any]) -> str:
    """Id of a compound as Biolink knows it, by structure; empty where none is known.

    Examples
    --------
    >>> compound_curie({"inchi_key": "RZVAJINKPMORJF-UHFFFAOYSA-N", "pubchem_cid": "1983"})
    'INCHIKEY:RZVAJINKPMORJF-UHFFFAOYSA-N'
    >>> compound_curie({"inchi_key": None, "pubchem_cid": 1983.0})
    'PUBCHEM.COMPOUND:1983'
    """
    for field, prefix in STRUCTURE_PREFIXES.items():
        item = row.get(field)
        text = "" if item is None or item != item else str(item).split("|")[0].strip()
        text = text.removesuffix(".0") if field == "pubchem_cid" else text.upper()
        if text:
            return f"{prefix}:{text}"
    return ""


def write_kgx(nodes: pd.DataFrame, edges: pd.DataFrame, folder: Path, source: str, provided_by: str) -> int:
    """Write ``kgx/nodes.tsv`` and ``kgx/edges.tsv``; returns the number of nodes without an id, which are left out.

    Parameters
    ----------
    nodes
        curie, category, name, xref.
    edges
        relation, subject and object (curies), score, fdr, n_cells_agree, n_cells.
    source
        Primary knowledge source, an infores id.
    """
    named = nodes[nodes["curie"] != ""].drop_duplicates("curie")
    table = pd.DataFrame(
        {"id": named["curie"], "category": named["category"], "name": named["name"], "xref": named["xref"],
         "provided_by": provided_by}
    )  # fmt: skip
    write_table(table, folder / "nodes.tsv")
    kept = edges[(edges["subject"] != "") & (edges["object"] != "") & (edges["subject"] != edges["object"])]
    said = pd.DataFrame([BIOLINK[relation] for relation in kept["relation"]], index=kept.index)
    rows = pd.concat([kept[["subject", "object", "score", "n_cells_agree", "n_cells"]], said], axis=1)
    rows["adjusted_p_value"] = kept["fdr"]
    rows["id"] = "beadwork:" + kept["relation"] + ":" + kept["subject"] + ":" + kept["object"]
    for name, value in {**KNOWLEDGE, "primary_knowledge_source": source, "provided_by": provided_by}.items():
        rows[name] = value
    rows = rows.reindex(columns=EDGE_COLUMNS).drop_duplicates("id")
    write_table(_rounded(rows), folder / "edges.tsv")
    return int((nodes["curie"] == "").sum())


def write_pairs(edges: pd.DataFrame, folder: Path) -> None:
    """Write Bioteque's tables, n1 and n2, one for each relation."""
    for relation, name in BIOTEQUE.items():
        pairs = edges.loc[edges["relation"] == relation, ["n1", "n2"]].drop_duplicates()
        write_table(pairs, folder / f"{name}.tsv")


def write_frame(table: pd.DataFrame, path: Path, metadata: dict[str, str]) -> None:
    """Write a parquet table, which appears by rename."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    own = {f"beadwork_{key}".encode(): text.encode() for key, text in metadata.items()}
    with atomic_path(path) as temporary:
        pq.write_table(
            arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **own}), temporary, compression="zstd"
        )


def write_vectors(vectors: np.ndarray, names: pd.DataFrame, folder: Path, metadata: dict[str, str]) -> None:
    """Write vectors as ``embeddings.npy`` and, with their names, as ``embeddings.parquet``."""
    buffer = io.BytesIO()
    np.save(buffer, vectors)
    with atomic_path(folder / "embeddings.npy") as temporary:
        temporary.write_bytes(buffer.getvalue())
    numbers = pd.DataFrame(vectors, columns=[f"e{number:03d}" for number in range(1, vectors.shape[1] + 1)])
    write_frame(pd.concat([names.reset_index(drop=True), numbers], axis=1), folder / "embeddings.parquet", metadata)
    write_text(folder / "embeddings_names.txt", "".join(f"{name}\n" for name in names["node"]))


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy()
    for name in table.columns[[kind.kind == "f" for kind in table.dtypes]]:
        table[name] = [float(f"{number:.6g}") for number in table[name]]
    return table
