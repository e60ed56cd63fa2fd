"""Build the packages, install the wheel into an empty environment and try it there: ``make release-check``."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 20 * 2**20
"""Bytes of a package that nobody minds to download."""


def run(*words: object, cwd: Path = ROOT) -> str:
    """Run a program; what it prints."""
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, check=True, text=True, stdout=subprocess.PIPE
    ).stdout  # fmt: skip


def check_versions() -> str:
    """The version stands in one place; what repeats it agrees."""
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "src/beadwork/__init__.py").read_text())[1]
    for name, pattern in (("CITATION.cff", r"^version: (\S+)$"), ("envs/beadwork.yaml", r"beadwork ==(\S+)$")):
        found = re.search(pattern, (ROOT / name).read_text(), re.MULTILINE)[1]
        assert found == version, f"{name} says {found}, the package {version}"
    return version


def check_contents(wheel: Path, sdist: Path) -> None:
    """Packages hold what is needed and nothing of a user or of tests that a wheel does not need."""
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("resources/genes.tsv") for name in names)
    assert any(name.endswith("serve/assets/app.js") for name in names)
    assert any(name.endswith("views/templates/study.html") for name in names)
    assert not [name for name in names if name.startswith("tests/")]
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Snakefile"} <= packed
    for path in (wheel, sdist):
        assert path.stat().st_size < LARGEST, f"{path.name}: {path.stat().st_size / 2**20:.0f} MB"


def check_metadata(wheel: Path, version: str) -> None:
    """Metadata name what a package page shows, and relative links of the README do not break there."""
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    data = Parser().parsestr(archive.read(name).decode())
    assert (data["Name"], data["Version"], data["License-Expression"]) == ("beadwork", version, "BSD-3-Clause")
    assert data["Description-Content-Type"] == "text/markdown" and len(data.get_payload()) > 1000
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert data["Requires-Python"] == pinned


def main() -> int:
    """Build, look, install, run."""
    version = check_versions()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run(sys.executable, "-m", "hatchling", "build", "-d", folder / "dist")
        wheel, sdist = next(folder.glob("dist/*.whl")), next(folder.glob("dist/*.tar.gz"))
        check_contents(wheel, sdist)
        check_metadata(wheel, version)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
        said = run(folder / "env" / "bin" / "beadwork", "--version", cwd=folder)
        assert version in said, said
        print(run(folder / "env" / "bin" / "beadwork", "self-test", cwd=folder).strip().splitlines()[-1])
        for path in (wheel, sdist):
            print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MB")
    print(f"beadwork {version}: packages are ready")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
