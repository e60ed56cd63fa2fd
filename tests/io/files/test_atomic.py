"""Outputs appear whole or not at all."""

import errno
import os

import pytest

from beadwork.io.files.atomic import atomic_path, write_text
from beadwork.io.files.digest import digest_bytes, digest_file
from beadwork.model.errors import FileError


def test_the_file_appears_at_the_end_and_folders_are_made(tmp_path):
    target = tmp_path / "deep" / "er" / "out.gctx"
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
        assert temporary.parent == target.parent
        assert temporary.suffix == ".gctx"
    assert target.read_text() == "half"
    assert [path.name for path in target.parent.iterdir()] == ["out.gctx"]


def test_a_failure_leaves_the_old_file(tmp_path):
    target = tmp_path / "out.txt"
    write_text(target, "old")
    with pytest.raises(RuntimeError, match="stop"), atomic_path(target) as temporary:
        temporary.write_text("new")
        raise RuntimeError("stop")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_an_interruption_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "out.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_messages(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="is a folder, but a file is to be written there; choose another name"):
        write_text(tmp_path / "folder", "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match=r"file/out\.txt: cannot be written"):
        write_text(tmp_path / "file" / "out.txt", "x")
    with pytest.raises(FileError, match=r"cannot be written \(No space left on device\); check the folder"):
        with atomic_path(tmp_path / "out.txt"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_digests(tmp_path):
    (tmp_path / "x").write_bytes(b"beads" * 1_000_000)
    assert digest_file(tmp_path / "x") == digest_bytes(b"beads" * 1_000_000)
    assert digest_bytes(b"") == "xxh3_128:99aa06d3014798d86001c324468d497f"
    with pytest.raises(FileError, match="cannot be read"):
        digest_file(tmp_path / "none")


def test_a_device_is_not_replaced_by_a_file():
    with pytest.raises(FileError, match="/dev/null: is a device or a pipe"), atomic_path("/dev/null") as temporary:
        temporary.write_text("all")
    assert not os.path.isfile("/dev/null")
