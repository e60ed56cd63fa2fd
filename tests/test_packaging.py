"""What a source package and a repository hold: never the user's own plates."""

import importlib.util
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
