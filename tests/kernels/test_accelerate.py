"""Where compiled kernels are kept."""

from pathlib import Path

from beadwork.kernels.accelerate import cache_folder


def test_compiled_kernels_are_kept_by_all_that_may_be_in_them(tmp_path):
    (tmp_path / "kernel.py").write_text("from constants import STEP")
    (tmp_path / "constants.py").write_text("STEP = 1")
    first = cache_folder(Path("base"), tmp_path)
    assert first.parent == Path("base")
    assert cache_folder(Path("base"), tmp_path) == first
    (tmp_path / "constants.py").write_text("STEP = 2")
    second = cache_folder(Path("base"), tmp_path)
    assert second != first
    (tmp_path / "notes.txt").write_text("no code")
    assert cache_folder(Path("base"), tmp_path) == second
