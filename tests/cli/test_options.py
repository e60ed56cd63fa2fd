"""Outputs are checked before a command works: nothing is overwritten by mistake, nothing is half there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.cli.options import check_outputs
from beadwork.io.matrix.formats import write_matrix
from beadwork.model.errors import FileError, ParameterError
from beadwork.model.matrix import Level, Matrix


def test_outputs_that_can_be_written_pass(tmp_path):
    check_outputs([tmp_path / "new" / "a.gctx", None, tmp_path / "b.tsv"], [tmp_path / "c.gctx", None])
    assert list(tmp_path.iterdir()) == []


def test_refusals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    for outputs, inputs, kind, message in (
        (["x", "folder/../x"], [], ParameterError, "folder/../x: two outputs have the same name"),
        (["x"], ["folder/../x"], ParameterError, "x: is an input, which the output would replace"),
        (["folder"], [], FileError, "folder: is a folder, but a file is to be written there"),
        (["file/deep/x"], [], FileError, "file/deep/x: cannot be written, since .*file is a file and not a folder"),
    ):
        with pytest.raises(kind, match=message):
            check_outputs(map(Path, outputs), map(Path, inputs))


@pytest.mark.parametrize(
    "words",
    [
        ("zscore", "x.gctx", "-o", "new.gctx", "--qc", "new.gctx"),
        ("normalize", "x.gctx", "--scaling", "none", "-o", "new.gctx", "--norm", "new.gctx"),
        ("infer", "x.gctx", "-o", "x.gctx"),
        ("consensus", "x.gctx", "-o", "new.gctx", "--siginfo", "file/siginfo.tsv"),
        ("convert", "x.gctx", "./x.gctx"),
        ("collect", "file", "-o", "file"),
        ("train-inference", "x.gctx", "-o", "new.h5", "--qc", "new.h5"),
        ("deconvolve", "file", "--map", "file", "-o", "new.gctx", "--support", "new.gctx"),
    ],
)
def test_every_command_checks_first(words, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ids = [pd.DataFrame(index=[f"{kind}{i}" for i in range(4)]) for kind in "gs"]
    write_matrix(Matrix(np.eye(4), *ids, level=Level.QNORM), "x.gctx")
    Path("file").touch()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    outcome = run(*words)
    assert outcome.code == 2
    assert outcome.err.startswith("beadwork: error: ") and outcome.err.count("\n") == 1
    assert any(text in outcome.err for text in ("two outputs", "is an input", "is a file and not a folder"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
