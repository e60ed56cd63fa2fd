"""What the plan of a run reads of the files of later steps, with the standard library only."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from beadwork.io.files.digest import digest_bytes
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.runs.recorded import index_record, is_known, matrix_record, other_inputs, other_tables
from beadwork.model.matrix import Level, Matrix


def matrix(provenance):
    rows, cols = (pd.DataFrame(index=pd.Index(names, dtype=object)) for names in (["1", "2"], ["a"]))
    return Matrix(np.zeros((2, 1), np.float32), rows, cols, Level.MODZ, None, provenance)


@pytest.mark.parametrize("steps", [0, 3, 400, 4000])  # of large brews the history is longer than what is read first
def test_the_record_of_a_matrix_is_found_without_hdf5(tmp_path, steps):
    history = [
        {"command": "zscore", "compatibility": 1, "inputs": {"matrix": [{"name": f"é{n}"}]}} for n in range(steps)
    ]
    record = {"command": "consensus", "compatibility": 3, "history": history, "inputs": {"z": [{"digest": "x"}]}}
    write_matrix(matrix(record), tmp_path / "m.gctx")
    assert matrix_record(tmp_path / "m.gctx") == record


@pytest.mark.parametrize(
    "content", [b"", b"not a matrix", b'{"command": "consensus"', b'{"command": "' + b"x" * 70_000]
)
def test_what_has_no_record_has_none(tmp_path, content):
    (tmp_path / "m.gctx").write_bytes(content)
    assert matrix_record(tmp_path / "m.gctx") is None
    assert matrix_record(tmp_path / "absent.gctx") is None


def test_a_matrix_of_another_program_has_none(tmp_path):
    with h5py.File(tmp_path / "m.gctx", "w") as file:
        file["0/DATA/0/matrix"] = np.zeros((3, 3))
    assert matrix_record(tmp_path / "m.gctx") is None


@pytest.mark.parametrize(("text", "found"), [('{"compatibility": 2}', {"compatibility": 2}), ("[]", None), ("{", None)])
def test_an_index_says_it_in_its_manifest(tmp_path, text, found):
    assert index_record(tmp_path) is None
    (tmp_path / "manifest.json").write_text(text)
    assert index_record(tmp_path) == found


def test_inputs_count_by_content(tmp_path):
    (tmp_path / "noise.h5").write_bytes(b"one")
    (tmp_path / "other.h5").write_bytes(b"two")
    records = [{"inputs": {"noise": [{"name": "n", "digest": digest_bytes(b"one")}]}}, {}]
    assert other_inputs(records, {"noise": tmp_path / "noise.h5"}) == []
    digits = digest_bytes(b"two").partition(":")[2][:8]
    assert other_inputs(records, {"noise": tmp_path / "other.h5"}) == [f"noise {digits}"]
    assert other_inputs([{}], {"noise": tmp_path / "other.h5"}) == []  # nothing is known of it: its date counts
    assert not is_known([{}], "noise", tmp_path / "other.h5") and not is_known(records, "noise", tmp_path / "absent")


def test_tables_count_where_they_are_used():
    record = json.loads('{"tables": {"genes.tsv": "aaaaaaaaaa"}}')
    assert other_tables(record, ["genes.tsv"], {"genes.tsv": "aaaaaaaaaa"}) == []
    assert other_tables(record, ["genes.tsv"], {"genes.tsv": "bbbbbbbbbb"}) == ["genes.tsv bbbbbbbb"]
    assert other_tables(record, ["genes.tsv"], {}) == ["genes.tsv as it ships"]
    assert other_tables(record, [], {"genes.tsv": "bbbbbbbbbb"}) == []
    assert other_tables({}, ["genes.tsv"], {"noise_default.h5": "b"}) == []
