"""Examples in docstrings are right."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
MODULES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in sorted(SOURCE.rglob("*.py"))
    if re.search(r"^\s*>>> (?!.*\+SKIP)", path.read_text(encoding="utf-8"), re.MULTILINE)
]
PURE = (
    "beadwork.model.ids",
    "beadwork.kernels.connectivity.wtcs.score",
    "beadwork.kernels.connectivity.wtcs.ranks",
    "beadwork.kernels.levels.modz",
)


def test_the_pure_modules_have_examples():
    assert set(PURE) <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
