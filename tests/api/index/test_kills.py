"""Writers that are killed at their file operations: the index is the old or the new one.

The next writer finishes the work and removes what was left.
"""

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from beadwork.api.index.writing.append import append_index
from beadwork.api.index.writing.background import relearn_background
from beadwork.api.index.writing.build import build_index, verify_index
from beadwork.api.index.writing.sync import sync_index
from beadwork.io.connectivity.index import folders
from beadwork.io.connectivity.index.reader import IndexStore
from beadwork.model.params import IndexParams
from toys import write_modz

PARAMS = IndexParams(background=5, background_set=3)
EVENTS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree", "ctypes.dlsym")
POINTS = 8
"""Operations of each writer that it is killed at, spread over all of them."""


def write_brew(folder: Path, brew: str, seed: int) -> Path:
    return write_modz(folder / f"{brew}_{seed}.gctx", brew, seed, n_genes=30, n_signatures=10)


class Study:
    """Matrices, and what each writer does with them."""

    def __init__(self, folder: Path) -> None:
        self.one, self.two = write_brew(folder, "ONE", 1), write_brew(folder, "TWO", 2)
        self.other, self.changed = write_brew(folder, "OTHER", 3), write_brew(folder, "TWO", 4)

    def start(self, index: Path) -> None:
        """Make the index that the writers change."""
        sync_index(index, [self.one], params=PARAMS)
        sync_index(index, [self.one, self.two], params=PARAMS)

    def writer(self, name: str) -> Callable[[Path], object]:
        """Work of one writer."""
        third = IndexParams(background=4, background_set=2)
        return {
            "build": lambda index: build_index(index, [self.other], params=PARAMS, overwrite=True),
            "append": lambda index: append_index(index, [self.other]),
            "sync": lambda index: sync_index(index, [self.one, self.changed, self.other], params=PARAMS),
            "background": lambda index: relearn_background(index, params=third),
        }[name]


def contents(index: Path) -> dict[str, bytes]:
    """All files of an index, by path."""
    return {str(path.relative_to(index)): path.read_bytes() for path in sorted(index.rglob("*")) if path.is_file()}


def answers(index: Path) -> list[bytes]:
    """What a reader finds: ids, scores and background."""
    store = IndexStore(index)
    ids = store.signature_table(["sig_id"]).column("sig_id").to_pylist()
    return [str(ids).encode(), *(block.z.tobytes() for block in store.blocks),
            *(part.tobytes() for part in store.background_scores)]  # fmt: skip


def run(work: Callable[[Path], object], index: Path, kill_at: int | None, counter: str | None = None) -> int:
    """Run a writer in a process of its own, killed before its n-th file operation in the folder of the index."""

    def body() -> None:
        parent, seen = str(index.parent), 0

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event not in EVENTS or (event != "ctypes.dlsym" and not str(arguments[0]).startswith(parent)):
                return
            if event == "open" and "w" not in str(arguments[1]):
                return
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work(index)
        if counter:
            Path(counter).write_text(str(seen))

    process = multiprocessing.get_context("fork").Process(target=body)
    process.start()
    process.join(300)
    assert process.exitcode is not None
    return process.exitcode


@pytest.mark.parametrize(
    ("name", "in_one_step"),
    [("build", True), ("build", False), ("append", True), ("sync", True), ("background", True)],
    ids=["build", "build by two renames", "append", "sync", "background"],
)
def test_killed_writers(name, in_one_step, tmp_path, monkeypatch):
    if not in_one_step:
        monkeypatch.setattr(folders, "_exchange", lambda one, two: False)
    study = Study(tmp_path)
    work = study.writer(name)
    start, folder = tmp_path / "start" / "index", tmp_path / "whole"
    start.parent.mkdir()
    study.start(start)
    shutil.copytree(start, folder / "index")
    old = answers(folder / "index")
    counter = tmp_path / "count"
    assert run(work, folder / "index", None, str(counter)) == 0
    new, expected, total = answers(folder / "index"), contents(folder / "index"), int(counter.read_text())
    assert old != new and total > 6
    places = sorted({*np.linspace(1, total, POINTS).astype(int).tolist(), *range(total - 3, total + 1)})
    for place in places:
        folder = tmp_path / f"killed_{place}"
        folder.mkdir()
        index = folder / "index"
        shutil.copytree(start, index)
        before = IndexStore(index)
        assert run(work, index, place) == -signal.SIGKILL
        if in_one_step or index.exists():
            assert answers(index) in (old, new), f"killed at {place} of {total}"
            assert verify_index(index)[0] == []
        assert before.read_signatures([0, 19]).shape == (2, 30), "what was open stays readable"
        assert run(work, index, None) == 0, f"cannot be started again after being killed at {place} of {total}"
        assert answers(index) == new
        assert verify_index(index) == ([], [])
        assert [path.name for path in folder.iterdir()] == ["index"], f"left after {place} of {total}"
        if place < total - 6:  # else it may be done twice, with names of the next generation
            assert contents(index).keys() == expected.keys()
