"""Outputs are checked before a command works: nothing is overwritten by mistake, nothing is half there."""

import ast
import inspect
import sys
import textwrap
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from beadwork.cli import cli
from beadwork.cli.options import check_outputs, params_options
from beadwork.io.matrix.formats import write_matrix
from beadwork.model.errors import FileError, ParameterError
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import CheckPlatesParams


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


def commands(group=cli, path=()):
    """All commands by their words, those of groups too."""
    for name in group.list_commands(None):
        found = group.get_command(None, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield pytest.param(found, id=" ".join((*path, name)))


def uses(function, name):
    """Whether the body of a function, not only its signature, has a parameter."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    return any(isinstance(node, ast.Name) and node.id == name for part in tree.body for node in ast.walk(part))


@pytest.mark.parametrize("command", list(commands()))
def test_threads_and_qc_are_where_they_do_something(command):
    options = {parameter.name for parameter in command.params}
    taken = set(inspect.signature(inspect.unwrap(command.callback)).parameters)
    assert "log_level" in options
    for name in ("threads", "qc"):
        assert (name in options) == (name in taken) == uses(command.callback, name), name
    assert "join_qc([])" not in inspect.getsource(sys.modules[inspect.unwrap(command.callback).__module__])


@pytest.mark.parametrize(
    ("name", "has"),
    [("deconvolve", "threads qc"), ("normalize", "qc"), ("infer", "qc"), ("train-inference", "threads qc"),
     ("zscore", "qc"),
     ("consensus", "qc"), ("check-plates", "qc"), ("index build", "threads qc"), ("query", "threads qc"),
     ("introspect", "threads qc"), ("simulate", "threads qc"), ("serve", "threads"), ("self-test", "threads"),
     ("index verify", "threads qc"), ("index info", "qc"), ("convert", ""), ("collect", ""), ("release", ""),
     ("provenance", ""), ("status", ""), ("check-truth", ""), ("report", ""), ("figures brew", "")],
)  # fmt: skip
def test_commands_that_compute_share_out_work_and_have_qc_rows(name, has):
    command = cli
    for word in name.split():
        command = command.get_command(None, word)
    assert {parameter.name for parameter in command.params} & {"threads", "qc"} == set(has.split())


@pytest.mark.parametrize("name", ["mads", "margin"])
def test_flags_of_one_version_ago_are_taken_and_said(name):
    """Each under the name of today; both at once are refused."""
    seen = []

    @click.command()
    @params_options(CheckPlatesParams)
    def command(params: CheckPlatesParams) -> None:
        seen.append(getattr(params, f"outlier_well_{name}"))

    runner = CliRunner()
    done = runner.invoke(command, [f"--odd-well-{name}", "0.75"])
    assert seen == [0.75]
    assert done.stderr.splitlines() == [
        f"beadwork: warning: --odd-well-{name} is the former name of --outlier-well-{name}, "
        "which the next version alone will know"
    ]
    assert runner.invoke(command, [f"--outlier-well-{name}", "0.5"]).stderr == ""
    both = runner.invoke(command, [f"--odd-well-{name}", "0.75", f"--outlier-well-{name}", "0.5"])
    assert isinstance(both.exception, ParameterError) and "give only the latter" in str(both.exception)
    assert "--odd-well" not in runner.invoke(command, ["--help"]).output
