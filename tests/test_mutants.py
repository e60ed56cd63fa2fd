"""The list of small faults stays in step with the code."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("mutants", ROOT / "tests" / "mutants.py")
mutants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutants)


@pytest.mark.parametrize("mutant", mutants.read_mutants(), ids=lambda mutant: mutant["name"])
def test_each_fault_can_be_put_in_and_has_tests(mutant):
    assert set(mutant) == {"name", "file", "old", "new", "tests"}
    text = (ROOT / mutant["file"]).read_text(encoding="utf-8")
    faulty = mutants.changed(text, mutant)
    assert faulty != text
    ast.parse(faulty)
    assert mutant["tests"] and all((ROOT / name).exists() for name in mutant["tests"])


def test_a_fault_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match=r"stands 0 times"):
        mutants.changed("x", {"name": "n", "file": "f", "old": "y", "new": "z"})
