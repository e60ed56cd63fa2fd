"""A study completes with what there is: what fails is said, the rest goes on."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from .conftest import BIN, ROOT, run_command

pytestmark = pytest.mark.slow
BROKEN, SOUND = "SIM001_A375_24H_X1_B20", "SIM001_A375_24H_X2_B20"
QUERIES = [{"name": "works", "up": "up.grp"}, {"name": "breaks", "up": "none.grp"}]


@pytest.fixture(scope="module")
def folder(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose first plate has no sound bead file, and one query without genes."""
    folder = tmp_path_factory.mktemp("failures")
    shutil.copytree(study / "data", folder / "data")
    for file in (folder / "data" / "lxb" / BROKEN).iterdir():
        file.write_bytes(b"not beads")
    (folder / "up.grp").write_text("CDK1\nCCNB1\nTOP2A\n")
    (folder / "none.grp").write_text("NO_GENE_OF_THAT_NAME\n")
    settings = {"plates": "data/plates.tsv", "data": "data", "report": False, "queries": QUERIES}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


def snakemake(folder: Path, *words: object):
    return run_command(BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder, "--cores", 2,
                       "--configfile", folder / "config.yaml", *words, cwd=folder)  # fmt: skip


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    """Output of the run."""
    done = snakemake(folder, "--retries", 2)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_study_is_made_of_the_rest(folder: Path, said: str):
    results = folder / "results"
    assert not list(results.glob(f"{BROKEN}/*.gctx"))
    wells = pd.read_csv(results / "qc.tsv", sep="\t")["entity"].str.split(":").str[0]
    assert SOUND in set(wells) and BROKEN not in set(wells)
    assert len(pd.read_csv(results / "siginfo.tsv", sep="\t"))
    assert (results / "index/manifest.json").is_file()
    assert list(pd.read_csv(results / "plate_check.tsv", sep="\t")["det_plate"]) == [SOUND]
    assert (results / "queries/works").is_dir() and not (results / "queries/breaks").exists()


def test_failures_are_recorded_and_said_last(folder: Path, said: str):
    rows = pd.read_csv(folder / "results/failed.tsv", sep="\t", dtype=str).fillna("").set_index("stage")
    assert list(rows.reset_index().columns) == ["stage", "plate", "message", "log", "attempt"]
    assert set(rows.index) == {"deconvolve", "query"}
    assert rows.loc["deconvolve", "plate"] == BROKEN
    assert rows.loc["deconvolve", "message"].startswith(f"{BROKEN}: 0 usable wells, but at least 10")
    assert rows.loc["deconvolve", "log"] == f"results/logs/plate/{BROKEN}.log"
    assert set(rows["attempt"]) == {"1"}  # wrong input is not tried again
    assert "Trying to restart" not in said
    last = said[said.rindex("failed      2") :]
    assert f"  {BROKEN}: deconvolve: {BROKEN}: 0 usable wells" in last
    assert "how to go on: the study was made of the others" in last
    assert len(last.splitlines()) < 12


def test_lines_of_failures_are_few(said: str):
    assert "no backup found" not in said


def test_status_says_why(folder: Path, said: str):
    told = run_command(BIN / "beadwork", "status", folder / "results", "--plates", folder / "data/plates.tsv").stdout
    assert "2 plates (1 failed, 1 done)" in told or "2 plates (1 done, 1 failed)" in told
    assert f"failed: {BROKEN}: deconvolve: {BROKEN}: 0 usable wells" in told


def test_strict_waits_for_all_plates(folder: Path, said: str):
    ended = snakemake(folder, "--config", "strict=true", "results=strict")
    assert ended.returncode == 1
    assert not (folder / "strict/index").exists() and not (folder / "strict/qc.tsv").exists()
    assert (folder / "strict" / SOUND / f"{SOUND}_ZSPC.gctx").is_file()
    assert "how to go on: the study waits for them" in ended.stdout


