"""The compiled grouping of beads against the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.kernels.beads.grouping import REPORTER_BITS, group_beads
from beadwork.kernels.beads.grouping_numba import group_beads as grouped

N_ANALYTES = 500


def check(analyte, reporter):
    for found, expected in zip(
        grouped(analyte, reporter, N_ANALYTES), group_beads(analyte, reporter, N_ANALYTES), strict=True
    ):
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 3000), top=st.integers(1, 32), far=st.booleans())
def test_twin_is_the_definition(seed, n, top, far):
    rng = np.random.default_rng(seed)
    analyte = rng.integers(0, 2**32 if far else N_ANALYTES + 3, n, dtype=np.uint32)
    check(analyte, rng.integers(0, 2**top, n, dtype=np.uint32))


@pytest.mark.parametrize("largest", [2**REPORTER_BITS - 1, 2**REPORTER_BITS, 2**32 - 1])
def test_reporters_at_the_limit_of_a_key(largest):
    reporter = np.array([largest, 5, 0, largest, 7], dtype=np.uint32)
    check(np.array([500, 500, 500, 1, 0], dtype=np.uint32), reporter)


def test_columns_of_a_table_and_of_other_types():
    rng = np.random.default_rng(3)
    events = rng.integers(0, 600, (400, 11), dtype=np.uint32)
    check(events[:, 0], events[:, 4])
    check(events[:, 0].astype(">u4"), events[:, 4].astype(">u4"))
    check(events[:, 0].astype(np.uint16), events[:, 4])
    check(events[:, 0].astype(np.int16), events[:, 4])


def test_input_is_left_alone():
    analyte, reporter = np.array([2, 1, 2], dtype=np.uint32), np.array([9, 8, 7], dtype=np.uint32)
    grouped(analyte, reporter, N_ANALYTES)
    assert analyte.tolist() == [2, 1, 2]
    assert reporter.tolist() == [9, 8, 7]


@pytest.mark.parametrize("n", [510, 511, 600])
def test_more_analytes_than_the_short_key_holds(n):
    analyte, reporter = np.array([n, 1, n + 1, n, 509], dtype=np.uint32), np.array([7, 9, 1, 5, 3], dtype=np.uint32)
    for group in (grouped, group_beads):
        counts, beads = group(analyte, reporter, n)
        assert counts.sum() == 4
        assert counts[[0, 508, n - 1]].tolist() == [1, 1, 2]
        assert beads.tolist() == [9, 3, 5, 7]
