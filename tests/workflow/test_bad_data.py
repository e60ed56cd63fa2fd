"""A study with bad wells of every kind, a map that lies wrongly and a plate of another cell line, run as a whole."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from beadwork.api.bad_study import write_bad_study

from .conftest import BIN, ROOT, run_command

pytestmark = pytest.mark.slow


def test_bad_wells_and_plates_are_named_and_the_rest_goes_on(tmp_path: Path):
    write_bad_study(tmp_path, sets=1, wells=192, beads_mean=15, share=0.05)
    config = tmp_path / "config.yaml"
    config.write_text(f"plates: plates.tsv\ndata: {tmp_path / 'bad'}\nreport: false\nzsvc: false\n")
    try:
        done = run_command(BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path / "bad",
                           "--configfile", config, "--cores", 2, "--keep-going", "results/qc.tsv",
                           "results/siginfo.tsv")  # fmt: skip
        assert done.returncode == 0, done.stdout
    finally:
        for kind in ("sound", "bad"):  # 0.6 GB
            shutil.rmtree(tmp_path / kind / "lxb", ignore_errors=True)
    mistakes = pd.read_csv(tmp_path / "plates.tsv", sep="\t")["det_plate"]
    check = pd.read_csv(tmp_path / "bad/results/plate_check.tsv", sep="\t")
    assert len(mistakes) == 2
    assert set(check.loc[check["verdict"] == "suspected", "det_plate"]) == set(mistakes), "these plates and no others"
    qc = pd.read_csv(tmp_path / "bad/results/qc.tsv", sep="\t", dtype=str)
    reasons = qc[qc["metric"] == "well_unusable"].set_index("entity")["note"]
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
