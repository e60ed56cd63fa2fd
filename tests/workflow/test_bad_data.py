"""A study with bad wells of every kind, a map that lies wrongly and a plate of another cell line, run as a whole."""

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from .conftest import ROOT, run_command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def test_bad_wells_and_plates_are_named_and_the_rest_goes_on(tmp_path: Path):
    script = [sys.executable, ROOT / "benchmarks/robustness/bad_data.py"]
    try:
        for words in (("make", tmp_path, "--sets", 1, "--wells", 192, "--beads-mean", 15, "--bad", 0.05),
                      ("run", tmp_path, "bad")):  # fmt: skip
            done = run_command(*script, *words)
            assert done.returncode == 0, done.stdout
    finally:
        for kind in ("sound", "bad"):  # 0.6 GB
            shutil.rmtree(tmp_path / kind / "lxb", ignore_errors=True)
    found = run_command(*script, "compare", tmp_path)
    assert found.returncode == 0, found.stdout
    assert "found 2 of 2; accused 0 of 4 sound plates" in found.stdout
    qc = pd.read_csv(tmp_path / "bad/results/qc.tsv", sep="\t", dtype=str)
    reasons = qc[qc["metric"] == "well_unusable"].set_index("entity")["value"]
    planted = pd.read_csv(tmp_path / "wells.tsv", sep="\t", dtype=str)
    planted.index = planted["det_plate"] + ":" + planted["det_well"]
    for fault, words in {
        "truncated": "is truncated: it holds",
        "empty": "holds no events",
        "few beads": "classified beads; at least 1,000 are needed",
        "not an LXB file": "is not an LXB file",
    }.items():
        own = reasons.reindex(planted.index[planted["fault"] == fault]).dropna()  # one plate holds another's beads
        assert len(own) >= 5
        assert own.str.contains(words).all(), (fault, own.tolist())
