"""``beadwork graph``: its files, and whether embeddings recall a drug over cells as well as z does."""

import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.api.library.starter import starter_index
from beadwork.cli import main
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Level, Matrix
from beadwork.stages.connectivity.graph.embedding import embed, factorise, unit_rows


def run(*words) -> int:
    try:
        main(["graph", *map(str, words)])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Thirty compounds with structures, two without, five genes lost and gained, in two cells; inferred genes too."""
    folder = tmp_path_factory.mktemp("graph")
    table = gene_table()
    genes = [*table.index[table["pr_is_lm"] == 1][:150], *table.index[table["pr_is_lm"] == 0][:150]]
    symbols = table["pr_gene_symbol"][genes[:5]].tolist()
    perts = [(f"cpd{k:02d}", "trt_cp", f"AAAAAAAAAAAAA{chr(65 + k)}-UHFFFAOYSA-N" if k < 24 else "") for k in range(32)]
    perts += [(name, kind, "") for name in symbols for kind in ("trt_xpr", "trt_oe")]
    rows = [(f"S_{cell}:{name}:{kind}", f"BRD-{name}", name, kind, cell, key)
            for cell in ("MCF7", "PC3") for name, kind, key in perts]  # fmt: skip
    fields = ["sig_id", "pert_id", "pert_iname", "pert_type", "cell_id", "inchi_key"]
    cols = pd.DataFrame(rows, columns=fields).set_index("sig_id").rename_axis(index=None)
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(300, len(perts)))
    shared[:, 32] = shared[:, 3] * 2  # the first gene's loss is like the fourth compound
    z = np.hstack([shared + rng.normal(size=shared.shape) * 0.7 for _ in range(2)])
    write_matrix(Matrix(z.astype(np.float32), pd.DataFrame(index=genes), cols, level=Level.MODZ), folder / "m.gctx")
    ConnectivityIndex.build(folder / "index", folder / "m.gctx", background=0)
    return folder / "index"


@pytest.fixture(scope="module")
def graph(index):
    out = index.parent / "graph"
    assert run(index, "-o", out, "--top", 20) == 0
    return out


CURIE = re.compile(r"(INCHIKEY|NCBIGene|PUBCHEM\.COMPOUND|CHEMBL\.COMPOUND):\S+")


def test_kgx_is_as_its_schema_says(graph):
    nodes, edges = (read_table(graph / "kgx" / f"{name}.tsv", text_only=True) for name in ("nodes", "edges"))
    assert nodes["id"].is_unique and nodes["id"].map(lambda item: bool(CURIE.fullmatch(item))).all()
    assert set(nodes["category"]) == {"biolink:Gene", "biolink:SmallMolecule"}
    assert (nodes["category"] == "biolink:SmallMolecule").sum() == 24 and nodes["name"].notna().all()
    assert edges["id"].is_unique and set(edges["subject"]) | set(edges["object"]) <= set(nodes["id"])
    for name in ("predicate", "category", "knowledge_level", "agent_type", "primary_knowledge_source"):
        assert edges[name].notna().all()
    assert edges["predicate"].str.startswith("biolink:").all()
    assert edges["primary_knowledge_source"].str.startswith("infores:").all()
    effect = edges[edges["predicate"] == "biolink:affects"]
    assert set(effect["object_direction_qualifier"]) == {"increased", "decreased"}
    assert set(effect["category"]) == {"biolink:ChemicalAffectsGeneAssociation"}
    for name in ("adjusted_p_value", "score", "n_cells_agree", "n_cells"):
        assert edges[name].astype(float).notna().all()


def test_bioteque_pairs(graph, index):
    up, down = (read_table(graph / "bioteque" / f"CPD-{name}-GEN.tsv", text_only=True) for name in ("upr", "dwr"))
    assert list(up) == list(down) == ["n1", "n2"]
    assert not set(map(tuple, up.to_numpy())) & set(map(tuple, down.to_numpy()))
    genes = set(ConnectivityIndex.open(index).store.gene_ids)
    assert set(up["n2"]) <= genes and up.groupby("n1").size().max() <= 40
    assert sum(item.endswith("-UHFFFAOYSA-N") for item in set(up["n1"])) == 24 and "BRD-cpd30" in set(up["n1"])
    out = graph.parent / "uniprot"
    assert run(index, "-o", out, "--top", 5, "--genes", "uniprot") == 0
    assert read_table(out / "bioteque" / "CPD-upr-GEN.tsv")["n2"].str.match(r"[A-Z][0-9][A-Z0-9]{3}[0-9]").mean() > 0.95


def test_loss_of_a_gene_and_its_compound(graph):
    edges = pq.read_table(graph / "edges.parquet").to_pandas()
    loss = edges[edges["relation"] == "loss-similar"]
    assert ("cpd03" in set(loss["object"])) and (loss["fdr"] <= 0.05).all() and (loss["score"] > 0).all()
    assert set(edges["relation"]) >= {"up-regulates", "down-regulates", "loss-similar"}
    nodes = pq.read_table(graph / "nodes.parquet").to_pandas()
    assert set(nodes["kind"]) == {"compound", "loss of function", "over-expression", "gene"}


def test_embeddings_and_fewer_dimensions_are_said(graph, index, capsys):
    vectors = np.load(graph / "embeddings.npy")
    table = pq.read_table(graph / "embeddings.parquet").to_pandas()
    assert vectors.shape == (42, 84) and vectors.dtype == np.float32 and len(table) == 42
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(42), abs=1e-5)
    assert table.filter(like="e0").shape[1] == 84 and (graph / "embeddings_names.txt").read_text().count("\n") == 42
    near = read_table(graph / "neighbours.tsv")
    assert (near.groupby("node").size() == 10).all() and near["cosine"].between(-1, 1).all()
    capsys.readouterr()
    assert run(index, "-o", index.parent / "small", "--dimensions", 16) == 0
    assert "embeddings: 42 perturbagens, 16 numbers each" in capsys.readouterr().out
    assert run(index, "-o", index.parent / "again") == 0
    assert "embeddings have 84 numbers, not 128: 84 signatures of 300 genes" in capsys.readouterr().err


def test_the_same_bytes_every_run(graph, index):
    out = index.parent / "twice"
    assert run(index, "-o", out, "--top", 20) == 0
    names = sorted(path.relative_to(graph) for path in graph.rglob("*") if path.is_file())
    assert len(names) == 15
    for name in names:
        assert (out / name).read_bytes() == (graph / name).read_bytes(), name


def test_consensus_is_a_matrix_of_perturbagens(graph):
    matrix = read_matrix(graph / "consensus.gctx")
    assert matrix.values.shape == (300, 42) and set(matrix.cols["n_cells"]) == {2}
    cells = read_matrix(graph / "consensus_cells.gctx")
    assert cells.values.shape == (300, 84) and set(cells.cols["cell_id"]) == {"MCF7", "PC3"}
    both = [place for place, name in enumerate(cells.cols["pert_iname"]) if name == "cpd03"]
    column = matrix.cids.get_loc("cpd03")
    assert cells.values[:, both].mean(axis=1) == pytest.approx(matrix.values[:, column], abs=1e-5)


def test_filters_and_an_index_without_perturbagens(index, capsys):
    assert run(index, "-o", index.parent / "none", "--where", "pert_iname=cpd01") == 2
    assert "1 compounds or genes to make a graph of; two are needed" in capsys.readouterr().err
    assert run(index, "-o", index.parent / "one", "--where", "cell_id=PC3") == 0
    assert set(pq.read_table(index.parent / "one" / "edges.parquet").to_pandas()["n_cells"]) == {1}


def recall(vectors, labels, others):
    """How often a signature of the same perturbagen is nearer than one of another."""
    cosine = vectors @ vectors.T
    found = []
    for row in range(len(vectors)):
        same, other = (labels == labels[row]) & others[row], labels != labels[row]
        if same.any():
            found.append(float((cosine[row, same][:, None] > cosine[row, other][None, :]).mean()))
    return float(np.mean(found))


def test_embeddings_recall_a_drug_over_cells_at_least_as_well_as_z():
    """Real signatures: three drugs in 65 contexts, and 28 compounds of LJP009AH over doses."""
    opened = ConnectivityIndex.open(starter_index())
    info = opened.siginfo.astype(str)
    z = opened.store.read_signatures(range(len(opened)))
    treated = info["pert_type"].ne("ctl_vehicle").to_numpy()
    factors = factorise(opened.store.blocks, treated, 128, 0.4)
    for chosen, apart in (
        (info["remark"].str.contains("official level 5").to_numpy(), "cell_id"),
        (info["brew_prefix"].str.startswith("LJP009").to_numpy() & treated, "sig_id"),
    ):
        names, places = info["pert_iname"].to_numpy()[chosen], info[apart].to_numpy()[chosen]
        others = places[:, None] != places[None, :]
        ours, plain = (recall(rows, names, others) for rows in (embed(z[chosen], factors), unit_rows(z[chosen])))
        assert chosen.sum() > 150 and ours > plain  # 0.656 > 0.638, 0.787 > 0.761
