"""Where compiled kernels are kept."""

import os
import subprocess
import sys

import pytest

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


OTHERS = """
import sys
import numpy as np
{first}
import numba
from numba.np import linalg

search, folder = linalg.ensure_blas, numba.config.CACHE_DIR

def use_kernels():
    from beadwork.kernels.beads.grouping_numba import group_beads
    group_beads(np.array([1, 1, 2], np.uint32), np.array([5, 6, 7], np.uint32), 3)

@numba.njit
def product(a, b):
    return a @ b

def check():
    a = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(product(a, a.T.copy()), a @ a.T)
    product.recompile()

{then}
check()
assert linalg.ensure_blas is search and search.__module__ == "numba.np.linalg"
from numba.np import arraymath
assert arraymath.ensure_blas is search and arraymath._HAVE_BLAS
assert numba.config.CACHE_DIR == folder
"""


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("import beadwork.kernels.numeric.jit", ""),
        ("import beadwork.cli, beadwork.kernels.beads.grouping_numba", "use_kernels()"),
        ("", "use_kernels()"),
        ("", "check(); use_kernels()"),
    ],
)
def test_products_in_kernels_of_others_compile_beside_ours(first, then):
    script = OTHERS.format(first=first, then=then)
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_our_kernels_do_not_load_scipy_linalg():
    """A third of a second of every command."""
    script = OTHERS.format(first="", then="use_kernels(); assert 'scipy.linalg' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
