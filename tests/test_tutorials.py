"""The tutorials run as they are printed, and print what they say."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).resolve().parents[1] / "docs" / "tutorials"
ORDER = ["own-plates.md", "ask-an-index.md"]
BLOCK = re.compile(r"^```(bash|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(page: str) -> list[tuple[str, str, str | None]]:
    """Blocks of a page: language, code, and the output that follows it, if any."""
    found = BLOCK.findall((TUTORIALS / page).read_text(encoding="utf-8"))
    pairs = zip(found, [*found[1:], ("", "")], strict=True)
    return [(kind, code, after[1] if after[0] == "text" else None) for (kind, code), after in pairs if kind != "text"]


def run_bash(code: str) -> str:
    """Run a block with the commands of this environment; its standard output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_python(code: str, names: dict[str, object]) -> str:
    """Run a block among the names that earlier blocks of its page defined; its standard output."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(code, "tutorial", "exec"), names)
    return output.getvalue()


def test_the_list_of_tutorials_is_complete():
    assert sorted(ORDER) == sorted(path.name for path in TUTORIALS.glob("*.md"))


@pytest.mark.slow
def test_tutorials(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compared = 0
    for page in ORDER:
        names: dict[str, object] = {}
        for kind, code, expected in steps(page):
            output = run_bash(code) if kind == "bash" else run_python(code, names)
            if expected is not None:
                assert output == expected, f"{page}: {code}"
                compared += 1
    assert compared >= 8
