"""Made files of any size: a matrix of landmarks and its whole siginfo, as LINCS 2020 gives them, and gene sets.

``python benchmarks/speed/index_size.py DIR SIGNATURES [QUERIES]`` writes ``modz.gctx``, ``siginfo.tsv``, ``up.gmt`` and
``down.gmt``; the figures of docs/validation/scaling.md are those of commands on such files (``/usr/bin/time -v``).
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np

from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Level, Matrix, Space

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.lincs import SIGINFO_FIELDS

CELLS = ("A375", "A549", "HA1E", "HT29", "MCF7", "PC3", "VCAP", "YAPC", "HCC515", "HEPG2")


def main(folder: Path, count: int, queries: int = 1, n_genes: int = 978) -> None:
    """Write the files."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(13)
    table = gene_table()
    genes = table.index[table["pr_is_lm"] == 1].tolist()[:n_genes]
    with open(folder / "siginfo.tsv", "w", encoding="utf-8") as stream:
        stream.write("\t".join(SIGINFO_FIELDS) + "\n")
        names = []
        for number in range(count):
            cell, pert = CELLS[number % 10], number // 30
            dose = (0.04, 0.12, 0.37, 1.11, 3.33, 10.0)[number // 10 % 6]
            plate = f"REP.A{pert // 300:03d}_{cell}_24H"
            name = f"{plate}:BRD-K{pert:08d}:{dose}:{number}"
            names.append(name)
            well = f"{chr(65 + number % 16)}{number % 24 + 1:02d}"
            plates = [f"{plate}_X{replicate}_B22" for replicate in (1, 2, 3)]
            control = number % 20 == 19
            numbers = [f"{value:.6g}" for value in rng.normal(size=9)]
            cells = [
                "b22", str(dose), f"{dose * 0.97:.6g}", "uM", f"{dose} uM", "24 h", "24", "h", cell,
                f"BRD-K{pert:08d}-001", "3", *numbers[:2], numbers[2], numbers[3], "0.33,0.33,0.34", *numbers[4:8],
                numbers[8], "50", "1", "1",
                "DMSO" if control else f"BRD-K{pert:08d}", name, "ctl_vehicle" if control else "trt_cp", cell,
                "|".join([well] * 3), "|".join(plates), "|".join(f"{item}:{well}" for item in plates), "", "REP",
                "DMSO" if control else f"compound-{pert}", "0", "" if control else "1", "1" if control else "0",
            ]  # fmt: skip
            stream.write("\t".join(cells) + "\n")
    rows = pd.DataFrame(index=pd.Index(genes, dtype=object))
    small = Matrix(np.zeros((len(genes), 2), np.float32), rows, pd.DataFrame(index=["a", "b"]), Level.MODZ, Space.LM)
    path = folder / "modz.gctx"
    write_matrix(small, path)
    with h5py.File(path, "r+") as file:
        del file["0/DATA/0/matrix"], file["0/META/COL/id"]
        data = file.create_dataset("0/DATA/0/matrix", shape=(count, len(genes)), dtype="<f4")
        for start in range(0, count, 10_000):
            part = rng.standard_normal((min(10_000, count - start), len(genes)), np.float32)
            data[start : start + len(part)] = part
        file.create_dataset("0/META/COL/id", data=names, dtype=h5py.string_dtype("utf-8"))
    for side in ("up", "down"):
        lines = [
            f"q{n}_{side.upper()}\tmade\t" + "\t".join(rng.choice(genes, min(150, n_genes // 4), False))
            for n in range(queries)
        ]
        (folder / f"{side}.gmt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *(int(text) for text in sys.argv[3:4]))
