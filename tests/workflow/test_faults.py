"""What goes wrong on a workstation, provoked: nothing is lost, nothing half-written is taken for finished.

Faults of a cluster are in tests/slurm, crashes of the index in tests/api; docs/validation/reliability.md has the list.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
import yaml

from beadwork.io.matrix.formats import read_matrix, write_matrix

from .conftest import BIN, ROOT, run_command

pytestmark = pytest.mark.slow
PLATE = "SIM001_A375_24H_X1_B20"
ENV = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def fresh(study: Path, tmp_path: Path) -> Path:
    """Folder of a run of its own on the plates of the study."""
    settings = {"plates": str(study / "data/plates.tsv"), "data": str(study / "data"), "report": False}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path


def words(folder: Path, *more: object) -> list[str]:
    """Command line of the workflow in a folder."""
    return [str(word) for word in (BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder,
                                   "--configfile", folder / "config.yaml", "--cores", 2, *more)]  # fmt: skip


def gex(folder: Path, plate: str = PLATE) -> Path:
    return folder / "results" / plate / f"{plate}_GEX.gctx"


def start(folder: Path, *more: object) -> subprocess.Popen:
    """Start the workflow in a process group of its own."""
    return subprocess.Popen(
        words(folder, *more), cwd=folder, env=ENV, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def commands(folder: Path) -> list[int]:
    """Processes of `beadwork plate` that work for a run, by their working directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes()
            if b"\0plate\0" in line and b"python" in line and os.readlink(path / "cwd") == str(folder):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def wait_until(what, seconds: float = 90):
    """Return what a function gives once it gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain")


def no_half_written(folder: Path) -> None:
    """Every matrix under its own name is whole."""
    for path in (folder / "results").rglob("*.gctx"):
        if ".part" not in path.name:
            read_matrix(path)


def same_as_sound(folder: Path, finished: Path, least: int) -> None:
    """Nothing is lost: the matrices that were made, so many at least, are those of an undisturbed run."""
    made = [path for path in (folder / "results").rglob("*.gctx") if ".part" not in path.name]
    assert len(made) >= least
    for path in made:
        assert path.read_bytes() == (finished / path.relative_to(folder / "results")).read_bytes(), path


def test_nothing_happens(fresh: Path, finished: Path, recovery):
    """What one plate takes up to QNORM when nothing goes wrong, to compare with."""
    with recovery("(none: one plate up to QNORM)", ""):
        done = run_command(*words(fresh, f"results/{PLATE}/{PLATE}_QNORM.gctx"), cwd=fresh)
    assert done.returncode == 0, done.stdout
    same_as_sound(fresh, finished, 5)


def test_a_killed_job_fails_alone_and_the_next_run_makes_it(fresh: Path, finished: Path, recovery):
    run = start(fresh, "--keep-going", f"results/{PLATE}/{PLATE}_QNORM.gctx")
    os.kill(wait_until(lambda: commands(fresh))[0], signal.SIGKILL)
    said = run.communicate()[0]
    assert run.returncode == 1
    assert "Error in rule plate" in said
    assert not gex(fresh).exists()
    with recovery("a job is killed", "start again"):
        again = run_command(*words(fresh, f"results/{PLATE}/{PLATE}_QNORM.gctx"), cwd=fresh)
    assert again.returncode == 0, again.stdout
    same_as_sound(fresh, finished, 5)


def test_snakemake_killed_with_its_jobs_is_resumed_after_an_unlock(fresh: Path, finished: Path, recovery):
    target = f"results/{PLATE}/{PLATE}_QNORM.gctx"
    run = start(fresh, target)
    wait_until(lambda: commands(fresh))
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    for pid in commands(fresh):
        os.kill(pid, signal.SIGKILL)
    no_half_written(fresh)
    refused = run_command(*words(fresh, target), cwd=fresh)
    assert refused.returncode == 1
    assert "cannot be locked" in refused.stdout
    with recovery("Snakemake and its jobs are killed", "`--unlock`, start again"):
        assert run_command(*words(fresh, "--unlock"), cwd=fresh).returncode == 0
        again = run_command(*words(fresh, "--rerun-incomplete", target), cwd=fresh)
    assert again.returncode == 0, again.stdout
    same_as_sound(fresh, finished, 5)


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(fresh: Path, finished: Path, recovery):
    target = f"results/{PLATE}/{PLATE}_GEX.gctx"
    run = start(fresh, target)
    working = wait_until(lambda: commands(fresh))[0]
    os.kill(working, signal.SIGSTOP)  # else the first run may be through before the second has looked
    try:
        second = run_command(*words(fresh, target), cwd=fresh)
    finally:
        os.kill(working, signal.SIGCONT)
    assert second.returncode == 1
    assert "cannot be locked" in second.stdout
    with recovery("a second run is started in the same folder", "none: the first goes on"):
        said = run.communicate()[0]
    assert run.returncode == 0, said
    same_as_sound(fresh, finished, 3)


def test_a_corrupt_intermediate_is_reported_found_and_made_anew(finished: Path, fresh: Path, tmp_path: Path, recovery):
    results = fresh / "results"
    shutil.copytree(finished / PLATE, results / PLATE)
    path = results / PLATE / f"{PLATE}_QNORM.gctx"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    said = run_command(BIN / "beadwork", "infer", path, "-o", tmp_path / "INF.gctx")
    assert said.returncode == 2
    assert f"{path}: damaged GCTX file" in said.stdout
    assert len(said.stdout.splitlines()) == 1
    assert not (tmp_path / "INF.gctx").exists()
    assert "damaged: 1 file" in run_command(BIN / "beadwork", "status", results).stdout
    # a changed value leaves a file that reads well: only its checksum tells
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        file["0/DATA/0/matrix"][0, 0] += 1
    assert "damaged" not in run_command(BIN / "beadwork", "status", results).stdout
    checked = run_command(BIN / "beadwork", "status", results, "--verify")
    assert f"stale: 1 file: {PLATE} INF" in checked.stdout, checked.stdout
    assert "snakemake -R FILE" in checked.stdout
    name, damaged_at = f"results/{PLATE}/{PLATE}_QNORM.gctx", path.stat().st_mtime
    with recovery("an intermediate file is cut or changed", "`-R FILE`: it and what follows are made anew"):
        again = run_command(*words(fresh, f"results/{PLATE}/{PLATE}_ZSPC.gctx", "-R", name), cwd=fresh)
    assert again.returncode == 0, again.stdout
    for level in ("QNORM", "INF", "ZSPC"):
        assert (results / PLATE / f"{PLATE}_{level}.gctx").stat().st_mtime > damaged_at, again.stdout
    same_as_sound(fresh, finished, 8)
    assert "stale" not in run_command(BIN / "beadwork", "status", results, "--verify").stdout


def small_disk(folder: Path, size: str) -> None:
    """Mount a small disk, or skip."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip("no right to mount a small disk here")


