"""The workflow on a real Slurm of two nodes: the same bytes as a local run, also after what goes wrong on clusters.

Skipped with the reason where Debian's slurm-wlm and munge are not installed, or without root.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from .conftest import BIN, ENV, PLATES, QUICK, ROOT, SLURM, call, workflow_words, write_config

pytestmark = pytest.mark.slow
FAULTS = pytest.mark.skipif(
    not os.environ.get("BEADWORK_SLURM_FAULTS"),
    reason="faults on Slurm take minutes: BEADWORK_SLURM_FAULTS=1 runs them",
)
GEX = [f"results/{plate}/{plate}_GEX.gctx" for plate in PLATES]


def start(folder: Path, *words: object) -> subprocess.Popen:
    """Start the workflow through the Slurm profile; its output goes to run.log."""
    with open(folder / "run.log", "w") as log:
        return subprocess.Popen(workflow_words(folder, "slurm", *QUICK, *words), cwd=folder, env=ENV,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)  # fmt: skip


def running() -> list[tuple[str, str]]:
    """Jobs that run now: id and node."""
    found = call("squeue", "-h", "-t", "R", "-o", "%i %N").stdout
    return [(line.split()[0], line.split()[1]) for line in found.splitlines() if len(line.split()) == 2]


def control_log(slurm: Path) -> str:
    """Lines of the controller's log about nodes and jobs that were lost."""
    lines = (slurm / "slurmctld.log").read_text().splitlines()
    return "\n".join(line for line in lines if re.search("requeue|not responding|DOWN|failure", line, re.IGNORECASE))


