"""Options of ``beadwork serve`` that are wrong, before anything listens."""

import logging
import stat

import pytest

from beadwork.cli.serve import read_token
from beadwork.model.errors import FileError, ParameterError
from beadwork.serve.store import open_store

pytest.importorskip("fastapi", reason="the extra serve is not installed")


def test_tokens(tmp_path, monkeypatch):
    monkeypatch.delenv("BEADWORK_TOKEN", raising=False)
    assert read_token(None) is None
    (tmp_path / "token").write_text("0123456789abcdef\n")
    assert read_token(tmp_path / "token") == "0123456789abcdef"
    for text in ("short", "with blanks in between it", "ä" * 20, ""):
        (tmp_path / "bad").write_text(text)
        with pytest.raises(ParameterError, match="bad: a token has 16 or more ASCII letters without blanks"):
            read_token(tmp_path / "bad")
    with pytest.raises(FileError, match=r"none: cannot be read .*; a text file with a token is needed"):
        read_token(tmp_path / "none")
    monkeypatch.setenv("BEADWORK_TOKEN", "fedcba9876543210")
    assert read_token(None) == "fedcba9876543210"


def test_the_store_of_an_account_and_what_happens_without_one(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "state" / "beadwork" / "answers.sqlite"
    assert open_store(None).path == path and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_store("none").path is None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING, "beadwork"):
        assert open_store(None).path is None
    assert "answers are kept in memory only" in caplog.text
    with pytest.raises(FileError, match="name another file"):
        open_store(str(tmp_path / "file" / "x.sqlite"))


def test_plates_need_results(toy_index, tmp_path, capsys):
    from beadwork.cli import main

    with pytest.raises(SystemExit, match="2"):
        main(["serve", str(toy_index), "--plates", str(tmp_path / "plates.tsv")])
    assert "--plates: is used with --results only" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["serve", str(toy_index), "--results", str(tmp_path / "nix")])
    assert "no such folder; name the results of a run" in capsys.readouterr().err
