"""`index sync`: a new batch costs what it adds, a changed matrix replaces its own, the background stays frozen."""

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.api.index.writing import sync as syncing
from beadwork.api.index.writing.append import append_index
from beadwork.api.index.writing.build import verify_index
from beadwork.api.index.writing.sync import sync_index
from beadwork.io.connectivity.index import writer as index_writer
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.io.files.tables import write_table
from beadwork.model.errors import FileError, IndexStoreError
from beadwork.model.params import IndexParams
from beadwork.model.plates.compatibility import COMPATIBILITY, compatibility_of
from toys import write_modz

PARAMS = IndexParams(background=6, background_set=3)


def write_brew(folder: Path, brew: str, seed: int) -> Path:
    return write_modz(folder / f"{brew}_MODZ.gctx", brew, seed)


@pytest.fixture
def brews(tmp_path: Path) -> list[Path]:
    return [write_brew(tmp_path, f"BREW{number}", number) for number in range(4)]


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
    write_brew(tmp_path, "BREW2", 99)
    store, report = sync_index(index, brews, params=PARAMS)
    assert (len(report.kept), len(report.dropped), report.added) == (3, 1, 1)
    assert len(before.items() & inodes(index).items()) == 3
    assert store.n_signatures == 48
    assert verify_index(index) == ([], [])


def test_a_brew_that_was_removed_leaves_the_index(tmp_path: Path, brews):
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
    write_brew(tmp_path, "BREW1", 99)
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


def test_mistakes_are_reported(tmp_path: Path, brews):
    with pytest.raises(FileError, match="no matrix given; name at least one MODZ file"):
        sync_index(tmp_path / "index", [], params=PARAMS)
    sync_index(tmp_path / "index", brews[:1], params=PARAMS)
    copy = tmp_path / "copy_MODZ.gctx"
    os.link(brews[0], copy)
    _, report = sync_index(tmp_path / "index", [brews[0], copy], params=PARAMS)  # the same content counts once
    assert report.added == 0
    other = tmp_path / "other"
    other.mkdir()
    twice = write_brew(other, "BREW0", 5)
    with pytest.raises(IndexStoreError, match="12 signatures stand in more than one matrix: BREW0:C0, "):
        sync_index(tmp_path / "index", [brews[0], twice], params=PARAMS)


def write_siginfo(folder: Path, brews: int, **fields: object) -> Path:
    """Siginfo of the made brews; `fields` change columns."""
    rows = [
        {"sig_id": f"BREW{brew}:C{number}", "pert_id": f"C{number}", "pert_iname": f"drug-{number}",
         "pert_type": "trt_cp", "cell_id": "A375"}
        for brew in range(brews) for number in range(12)
    ]  # fmt: skip
    path = folder / "siginfo.tsv"
    write_table(pd.DataFrame(rows).assign(**fields), path)
    return path


def column(index: Path, name: str) -> list[object]:
    return IndexStore(index).signature_table([name]).column(name).to_pylist()


def test_a_changed_siginfo_changes_the_annotation_and_no_score(tmp_path: Path, brews):
    index = tmp_path / "index"
    for count in (2, 4):
        sync_index(index, brews[:count], write_siginfo(tmp_path, 4), params=PARAMS)
    before, tau = inodes(index), [part.copy() for part in IndexStore(index).background_scores]
    names = [f"drug-{number % 12}" for number in range(48)]
    names[30] = "corrected"
    store, report = sync_index(index, brews, write_siginfo(tmp_path, 4, pert_iname=names), params=PARAMS)
    counts = len(report.kept), len(report.annotated), len(report.dropped), report.added, report.rebuilt
    assert counts == (1, 1, 0, 0, False)
    assert column(index, "pert_iname") == names
    assert set(before.values()) == set(inodes(index).values()), "scores are shared, not written anew"
    for old, new in zip(tau, store.background_scores, strict=True):
        np.testing.assert_array_equal(old, new)
    assert verify_index(index) == ([], [])
    _, report = sync_index(index, brews, tmp_path / "siginfo.tsv", params=PARAMS)
    assert (len(report.kept), report.annotated) == (2, ())


