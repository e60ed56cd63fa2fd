"""A study of six plates, one broken, purged, archived, upgraded, or new: made with what there is, here and on Slurm."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.workflow.aged import ARCHIVED, BROKEN, FIRST, PURGED, UPGRADED, age, configure, files_of

from beadwork.io.matrix.formats import read_matrix

from .conftest import BIN, QUICK, call, workflow_words

pytestmark = pytest.mark.slow


@dataclass
class Aged:
    """The study made here, what it said, its files of before, and a copy that is yet to be run."""

    folder: Path
    said: str
    before: dict[str, bytes]
    copy: Path


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Aged:
    root = tmp_path_factory.mktemp("aged")
    here, there = root / "here", root / "there"
    made = call(BIN / "beadwork", "simulate", "-o", here / "data", "--plates", 6, "--replicates", 2, "--wells", 24,
                "--beads-mean", 25, "--seed", 8)  # fmt: skip
    assert made.returncode == 0, made.stdout
    configure(here, FIRST)
    first = call(*workflow_words(here, "default", "--cores", 2), cwd=here)
    assert first.returncode == 0, first.stdout
    before = files_of(here)
    age(here)
    shutil.copytree(here, there)
    done = call(*workflow_words(here, "default", "--cores", 2), cwd=here)
    assert done.returncode == 0, done.stdout
    return Aged(here, done.stdout, before, there)


def test_an_aged_study_of_six_plates_is_made_with_what_there_is(aged: Aged):
    before, after = aged.before, files_of(aged.folder)
    assert all(after[name] == before[name] for name in before if PURGED in name and "signatures" not in name)
    assert f"  {BROKEN}: deconvolve: {BROKEN}: 0 usable wells" in aged.said
    numbers = json.loads(after[f"{UPGRADED}/qc/plate.json"])["made_with"]
    assert numbers.startswith("deconvolve 1")
    assert after[f"{UPGRADED}/{UPGRADED}_GEX.gctx"] == before[f"{UPGRADED}/{UPGRADED}_GEX.gctx"]
    results = aged.folder / "results"
    assert set(read_matrix(results / ARCHIVED / f"{ARCHIVED}_ZSPC.gctx").cols["batch"]) == {"relabelled"}
    assert "signatures/SIM002_A375_24H_MODZ.gctx" in after and not any(BROKEN in name for name in after)
    status = call(BIN / "beadwork", "status", results, "--plates", aged.folder / "plates.tsv").stdout
    assert f"failed: {BROKEN}: deconvolve" in status


def test_an_aged_study_has_the_same_bytes_on_slurm_and_here(slurm: Path, aged: Aged):
    batch = call(*workflow_words(aged.copy, "slurm", *QUICK), cwd=aged.copy)
    assert batch.returncode == 0, batch.stdout
    ours, theirs = files_of(aged.folder), files_of(aged.copy)
    assert set(ours) == set(theirs) and len(ours) > 60
    assert [name for name in ours if ours[name] != theirs[name]] == []
    # wrong input is submitted once; its message stands at the end, and what never ran is not called failed
    failed = (aged.copy / "results/failed.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in failed[1:]] == [[BROKEN, "deconvolve"]]
    assert "Trying to restart" not in batch.stdout
    last = batch.stdout[batch.stdout.rindex("failed      1") :]
    assert f"{BROKEN}: deconvolve: {BROKEN}: 0 usable wells" in last and len(last.splitlines()) < 10
    # the upgraded, the archived and the new plate, and the broken one; then the brews; the study's steps run here
    submitted = re.findall(r"has been submitted with SLURM jobid", batch.stdout)
    assert 5 <= len(submitted) <= 7, len(submitted)
