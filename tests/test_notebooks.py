"""The notebooks of the tutorials run as they are, and give what they show."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "docs" / "tutorials" / "notebooks").glob("*.ipynb"))
RUN = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=600, kernel_name="python3", coalesce_streams=True).execute()
nbformat.write(notebook, sys.argv[2])
"""
"""In a process of its own: what the machinery of Jupyter warns of is not ours."""


def outputs(path: Path) -> list[tuple[int, str]]:
    """What the cells of a notebook give, as text: standard output, and the value of the last line."""
    import nbformat

    found = []
    for number, cell in enumerate(nbformat.read(path, 4).cells):
        for item in cell.get("outputs", []):
            assert item.output_type != "error", item
            text = item.text if item.output_type == "stream" else item.data.get("text/plain", "")
            found.append((number, re.sub(r"\s+\n", "\n", text).strip()))
    return found


def test_there_is_a_notebook_for_each_way_in():
    assert [path.stem for path in NOTEBOOKS] == [
        "a-genes-page", "a-graph", "deseq2-table-to-drugs", "disease-library", "lincs-2020-to-answers",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks(path, tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                   "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path), str(tmp_path / "run.ipynb")], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert outputs(tmp_path / "run.ipynb") == outputs(path)
