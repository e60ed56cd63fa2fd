"""``beadwork introspect``, and recall against loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.api import ConnectivityIndex
from beadwork.io.matrix.formats import read_matrix
from beadwork.kernels.connectivity.recall import histograms
from beadwork.kernels.connectivity.recall import ranks as kernel
from beadwork.kernels.connectivity.recall.ranks import composite, pair_ranks

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


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "histograms"])
@pytest.mark.parametrize("matrices", ["auto", "none"])
@pytest.mark.parametrize("shares", [1, 3, 7])
def test_shares_give_the_bytes_of_the_whole(run, toy_index, tmp_path, monkeypatch, exact, matrices, shares):
    if not exact:
        monkeypatch.setattr("beadwork.api.index.introspect.RECALL_LIMIT", 10)
    options = ["--where", "pert_type=trt_cp", "--set-size", 40, "--matrices", matrices, "--metric", "xsum"]
    assert run("introspect", toy_index, "-o", tmp_path / "whole", *options).code == 0
    for number in reversed(range(1, shares + 1)):
        done = run("introspect", toy_index, "-o", tmp_path / "cut", "--share", f"{number}/{shares}", *options)
        assert done.code == 0, done.err
    assert run("introspect", toy_index, "-o", tmp_path / "cut", "--merge", *options).code == 0
    assert files(tmp_path / "cut") == files(tmp_path / "whole")
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == sorted(files(tmp_path / "whole"))
    assert ("xsum.gctx" in files(tmp_path / "cut")) == (matrices == "auto")


def test_more_shares_than_signatures(run, toy_index, tmp_path):
    options = ["--where", "pert_iname=drug-0", "--set-size", 40]
    assert run("introspect", toy_index, "-o", tmp_path / "whole", *options).code == 0
    count = len(pd.read_csv(tmp_path / "whole" / "connections.tsv", sep="\t")["query"].unique())
    for number in range(1, count + 4):
        done = run("introspect", toy_index, "-o", tmp_path / "cut", "--share", f"{number}/{count + 3}", *options)
        assert done.code == 0, done.err
    assert run("introspect", toy_index, "-o", tmp_path / "cut", "--merge", *options).code == 0
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--share", "0/3"], "is no share; give I/N"),
        (["--share", "4/3"], "is no share; give I/N"),
        (["--share", "x"], "is no share; give I/N"),
        (["--share", "1/2", "--merge"], "give one of them"),
        (["--merge"], "lacks the shares 2/3, 3/3; make them with --share"),
        (["--merge", "--top", 5], "was made with other top"),
        (["--merge", "--set-size", 30], "was made with other options or of another index"),
    ],
)
def test_what_cannot_be_merged_is_refused(run, toy_index, tmp_path, words, message):
    options = ["--where", "pert_iname=drug-0"]
    assert run("introspect", toy_index, "-o", tmp_path, "--share", "1/3", *options).code == 0
    done = run("introspect", toy_index, "-o", tmp_path, *options, *words)
    assert done.code == 2 and message in done.err and done.err.count("\n") == 1
    assert (tmp_path / "shares" / "1_of_3").is_dir() and not (tmp_path / "recall.tsv").exists()


def test_shares_of_two_cuts_and_none(run, toy_index, tmp_path):
    options = ["--where", "pert_iname=drug-0"]
    done = run("introspect", toy_index, "-o", tmp_path, "--merge", *options)
    assert done.code == 2 and "holds no shares; make them with --share 1/N to --share N/N" in done.err
    for share in ("1/2", "1/3"):
        assert run("introspect", toy_index, "-o", tmp_path, "--share", share, *options).code == 0
    done = run("introspect", toy_index, "-o", tmp_path, "--merge", *options)
    assert done.code == 2 and "shares of 2 and of 3; remove those of one cut" in done.err


def test_recall_of_blocks_is_that_of_all_pairs(run, toy_index, tmp_path):
    out = tmp_path / "out"
    assert run("introspect", toy_index, "-o", out, "--where", "pert_type=trt_cp", "--set-size", 40).code == 0
    ncs = read_matrix(out / "ncs.gctx")
    similarity = ncs.values.T.astype(np.float32)
    np.fill_diagonal(similarity, np.nan)
    rank = pair_ranks(similarity.astype(np.float64))
    score = composite(similarity, rank)
    recall = pd.read_csv(out / "recall.tsv", sep="\t", float_precision="round_trip").set_index("pert_iname")
    for name, group in pd.DataFrame({"name": ncs.rows["pert_iname"].to_numpy()}).groupby("name"):
        pairs = np.ix_(group.index, group.index)
        off = ~np.eye(len(group), dtype=bool)
        for column, values in (("similarity", similarity), ("rank", rank), ("composite", score)):
            assert recall.loc[name, column] == float(np.nanmedian(values[pairs][off])), (name, column)


SIMILARITIES = st.lists(
    st.one_of(st.floats(-6, 6, width=32), st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf])), min_size=2, max_size=60
)


@given(SIMILARITIES)
def test_ranks_among_one_column_are_those_of_the_definition(column):
    column = np.array(column, np.float32)
    expected = kernel.percentile_ranks(column[:, None].astype(np.float64))[:, 0]
    np.testing.assert_array_equal(kernel.percentiles_among(column, column), expected)


@given(SIMILARITIES)
def test_histograms_are_off_by_no_more_than_their_bins(column):
    column = np.array(column, np.float32)
    histogram = np.zeros((1, histograms.N_BINS), np.uint32)
    histograms.add_to_histograms(histogram, column[:, None], np.zeros(1, np.int64))
    bins = histograms.bins_of(column)
    assert int(histogram.sum()) == np.isfinite(column).sum()
    finite = np.isfinite(column)
    order = np.argsort(column[finite], kind="stable")
    assert (np.diff(bins[finite][order]) >= 0).all(), "bins follow the values"
    exact, found = kernel.percentiles_among(column, column), histograms.percentiles_by_histogram(histogram[0], column)
    shared = np.bincount(bins[finite], minlength=histograms.N_BINS)[bins]
    room = 100 * (shared - 1) / 2 / max(int(finite.sum()) - 1, 1)
    assert (np.abs(exact - found)[finite] <= room[finite] + 1e-9).all() and np.isnan(found[~finite]).all()


@given(SIMILARITIES, st.integers(0, 70))
def test_the_closest_are_the_first_of_a_whole_sort(row, count):
    row = np.array(row, np.float32)
    expected = np.argsort(-row.astype(np.float64), kind="stable")[:count]
    np.testing.assert_array_equal(kernel.closest(row, count), expected)
