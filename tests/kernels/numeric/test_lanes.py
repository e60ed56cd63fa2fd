"""Lanes: what compiled kernels calculate with sixteen at a time, against NumPy."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.lanes_numba import (
    LANES,
    fused,
    least,
    load,
    most,
    natural_log,
    scratch,
    spread,
    store,
    store_products,
    store_sums,
)


@jit
def calculate(a, b, out):
    """Everything that lanes can do."""
    x = load(a, 0)
    y = load(b, LANES)
    store(out, 0, x + y)
    store(out, LANES, x - y)
    store(out, 2 * LANES, x * y)
    store(out, 3 * LANES, x / y)
    store(out, 4 * LANES, fused(x, y, spread(np.float32(0.1))))
    store(out, 5 * LANES, least(x, y))
    store(out, 6 * LANES, most(x, y))
    store_sums(out, 7 * LANES, x, y, x * y, x - y)
    store_products(out, 7 * LANES + 4, 7 * LANES + 6, x, y, x * y, x / y)


@jit
def logarithms(a, out):
    for start in range(0, len(a), LANES):
        store(out, start, natural_log(load(a, start)))


def test_logarithms():
    numbers = np.concatenate([np.geomspace(1e-37, 1e38, 4000), np.linspace(0.5, 2.0, 4000)]).astype(np.float32)
    out = np.empty_like(numbers)
    logarithms(numbers, out)
    np.testing.assert_allclose(out, np.log(numbers.astype(float)), rtol=3e-7, atol=3e-7)
    assert out[numbers == 1.0].tolist() == [0.0] * (numbers == 1.0).sum()


def in_halves(join, lanes_):
    while len(lanes_) > 1:
        lanes_ = join(lanes_[: len(lanes_) // 2], lanes_[len(lanes_) // 2 :])
    return lanes_[0]


@pytest.fixture
def numbers():
    rng = np.random.default_rng(4)
    return [np.float32(0.5) + rng.random(size, dtype=np.float32) for size in (LANES, 2 * LANES)]


def expected(a, b):
    """The same by NumPy, operation by operation in single precision."""
    x, y = a, b[LANES:]
    rounded_once = (x.astype(np.float64) * y + np.float32(0.1)).astype(np.float32)
    joined = [in_halves(np.add, lanes_) for lanes_ in (x, y, x * y, x - y)]
    joined += [in_halves(np.multiply, lanes_) for lanes_ in (x, y, x * y, x / y)]
    parts = (x + y, x - y, x * y, x / y, rounded_once, np.minimum(x, y), np.maximum(x, y), np.array(joined))
    return np.concatenate(parts).astype(np.float32)


def test_compiled_lanes_are_those_of_numpy_to_the_last_bit(numbers):
    out = scratch(7 * LANES + 8)
    calculate(*numbers, out)
    assert out.tobytes() == expected(*numbers).tobytes()


def test_uncompiled_lanes_do_the_same(numbers, tmp_path):
    np.savez(tmp_path / "numbers.npz", *numbers)
    program = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_lanes import LANES, calculate, scratch
numbers = np.load(sys.argv[2])
out = scratch(7 * LANES + 8)
calculate(*numbers.values(), out)
np.save(sys.argv[3], out)
"""
    words = [sys.executable, "-c", program, Path(__file__).parent, tmp_path / "numbers.npz", tmp_path / "out.npy"]
    subprocess.run(words, check=True, env=os.environ | {"NUMBA_DISABLE_JIT": "1"})
    assert np.load(tmp_path / "out.npy").tobytes() == expected(*numbers).tobytes()


def test_scratch_begins_where_a_cache_line_does():
    for size in (1, 16, 333):
        found = scratch(size)
        assert found.shape == (size,)
        assert found.dtype == np.float32
        assert not found.any()
        assert found.ctypes.data % 64 == 0
