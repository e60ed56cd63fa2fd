"""Maps, models, tables and beads count by content, not by date; compatibility numbers of later steps are compared."""

import os
import re
import shutil
from pathlib import Path

import h5py
import pandas as pd
import pytest
import yaml

from .conftest import BIN, ROOT, run_command

pytestmark = pytest.mark.slow
FIRST, SECOND = "SIM001_A375_24H_X1_B20", "SIM001_A375_24H_X2_B20"
PLATE, LATER = "from its beads to z-scores", ("without the noise", "signatures from replicate", "signatures of cleaned")


def snakemake(folder: Path, *words: object, root: Path = ROOT):
    return run_command(BIN / "snakemake", "--snakefile", root / "Snakefile", "--directory", folder, "--cores", 2,
                       "--configfile", folder / "config.yaml", *words, cwd=folder)  # fmt: skip


def planned(folder: Path, *words: object, root: Path = ROOT) -> list[str]:
    """What a plan would do, by the messages of its jobs."""
    plan = snakemake(folder, "-n", *words, root=root)
    assert plan.returncode == 0, plan.stdout
    return re.findall(r"^Job \d+: (.*)$", plan.stdout, re.MULTILINE)


def configure(folder: Path, **settings: object) -> None:
    known = {
        "plates": "plates.tsv",
        "data": ".",
        "report": False,
        "noise": "own/noise.h5",
        "infer": {"model": "own/model.h5"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(known | settings))


@pytest.fixture(scope="module")
def young(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Study of two plates, one of them an archive, with models of its own; it was run."""
    folder = tmp_path_factory.mktemp("content")
    made = run_command(BIN / "beadwork", "simulate", "-o", folder, "--plates", 2, "--replicates", 2, "--wells", 24,
                       "--beads-mean", 25, "--seed", 8)  # fmt: skip
    assert made.returncode == 0, made.stdout
    shutil.make_archive(str(folder / "lxb" / SECOND), "tar", folder / "lxb" / SECOND)
    shutil.rmtree(folder / "lxb" / SECOND)
    sheet = pd.read_csv(folder / "plates.tsv", sep="\t", dtype=str)
    sheet.loc[sheet["det_plate"] == SECOND, "lxb"] += ".tar"
    sheet.to_csv(folder / "plates.tsv", sep="\t", index=False)
    (folder / "own").mkdir()
    shutil.copy(ROOT / "resources/inference_default.h5", folder / "own/model.h5")
    shutil.copy(ROOT / "resources/noise_default.h5", folder / "own/noise.h5")
    configure(folder)
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def study(young: Path, tmp_path: Path) -> Path:
    """A copy of it, with its dates."""
    shutil.copytree(young, tmp_path / "study")
    return tmp_path / "study"


def change(path: Path) -> None:
    """Give a file other content and an older date, as `cp -p` and `rsync -a` do."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            file.attrs["note"] = "other"
    else:
        path.write_text(path.read_text().replace("CMAP-001", "CMAP-0X1"))
    os.utime(path, (1e9, 1e9))


def test_a_new_date_alone_is_no_reason(study: Path):
    for path in (*study.glob("maps/*"), *study.glob("own/*"), *study.glob("lxb/*"), *study.glob("lxb/*/*")):
        path.touch()
    assert planned(study) == []
    assert planned(study) == []  # what was read is noted


def test_beads_with_a_new_date_and_other_content_are_a_reason(study: Path):
    shutil.unpack_archive(study / "lxb" / f"{SECOND}.tar", study / "unpacked")
    next((study / "unpacked").rglob("*B0*.lxb")).unlink()
    shutil.make_archive(str(study / "lxb" / SECOND), "tar", study / "unpacked")
    jobs = planned(study)
    assert [job for job in jobs if PLATE in job] == [f"{SECOND}: {PLATE} (levels 2 to 4)"]


def test_other_content_is_a_reason_once_and_for_what_depends_on_it(study: Path):
    change(study / f"maps/{FIRST}.map")
    assert [job.partition(":")[0] for job in planned(study) if PLATE in job] == [FIRST]
    assert "other content: map" in snakemake(study, "-n").stdout
    assert snakemake(study).returncode == 0
    log = (study / "results/logs/plate" / f"{FIRST}.log").read_text()
    assert "labels or map have changed; level 2 is not computed again" in log
    assert planned(study) == []
    # the noise model concerns cleaned plates and their signatures, no other
    change(study / "own/noise.h5")
    jobs = planned(study)
    assert not [job for job in jobs if PLATE in job or LATER[1] in job]
    assert len([job for job in jobs if LATER[0] in job]) == 2 and len([job for job in jobs if LATER[2] in job]) == 1
    before = (study / "results/index/manifest.json").read_bytes()
    assert snakemake(study).returncode == 0
    assert planned(study) == [] and (study / "results/index/manifest.json").read_bytes() == before
    # the inference model concerns all plates, but neither their beads nor level 2
    change(study / "own/model.h5")
    assert len([job for job in planned(study) if PLATE in job]) == 2
    assert snakemake(study, "--until", "plate").returncode == 0
    log = (study / "results/logs/plate" / f"{FIRST}.log").read_text()
    assert "normalize is there and whole" in log and "infer is there and whole" not in log


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workflow whose tables and numbers can be changed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("Snakefile", "workflow", "src", "config", "envs", "profiles", "resources"):
        run_command("cp", "-r", ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize(
    ("tables", "plates", "later"),
    [
        (["beadset_epsilon-r2.tsv"], 2, (2, 1, 1)),
        (["liss_reference_epsilon.tsv"], 2, (2, 1, 1)),
        # all at once: the study has models of its own, and after a comment no plate has another batch
        (
            ["beadset_epsilon-r1.tsv", "inference_default.h5", "noise_default.h5", "bead_batches.tsv", "README.md"],
            0,
            (0, 0, 0),
        ),
    ],
    ids=["beadset_epsilon-r2", "liss_reference", "what is not used"],
)
def test_an_edited_table_is_a_reason_for_what_uses_it(study, checkout, tables, plates, later):
    paths = [checkout / "resources" / table for table in tables]
    sound = [path.read_bytes() for path in paths]
    try:
        for path in paths:
            with open(path, "ab") as file:
                file.write(b"# edited\n")
        jobs = planned(study, root=checkout)
    finally:
        for path, content in zip(paths, sound, strict=True):
            path.write_bytes(content)
    assert len([job for job in jobs if PLATE in job]) == plates
    assert tuple(len([job for job in jobs if words in job]) for words in LATER) == later


DIFFER = "made by a version whose bytes differ"


@pytest.mark.parametrize(
    ("step", "words", "anew"),
    [
        ("denoise", f"2 cleaned plates were {DIFFER} ({FIRST}: denoise 1; now: denoise 2)", LATER[0]),
        ("consensus", f"1 brew was {DIFFER} (SIM001_A375_24H: consensus 1; now: consensus 2)", LATER[1]),
        ("index", f"1 index was {DIFFER} (index: index 1; now: index 2)", "connectivity index"),
        ("check-plates", "", "Do the plates hold"),
        ("collect", "", "One table of all QC rows"),
    ],
)
def test_numbers_of_later_steps_are_compared(study, checkout, step, words, anew):
    numbers = checkout / "src/beadwork/model/plates/compatibility.py"
    sound = numbers.read_text()
    try:
        numbers.write_text(sound.replace(f'"{step}": 1', f'"{step}": 2'))
        kept = snakemake(study, "-n", root=checkout)
        assert kept.returncode == 0 and words in kept.stdout
        assert (anew in kept.stdout) == (not words)  # tables of the whole study cannot mix: they are made anew
        configure(study, on_upgrade="rerun")
        again = snakemake(study, "-n", root=checkout)
        assert again.returncode == 0 and anew in again.stdout and not re.search(PLATE, again.stdout)
        # a new plate would stand beside what is there
        configure(study, on_upgrade="refuse")
        assert snakemake(study, "-n", root=checkout).returncode == 0
        sheet = pd.read_csv(study / "plates.tsv", sep="\t", dtype=str)
        new = sheet.iloc[[0]].assign(det_plate="NEW001_A375_24H_X1_B20", brew_prefix="NEW001_A375_24H")
        pd.concat([sheet, new]).to_csv(study / "plates.tsv", sep="\t", index=False)
        refused = snakemake(study, "-n", root=checkout)
        assert refused.returncode == (1 if words else 0)
        assert not words or "would stand beside 1 new one; on_upgrade: rerun makes them anew" in refused.stdout
    finally:
        numbers.write_text(sound)
