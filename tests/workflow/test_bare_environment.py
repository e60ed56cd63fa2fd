"""The workflow is planned where Snakemake is installed and beadwork is not, as users of the catalogue have it."""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from .conftest import ROOT


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of packages with Snakemake and what it needs, as links, and nothing else."""
    site = tmp_path_factory.mktemp("bare")
    waiting, seen = [Requirement("snakemake")], set()
    while waiting:
        need = waiting.pop()
        name = re.sub(r"[-_.]+", "-", need.name).lower()
        if name in seen or (need.marker and not any(need.marker.evaluate({"extra": x}) for x in ["", *need.extras])):
            continue
        seen.add(name)
        try:
            found = distribution(need.name)
        except PackageNotFoundError:
            continue
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (site / top).symlink_to(found.locate_file(top)) if not (site / top).exists() else None
        waiting += [Requirement(text) for text in found.requires or ()]
    return site


def plan(bare: Path, folder: Path, *words: object, snakefile: Path = ROOT / "workflow/Snakefile"):
    """Dry run with the packages of the folder only."""
    code = "import sys; from snakemake.cli import main; main(sys.argv[1:])"
    env = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(bare)}
    call = [sys.executable, "-S", "-c", code, "-n", "--cores", "1", "--snakefile", snakefile, "--directory", folder,
            "--configfile", folder / "config.yaml", *words]  # fmt: skip
    return subprocess.run([str(word) for word in call], cwd=folder, env=env, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Configuration, sheet and map of one plate; planning reads no beads."""
    (tmp_path / "lxb").mkdir()
    (tmp_path / "P.map").write_text("rna_well\tpert_id\tpert_type\n" + "A01\tDMSO\tctl_vehicle\n" * 3)
    (tmp_path / "plates.tsv").write_text("det_plate\tlxb\tmap\nSIM001_A375_24H_X1_B20\tlxb\tP.map\n")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"plates": "plates.tsv"}))
    return tmp_path


def test_nothing_of_beadwork_and_nothing_heavy_is_there(bare: Path):
    code = "import importlib.util as u; print([n for n in ('beadwork', 'numpy', 'h5py', 'pandas') if u.find_spec(n)])"
    done = subprocess.run([sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(bare)}, text=True,
                          capture_output=True, check=True)  # fmt: skip
    assert done.stdout == "[]\n"


def test_the_workflow_is_planned_and_its_mistakes_are_reported(bare: Path, folder: Path):
    done = plan(bare, folder)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^plate +1$", done.stdout, re.MULTILINE)
    settings = {"plates": "plates.tsv", "zscore": {"min_madd": 1}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    refused = plan(bare, folder)
    assert refused.returncode == 1
    assert "config.yaml: zscore.min_madd: unknown key; did you mean min_mad?" in refused.stdout
    (folder / "config.yaml").write_text(yaml.safe_dump({"plates": "plates.tsv"}))
    (folder / "plates.tsv").write_text("det_plate\tlxb\tmap\nSIM001_A375_24H_X1_B20\tabsent\tP.map\n")
    assert "plates.tsv: line 2: lxb: there is no folder or archive absent" in plan(bare, folder).stdout


def test_as_a_renamed_module_as_the_catalogue_deploys_it(bare: Path, folder: Path):
    deployed = folder / "Snakefile"
    deployed.write_text(
        f'configfile: "config.yaml"\nmodule beadwork:\n    snakefile: "{ROOT}/workflow/Snakefile"\n'
        "    config: config\nuse rule * from beadwork as l1000_*\n"
    )
    done = plan(bare, folder, snakefile=deployed)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^l1000_plate +1$", done.stdout, re.MULTILINE)


def test_from_a_repository_of_git(bare: Path, folder: Path, tmp_path: Path):
    """As from a hosted one: each file is fetched by itself, those that planning imports too."""
    repository = tmp_path / "repository"
    for name in ("workflow", "src/beadwork", "config", "envs"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / name, repository / name], check=True)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "all"], ["tag", "v1"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    deployed = folder / "Snakefile"
    deployed.write_text(
        f'configfile: "config.yaml"\nmodule beadwork:\n    snakefile: "git+file://{repository}/workflow/Snakefile@v1"\n'
        "    config: config\nuse rule * from beadwork\n"
    )
    done = plan(bare, folder, snakefile=deployed)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^plate +1$", done.stdout, re.MULTILINE)


def test_what_planning_imports_is_what_is_fetched():
    """The list in sources.smk is complete and has nothing that is not needed."""
    text = (ROOT / "workflow/rules/sources.smk").read_text()
    listed = re.search(r'PLANNED_WITH = """(.*?)"""', text, re.DOTALL)[1].split()
    common = (ROOT / "workflow/rules/common.smk").read_text()
    lines = "\n".join(f"import {name}" for name in re.findall(r"^from (beadwork\S*) import", common, re.MULTILINE))
    code = f"{lines}\nimport sys\nprint(*[n for n in sys.modules if n.split('.')[0] == 'beadwork'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    files = set()
    for name in done.stdout.split():
        path = name.replace(".", "/").removeprefix("beadwork").lstrip("/")
        is_package = (ROOT / "src/beadwork" / path / "__init__.py").is_file()
        files.add(f"{path}/__init__".lstrip("/") if is_package else path)
    assert set(listed) == files
