"""Tables of a large study without its beads: CPU seconds and peak memory of `beadwork collect`.

    python benchmarks/speed/study_tables.py DIR PLATES           QC rows as 384 wells give them, then joined
    python benchmarks/speed/study_tables.py DIR PLATES WELLS     the same of fewer wells a plate

Rows are made up, 25 metrics of each well, in one table a plate; DIR/qc has them, DIR/out what was made of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.commands import measured

from beadwork.model.qc import COLUMNS, METRICS

WELLS = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]


def make_rows(folder: Path, plates: int, wells: list[str]) -> list[Path]:
    """Write the QC rows of plates, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    metrics = [metric for metric in METRICS if METRICS[metric].unit != "text"][1:26]
    paths = []
    for number in range(plates):
        plate = f"MADE{number // 3:04d}_A375_24H_X{number % 3 + 1}_B20"
        values = rng.normal(size=(len(metrics), len(wells)))
        lines = ["\t".join(COLUMNS), f"{plate}\tdeconvolve\twells_read\t{len(wells)}\t\t\tTrue"]
        lines += [
            f"{plate}:{well}\tnormalize\t{metric}\t{values[place, at]:.12g}\t-3\t\t{values[place, at] > -3}"
            for place, metric in enumerate(metrics)
            for at, well in enumerate(wells)
        ]
        paths.append(folder / f"{plate}.tsv")
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def main(folder: Path, plates: int, wells: int = len(WELLS)) -> None:
    """Make the rows and join them."""
    paths = make_rows(folder / "qc", plates, WELLS[:wells])
    out = folder / "out"
    measured("collect", *paths, "-o", out / "qc.tsv", "--wells", out / "wells.tsv", "--plates", out / "plates.tsv")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
