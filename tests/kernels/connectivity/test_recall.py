"""Histograms of similarities, plain and compiled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.kernels.connectivity.recall import histograms as recall

EDGES = [n * recall.REACH / (recall.N_BINS // 2 - 1) for n in (0, 1, 2, 254, 255, 256, 509, 510, 511, 512)]
ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-30, 1e30, *EDGES, *(-edge for edge in EDGES)]
VALUES = st.one_of(st.floats(-6, 6, width=32), st.sampled_from([float(np.float32(value)) for value in ODD]))


@given(st.integers(0, 5), st.integers(1, 40), st.data())
def test_histograms_of_the_compiled_twin(rows, width, data):
    compiled = pytest.importorskip("beadwork.kernels.connectivity.recall.histograms_numba")
    drawn = data.draw(st.lists(VALUES, min_size=rows * width, max_size=rows * width))
    similarity = np.array(drawn, np.float32).reshape(rows, width)
    columns = np.array(sorted(data.draw(st.sets(st.integers(0, width - 1)))), np.int64)
    before = np.arange(len(columns) * recall.N_BINS, dtype=np.uint32).reshape(-1, recall.N_BINS)
    plain, twin = before.copy(), before.copy()
    recall.add_to_histograms(plain, similarity, columns)
    compiled.add_to_histograms(twin, similarity, columns)
    np.testing.assert_array_equal(twin, plain)
    added = (plain - before).sum(axis=1)
    assert added.tolist() == np.isfinite(similarity[:, columns]).sum(axis=0).tolist()
