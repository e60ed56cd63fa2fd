"""Done is done: purged and archived beads, labels, upgrades; a failing run leaves what was there."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from beadwork.io.matrix.formats import read_matrix

from .aged import ARCHIVED, BROKEN, FIRST, NEW, PURGED, SOUND, UPGRADED, age, configure, files_of
from .conftest import BIN, ROOT, run_command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def snakemake(folder: Path, *words: object, target: str = ""):
    files = ["--", target] if target else []
    return run_command(BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder, "--cores", 2,
                       "--configfile", folder / "config.yaml", *words, *files, cwd=folder)  # fmt: skip


def plates_planned(output: str) -> set[str]:
    return set(re.findall(r"^Job \d+: (\S+): from its beads to z-scores", output, re.MULTILINE))


@pytest.fixture(scope="module")
def young(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Study of four plates that was run, with the beads of two more."""
    folder = tmp_path_factory.mktemp("young")
    made = run_command(BIN / "beadwork", "simulate", "-o", folder / "data", "--plates", 6, "--replicates", 2,
                       "--wells", 24, "--beads-mean", 25, "--seed", 8)  # fmt: skip
    assert made.returncode == 0, made.stdout
    configure(folder, FIRST)
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def study(young: Path, tmp_path: Path) -> Path:
    """A copy of it to be changed."""
    shutil.copytree(young, tmp_path / "study")
    return tmp_path / "study"


def test_purged_and_archived_beads_are_needed_no_more(study: Path):
    before = files_of(study)
    for file in (study / "data/lxb" / PURGED).iterdir():
        file.unlink()
    assert "Nothing to be done" in snakemake(study, "-n").stdout  # the folder is there, newer than what was made
    shutil.rmtree(study / "data/lxb" / PURGED)
    plan = snakemake(study, "-n")
    assert "Nothing to be done" in plan.stdout, plan.stdout
    assert "1 plate whose beads are archived or not there: 1 stays as it is, 0 go on from level 2" in plan.stdout
    apart = snakemake(study, "-n", "--config", "stages=separate")
    assert apart.returncode == 0 and f"{SOUND}: calling the peaks" in apart.stdout, apart.stdout
    assert f"{PURGED}: calling the peaks" not in apart.stdout
    # beads that were never processed are still missed, in one line, before any job
    shutil.rmtree(study / "data/lxb" / NEW)
    configure(study, (*FIRST, NEW))
    refused = snakemake(study, "-n")
    assert refused.returncode == 1
    assert f"plates.tsv: line 6: lxb: there is no folder or archive data/lxb/{NEW}" in refused.stdout
    # a later step is made from level 2, deconvolution stays what it was, and is said to
    configure(study, FIRST, zscore={"min_mad": 0.2}, deconvolve={"prior_passes": 2})
    kept = snakemake(study, "-n")
    assert f"{PURGED}: its beads are archived, and it stays as it is: prior_passes was 3" in kept.stdout
    assert PURGED not in plates_planned(kept.stdout)
    configure(study, FIRST, zscore={"min_mad": 0.2})
    done = snakemake(study, target=f"results/{PURGED}/{PURGED}_ZSPC.gctx")
    assert done.returncode == 0, done.stdout
    after = files_of(study)
    changed = {Path(name).name.removeprefix(f"{PURGED}_") for name in after if after[name] != before.get(name)}
    assert {"ZSPC.gctx", "ZSVC.gctx", "plate.json"} <= changed
    assert changed <= {"ZSPC.gctx", "ZSVC.gctx", "plate.json", "zscore.tsv", "zscore_vehicle.tsv"}
    # beads that the sheet calls archived, and level 2 is needed
    sheet = configure(study, FIRST)
    sheet["archived"] = ["yes" if plate == SOUND else "no" for plate in sheet["det_plate"]]
    sheet.to_csv(study / "plates.tsv", sep="\t", index=False)
    (study / "results" / SOUND / f"{SOUND}_GEX.gctx").unlink()
    told = snakemake(study, "-n").stdout
    assert f"1 plate of them is made of beads, which are there: level 2 is not ({SOUND})" in told, told


def test_a_failing_run_leaves_what_was_there(study: Path):
    before = files_of(study)
    for file in (study / "data/lxb" / SOUND).iterdir():
        file.write_bytes(b"overwritten")
    told = run_command(BIN / "beadwork", "status", study / "results", "--plates", study / "plates.tsv", "--verify",
                       "--raw", "--data", study / "data")  # fmt: skip
    assert f"raw beads changed: {SOUND}: 24 of 24 wells" in told.stdout, told.stdout
    assert "raw beads: 3 plates as recorded" in told.stdout
    for rule, *more in (("plate",), ("deconvolve", "--config", "stages=separate")):
        failed = snakemake(study, "-R", rule, *more, target=f"results/{SOUND}/{SOUND}_ZSPC.gctx")
        assert failed.returncode == 1
        assert "0 usable wells" in failed.stdout
        after = files_of(study)
        assert all(after.get(name) == before[name] for name in before if SOUND in name)


