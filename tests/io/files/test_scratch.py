"""Scratch folders: removed at the end, or by the next process after a kill."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from beadwork.io.files.atomic import atomic_path
from beadwork.io.files.scratch import scratch_folder
from beadwork.model.errors import FileError


def die_within(parent: Path) -> None:
    with (
        scratch_folder(parent) as folder,
        atomic_path(parent / "wtcs.gctx") as one,
        atomic_path(parent / "q" / "x") as two,
    ):
        for file in (folder / "scores.bin", one, two):
            file.write_text("x")
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_left_goes_with_the_next(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=die_within, args=(tmp_path,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert len([path for path in tmp_path.rglob(".*") if path.is_file() or path.name.startswith(".scratch-")]) == 3
    (tmp_path / ".notes.part").write_text("mine")
    (tmp_path / f".other.tsv.{os.getpid()}.part.tsv").write_text("of a living process")
    (tmp_path / ".scores-older").mkdir()
    os.utime(tmp_path / ".scores-older", (0, time.time() - 3600))
    with scratch_folder(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.rglob(".*")) == [".notes.part", f".other.tsv.{os.getpid()}.part.tsv"]


def test_folders_of_living_processes_stay(tmp_path):
    unfinished = tmp_path / ".x.tsv.999999999.part.tsv"
    with scratch_folder(tmp_path) as one:
        unfinished.write_text("of a process on another machine, perhaps")
        with scratch_folder(tmp_path) as two:
            assert one.is_dir() and two.is_dir() and unfinished.exists()
    assert list(tmp_path.iterdir()) == [unfinished]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(FileError, match=r"file/x: cannot be written \(Not a directory\); check the folder"),
        scratch_folder(tmp_path / "file" / "x"),
    ):
        pass