def test_other_groups_are_scored_anew_on_the_background_that_was_learned(tmp_path: Path, brews, caplog):
    index = tmp_path / "index"
    for count in (2, 4):
        sync_index(index, brews[:count], write_siginfo(tmp_path, 4), params=PARAMS)
    cells = ["A375"] * 36 + ["MCF7"] * 12
    store, report = sync_index(index, brews, write_siginfo(tmp_path, 4, cell_id=cells), params=PARAMS)
    assert len(report.annotated) == 1 and not report.rebuilt and store.background["n_signatures"] == 24
    assert "the background of tau stays as it was learned" in caplog.text
    assert column(index, "cell_id") == cells and verify_index(index) == ([], [])
    other = ["MCF7"] * 48
    _, report = sync_index(index, brews, write_siginfo(tmp_path, 4, cell_id=other), params=PARAMS)
    assert report.rebuilt, "nothing of what the background was learned from is left"
    assert column(index, "cell_id") == other


def test_a_small_index_in_which_one_brew_changed_keeps_its_background(tmp_path: Path, brews):
    index = tmp_path / "index"
    first, _ = sync_index(index, brews, params=PARAMS)
    assert len(first.segments) == 1
    learned = first.background_table("scales"), first.background_table("queries")
    write_brew(tmp_path, "BREW2", 99)
    store, report = sync_index(index, brews, params=PARAMS)
    assert not report.rebuilt and store.n_signatures == 48
    assert store.background["name"] == first.background["name"]
    assert (store.background_table("scales"), store.background_table("queries")) == learned
    places = {sig: place for place, sig in enumerate(ids_in_order(store))}
    for place, sig in enumerate(ids_in_order(first)):
        if not sig.startswith("BREW2"):
            np.testing.assert_allclose(
                store.background_scores[0][places[sig]], first.background_scores[0][place], rtol=1e-6
            )
    assert verify_index(index) == ([], [])


def ids_in_order(store: IndexStore) -> list[str]:
    return store.signature_table(["sig_id"]).column("sig_id").to_pylist()


def test_queries_beside_a_sync_find_a_sound_index(tmp_path: Path, brews):
    """A reader in another process opens and reads the index all the time, while its parts come and go."""
    index = tmp_path / "index"
    sync_index(index, brews[:1], params=PARAMS)
    stop = multiprocessing.get_context("fork").Event()
    failed = multiprocessing.get_context("fork").Queue()

    def read() -> None:
        while not stop.is_set():
            try:
                store = IndexStore(index)
                ids_in_order(store)
                assert sum(len(part) for part in store.background_scores) == store.n_signatures
                store.read_signatures(range(store.n_signatures))
                assert verify_index(index, quick=True)[0] == []
            except BaseException as error:
                failed.put(repr(error))
                return

    process = multiprocessing.get_context("fork").Process(target=read)
    process.start()
    try:
        for turn in range(12):
            chosen = brews[turn % 2 :: 2] if turn % 3 else brews
            sync_index(index, chosen, params=PARAMS)
    finally:
        stop.set()
        process.join(30)
    assert failed.empty(), failed.get()
    assert process.exitcode == 0


@pytest.mark.parametrize("keep", [True, False])
def test_an_index_of_another_number_is_kept_or_built_anew_and_that_is_said(tmp_path, brews, monkeypatch, caplog, keep):
    index = tmp_path / "index"
    first, _ = sync_index(index, brews[:2], params=PARAMS)
    assert "compatibility" not in first.manifest  # the first is not written: manifests stay as they are
    monkeypatch.setitem(COMPATIBILITY, "index", 2)
    store, report = sync_index(index, brews[:3], params=PARAMS, keep_older=keep)
    assert report.rebuilt != keep
    assert compatibility_of(store.manifest) == (1 if keep else 2)
    said = "what is added comes to stand beside it" if keep else "it is built anew"
    assert f"was built by a version whose bytes differ (index 1; now: index 2); {said}" in caplog.text
    caplog.clear()
    append_index(index, brews[3:])
    assert ("comes to stand beside it" in caplog.text) == keep
    caplog.clear()
    _, report = sync_index(index, brews, params=PARAMS, keep_older=keep)
    assert not report.rebuilt and caplog.text == ""  # nothing is added, so that nothing mixes