@pytest.fixture
def full_disk(tmp_path: Path):
    folder = tmp_path / "disk"
    small_disk(folder, "200k")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_reported_in_one_line_and_leaves_nothing(full_disk: Path, finished: Path, study: Path):
    plate = finished / PLATE
    for call in (
        [
            "deconvolve",
            study / "data/lxb" / PLATE,
            "--map",
            study / f"data/maps/{PLATE}.map",
            "-o",
            full_disk / "G.gctx",
        ],
        ["zscore", plate / f"{PLATE}_INF.gctx", "-o", full_disk / "Z.gctx"],
        ["convert", plate / f"{PLATE}_INF.gctx", full_disk / "Z.gct"],
        ["convert", plate / f"{PLATE}_INF.gctx", full_disk / "Z.parquet"],
        ["index", "sync", full_disk / "index", finished / "signatures/SIM001_A375_24H_MODZ.gctx"],
        ["release", finished, "-o", full_disk / "release"],
    ):
        said = run_command(BIN / "beadwork", *call)
        lines = [line for line in said.stdout.splitlines() if "error" in line]
        assert said.returncode == 2, said.stdout
        assert len(lines) == 1
        assert str(full_disk) in lines[0]
        assert "Traceback" not in said.stdout
        assert [path for path in full_disk.rglob("*") if path.is_file()] == [], call


