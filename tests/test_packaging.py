"""What a source package and a repository hold: never the user's own plates."""

import fnmatch
import importlib.util
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN = ("raw/LAB001/LAB001_A01.lxb", "maps/LAB001.map", "results/qc.tsv", "my_sets.gmt", "config/plates.tsv")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Files of a source package that is built in a checkout with plates of a user."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout of git")
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    for name in OWN:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", "dist"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with tarfile.open(next((folder / "dist").glob("*.tar.gz"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_package_page_has_no_image_or_link_that_breaks():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.page_text((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(text) > 3000
    assert "](" not in text
    assert module.page_text("[a](https://b.c) [d](e.md) ![f](g.png)") == (
        "[a](https://b.c) d *(Figure in the source package: f.)*"
    )


def test_a_source_package_has_nothing_of_the_user(packed):
    assert not packed & set(OWN)


def test_a_source_package_has_what_it_is_built_and_run_from(packed):
    needed = "pyproject.toml README.md LICENSE Snakefile workflow/rules/common.smk src/beadwork/__init__.py"
    assert set(needed.split()) | {"resources/genes.tsv", "config/config.yaml", "tests/conftest.py"} <= packed


@pytest.mark.parametrize("name", ["raw/X/X_A01.lxb", "maps/x.map", "X_A01.lxb.gz", "results/qc.tsv", "demo/a"])
def test_git_ignores_the_plates_of_the_user(name):
    done = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
    if done.returncode == 128:
        pytest.skip("not a checkout of git")
    assert done.returncode == 0


def lines_of(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def copied_by_docker() -> list[str]:
    copies = [line.split()[1:] for line in lines_of("envs/Dockerfile") if line.startswith("COPY ")]
    return [source for words in copies for source in words[:-1]]


def test_an_image_is_built_from_what_is_there_and_let_through():
    """What each COPY names exists and is not held back by .dockerignore, which lets nothing else through."""
    sources = copied_by_docker()
    assert sources and [name for name in sources if not (ROOT / name).exists()] == []
    rules = [line for line in lines_of(".dockerignore") if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert sorted(line.removeprefix("!") for line in rules if line.startswith("!")) == sorted(sources)
    held_back = [line for line in rules[1:] if not line.startswith("!")]
    assert not [name for name in sources for rule in held_back if fnmatch.fnmatch(name, rule)]


def test_both_recipes_of_images_have_the_same_pinned_base_and_the_same_files():
    docker, apptainer = lines_of("envs/Dockerfile"), lines_of("envs/beadwork.def")
    bases = [line.split()[1] for line in (*docker, *apptainer) if re.match(r"FROM |From: ", line)]
    assert len(bases) == 2 and len(set(bases)) == 1
    assert re.fullmatch(r"[\w/.-]+:\d+\.\d+\.\d+-\w+-\w+", bases[0]), bases[0]
    for lines in (docker, apptainer):
        installed = re.findall(r"pip install .*", "\n".join(lines))
        assert installed and all(re.search(r"==\d+\.\d+", line) for line in installed), installed
        assert any("uv sync --frozen" in line for line in lines)
    files = [
        line.split() for line in apptainer if line.endswith(tuple(f" /opt/beadwork/{x}" for x in copied_by_docker()))
    ]
    assert sorted(source for source, _ in files) == sorted(copied_by_docker())
    extras = {re.search(r"uv sync .*", "\n".join(lines))[0] for lines in (docker, apptainer)}
    assert len(extras) == 1 and "--extra slurm" in extras.pop()
