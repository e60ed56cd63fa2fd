"""All signatures of an index against all: an array of Slurm jobs, and a scatter and gather by Snakemake."""

from pathlib import Path

import pytest

from ..api.index.conftest import *  # noqa: F403
from .conftest import BIN, QUICK, ROOT, call

pytestmark = pytest.mark.slow
SHARES = 3


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}  # what is a folder would be an error


@pytest.fixture(scope="module")
def whole(toy_index: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The answer of one job."""
    folder = tmp_path_factory.mktemp("whole")
    done = call(BIN / "beadwork", "introspect", toy_index, "-o", folder / "out")
    assert done.returncode == 0, done.stdout
    return files(folder / "out")


def test_an_array_gives_the_bytes_of_one_job(slurm: Path, toy_index: Path, whole, tmp_path: Path):
    command = f"{BIN}/beadwork introspect {toy_index} -o {tmp_path}/out"
    array = call("sbatch", "--wait", f"--array=1-{SHARES}", "--mem=600", f"--output={tmp_path}/log-%a", "--wrap",
                 f"{command} --share $SLURM_ARRAY_TASK_ID/{SHARES} --threads 1")  # fmt: skip
    assert array.returncode == 0, array.stdout + "".join(path.read_text() for path in tmp_path.glob("log-*"))
    assert len(list((tmp_path / "out/shares").iterdir())) == SHARES
    assert call(*command.split(), "--merge").returncode == 0
    assert files(tmp_path / "out") == whole


@pytest.mark.parametrize("where", ["local", "slurm"])
def test_scatter_and_gather_gives_the_bytes_of_one_job(slurm: Path, toy_index: Path, whole, tmp_path: Path, where):
    asked = ["--set-resources", "share:mem_mb=600", "share:runtime=5"]
    batch = ["--executor", "slurm", "--jobs", SHARES, "--slurm-no-account", "--slurm-status-command", "squeue", *QUICK]
    words = ["--cores", 2] if where == "local" else [*batch, *asked]
    done = call(BIN / "snakemake", "--snakefile", ROOT / "config/examples/introspect.smk", "--directory", tmp_path,
                *words, "--config", f"index={toy_index}", "out=out", f"shares={SHARES}", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert files(tmp_path / "out") == whole