def test_a_disk_that_fills_up_under_a_run_costs_the_jobs_that_found_no_space(fresh: Path, finished: Path, recovery):
    small_disk(fresh / "results", "900k")  # room for the landmarks of a plate, not for all genes
    try:
        target = f"results/{PLATE}/{PLATE}_ZSPC.gctx"
        run = run_command(*words(fresh, target), cwd=fresh)
        assert run.returncode == 1
        assert "cannot be written (No space left on device)" in run.stdout
        assert "Traceback" not in run.stdout
        no_half_written(fresh)
        assert not list((fresh / "results").rglob("*_INF*"))
        with recovery("the disk is full", "make room, start again"):
            subprocess.run(["mount", "-o", "remount,size=100M", fresh / "results"], check=True)
            again = run_command(*words(fresh, target), cwd=fresh)
        assert again.returncode == 0, again.stdout
        same_as_sound(fresh, finished, 7)
    finally:
        subprocess.run(["umount", "-l", fresh / "results"], check=True)


def test_a_folder_that_may_not_be_written_is_reported_before_and_after(full_disk: Path, finished: Path, recovery):
    subprocess.run(["mount", "-o", "remount,ro", full_disk], check=True)
    call = ("zscore", finished / PLATE / f"{PLATE}_QNORM.gctx", "-o", full_disk / "Z.gctx")
    said = run_command(BIN / "beadwork", *call)
    assert said.returncode == 2
    assert "Z.gctx: cannot be written (Read-only file system); check the folder and the free space" in said.stdout
    with recovery("the output folder is read-only", "mend, start again (one command)"):
        subprocess.run(["mount", "-o", "remount,rw,size=100M", full_disk], check=True)
        again = run_command(BIN / "beadwork", *call)
    assert again.returncode == 0, again.stdout


def test_a_read_only_input_folder_serves_as_well(full_disk: Path, study: Path, finished: Path, tmp_path: Path):
    subprocess.run(["mount", "-o", "remount,size=100M", full_disk], check=True)
    shutil.copytree(study / "data/lxb" / PLATE, full_disk / PLATE)
    subprocess.run(["mount", "-o", "remount,ro", full_disk], check=True)
    made = run_command(BIN / "beadwork", "deconvolve", full_disk / PLATE, "--map", study / f"data/maps/{PLATE}.map",
                       "-o", tmp_path / "GEX.gctx")  # fmt: skip
    assert made.returncode == 0, made.stdout
    assert (read_matrix(tmp_path / "GEX.gctx").values == read_matrix(gex(finished.parent)).values).all()


def test_an_input_folder_that_vanished_is_reported_and_the_other_plates_go_on(
    fresh: Path, study: Path, finished: Path, recovery
):
    data = fresh / "data"
    shutil.copytree(study / "data", data)
    settings = yaml.safe_load((fresh / "config.yaml").read_text()) | {
        "data": str(data),
        "plates": str(data / "plates.tsv"),
    }
    (fresh / "config.yaml").write_text(yaml.safe_dump(settings))
    lost = data / "lxb" / PLATE
    for path in lost.iterdir():  # the folder is there when the run starts, its files are not
        path.unlink()
    other = "SIM001_A375_24H_X2_B20"
    targets = [f"results/{name}/{name}_GEX.gctx" for name in (PLATE, other)]
    run = run_command(*words(fresh, "--keep-going", *targets), cwd=fresh)
    assert run.returncode == 1
    assert "holds no .lxb or .lxb.gz files; give the folder or archive that has them" in run.stdout
    assert gex(fresh, other).read_bytes() == gex(finished.parent, other).read_bytes()
    assert not gex(fresh).exists()
    lost.rmdir()
    said = run_command(*words(fresh, *targets), cwd=fresh)
    assert f"line 2: lxb: there is no folder or archive {lost}" in said.stdout
    with recovery("an input folder vanished", "bring it back, start again"):
        shutil.copytree(study / "data/lxb" / PLATE, lost)
        again = run_command(*words(fresh, *targets), cwd=fresh)
    assert again.returncode == 0, again.stdout
    same_as_sound(fresh, finished, 6)