def test_once_it_is_put_right_only_that_is_made(folder: Path, study: Path, said: str, finished: Path):
    made = (folder / "results" / SOUND / f"{SOUND}_ZSPC.gctx").stat().st_mtime_ns
    shutil.rmtree(folder / "data/lxb" / BROKEN)
    shutil.copytree(study / "data/lxb" / BROKEN, folder / "data/lxb" / BROKEN)
    settings = yaml.safe_load((folder / "config.yaml").read_text()) | {"queries": QUERIES[:1]}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout[-2000:]
    assert not (folder / "results/failed.tsv").exists()
    for path in ("siginfo.tsv", "qc.tsv", f"signatures/{BROKEN[:15]}_MODZ.gctx"):
        assert (folder / "results" / path).read_bytes() == (finished / path).read_bytes()
    assert (folder / "results" / SOUND / f"{SOUND}_ZSPC.gctx").stat().st_mtime_ns == made


def test_a_copy_that_a_killed_run_left_is_in_nobodys_way(folder: Path):
    """Snakemake copies what a job is to replace; after a power cut the copy of an earlier run is still there."""
    left = folder / ".snakemake/backups/results/queries/works"
    left.mkdir(parents=True)
    (left / "old.tsv").write_text("old")
    done = snakemake(folder, "-R", "query", "--", "results/queries/works")
    assert done.returncode == 0, done.stdout
    assert not left.exists() and not (folder / "results/queries/works/old.tsv").exists()
    assert (folder / "results/queries/works/queries.tsv").is_file()


def test_nothing_is_left_to_make_a_study_of(folder: Path):
    for file in (folder / "data/lxb" / SOUND).iterdir():
        file.unlink()
    sheet = pd.read_csv(folder / "data/plates.tsv", sep="\t", dtype=str)
    sheet[sheet["det_plate"] == SOUND].to_csv(folder / "alone.tsv", sep="\t", index=False)
    ended = snakemake(folder, "--config", "plates=alone.tsv", "results=alone")
    assert ended.returncode == 1
    assert f"1 plate needs beads that are not there, and will fail: {SOUND}" in ended.stdout
    assert "how to go on: there are no others to make the study of" in ended.stdout


def test_mistakes_of_maps_are_said_all_at_once(folder: Path, tmp_path: Path):
    sheet = pd.read_csv(folder / "data/plates.tsv", sep="\t", dtype=str)
    for column, plate in (("pert_type", BROKEN), ("pert_id", SOUND)):
        table = pd.read_csv(folder / "data/maps" / f"{plate}.map", sep="\t", dtype=str)
        table.drop(columns=column).to_csv(tmp_path / f"{plate}.map", sep="\t", index=False)
        sheet.loc[sheet["det_plate"] == plate, "map"] = str(tmp_path / f"{plate}.map")
    sheet.to_csv(tmp_path / "plates.tsv", sep="\t", index=False)
    refused = snakemake(folder, "-n", "--config", f"plates={tmp_path / 'plates.tsv'}")
    assert refused.returncode == 1
    for column, plate in (("pert_type", BROKEN), ("pert_id", SOUND)):
        assert f"{plate}.map: lacks the column(s) {column}" in refused.stdout
        assert f"or say use: no of {plate} in the plate sheet" in refused.stdout


def test_a_plate_that_is_not_used_any_more_has_not_failed(folder: Path):
    """Two broken plates leave their brew without any; then one is put right and one is retired."""
    results = folder / "results"
    row = f"{BROKEN}\tdeconvolve\t0 usable wells\tlog\t1\n"
    (results / "failed.tsv").write_text("plate\tstage\tmessage\tlog\tattempt\n" + row)
    sheet = pd.read_csv(folder / "data/plates.tsv", sep="\t", dtype=str)
    sheet["use"] = ["no" if plate == BROKEN else "yes" for plate in sheet["det_plate"]]
    sheet.to_csv(folder / "unused.tsv", sep="\t", index=False)
    told = run_command(BIN / "beadwork", "status", results, "--plates", folder / "unused.tsv").stdout
    assert "failed" not in told
    assert f"failed: {BROKEN}" in run_command(BIN / "beadwork", "status", results).stdout  # nothing says it is retired
    # a run that has nothing to do ends the list; a plan does not
    assert "Nothing to be done" in snakemake(folder, "-n").stdout and (results / "failed.tsv").is_file()
    assert "Nothing to be done" in snakemake(folder).stdout and not (results / "failed.tsv").exists()
