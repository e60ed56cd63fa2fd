"""Where compiled kernels are kept."""

import os

from beadwork.kernels.numeric.jit import cache_folder


def test_compiled_kernels_are_kept_by_all_that_may_be_in_them(tmp_path):
    (tmp_path / "kernel.py").write_text("from constants import STEP")
    (tmp_path / "constants.py").write_text("STEP = 1")
    first = cache_folder("base", str(tmp_path))
    assert os.path.dirname(first) == "base"
    assert cache_folder("base", str(tmp_path)) == first
    (tmp_path / "constants.py").write_text("STEP = 2")
    second = cache_folder("base", str(tmp_path))
    assert second != first
    (tmp_path / "notes.txt").write_text("no code")
    assert cache_folder("base", str(tmp_path)) == second


def test_kernels_in_folders_count_too(tmp_path):
    (tmp_path / "levels").mkdir()
    (tmp_path / "levels" / "kernel.py").write_text("STEP = 1")
    first = cache_folder("base", str(tmp_path))
    (tmp_path / "levels" / "kernel.py").write_text("STEP = 2")
    assert cache_folder("base", str(tmp_path)) != first
