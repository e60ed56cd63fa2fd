"""Locks of writers, hidden folders of living and dead ones, and the exchange of folders."""

import fcntl
import os

import pytest

from beadwork.io.connectivity.index import folders
from beadwork.io.connectivity.index.folders import new_folder, remove_abandoned, replace_folder, restore, writer_lock
from beadwork.model.errors import IndexStoreError


def folder(path, content):
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(content)
    return path


def test_only_what_dead_writers_left_is_removed(tmp_path):
    index = tmp_path / "ix"
    living = new_folder(index)
    dead = folder(tmp_path / ".ix.999999999-0123abcd.part", "dead")
    (dead / "lock").touch()
    folder(tmp_path / ".ix.999999998.part", "of an older version, without a lock")
    mine = folder(tmp_path / f".ix.{os.getpid()}-0123abcd.part", "about to be locked")
    others = [
        tmp_path / name for name in (".ix.notes.part", ".ixx.999999999.part", "ix.999999999.part", ".ix.5.part.d")
    ]
    for other in others:
        folder(other, "no folder of a writer")
    (tmp_path / ".ix.999999997.part").write_text("a file")
    with writer_lock(living):
        remove_abandoned(index)
    kept = {living, mine, *others, tmp_path / ".ix.999999997.part"}
    assert set(tmp_path.iterdir()) == kept


def test_a_name_with_signs_of_patterns_is_taken_as_it_is(tmp_path):
    folder(tmp_path / ".i[x]*.999999999.part", "dead")
    folder(tmp_path / ".ix.999999999.part", "of another index")
    remove_abandoned(tmp_path / "i[x]*")
    assert [path.name for path in tmp_path.iterdir()] == [".ix.999999999.part"]


def test_one_writer_at_a_time(tmp_path):
    with (
        writer_lock(tmp_path),
        pytest.raises(IndexStoreError, match="another process is writing to this index; try again when it is done"),
        writer_lock(tmp_path),
    ):
        pass
    with writer_lock(tmp_path):
        pass


def test_a_lock_counts_for_the_folder_that_is_there(tmp_path, monkeypatch):
    """The folder is replaced between opening the lock file and locking it: the new one is locked."""
    old, new = folder(tmp_path / "ix", "old"), folder(tmp_path / "new", "new")
    flock, calls = fcntl.flock, []

    def replace_first(lock, operation):
        if not calls:
            replace_folder(old, new)
        calls.append(lock)
        flock(lock, operation)

    monkeypatch.setattr(folders.fcntl, "flock", replace_first)
    with writer_lock(tmp_path / "ix") as lock:
        assert os.fstat(lock.fileno()).st_ino == (tmp_path / "ix" / "lock").stat().st_ino
        assert (tmp_path / "ix" / "manifest.json").read_text() == "new" and len(calls) == 2


@pytest.mark.parametrize("in_one_step", [True, False])
def test_folders_change_places(tmp_path, monkeypatch, in_one_step):
    if not in_one_step:
        monkeypatch.setattr(folders, "_exchange", lambda one, two: False)
    index, part = folder(tmp_path / "ix", "old"), folder(tmp_path / ".ix.1-0123abcd.part", "new")
    replace_folder(index, part)
    assert (index / "manifest.json").read_text() == "new" and (part / "manifest.json").read_text() == "old"


def test_an_index_between_two_renames_is_put_back(tmp_path):
    old = folder(tmp_path / ".ix.999999999-0123abcd.old", "old")
    with writer_lock(old):
        restore(tmp_path / "ix")
        assert not (tmp_path / "ix").exists(), "its writer is alive"
    restore(tmp_path / "ix")
    assert (tmp_path / "ix" / "manifest.json").read_text() == "old" and not old.exists()
