"""A study of six plates, one of them broken, purged, archived, upgraded, or new: on Slurm the bytes of a local run."""

import re
import shutil
from pathlib import Path

import pytest
from tests.workflow.aged import BROKEN, FIRST, age, configure, files_of

from .conftest import BIN, QUICK, call, workflow_words

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]


def test_an_aged_study_has_the_same_bytes_on_slurm_and_here(slurm: Path, tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"
    made = call(BIN / "beadwork", "simulate", "-o", here / "data", "--plates", 6, "--replicates", 2, "--wells", 24,
                "--beads-mean", 25, "--seed", 8)  # fmt: skip
    assert made.returncode == 0, made.stdout
    configure(here, FIRST)
    first = call(*workflow_words(here, "default", "--cores", 2), cwd=here)
    assert first.returncode == 0, first.stdout
    age(here)
    shutil.copytree(here, there)
    local = call(*workflow_words(here, "default", "--cores", 2), cwd=here)
    assert local.returncode == 0, local.stdout
    batch = call(*workflow_words(there, "slurm", *QUICK), cwd=there)
    assert batch.returncode == 0, batch.stdout
    ours, theirs = files_of(here), files_of(there)
    assert set(ours) == set(theirs) and len(ours) > 60
    assert [name for name in ours if ours[name] != theirs[name]] == []
    # wrong input is submitted once; its message stands at the end, and what never ran is not called failed
    failed = (there / "results/failed.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in failed[1:]] == [[BROKEN, "deconvolve"]]
    assert "Trying to restart" not in batch.stdout
    last = batch.stdout[batch.stdout.rindex("failed      1") :]
    assert f"{BROKEN}: deconvolve: {BROKEN}: 0 usable wells" in last and len(last.splitlines()) < 10
    # the upgraded, the archived and the new plate, and the broken one; then the brews; the study's steps run here
    submitted = re.findall(r"has been submitted with SLURM jobid", batch.stdout)
    assert 5 <= len(submitted) <= 7, len(submitted)
