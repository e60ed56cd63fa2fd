"""Floors: who may import whom, and where compiled code may live."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "beadwork"
MODULES = sorted(SOURCE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Names of all modules that a file imports, at its top or within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def top_imports_of(path: Path) -> set[str]:
    """Names of the modules that importing a file imports."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_floors(monkeypatch):
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True, is_debug_mode=False) == EXIT_STATUS_SUCCESS


def test_the_contract_covers_every_part_of_the_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = re.findall(r"beadwork\.(\w+)", " ".join(" ".join(item["layers"]) for item in settings["contracts"]))
    parts = {path.stem if path.is_file() else path.name for path in SOURCE.iterdir() if path.suffix in ("", ".py")}
    assert parts - {"__init__", "__pycache__"} <= set(layers) | {"resources", "py", "__main__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules(path):
    assert path.stem.strip("_") not in ("utils", "util", "helpers", "helper", "common", "misc")
    imported, parts = imports_of(path), path.relative_to(SOURCE).parts
    if path.name != "jit.py" and not path.stem.endswith("_numba"):
        assert not any(name.partition(".")[0] == "numba" for name in imported), "numba belongs in kernels/*_numba.py"
    if path.stem != "cmappy":
        assert not any(name.startswith("cmapPy") for name in imported), "cmapPy is imported in model/cmappy.py only"
    if parts[0] == "kernels":
        assert not {"pandas", "h5py", "logging", "pathlib"} & imported, "kernels know arrays only"
    if parts[0] == "model":
        assert not {"h5py", "numba", "logging"} & imported, "the model knows no files"
    if parts[0] in ("stages", "simulate", "views"):
        assert not {"h5py", "click"} & imported
    if parts[0] == "cli" and path.name not in ("files.py", "bead_panels.py"):  # these are no commands
        heavy = {"numpy", "pandas", "scipy", "h5py", "numba", "pyarrow", "matplotlib"}
        assert not heavy & top_imports_of(path), "a command imports what is heavy when it runs, not for its help"
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "every module says what it is for"


def test_compiled_kernels_have_a_plain_twin():
    for path in (SOURCE / "kernels").rglob("*_numba.py"):
        assert path.with_name(path.name.replace("_numba", "")).exists(), path.name
