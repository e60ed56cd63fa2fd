"""The map of an index: beside its scores, of the signatures it has now, or said to be old, missing or damaged."""

import shutil

import numpy as np
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.cli import main
from beadwork.io.connectivity.index.plane_map import NAME, read_map, signatures_key
from beadwork.model.errors import IndexStoreError

from ..conftest import *  # noqa: F403


@pytest.fixture
def index(toy_index, tmp_path):
    return shutil.copytree(toy_index, tmp_path / "toy")


def run(*words):
    try:
        main([str(word) for word in words])
    except SystemExit as ended:
        return ended.code or 0
    return 0


def ids(index):
    return ConnectivityIndex.open(index).siginfo["sig_id"].astype(str).tolist()


def test_a_map_is_made_and_the_index_stays_sound(index, capsys):
    state = ConnectivityIndex.open(index).store.digest
    with pytest.raises(IndexStoreError, match="toy has no map; `beadwork index layout toy` makes one"):
        read_map(index, ids(index))
    assert run("index", "layout", index, "--rounds", 20) == 0
    assert capsys.readouterr().out.endswith("map of 150 signatures\n")
    x, y = read_map(index, ids(index))
    assert len(x) == len(y) == 150 and x.dtype == np.uint16 and max(np.ptp(x), np.ptp(y)) > 60_000
    opened = ConnectivityIndex.open(index)
    assert opened.store.digest == state and opened.verify() == ([], [])
    first = (index / NAME).read_bytes()
    assert run("index", "layout", index, "--rounds", 20) == 0
    assert (index / NAME).read_bytes() == first


def test_a_map_that_is_old_or_damaged_is_said(index):
    assert run("index", "layout", index, "--rounds", 1) == 0
    names = ids(index)
    with pytest.raises(IndexStoreError, match="the map is of other signatures than toy has now"):
        read_map(index, [*names, "one more"])
    whole = (index / NAME).read_bytes()
    for broken in (b"", whole[:100], b"x" * 500):
        (index / NAME).write_bytes(broken)
        with pytest.raises(IndexStoreError, match=r"map\.npz is damaged; `beadwork index layout toy` makes it anew"):
            read_map(index, names)
    assert signatures_key(names) != signatures_key(names[::-1])


def test_no_index_is_one_line(tmp_path, capsys):
    assert run("index", "layout", tmp_path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1 and not list(tmp_path.iterdir())
