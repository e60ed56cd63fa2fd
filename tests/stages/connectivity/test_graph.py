"""Graph: consensus, edges with their evidence, embeddings."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from beadwork.model.connectivity.query import SignatureBlock
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.params import GraphParams
from beadwork.stages.connectivity.graph.consensus import find_perturbagens, make_consensus, sum_groups
from beadwork.stages.connectivity.graph.edges import adjusted_rows, gene_edges, similar
from beadwork.stages.connectivity.graph.embedding import embed, embed_owners, factorise, nearest, unit_rows
from beadwork.stages.connectivity.graph.parts import COMPOUND, GAIN, LOSS


def table(rows):
    names = ["pert_iname", "pert_type", "cell_id", "inchi_key"]
    return SignatureTable.of(pd.DataFrame(rows, columns=names).astype(object))


def as_blocks(z, width):
    ranks = np.zeros(z.shape, np.uint16)
    return [SignatureBlock(at, ranks[:, at : at + width], z[:, at : at + width]) for at in range(0, z.shape[1], width)]


ROWS = [
    ["aspirin", "trt_cp", "A", "AAA"], ["ASA", "trt_cp", "B", "AAA"], ["aspirin", "trt_cp", "A", None],
    ["other", "TRT_CP", "A", None], ["TP53", "trt_sh", "A", None], ["TP53", "trt_sh.cgs", "A", None],
    ["TP53", "trt_oe", "A", None], ["MYC", "trt_sh.cgs", "B", None], ["DMSO", "ctl_vehicle", "A", None],
    ["EGF", "trt_lig", "A", None], [None, "trt_cp", "A", None], ["other", "trt_poscon", "B", None],
]  # fmt: skip


def test_one_structure_is_one_compound_and_loss_and_gain_are_apart():
    found = find_perturbagens(table(ROWS))
    by_kind = {(kind, name) for kind, name in zip(found.kinds, found.names, strict=True)}
    assert by_kind == {(COMPOUND, "aspirin"), (COMPOUND, "other"), (LOSS, "TP53"), (LOSS, "MYC"), (GAIN, "TP53")}
    groups = [f"{found.names[found.owner[group]]} {found.cells[group]}" if group >= 0 else "" for group in found.groups]
    assert groups == ["aspirin A", "aspirin B", "aspirin A", "other A", "TP53 A", "", "TP53 A", "MYC B", "", "", "",
                      "other B"]  # fmt: skip
    assert sum(found.left_out.values()) == groups.count("")
    shown = find_perturbagens(table(ROWS), np.array([True] * 4 + [False] * 8))
    assert set(shown.names) == {"aspirin", "other"}
    assert shown.left_out["not shown by the filters"] == 5


def test_order_of_rows_decides_nothing():
    found = find_perturbagens(table(ROWS))
    order = np.random.default_rng(0).permutation(len(ROWS))
    other = find_perturbagens(table([ROWS[row] for row in order]))
    assert found.keys == other.keys and found.cells == other.cells and (found.groups[order] == other.groups).all()


@pytest.mark.parametrize("width", [3, 5, 12])
def test_consensus_is_the_mean_of_means(width):
    z = np.random.default_rng(0).normal(size=(7, 12)).astype(np.float32)
    found = find_perturbagens(table(ROWS))
    cells = np.zeros((len(found.owner), 7))
    sum_groups(as_blocks(z, width), found.groups, cells)
    cells /= found.n_signatures[:, None]
    aspirin = found.names.index("aspirin")
    expected = ((z[:, 0] + z[:, 2]) / 2 + z[:, 1]) / 2
    consensus = make_consensus(cells, found)
    assert consensus.values[aspirin] == pytest.approx(expected, abs=1e-6)
    assert (consensus.n_cells[aspirin], consensus.n_signatures[aspirin]) == (2, 3)
    single = [place for place in range(len(found.names)) if consensus.n_cells[place] == 1]
    ratio = consensus.z[aspirin] / consensus.values[aspirin] / (consensus.z[single[0]] / consensus.values[single[0]])
    assert ratio == pytest.approx(np.sqrt(2), rel=1e-4)


def test_fdr_of_each_row_is_scipys():
    p = np.random.default_rng(0).uniform(size=(4, 50)) ** 2
    expected = np.array([false_discovery_control(row) for row in p])
    assert adjusted_rows(p) == pytest.approx(expected)


def planted(n=40, genes=200):
    """One cell block each for two cells; compound 0 pushes gene 0 up in both, gene 1 in opposite directions."""
    rng = np.random.default_rng(3)
    rows = [[f"c{k:02d}", "trt_cp", cell, None] for cell in "AB" for k in range(n)]
    z = rng.normal(size=(genes, 2 * n)).astype(np.float32)
    z[0, [0, n]] = 9
    z[1, 0], z[1, n] = 9, -8
    z[2, [0, n]] = -7
    if n > 6:
        z[20:60, [5, 6, 5 + n, 6 + n]] = 4
    found = find_perturbagens(table(rows))
    cells = np.zeros((len(found.owner), genes))
    sum_groups(as_blocks(z, 16), found.groups, cells)
    return found, make_consensus(cells, found), cells


@pytest.mark.parametrize("edges", ["top", "fdr"])
def test_genes_of_a_compound(edges):
    found, consensus, cells = planted()
    measured = np.arange(200) < 100
    params = GraphParams(edges=edges, top=5)
    up, down, dropped = gene_edges(consensus, cells, found, found.of_kind(COMPOUND), measured, params)
    own = up.object[up.subject == 0].tolist()
    assert own[0] == 0 and 1 not in own and 2 in down.object[down.subject == 0]
    if edges == "top":
        assert dropped > 0
        assert len(own) <= 10 and all((up.object[up.subject == k] < 100).sum() <= 5 for k in range(40))
    else:
        assert (up.fdr <= 0.05).all()
    best = np.flatnonzero((up.subject == 0) & (up.object == 0))[0]
    assert up.support[best] == 2 and up.n_cells[best] == 2 and up.fdr[best] < 1e-6 and up.score[best] > 6
    pairs = set(zip(up.subject.tolist(), up.object.tolist(), strict=True))
    assert not pairs & set(zip(down.subject.tolist(), down.object.tolist(), strict=True))


def test_similar_compounds_stand_once():
    found, consensus, _ = planted()
    compounds = found.of_kind(COMPOUND)
    edges = similar("similar", consensus.z, compounds, compounds, found, GraphParams())
    pairs = list(zip(edges.subject.tolist(), edges.object.tolist(), strict=True))
    assert (5, 6) in pairs and len(set(pairs)) == len(pairs) and all(one < other for one, other in pairs)
    assert len(pairs) < 12 and edges.support.tolist() == [2] * len(pairs)


def test_few_compounds_make_no_similar_edges():
    found, consensus, _ = planted(n=2)
    compounds = found.of_kind(COMPOUND)
    assert len(similar("similar", consensus.z, compounds, compounds, found, GraphParams())) == 0


def test_embeddings_keep_cosines_where_nothing_is_weighed_down():
    z = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)
    used = np.ones(20, bool)
    factors = factorise(as_blocks(z, 7), used, 128, 0.0)
    assert factors.n == 20
    unit = unit_rows(z.T)
    vectors = embed(z.T, factors)
    assert vectors @ vectors.T == pytest.approx(unit @ unit.T, abs=1e-6)
    assert factorise(as_blocks(z, 20), used, 128, 0.0).directions == pytest.approx(factors.directions, abs=1e-6)
    owner = np.repeat(np.arange(10), 2)
    assert embed_owners(z.T, owner, factors)[3] == pytest.approx(
        unit_rows((vectors[6] + vectors[7])[None])[0], abs=1e-6
    )


def test_nearest_are_those_of_the_largest_cosine():
    vectors = unit_rows(np.random.default_rng(1).normal(size=(9, 4))).astype(np.float32)
    places, cosine = nearest(vectors, 3)
    full = vectors @ vectors.T - 2 * np.eye(9)
    assert (places == np.argsort(-full, axis=1)[:, :3]).all() and (np.diff(cosine, axis=1) <= 0).all()
    assert nearest(vectors[:1], 3)[0].shape == (1, 0)
