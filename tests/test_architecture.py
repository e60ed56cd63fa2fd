"""Floors: who may import whom, and where compiled code may live."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "beadwork"
MODULES = sorted(SOURCE.rglob("*.py"))
KERNELS = sorted((SOURCE / "kernels").rglob("*.py"))
MOST_LINES, MOST_MODULES, MOST_ARGUMENTS = 450, 12, 8


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(parse(path)))


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def imports_of(path: Path) -> set[str]:
    """Names of all modules that a file imports, at its top or within functions."""
    found = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def top_imports_of(path: Path) -> set[str]:
    """Names of the modules that importing a file imports."""
    found = set()
    for node in parse(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def foreign_private_names(path: Path) -> list[str]:
    """Names with a leading underscore that a file takes from elsewhere: imported, or looked up on what is not its own.

    Tuples with names have such methods for everybody (_replace and the like).
    """
    nodes = nodes_of(path)
    own = {"_replace", "_asdict", "_fields", "_make", "_field_defaults"}
    taken = []
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            own |= {node.attr} if ast.unparse(node.value) in ("self", "cls") else set()
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] != "__future__":
            taken += [f"{node.module}.{alias.name}" for alias in node.names if is_private(alias.name)]
            taken += [f"{node.module}" for part in (node.module or "").split(".") if is_private(part)]
        elif isinstance(node, ast.Import):
            taken += [alias.name for alias in node.names if any(map(is_private, alias.name.split(".")))]
    looked_up = (node for node in nodes if isinstance(node, ast.Attribute) and is_private(node.attr))
    return taken + [ast.unparse(node) for node in looked_up if node.attr not in own]


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def test_floors(monkeypatch):
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True, is_debug_mode=False) == EXIT_STATUS_SUCCESS


def test_the_contract_covers_every_part_of_the_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = re.findall(r"beadwork\.(\w+)", " ".join(" ".join(item["layers"]) for item in settings["contracts"]))
    parts = {path.stem if path.is_file() else path.name for path in SOURCE.iterdir() if path.suffix in ("", ".py")}
    assert parts - {"__init__", "__pycache__"} <= set(layers) | {"resources", "py", "__main__"}


def test_modules():
    for path in MODULES:
        check_module(path)


def check_module(path):
    where = name_of(path)
    assert path.stem.strip("_") not in ("utils", "util", "helpers", "helper", "common", "misc"), where
    imported, parts = imports_of(path), path.relative_to(SOURCE).parts
    if path.name != "jit.py" and not path.stem.endswith("_numba"):
        assert not any(name.partition(".")[0] == "numba" for name in imported), f"{where}: numba is for *_numba.py"
    if path.stem != "cmappy":
        assert not any(name.startswith("cmapPy") for name in imported), f"{where}: cmapPy is for model/cmappy.py"
    if parts[0] == "kernels":
        assert not {"pandas", "h5py", "logging", "pathlib"} & imported, f"{where}: kernels know arrays only"
    if parts[0] == "model":
        assert not {"h5py", "numba", "logging"} & imported, f"{where}: the model knows no files"
    if parts[0] in ("stages", "simulate", "views"):
        assert not {"h5py", "click"} & imported, where
    if parts[0] == "cli" and path.name != "files.py":  # which is no command
        heavy = {"numpy", "pandas", "scipy", "h5py", "numba", "pyarrow", "matplotlib"}
        assert not heavy & top_imports_of(path), f"{where}: imports what is heavy when it runs, not for its help"
    assert ast.get_docstring(parse(path)), f"{where}: every module says what it is for"


def test_what_is_private_stays_in_its_module():
    assert {name_of(path): names for path in MODULES if (names := foreign_private_names(path))} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from beadwork.model.ids import _plain", ["beadwork.model.ids._plain"]),
        ("from beadwork.model import ids\nids._plain(1)", ["ids._plain"]),
        ("import a._b", ["a._b"]),
        ("def f():\n    from a._b import c", ["a._b"]),
        ("def f(store):\n    return store._fields_of", ["store._fields_of"]),
        ("class A:\n    def f(self, other):\n        self._x = 1\n        return other._x, self.row._replace(a=1)", []),
        ("from __future__ import annotations\nimport a\na.__name__", []),
    ],
)
def test_private_names_are_seen(tmp_path, text, names):
    path = tmp_path / "module.py"
    path.write_text(text)
    assert foreign_private_names(path) == names


def test_files_can_be_read_at_a_sitting():
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name for name, size in sizes.items() if size > MOST_LINES} == set()


def test_folders_can_be_seen_at_a_glance():
    """No more than a dozen modules a folder; each command is one of ``cli/``, as each is one of the program."""
    folders = {path.parent for path in MODULES} - {SOURCE / "cli"}
    sizes = {str(folder.relative_to(SOURCE)): len(list(folder.glob("*.py"))) - 1 for folder in folders}
    assert {folder: size for folder, size in sizes.items() if size > MOST_MODULES} == {}


def test_tests_of_the_page_wait_for_what_they_read():
    """By what the page waits for, not by the clock: `Tab.settle`, `Tab.until` or `expect` of Playwright."""
    tests = (ROOT / "tests" / "serve" / "page").glob("test_*.py")
    asleep = ("wait_for_timeout", "networkidle", "wait_for_load_state")
    assert {path.name for path in tests if any(word in path.read_text(encoding="utf-8") for word in asleep)} == set()


MARKUP = re.compile(
    r"</?(?:html|head|body|table|thead|tbody|tr|td|th|div|p|ul|li|span|svg|text|path|line|rect|circle|h[1-6]|style|a)\b"
    r"[^<]*>"
)


def test_markup_stands_in_templates():
    """Pages are made of ``views/templates``, whose engine escapes what it is given."""
    found = [
        name_of(path)
        for path in MODULES
        for node in nodes_of(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and MARKUP.search(node.value)
    ]
    assert found == []


def long_signatures(path: Path) -> list[str]:
    """Functions of a file that take more than MOST_ARGUMENTS arguments."""
    found = []
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            own = node.args
            named = [*own.posonlyargs, *own.args, *own.kwonlyargs, *filter(None, (own.vararg, own.kwarg))]
            if len(named) > MOST_ARGUMENTS:
                found.append(f"{getattr(node, 'name', 'lambda')}:{node.lineno}")
    return found


def test_kernels_take_records_rather_than_many_arguments():
    assert {name_of(path): found for path in KERNELS if (found := long_signatures(path))} == {}


@pytest.mark.parametrize(
    ("signature", "names"),
    [
        ("def f(a, b, c, d, e, f, g, h):", []),
        ("def f(a, b, c, d, e, f, g, h, i):", ["f:1"]),
        ("def f(a, b, /, c, d, e, f, *, g, h, i):", ["f:1"]),
        ("def f(a, b, c, d, e, f, g, *h, **i):", ["f:1"]),
        ("async def f(a, b, c, d, e, f, g, h, *, i=1):", ["f:1"]),
    ],
)
def test_long_signatures_are_seen(tmp_path, signature, names):
    path = tmp_path / "module.py"
    path.write_text(f"{signature}\n    pass\n")
    assert long_signatures(path) == names


def columns_by_number(path: Path) -> list[str]:
    """Look-ups such as ``fit[:, :, 4]``, where a number says which column of many is meant."""
    found = []
    for node in nodes_of(path):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            items = node.slice.elts
            numbers = [item for item in items if isinstance(item, ast.Constant) and isinstance(item.value, int)]
            if any(item.value > 3 for item in numbers):
                found.append(f"{ast.unparse(node)}:{node.lineno}")
    return found


def test_kernels_take_columns_by_name():
    assert {name_of(path): found for path in KERNELS if (found := columns_by_number(path))} == {}


def test_compiled_kernels_have_a_plain_twin():
    for path in (SOURCE / "kernels").rglob("*_numba.py"):
        assert path.with_name(path.name.replace("_numba", "")).exists(), path.name
