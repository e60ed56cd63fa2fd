"""A file without space for any part of it: one clear error, nothing left, no crash when the program ends."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import write_matrix
from beadwork.model.matrix import Matrix

SCRIPT = """
import sys
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.model.errors import FileError

try:
    write_matrix(read_matrix(sys.argv[1]), sys.argv[2])
except FileError as error:
    print(error)
    sys.exit(2)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "whole.gctx"
    ids = [f"gene {number}" for number in range(400)]
    rows = pd.DataFrame({"pr_gene_symbol": ids}, index=ids)
    cols = pd.DataFrame({"pert_id": ["x"] * 40}, index=[f"sample {number}" for number in range(40)])
    write_matrix(Matrix(np.ones((400, 40)), rows, cols), path)
    return path


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.8, 0.88, 0.93, 0.96, 0.99])
def test_no_space_is_reported_and_ends_well(whole: Path, tmp_path: Path, share: float):
    disk = tmp_path / "disk"
    disk.mkdir()
    pages = int(share * whole.stat().st_size) // 4096
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 * pages}k", "tmpfs", disk], capture_output=True)
    if made.returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        done = subprocess.run([sys.executable, "-c", SCRIPT, whole, disk / "new.gctx"], text=True,
                              capture_output=True, check=False)  # fmt: skip
        assert done.stderr == ""
        assert done.returncode == 2
        assert done.stdout == (
            f"{disk}/new.gctx: cannot be written (No space left on device); check the folder and the free space\n"
        )
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
