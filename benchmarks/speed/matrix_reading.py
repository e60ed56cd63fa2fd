"""CPU seconds of reading a GCTX: beadwork, cmapPy and h5py alone, in one run.

    python benchmarks/speed/matrix_reading.py [--columns 20000] [--rows 978] [--repeats 7]

Read are a whole matrix, 1,000 columns that follow one another, and 1,000 columns from all over the file; each time ids
as text and values as float32.  h5py alone is a few lines that do no more.  All three leave the values as they lie on
disk, sample after sample; the columns "turned" have them gene after gene, as `Matrix.values` gives them when they are
first asked for.  Only beadwork looks for values that mean "missing" (-666).  Of the repeats the smallest counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.io.matrix.gctx.layout import COL, DATA, ROW
from beadwork.model.cmappy import load_cmappy
from beadwork.model.matrix import Matrix

CHOSEN = 1000


def main() -> None:
    """Print a table of CPU milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--columns", 20_000), ("--rows", 978), ("--repeats", 7)):
        parser.add_argument(name, type=int, default=default)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rids = pd.Index([str(number) for number in range(1, options.rows + 1)], dtype=object)
    cids = pd.Index([f"PLATE_A375_24H:BRD-K{number:08d}:10" for number in range(options.columns)], dtype=object)
    start = options.columns // 3
    choices = {
        "whole": None,
        f"{CHOSEN} in a row": np.arange(start, start + CHOSEN),
        f"{CHOSEN} scattered": np.sort(rng.choice(options.columns, CHOSEN, replace=False)),
    }
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "m.gctx"
        values = rng.normal(size=(options.rows, options.columns)).astype(np.float32)
        write_matrix(Matrix(values, pd.DataFrame(index=rids), pd.DataFrame(index=cids)), path)
        parse = load_cmappy("parse").parse
        print(f"CPU milliseconds, {options.columns:,} columns of {options.rows:,} rows, smallest of {options.repeats}")
        print(f"{'':18}{'beadwork':>10}{'cmapPy':>10}{'h5py':>10}{'beadwork, turned':>18}{'h5py, turned':>14}")
        for name, chosen in choices.items():
            wanted = None if chosen is None else cids[chosen]
            times = (
                smallest(options.repeats, lambda: read_matrix(path, cids=wanted)),  # noqa: B023 (called at once)
                smallest(options.repeats, lambda: parse(str(path), cid=None if wanted is None else list(wanted))),  # noqa: B023
                smallest(options.repeats, lambda: by_h5py(path, chosen, turned=False)),  # noqa: B023
                smallest(options.repeats, lambda: read_matrix(path, cids=wanted).values),  # noqa: B023
                smallest(options.repeats, lambda: by_h5py(path, chosen, turned=True)),  # noqa: B023
            )
            print(
                f"{name:18}"
                + "".join(f"{1000 * item:{width}.1f}" for item, width in zip(times, (10, 10, 10, 18, 14), strict=True))
            )


def by_h5py(path: Path, chosen: np.ndarray | None, *, turned: bool) -> tuple[list[list[str]], np.ndarray]:
    """Ids and values with nothing looked at."""
    with h5py.File(path, "r") as file:
        ids = [[item.decode() for item in file[f"{group}/id"][()]] for group in (ROW, COL)]
        values = file[DATA][()] if chosen is None else file[DATA][chosen]
    return ids, np.ascontiguousarray(values.T) if turned else values


def smallest(repeats: int, call: Callable[[], object]) -> float:
    """CPU seconds of the quickest of some calls."""
    times = []
    for _ in range(repeats):
        before = time.process_time()
        call()
        times.append(time.process_time() - before)
    return min(times)


if __name__ == "__main__":
    main()
