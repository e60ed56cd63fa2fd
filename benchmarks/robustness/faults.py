"""Provoke the faults of tests/workflow and tests/slurm and print how long recovery from each took.

    python benchmarks/robustness/faults.py local [PYTEST WORDS]     faults of a workstation
    python benchmarks/robustness/faults.py slurm [PYTEST WORDS]     faults of a cluster: a Slurm of two nodes made here

Seconds are wall time from the fault, or from the start by hand where one is needed, until what was being made was
there; the tests compare it byte by byte with that of an undisturbed run.  Without other work on the machine only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
TESTS = {"local": "tests/workflow/test_faults.py", "slurm": "tests/slurm/test_slurm.py"}


def main() -> int:
    """Run the tests and print the table."""
    if sys.argv[1:2] not in (["local"], ["slurm"]):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "recovery.tsv"
        env = {**os.environ, "BEADWORK_RECOVERY": str(table), "BEADWORK_SLURM_FAULTS": "1"}
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", TESTS[sys.argv[1]], *sys.argv[2:]], cwd=ROOT,
                              env=env, check=False)  # fmt: skip
        if table.is_file():
            rows = pd.read_csv(table, sep="\t", names=["fault", "recovery", "seconds"]).fillna("")
            print("| fault | recovery | s |\n|---|---|---|")
            for row in rows.itertuples():
                print(f"| {row.fault} | {row.recovery} | {row.seconds} |")
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
