"""`index sync`: a new batch costs what it adds, a changed matrix replaces its own, the background stays frozen."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.api.index import sync as syncing
from beadwork.api.index.build import verify_index
from beadwork.api.index.sync import sync_index
from beadwork.io.connectivity.index import writer as index_writer
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.matrix.gctx import write_matrix
from beadwork.model.errors import FileError, IndexStoreError
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import IndexParams

PARAMS = IndexParams(background=6, background_set=3)


def write_modz(folder: Path, brew: str, seed: int) -> Path:
    """MODZ of a made brew: 40 genes, 12 signatures."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(index=[str(number) for number in range(100, 140)])
    cols = pd.DataFrame(
        {"pert_id": [f"C{number}" for number in range(12)], "pert_type": "trt_cp", "cell_id": "A375"},
        index=[f"{brew}:C{number}" for number in range(12)],
    )
    path = folder / f"{brew}_MODZ.gctx"
    write_matrix(Matrix(rng.normal(size=(40, 12)), rows, cols, level=Level.MODZ), path)
    return path


@pytest.fixture
def brews(tmp_path: Path) -> list[Path]:
    return [write_modz(tmp_path, f"BREW{number}", number) for number in range(4)]


def ids(index: Path) -> set[str]:
    return set(IndexStore(index).signature_table(["sig_id"]).column("sig_id").to_pylist())


def inodes(index: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_ino for path in index.glob("segments/*/z.bin")}


def test_a_batch_adds_a_segment_and_leaves_the_others_alone(tmp_path: Path, brews):
    index = tmp_path / "index"
    first, report = sync_index(index, brews[:2], params=PARAMS)
    assert report.rebuilt
    before, background = inodes(index), dict(first.manifest["background"])
    store, report = sync_index(index, brews, params=PARAMS)
    assert (len(report.kept), report.dropped, report.added, report.rebuilt) == (1, (), 2, False)
    assert before.items() <= inodes(index).items()
    assert store.n_signatures == 48
    assert store.manifest["background"]["name"] == background["name"]
    assert store.manifest["background"]["n_signatures"] == 24
    assert verify_index(index) == ([], [])


def test_nothing_to_do_does_nothing(tmp_path: Path, brews):
    index = tmp_path / "index"
    sync_index(index, brews, params=PARAMS)
    before = (index / "manifest.json").stat().st_mtime_ns
    _, report = sync_index(index, brews, params=PARAMS)
    assert (report.added, report.dropped) == (0, ())
    assert (index / "manifest.json").stat().st_mtime_ns == before


def test_a_changed_matrix_replaces_its_segment_only(tmp_path: Path, brews):
    index = tmp_path / "index"
    for number in range(1, 5):
        sync_index(index, brews[:number], params=PARAMS)
    before = inodes(index)
    write_modz(tmp_path, "BREW2", 99)
    store, report = sync_index(index, brews, params=PARAMS)
    assert (len(report.kept), len(report.dropped), report.added) == (3, 1, 1)
    assert len(before.items() & inodes(index).items()) == 3
    assert store.n_signatures == 48
    assert verify_index(index) == ([], [])


def test_a_brew_that_is_gone_leaves_the_index(tmp_path: Path, brews):
    index = tmp_path / "index"
    sync_index(index, brews[:1], params=PARAMS)
    sync_index(index, brews[:2], params=PARAMS)
    sync_index(index, brews[1:2], params=PARAMS)
    assert ids(index) == {f"BREW1:C{number}" for number in range(12)}
    assert verify_index(index) == ([], [])
    assert len(list(index.glob("segments/*"))) == 1
    assert len(list(index.glob("backgrounds/*/*.bin"))) == 1


def test_a_small_index_keeps_its_background_when_one_brew_changes(tmp_path: Path, brews):
    """All brews are in one segment, which is written anew; tau is still measured against what was learned."""
    index = tmp_path / "index"
    params = IndexParams(background=60, background_set=3)
    first, _ = sync_index(index, brews[:2], params=params)
    assert len(first.segments) == 1
    queries = first.background_table("queries").to_pydict()
    write_modz(tmp_path, "BREW1", 99)
    store, report = sync_index(index, brews[:2], params=params)
    assert not report.rebuilt and report.added == 2
    assert store.background["n_signatures"] == 24
    assert store.background_table("queries").to_pydict() == queries
    assert verify_index(index) == ([], [])


def test_other_parameters_build_it_anew(tmp_path: Path, brews):
    index = tmp_path / "index"
    sync_index(index, brews, params=PARAMS)
    _, report = sync_index(index, brews, params=IndexParams(background=8, background_set=3))
    assert report.rebuilt
    assert IndexStore(index).background["n_queries"] == 8


def test_a_damaged_index_is_built_anew_with_a_warning(tmp_path: Path, brews, caplog, monkeypatch):
    monkeypatch.setattr(syncing.log, "propagate", True)
    index = tmp_path / "index"
    sync_index(index, brews, params=PARAMS)
    next(index.glob("segments/*/provenance.parquet")).write_bytes(b"no")
    _, report = sync_index(index, brews, params=PARAMS)
    assert report.rebuilt
    assert "it is built anew" in caplog.text
    assert verify_index(index) == ([], [])


def test_a_crash_while_adding_leaves_the_index_as_it_was(tmp_path: Path, brews, monkeypatch):
    index = tmp_path / "index"
    sync_index(index, brews[:2], params=PARAMS)
    before = (index / "manifest.json").read_bytes()

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(index_writer, "write_manifest", crash)
    with pytest.raises(KeyboardInterrupt):
        sync_index(index, brews, params=PARAMS)
    monkeypatch.undo()
    assert (index / "manifest.json").read_bytes() == before
    assert verify_index(index)[0] == []
    store, _ = sync_index(index, brews, params=PARAMS)
    assert store.n_signatures == 48
    assert len(list(index.glob("segments/*"))) == len(store.segments)


def test_a_large_study_is_built_in_several_segments_with_one_background(tmp_path: Path, brews, monkeypatch):
    monkeypatch.setattr(syncing, "SEGMENT_MATRICES", 2)
    store, report = sync_index(tmp_path / "index", brews, params=PARAMS)
    assert report.rebuilt
    assert len(store.segments) == 2
    assert store.manifest["background"]["n_signatures"] == 48
    assert verify_index(tmp_path / "index") == ([], [])
    _, again = sync_index(tmp_path / "index", brews, params=PARAMS)
    assert (len(again.kept), again.added) == (2, 0), json.dumps(store.manifest["parameters"])


def test_mistakes_are_told(tmp_path: Path, brews):
    with pytest.raises(FileError, match="no matrix given; name at least one MODZ file"):
        sync_index(tmp_path / "index", [], params=PARAMS)
    sync_index(tmp_path / "index", brews[:1], params=PARAMS)
    copy = tmp_path / "copy_MODZ.gctx"
    os.link(brews[0], copy)
    _, report = sync_index(tmp_path / "index", [brews[0], copy], params=PARAMS)  # the same content counts once
    assert report.added == 0
    other = tmp_path / "other"
    other.mkdir()
    twice = write_modz(other, "BREW0", 5)
    with pytest.raises(IndexStoreError, match="12 signatures stand in more than one matrix: BREW0:C0, "):
        sync_index(tmp_path / "index", [brews[0], twice], params=PARAMS)
