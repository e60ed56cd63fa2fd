"""Several indexes that are asked as one give what one index of all gives."""

import shutil

import numpy as np
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.cli import main
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.model.errors import IndexStoreError
from toys import make_signatures


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Folder with two halves of a made study as matrices, siginfo, sets, and an index of both, in two segments."""
    folder = tmp_path_factory.mktemp("halves")
    matrix, info = make_signatures()
    write_table(info, folder / "siginfo.tsv")
    for name, cut in (("a", matrix.cids[:70]), ("b", matrix.cids[70:])):
        place = [list(matrix.cids).index(cid) for cid in cut]
        part = type(matrix)(matrix.values[:, place], matrix.rows, matrix.cols.iloc[place], matrix.level, matrix.space)
        write_matrix(part, folder / f"{name}.gctx")
    ConnectivityIndex.build(folder / "whole", [folder / "a.gctx", folder / "b.gctx"], folder / "siginfo.tsv")
    genes = ConnectivityIndex.open(folder / "whole").genes["gene_id"].tolist()
    lines = ["\t".join([f"q{n}_UP", "x", *genes[n : n + 30]]) for n in (0, 200, 500)]
    (folder / "up.gmt").write_text("\n".join(lines) + "\n")
    return folder


def ask(folder, output, *indexes):
    with pytest.raises(SystemExit) as stop:
        main(["query", *map(str, indexes), "--up", str(folder / "up.gmt"), "-o", str(output), "--metric", "ks,xsum"])
        raise SystemExit(0)
    assert not stop.value.code
    return output


def same(one, two):
    """Compare two folders of answers: all bytes, but those of the record of inputs in matrices and pages."""
    names = sorted(str(path.relative_to(one)) for path in one.rglob("*") if path.is_file())
    assert names == sorted(str(path.relative_to(two)) for path in two.rglob("*") if path.is_file())
    for name in names:
        if name.endswith(".gctx"):
            left, right = read_matrix(one / name), read_matrix(two / name)
            np.testing.assert_array_equal(left.values, right.values)
            assert left.rows.equals(right.rows) and list(left.cids) == list(right.cids)
        elif not name.endswith(".html"):
            assert (one / name).read_bytes() == (two / name).read_bytes(), name
    assert len(names) > 20


def test_parts_of_one_index_give_the_bytes_of_the_whole(halves, tmp_path):
    ConnectivityIndex.build(tmp_path / "one", halves / "a.gctx", halves / "siginfo.tsv")
    whole = ConnectivityIndex.open(tmp_path / "one").append(halves / "b.gctx", halves / "siginfo.tsv")
    parts = [tmp_path / "x", tmp_path / "y"]
    for part, name in zip(parts, "ab", strict=True):
        shutil.copytree(tmp_path / "one", part)
        with pytest.raises(SystemExit):
            main(["index", "sync", str(part), str(halves / f"{name}.gctx"), "--siginfo", str(halves / "siginfo.tsv")])
            raise SystemExit(0)
    joined = ConnectivityIndex.open(parts)
    assert len(joined) == len(whole) == 150 and joined.store.background is not None
    left = ask(halves, tmp_path / "left", tmp_path / "one")
    right = ask(halves, tmp_path / "right", *parts)
    same(left, right)
    assert np.isfinite(read_matrix(right / "tau.gctx").values).any()


def test_indexes_built_apart_give_all_but_tau(halves, tmp_path):
    for name in ("a", "b"):
        ConnectivityIndex.build(tmp_path / name, halves / f"{name}.gctx", halves / "siginfo.tsv")
    joined = ConnectivityIndex.open([tmp_path / "a", tmp_path / "b"])
    result = joined.query_many(up={"q": joined.genes["gene_id"].tolist()[:30]})
    expected = ConnectivityIndex.open(halves / "whole").query_many(up={"q": joined.genes["gene_id"].tolist()[:30]})
    for kind in ("wtcs", "ncs", "fdr"):
        np.testing.assert_array_equal(result.values(kind), expected.values(kind))
    assert np.isnan(result.values("tau")).all() and np.isfinite(expected.values("tau")).any()
    assert any("were learned apart; one index of all has one of all" in note for note in result.notes(0))


def test_mixes_are_refused(halves, tmp_path):
    matrix, _ = make_signatures()
    with pytest.raises(IndexStoreError, match=r"both hold .*each signature must be in one"):
        ConnectivityIndex.open([halves / "whole", halves / "whole"])
    part = type(matrix)(matrix.values[:900], matrix.rows.iloc[:900], matrix.cols, matrix.level, None)
    write_matrix(part, tmp_path / "small.gctx")
    ConnectivityIndex.build(tmp_path / "small", tmp_path / "small.gctx", halves / "siginfo.tsv")
    with pytest.raises(IndexStoreError, match="hold 978 and 900 genes; indexes that are asked together must have the"):
        ConnectivityIndex.open([halves / "whole", tmp_path / "small"])
    single = type(matrix)(matrix.values, matrix.rows, matrix.cols, "ZSPC", matrix.space)
    write_matrix(single, tmp_path / "z.gctx")
    ConnectivityIndex.build(tmp_path / "z", tmp_path / "z.gctx", halves / "siginfo.tsv")
    with pytest.raises(
        IndexStoreError, match=r"holds MODZ but .*holds ZSPC; indexes that are asked together must hold"
    ):
        ConnectivityIndex.open([halves / "whole", tmp_path / "z"])
