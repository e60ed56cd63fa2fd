"""A Slurm of two nodes for the tests of this folder, a small study, and its results from a local run."""

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from warm_snakemake import snakemake as warm_snakemake

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SLURM = ROOT / "tests" / "slurm" / "slurm.sh"
ENV = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "default"}
PLATES = [f"SIM001_{cell}_24H_X{number}_B20" for cell in ("A375", "MCF7") for number in (1, 2)]
QUICK = [
    "--slurm-init-seconds-before-status-checks",
    "3",
    "--latency-wait",
    "10",
    "--max-status-checks-per-second",
    "5",
]


def call(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Run a program of this environment without a terminal; output and errors come together."""
    if warm_snakemake.takes(words):
        return warm_snakemake([str(word) for word in words], cwd, ENV)
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, env=ENV, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


def workflow_words(folder: Path, profile: str, *words: object) -> list[str]:
    """Command line of the workflow in a folder, through a profile."""
    return [str(word) for word in (BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder,
                                   "--configfile", folder / "config.yaml", "--workflow-profile",
                                   ROOT / "profiles" / profile, *words)]  # fmt: skip


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the state of a Slurm that is up; there is one at a time on a machine."""
    with open(Path(tempfile.gettempdir()) / "beadwork-slurm-test.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        able = call(SLURM, "check")
        if able.returncode:
            pytest.skip(f"no Slurm here: {able.stdout.strip()}")
        state = tmp_path_factory.mktemp("slurm")
        up = call(SLURM, "up", state)
        assert up.returncode == 0, up.stdout
        yield state
        call(SLURM, "down", state)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with four simulated plates of 24 wells."""
    folder = tmp_path_factory.mktemp("study") / "data"
    made = call(BIN / "beadwork", "simulate", "-o", folder, "--plates", 4, "--replicates", 2, "--wells", 24,
                "--beads-mean", 30, "--seed", 5)  # fmt: skip
    assert made.returncode == 0, made.stdout
    return folder


@pytest.fixture
def run_folder(study: Path, tmp_path: Path) -> Path:
    """Empty folder of one run, with its configuration."""
    return write_config(study, tmp_path)


def write_config(study: Path, folder: Path) -> Path:
    """Configuration of the whole study with one query, results beside it."""
    query = {"name": "mechanisms", "up": str(study / "truth/mechanisms_up.gmt"),
             "down": str(study / "truth/mechanisms_dn.gmt")}  # fmt: skip
    settings = {"plates": str(study / "plates.tsv"), "data": str(study), "report": False, "queries": [query]}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture(scope="module")
def local_results(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a local run of the whole study."""
    folder = write_config(study, tmp_path_factory.mktemp("local"))
    done = call(*workflow_words(folder, "default", "--cores", 2), cwd=folder)
    assert done.returncode == 0, done.stdout
    return folder / "results"


@pytest.fixture(scope="module")
def same_bytes(local_results: Path) -> Callable[..., int]:
    """Compare the files of a run with those of the local one; returns how many were compared."""

    def compare(results: Path, whole: bool = True) -> int:
        def files(folder: Path) -> set[Path]:
            kept = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
            return {path for path in kept if path.parts[0] not in ("logs", "benchmarks") and path.name != "lock"}

        mine, theirs = files(results), files(local_results)
        assert mine == theirs if whole else mine <= theirs
        for path in mine:
            assert (results / path).read_bytes() == (local_results / path).read_bytes(), path
        return len(mine)

    return compare
