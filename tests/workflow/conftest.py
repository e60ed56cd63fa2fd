"""A small study and the workflow, run once for all tests of this folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from warm_snakemake import snakemake as warm_snakemake

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
Snakemake = Callable[..., subprocess.CompletedProcess]


def run_command(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Run a program of this environment without a terminal; output and errors come together."""
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    if warm_snakemake.takes(words):
        return warm_snakemake([str(word) for word in words], cwd, env)
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, env=env, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``data`` (2 simulated plates of 24 wells) and ``config.yaml``; runs write ``results``."""
    folder = tmp_path_factory.mktemp("study")
    made = run_command(BIN / "beadwork", "simulate", "-o", folder / "data", "--plates", 2, "--wells", 24,
                       "--beads-mean", 30, "--seed", 3)  # fmt: skip
    assert made.returncode == 0, made.stdout
    sets = {"up": "data/truth/mechanisms_up.gmt", "down": "data/truth/mechanisms_dn.gmt"}
    settings = {"plates": "data/plates.tsv", "data": "data", "queries": [{"name": "mechanisms", **sets}]}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture(scope="session")
def snakemake(study: Path) -> Snakemake:
    """Run snakemake in the folder of the study."""

    def call(*words: object, configfile: object = "config.yaml") -> subprocess.CompletedProcess:
        return run_command(BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", study,
                           "--configfile", study / str(configfile), *words, cwd=study)  # fmt: skip

    return call


@pytest.fixture(scope="session")
def finished(study: Path, snakemake: Snakemake) -> Path:
    """Results of a whole run."""
    done = snakemake("--cores", 2)
    assert done.returncode == 0, done.stdout
    return study / "results"