def test_a_label_is_joined_without_deconvolution(study: Path):
    sheet = configure(study, FIRST)
    sheet["batch"] = "later"
    sheet.to_csv(study / "plates.tsv", sep="\t", index=False)
    plan = snakemake(study, "-n")
    assert plates_planned(plan.stdout) == set(FIRST)
    done = snakemake(study, target=f"results/{SOUND}/{SOUND}_ZSPC.gctx")
    assert done.returncode == 0, done.stdout
    log = (study / "results/logs/plate" / f"{SOUND}.log").read_text()
    assert "labels or map have changed; level 2 is not computed again" in log
    assert set(read_matrix(study / "results" / SOUND / f"{SOUND}_ZSPC.gctx").cols["batch"]) == {"later"}


def test_what_an_upgrade_mixes_is_said_refused_or_made_anew(study: Path, tmp_path: Path):
    later = tmp_path / "later"  # a version of which level 2 has other bytes
    later.mkdir()
    for name in ("Snakefile", "workflow", "src", "config", "envs", "profiles"):
        run_command("cp", "-r", ROOT / name, later / name)
    numbers = later / "src/beadwork/model/plates/compatibility.py"
    numbers.write_text(numbers.read_text().replace('"deconvolve": 1', '"deconvolve": 2'))

    def plan(**settings: object):
        configure(study, (*FIRST, NEW), **settings)
        return run_command(BIN / "snakemake", "-n", "--snakefile", later / "Snakefile", "--directory", study,
                           "--configfile", study / "config.yaml", "--cores", 1, cwd=study)  # fmt: skip

    told = "4 plates were made by a version whose bytes differ"
    kept = plan()
    assert told in kept.stdout and "would stand beside 1 new one" in kept.stdout
    assert plates_planned(kept.stdout) == {NEW}
    refused = plan(on_upgrade="refuse")
    assert refused.returncode == 1 and told in refused.stdout and "rerun makes them anew" in refused.stdout
    again = plan(on_upgrade="rerun")
    assert plates_planned(again.stdout) == {NEW, *FIRST}
    assert "deconvolve 2, normalize 1" in again.stdout  # the reason


def test_an_aged_study_of_six_plates_is_made_with_what_there_is(study: Path):
    before = files_of(study)
    age(study)
    done = snakemake(study)
    assert done.returncode == 0, done.stdout
    after = files_of(study)
    assert all(after[name] == before[name] for name in before if PURGED in name and "signatures" not in name)
    assert f"  {BROKEN}: deconvolve: {BROKEN}: 0 usable wells" in done.stdout
    numbers = json.loads(after[f"{UPGRADED}/qc/plate.json"])["made_with"]
    assert numbers.startswith("deconvolve 1")
    assert after[f"{UPGRADED}/{UPGRADED}_GEX.gctx"] == before[f"{UPGRADED}/{UPGRADED}_GEX.gctx"]
    assert set(read_matrix(study / "results" / ARCHIVED / f"{ARCHIVED}_ZSPC.gctx").cols["batch"]) == {"relabelled"}
    assert "signatures/SIM002_A375_24H_MODZ.gctx" in after and not any(BROKEN in name for name in after)
    status = run_command(BIN / "beadwork", "status", study / "results", "--plates", study / "plates.tsv").stdout
    assert f"failed: {BROKEN}: deconvolve" in status


def test_beads_come_from_a_storage(young: Path, tmp_path: Path):
    pytest.importorskip("snakemake_storage_plugin_fs", reason="needs Snakemake's storage plugin fs (and rsync)")
    if shutil.which("rsync") is None:
        pytest.skip("the storage plugin fs needs rsync")
    shutil.make_archive(str(tmp_path / "store" / NEW), "tar", young / "data/lxb" / NEW)
    sheet = pd.read_csv(young / "data/plates.tsv", sep="\t", dtype=str).set_index("det_plate").loc[[NEW]]
    sheet["lxb"], sheet["map"] = f"fs://{tmp_path}/store/{NEW}.tar", f"{young}/data/" + sheet["map"]
    sheet.to_csv(tmp_path / "plates.tsv", sep="\t")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"plates": "plates.tsv", "report": False}))
    done = snakemake(tmp_path, target=f"results/{NEW}/{NEW}_ZSPC.gctx")
    assert done.returncode == 0, done.stdout
    assert "Retrieving from storage" in done.stdout
    assert set(read_matrix(tmp_path / "results" / NEW / f"{NEW}_GEX.gctx").cols["det_plate"]) == {NEW}
