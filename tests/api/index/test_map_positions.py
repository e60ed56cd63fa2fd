"""The map of an index: alike signatures are near, the same bytes each time, and only of its own state."""

import numpy as np
import pytest

from beadwork.api import ConnectivityIndex
from beadwork.api.index.map_positions import map_signatures, place_by_neighbours
from beadwork.io.connectivity.index.positions import read_positions
from beadwork.model.errors import IndexStoreError, ParameterError
from beadwork.model.params import MapParams

from .conftest import make_signatures

pytest.importorskip("sklearn", reason="the extra layout is not installed")


@pytest.fixture
def built(tmp_path, toy_files):
    ConnectivityIndex.build(tmp_path / "index", *toy_files)
    return tmp_path / "index"


def test_alike_signatures_are_near_and_bytes_are_the_same(built):
    index = ConnectivityIndex.open(built)
    first = map_signatures(index).read_bytes()
    positions, made = read_positions(index.store)
    assert map_signatures(index).read_bytes() == first and made["landmarks"] == 5000
    assert positions.dtype == np.uint16 and positions.shape == (150, 2) and positions.max() == 65535
    number = np.arange(150)
    planted = (number % 5 != 4) & (number % 12 < 5)
    points = positions.astype(float)
    own = np.linalg.norm(points[planted][:, None] - points[planted], axis=2)
    rest = np.linalg.norm(points[planted][:, None] - points[~planted], axis=2)
    assert np.median(own) < 0.6 * np.median(rest)
    faults, _ = index.verify()
    assert faults == []


def test_few_landmarks_place_the_rest(built):
    index = ConnectivityIndex.open(built)
    map_signatures(index, MapParams(landmarks=40, components=10))
    positions, _ = read_positions(index.store)
    assert len(np.unique(positions, axis=0)) > 120


def test_placing_by_neighbours_is_a_weighted_mean():
    landmarks, placed = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 9.0]]), np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    found = place_by_neighbours(np.array([[1.0, 0.0], [4.0, 0.0]]), landmarks, placed, 2)
    np.testing.assert_allclose(found, [[10 * (1 / 9) / (1 + 1 / 9), 0], [10, 0]], atol=1e-6)


def test_a_map_is_of_one_state(built, tmp_path):
    from beadwork.io.files.tables import write_table
    from beadwork.io.matrix.formats import write_matrix

    index = ConnectivityIndex.open(built)
    with pytest.raises(IndexStoreError, match="the index has no map; `beadwork index layout index` makes it"):
        read_positions(index.store)
    map_signatures(index)
    matrix, info = make_signatures(20, seed=3, prefix="NEW001")
    write_matrix(matrix, tmp_path / "new_MODZ.gctx")
    write_table(info, tmp_path / "new.tsv")
    index.append(tmp_path / "new_MODZ.gctx", tmp_path / "new.tsv")
    with pytest.raises(IndexStoreError, match="the map is of an older state of the index"):
        read_positions(ConnectivityIndex.open(built).store)
    (built / "map.npz").write_bytes(b"no map")
    with pytest.raises(IndexStoreError, match=r"map.npz: damaged"):
        read_positions(ConnectivityIndex.open(built).store)


def test_too_few_signatures_are_refused(tmp_path):
    from beadwork.io.files.tables import write_table
    from beadwork.io.matrix.formats import write_matrix

    matrix, info = make_signatures(6)
    write_matrix(matrix, tmp_path / "a_MODZ.gctx")
    write_table(info, tmp_path / "a.tsv")
    index = ConnectivityIndex.build(tmp_path / "index", tmp_path / "a_MODZ.gctx", tmp_path / "a.tsv")
    with pytest.raises(ParameterError, match="6 signatures; a map needs 10"):
        map_signatures(index)
