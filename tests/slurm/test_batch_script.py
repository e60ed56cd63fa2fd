"""The script behind the profile for LSF and Grid Engine, against stand-ins that note how they are called."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "profiles" / "cluster-generic" / "batch.sh"


@pytest.fixture
def site(tmp_path: Path):
    """Run the script at a made site: ``site(commands, words, **environment)``; what was called is in calls.txt."""

    def call(commands: dict[str, str], *words: str, **env: str) -> subprocess.CompletedProcess:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, body in commands.items():
            (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/calls.txt\n{body}\n')
            (folder / name).chmod(0o755)
        path = f"{folder}:/usr/bin:/bin"
        return subprocess.run([SCRIPT, *words], cwd=tmp_path, env={"PATH": path, "BEADWORK_SGE_WAIT": "0", **env},
                              text=True, capture_output=True, check=False)  # fmt: skip

    return call


def calls(tmp_path: Path) -> str:
    return (tmp_path / "calls.txt").read_text()


def test_lsf_submit(site, tmp_path: Path):
    done = site({"bsub": "echo 'Job <4711> is submitted to queue <normal>.'"}, "submit", "2", "1500", "30", "job.sh",
                BEADWORK_BATCH="lsf", BEADWORK_SUBMIT="-q long -P cmap")  # fmt: skip
    assert done.stdout == "4711\n", done.stderr
    assert "-n 2 -R span[hosts=1] rusage[mem=1500] -M 1500 -W 30" in calls(tmp_path)
    assert "-q long -P cmap sh job.sh" in calls(tmp_path)


@pytest.mark.parametrize(("unit", "memory"), [("KB", "1536000"), ("GB", "2")])
def test_lsf_memory_in_the_unit_of_the_site(site, tmp_path: Path, unit, memory):
    site({"bsub": "echo 'Job <1> is submitted'"}, "submit", "1", "1500", "5", "j", BEADWORK_BATCH="lsf",
         BEADWORK_LSF_UNIT=unit)  # fmt: skip
    assert f"-M {memory} " in calls(tmp_path)


@pytest.mark.parametrize(
    ("said", "status"),
    [("DONE", "success"), ("EXIT", "failed"), ("RUN", "running"), ("PEND", "running"), ("UNKWN", "running")],
)
def test_lsf_status(site, said, status):
    assert site({"bjobs": f"echo {said}"}, "status", "7", BEADWORK_BATCH="lsf").stdout.strip() == status


@pytest.mark.parametrize(
    ("history", "status"), [("Done successfully.", "success"), ("Exited with exit code 1.", "failed")]
)
def test_lsf_status_of_a_job_that_bjobs_forgot(site, history, status):
    found = site({"bjobs": "exit 255", "bhist": f"echo '{history}'"}, "status", "7", BEADWORK_BATCH="lsf")
    assert found.stdout.strip() == status


def test_sge_submit_divides_memory_by_slots(site, tmp_path: Path):
    done = site({"qsub": "echo 12"}, "submit", "4", "1001", "30", "job.sh", BEADWORK_BATCH="sge", BEADWORK_SGE_PE="mt")
    assert done.stdout == "12\n", done.stderr
    assert "-pe mt 4 -l h_vmem=251M -l h_rt=1800" in calls(tmp_path)


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        ({"qstat": "[ $1 = -j ] && exit 0; echo '7 0.5 job me r'"}, "running"),
        ({"qstat": "[ $1 = -j ] && exit 0; echo '7 0.5 job me Eqw'", "qdel": "true"}, "failed"),
        ({"qstat": "exit 1", "qacct": "echo 'failed 0'; echo 'exit_status 0'"}, "success"),
        ({"qstat": "exit 1", "qacct": "echo 'failed 0'; echo 'exit_status 137'"}, "failed"),
        ({"qstat": "exit 1", "qacct": "echo 'failed 100'; echo 'exit_status 0'"}, "failed"),
        ({"qstat": "exit 1", "qacct": "exit 1"}, "failed"),
    ],
)
def test_sge_status(site, commands, status):
    assert site(commands, "status", "7", BEADWORK_BATCH="sge").stdout.strip() == status


def test_cancel(site, tmp_path: Path):
    site({"bkill": "true"}, "cancel", "1", "2", BEADWORK_BATCH="lsf")
    site({"qdel": "true"}, "cancel", "3", BEADWORK_BATCH="sge")
    assert calls(tmp_path).splitlines() == ["bkill 1 2", "qdel 3"]


def test_no_batch_system_is_reported(site, tmp_path: Path):
    said = subprocess.run([SCRIPT, "submit", "1", "500", "5", "j"], cwd=tmp_path, text=True, capture_output=True,
                          env={"PATH": _bare(tmp_path)}, check=False)  # fmt: skip
    assert said.returncode == 2
    assert said.stderr.strip() == "batch.sh: neither bsub, qsub nor sbatch is on PATH"


@pytest.mark.parametrize(
    "commands",
    [
        {"qsub": "echo 'pbs_version = 23.06.06'"},
        {"qsub": "echo 'Version: 6.1.2 (TORQUE)' >&2"},
        {"qsub": "exit 1", "pbsnodes": "true"},
        {"qsub": "exit 1", "qmgr": "true"},
    ],
)
def test_pbs_is_not_taken_for_grid_engine(site, tmp_path: Path, commands):
    refused = site(commands, "submit", "1", "500", "5", "job.sh", PATH=f"{tmp_path}/bin:{_bare(tmp_path)}")
    assert refused.returncode == 2
    assert refused.stderr.startswith("batch.sh: qsub is that of PBS or Torque, not of Grid Engine")
    noted = calls(tmp_path) if (tmp_path / "calls.txt").exists() else ""
    assert "-terse" not in noted  # nothing was submitted


def test_grid_engine_is_known_by_its_qsub(site, tmp_path: Path):
    done = site({"qsub": "[ $1 = --version ] && { echo 'Unknown option --version' >&2; exit 1; }; echo 12"},
                "submit", "1", "500", "5", "job.sh", PATH=f"{tmp_path}/bin:{_bare(tmp_path)}")  # fmt: skip
    assert done.stdout == "12\n", done.stderr


def _bare(tmp_path: Path) -> str:
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("grep", "mkdir", "sed", "sh"):
        os.symlink(f"/bin/{name}" if os.path.exists(f"/bin/{name}") else f"/usr/bin/{name}", folder / name)
    return str(folder)
