"""A few damaged inputs for every reader; benchmarks/robustness/fuzz.py tries a million, with limits on memory."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beadwork.io.beads.lxb import lxb_bytes, read_events
from beadwork.io.matrix.formats import read_annotation, read_matrix
from beadwork.io.matrix.hdf5_heap import find_broken_heap
from beadwork.model.errors import BeadworkError, FileError
from beadwork.simulate.damage import damage
from fuzz_targets import make_targets, run_one

SLOW = {"index": 25, "gctx": 80, "parquet": 60, "npz": 100, "map": 100, "tar.gz": 100}


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    return make_targets(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["lxb", "lxb.gz", "tar", "tar.gz", "zip", "gct", "gctx", "parquet", "npz", "map", "table", "sheet", "counts", "gmt",
     "gmx", "grp", "sets", "signature", "index"],
)  # fmt: skip
def test_no_input_is_answered_by_a_traceback(targets, name: str):
    target = targets[name]
    for seed in target.seeds:
        target.read(seed)
    for number in range(SLOW.get(name, 200)):
        data = damage(random.Random(f"test {name} {number}"), target.seeds)
        answer = run_one(target.read, data)
        assert answer in ("read", "refused"), f"input {number}: {answer}"


def test_every_reader_is_fuzzed(targets):
    assert len(targets) == 19
    assert 0.9 < sum(target.share for target in targets.values()) < 1.1


@given(st.binary(max_size=2000), st.integers(0, 1100), st.integers(0, 300))
@example("\N{SUPERSCRIPT TWO}".encode("latin-1"), 700, 1)
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_lxb_with_any_bytes_anywhere(data: bytes, place: int, length: int):
    sound = lxb_bytes(list(range(1, 41)), [100] * 40, "A1")
    try:
        read_events(sound[:place] + data + sound[place + length :], masked=True)
    except BeadworkError:
        pass


def test_damaged_text_that_hangs_hdf5_is_refused(targets, tmp_path: Path):
    whole = bytearray(targets["gctx"].seeds[0])
    heap = whole.index(b"GCOL\x01\x00\x00\x00")
    path = tmp_path / "heap.gctx"
    path.write_bytes(whole)
    assert find_broken_heap(path) is None
    assert len(read_matrix(path).cids) == 4
    whole[heap + 24 : heap + 32] = (3000).to_bytes(8, "little")  # size of the first object: the next lies in nothing
    path.write_bytes(whole)
    assert find_broken_heap(path) == heap
    with pytest.raises(FileError, match=rf"heap.gctx: damaged GCTX file \(text heap at byte {heap}\); fetch or make"):
        read_annotation(path)