def wait_until(what, seconds: float = 120) -> object:
    """Return what a function gives once it gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s in vain")


def finish(process: subprocess.Popen, folder: Path, seconds: float = 420) -> str:
    """Wait for a run, which must succeed; returns its output."""
    code = process.wait(seconds)
    text = (folder / "run.log").read_text()
    assert code == 0, text
    return text


@pytest.fixture(autouse=True)
def quiet_cluster(slurm: Path):
    """Leave no job and no dead node to the next test."""
    yield
    call("scancel", "--user=root")
    for node in ("n1", "n2"):
        call(SLURM, "node", slurm, node, "up")
        call("scontrol", "update", f"nodename={node}", "state=resume")


@pytest.fixture(scope="module")
def through_slurm(slurm: Path, study: Path, tmp_path_factory: pytest.TempPathFactory, recovery) -> Path:
    """Folder of a run of the whole study."""
    folder = write_config(study, tmp_path_factory.mktemp("through"))
    with recovery("(none: four plates of 24 wells through Slurm, 6 jobs)", ""):
        finish(start(folder), folder)
    return folder


def test_a_study_through_the_profile_gives_the_bytes_of_a_local_run(through_slurm: Path, same_bytes):
    assert same_bytes(through_slurm / "results") > 40
    submitted = re.findall(r"has been submitted with SLURM jobid", (through_slurm / "run.log").read_text())
    # four plates and two brews, one job each; the steps of the study run here
    assert len(submitted) == 6


def test_steps_of_a_large_study_are_jobs(through_slurm: Path, same_bytes, tmp_path: Path):
    """They are made anew, as by a first run; plates and brews are there."""
    folder = shutil.copytree(through_slurm, tmp_path / "large")
    settings = yaml.safe_load((folder / "config.yaml").read_text()) | {"local_study": 3}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    for name in ("index", "queries"):
        shutil.rmtree(folder / "results" / name)
    for name in ("plate_check.tsv", "status.tsv", "report/changes.html"):
        (folder / "results" / name).unlink()
    done = call(*workflow_words(folder, "slurm", *QUICK), cwd=folder)
    assert done.returncode == 0, done.stdout
    assert same_bytes(folder / "results") > 40
    assert len(re.findall(r"has been submitted with SLURM jobid", done.stdout)) == 3


def test_plates_go_as_an_array(run_folder: Path, same_bytes):
    done = call(*workflow_words(run_folder, "slurm", *QUICK, "--slurm-array-jobs", "plate", "--", *GEX[:2]),
                cwd=run_folder)  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert same_bytes(run_folder / "results", whole=False) >= 8
    assert re.search(r"[Aa]rray job", done.stdout), done.stdout


def test_several_plates_go_in_one_job_whatever_the_rule_is_called(run_folder: Path, same_bytes):
    settings = yaml.safe_load((run_folder / "config.yaml").read_text()) | {"group_plates": True}
    (run_folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (run_folder / "Snakefile").write_text(
        f'configfile: "config.yaml"\nmodule beadwork:\n    snakefile: "{ROOT}/workflow/Snakefile"\n'
        "    config: config\nuse rule * from beadwork as l1000_*\n"
    )
    words = [BIN / "snakemake", "--directory", run_folder, "--workflow-profile", ROOT / "profiles/slurm", *QUICK]
    done = call(*words, "--snakefile", run_folder / "Snakefile", "--", *GEX[:2], cwd=run_folder)
    assert done.returncode == 0, done.stdout
    assert same_bytes(run_folder / "results", whole=False) >= 8
    assert len(re.findall(r"has been submitted with SLURM jobid", done.stdout)) == 1


@FAULTS
def test_one_plate_undisturbed(run_folder: Path, same_bytes, recovery):
    with recovery("(none: GEX of one plate through Slurm)", ""):
        finish(start(run_folder, GEX[0]), run_folder)
    assert same_bytes(run_folder / "results", whole=False) >= 4


@FAULTS
def test_a_job_that_runs_out_of_memory_is_tried_again_with_more(run_folder: Path, same_bytes, recovery):
    run = start(run_folder, GEX[0], "--set-resources", "plate:mem_mb=attempt*attempt*300")
    wait_until(lambda: call("squeue", "-h", "-t", "OOM,FAILED", "-o", "%i").stdout.strip())
    with recovery("out of memory: Slurm kills the job", "none: tried again with more"):
        text = finish(run, run_folder)
    assert same_bytes(run_folder / "results", whole=False) >= 4
    assert text.count("has been submitted with SLURM jobid") >= 2
    assert re.search(r"status is: 'OUT_OF_MEMORY'|failed, SLURM status|Trying to restart", text)


@FAULTS
def test_a_cancelled_job_is_tried_again(run_folder: Path, same_bytes, recovery):
    run = start(run_folder, GEX[0])
    call("scancel", wait_until(running)[0][0])
    with recovery("a job is cancelled (`scancel`)", "none: tried again"):
        text = finish(run, run_folder)
    assert same_bytes(run_folder / "results", whole=False) >= 4
    assert "Trying to restart" in text


@FAULTS
def test_a_node_that_goes_down_costs_nothing(run_folder: Path, same_bytes, slurm: Path, recovery):
    run = start(run_folder, *GEX[:2])
    job, node = wait_until(running)[0]
    call(SLURM, "node", slurm, node, "down")
    with recovery("a node goes down with its job", "none: Slurm runs the job again, after two minutes"):
        wait_until(lambda: "down" in call("sinfo", "-h", "-n", node, "-o", "%t").stdout, 120)
        call(SLURM, "node", slurm, node, "up")
        # Slurm holds a requeued job back for two minutes; it is left to do so: started at once while messages of the
        # failed node were still under way, it ended slurmctld (22.05) with a segmentation fault
        text = finish(run, run_folder)
    assert same_bytes(run_folder / "results", whole=False) >= 8
    assert text.count("has been submitted with SLURM jobid") == 2
    assert re.search(rf"[Rr]equeu.*JobId={job}\b", logged := control_log(slurm)), logged


@FAULTS
def test_snakemake_killed_and_started_again_loses_nothing(run_folder: Path, same_bytes, recovery):
    run = start(run_folder, *GEX[:2])
    wait_until(running)
    run.send_signal(signal.SIGKILL)
    run.wait()
    refused = call(*workflow_words(run_folder, "slurm", GEX[0]), cwd=run_folder)
    assert refused.returncode == 1
    assert "Directory cannot be locked" in refused.stdout
    with recovery("Snakemake is killed while its jobs run on Slurm", "cancel its jobs, `--unlock`, start again"):
        call("scancel", "--user=root")
        wait_until(lambda: not call("squeue", "-h").stdout.strip())
        assert not [path for path in (run_folder / "results").rglob("*_GEX.gctx") if path.stat().st_size == 0]
        assert call(*workflow_words(run_folder, "slurm", "--unlock"), cwd=run_folder).returncode == 0
        finish(start(run_folder, *GEX[:2]), run_folder)
    assert same_bytes(run_folder / "results", whole=False) >= 8


def test_the_profile_for_other_batch_systems_runs_too(run_folder: Path, same_bytes):
    os.environ.pop("BEADWORK_SUBMIT", None)
    script = Path(__file__).parents[2] / "profiles" / "cluster-generic" / "batch.sh"
    done = call(
        *workflow_words(run_folder, "cluster-generic", GEX[0], "--latency-wait", 10,
                        "--seconds-between-status-checks", 2,
                        "--cluster-generic-submit-cmd",
                        f"{script} submit {{threads}} {{resources.mem_mb}} {{resources.runtime}}",
                        "--cluster-generic-status-cmd", f"{script} status",
                        "--cluster-generic-cancel-cmd", f"{script} cancel"), cwd=run_folder)  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert same_bytes(run_folder / "results", whole=False) >= 4
