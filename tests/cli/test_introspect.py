"""``beadwork introspect``, and recall against loops."""

import numpy as np
import pandas as pd

from beadwork.api import ConnectivityIndex
from beadwork.io.matrix.formats import read_matrix
from beadwork.kernels.connectivity.recall import composite, pair_ranks

from ..api.index.conftest import *  # noqa: F403


def test_introspect(run, toy_index, tmp_path):
    out = tmp_path / "out"
    outcome = run("introspect", toy_index, "-o", out, "--where", "pert_type=trt_cp", "--set-size", 40)
    assert outcome.code == 0, outcome.err
    ncs = read_matrix(out / "ncs.gctx")
    assert ncs.values.shape == (120, 120) and list(ncs.cids) == list(ncs.rids)
    closest = pd.read_csv(out / "connections.tsv", sep="\t")
    assert len(closest) == 120 * 20 and (closest["query"] != closest["sig_id"]).all()
    planted = {f"drug-{i}" for i in range(5)}
    first = closest[(closest["rank"] <= 5) & closest["query_pert_iname"].isin(planted)]
    assert first["pert_iname"].isin(planted).mean() > 0.99
    recall = pd.read_csv(out / "recall.tsv", sep="\t").set_index("pert_iname")
    assert recall.loc[sorted(planted), "rank"].max() < 30 < recall.loc["drug-9", "rank"]
    index = ConnectivityIndex.open(toy_index)
    one = index.query(signature=index.signature(ncs.cids[3]), set_size=40).set_index("sig_id")
    np.testing.assert_allclose(one.loc[ncs.rids, "ncs"], ncs.values[:, 3], atol=1e-6)


def test_recall_of_pairs():
    rng = np.random.default_rng(0)
    similarity = rng.normal(size=(9, 9))
    np.fill_diagonal(similarity, np.nan)
    rank = pair_ranks(similarity)
    for i in range(9):
        for j in range(9):
            if i == j:
                assert np.isnan(rank[i, j])
                continue
            row, column = np.delete(similarity[i], i), np.delete(similarity[:, j], j)
            expected = 100 * ((row > similarity[i, j]).sum() + (column > similarity[i, j]).sum()) / 14
            assert abs(rank[i, j] - expected) < 1e-9
            value = np.sqrt(max(similarity[i, j], 0) * (100 - expected) / 100)
            assert abs(composite(similarity, rank)[i, j] - value) < 1e-9
