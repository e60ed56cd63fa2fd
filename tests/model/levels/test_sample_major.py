"""Values that lie sample after sample, and are turned once, when they are needed."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.model.errors import AlignmentError
from beadwork.model.levels import sample_major
from beadwork.model.levels.sample_major import SampleMajor
from beadwork.model.matrix import Matrix


@pytest.fixture(params=[1 << 40, 1 << 12], ids=["small", "large"])
def stored(request, monkeypatch):
    """1,300 samples of 9 genes, in memory of its own and in memory that is given back while it is turned."""
    monkeypatch.setattr(sample_major, "LARGE", request.param)
    found = SampleMajor(1300, 9)
    found.values[:] = np.arange(1300 * 9).reshape(1300, 9)
    return found


def matrix_of(stored):
    genes, samples = ([f"{letter}{place}" for place in range(size)] for letter, size in zip("gs", stored.shape))  # noqa: B905
    return Matrix.of_samples(stored, pd.DataFrame(index=genes), pd.DataFrame(index=samples))


EXPECTED = np.arange(1300 * 9, dtype=np.float32).reshape(1300, 9)


def test_values_are_turned_once_and_read_only(stored):
    matrix = matrix_of(stored)
    assert "values" not in vars(matrix)
    values = matrix.values
    assert values is matrix.values and values.flags.c_contiguous and not values.flags.writeable
    np.testing.assert_array_equal(values, EXPECTED.T)
    np.testing.assert_array_equal(matrix.by_sample, EXPECTED)


def test_a_view_by_sample_stays_what_it_was(stored):
    matrix = matrix_of(stored)
    view = matrix.by_sample
    assert not view.flags.writeable and "values" not in vars(matrix)
    np.testing.assert_array_equal(matrix.values, EXPECTED.T)
    np.testing.assert_array_equal(view, EXPECTED)


def test_threads_turn_it_once(stored):
    matrix = matrix_of(stored)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: matrix.values, range(32)))
    assert all(item is found[0] for item in found)
    np.testing.assert_array_equal(found[0], EXPECTED.T)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))])
def test_copies_have_values_of_their_own(stored, again):
    other = again(matrix_of(stored))
    np.testing.assert_array_equal(other.values, EXPECTED.T)
    assert list(other.cids[:2]) == ["s0", "s1"] and other.level is None


def test_what_is_asked_of_any_matrix(stored):
    matrix = matrix_of(stored)
    np.testing.assert_array_equal(matrix.take_cols(["s7"]).values[:, 0], EXPECTED[7])
    with pytest.raises(AttributeError, match="Matrix has no 'vales'"):
        _ = matrix.vales
    with pytest.raises(AlignmentError, match="does not fit 2 row ids"):
        Matrix.of_samples(stored, matrix.rows.iloc[:2], matrix.cols)


@pytest.mark.parametrize("chosen", [None, [3, 4, 5], [700, 2, 699, 1299], [5], []])
def test_files_are_read_as_they_lie_and_written_so(stored, tmp_path, chosen):
    matrix = matrix_of(stored)
    write_matrix(matrix, tmp_path / "m.gctx")
    assert "values" not in vars(matrix)
    cids = None if chosen is None else [f"s{place}" for place in chosen]
    found = read_matrix(tmp_path / "m.gctx", cids=cids)
    assert "values" not in vars(found)
    np.testing.assert_array_equal(found.values, EXPECTED.T if chosen is None else EXPECTED.T[:, chosen])