KILLED_BEFORE_ITS_MANIFEST = """
import os, signal, sys
from beadwork.cli import main

def hook(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("manifest.json"):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
main()
"""


def test_a_job_killed_while_it_adds_to_the_index_leaves_the_index_as_it_was(fresh: Path, finished: Path, recovery):
    shutil.copytree(finished / "signatures", fresh / "signatures")
    first, second = fresh / "signatures/SIM001_A375_24H_MODZ.gctx", fresh / "signatures/SIM002_A375_24H_MODZ.gctx"
    sync = [BIN / "beadwork", "index", "sync", fresh / "index"]
    assert run_command(*sync, first).returncode == 0
    manifest = (fresh / "index/manifest.json").read_bytes()
    other = read_matrix(first)
    cols = other.cols.set_axis(other.cids.str.replace("SIM001", "SIM002"), axis=0)
    write_matrix(replace(other, cols=cols), second)
    killed = [sys.executable, "-c", KILLED_BEFORE_ITS_MANIFEST, *sync[1:], first, second]
    assert run_command(*killed).returncode == -signal.SIGKILL
    assert len(list((fresh / "index/segments").iterdir())) == 2
    assert (fresh / "index/manifest.json").read_bytes() == manifest
    assert run_command(BIN / "beadwork", "index", "verify", fresh / "index").returncode == 0
    with recovery("a crash while signatures are added to the index", "start again"):
        again = run_command(*sync, first, second)
    assert again.returncode == 0, again.stdout
    said = run_command(BIN / "beadwork", "index", "info", fresh / "index").stdout
    assert f"{2 * len(other.cids)}" in said, said
    assert run_command(BIN / "beadwork", "index", "verify", fresh / "index").returncode == 0


def test_a_new_batch_computes_only_what_it_touches(finished: Path, study: Path, snakemake, tmp_path: Path):
    from .test_workflow import planned

    made = run_command(BIN / "beadwork", "simulate", "-o", tmp_path / "more", "--plates", 3, "--replicates", 3,
                       "--wells", 24, "--beads-mean", 30, "--seed", 3)  # fmt: skip
    assert made.returncode == 0, made.stdout
    third = "SIM001_A375_24H_X3_B20"
    sheet = (study / "data/plates.tsv").read_text().splitlines()[:1]
    sheet += [f"{third}\t{tmp_path}/more/lxb/{third}\t{tmp_path}/more/maps/{third}.map\tB20\tepsilon-r2\tA375\t"
              "SIM001_A375_24H\tsecond\tyes"]  # fmt: skip
    # a brew of its own, from beads that are there
    sheet += [f"SIM009_A375_24H_X1_B20\tlxb/{PLATE}\tmaps/{PLATE}.map\tB20\tepsilon-r2\tA375\t"
              "SIM009_A375_24H\tsecond\tyes"]  # fmt: skip
    (study / "second.tsv").write_text("\n".join(sheet) + "\n")
    jobs = planned(snakemake("-n", "--config", "plates=[data/plates.tsv, second.tsv]").stdout)
    assert jobs["plate"] == 2
    assert jobs["consensus"] == 2  # the brew that has a third replicate now, and the new one
    assert jobs["index"] == jobs["check_plates"] == jobs["status"] == 1
    status = run_command(BIN / "beadwork", "status", finished, "--plates", study / "data/plates.tsv",
                         "--plates", study / "second.tsv")  # fmt: skip
    assert "batch second: 2 plates (2 missing)" in status.stdout
    assert "batch simulated: 2 plates (2 done)" in status.stdout


def test_a_plate_that_is_retired_is_visible_and_leaves_the_signatures(finished: Path, study: Path, snakemake):
    sheet = (study / "data/plates.tsv").read_text().replace("\tyes\n", "\tno\n", 1)
    (study / "retired.tsv").write_text(sheet)
    status = run_command(BIN / "beadwork", "status", finished, "--plates", study / "retired.tsv")
    assert f"retired: 7 files: {PLATE} GEX" in status.stdout
    assert "2 plates (1 retired, 1 done)" in status.stdout or "2 plates (1 done, 1 retired)" in status.stdout
