"""A small made index with everything in it: cells, doses, vehicle signatures, a planted mechanism."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Level, Matrix, Space


def make_signatures(count: int = 150, seed: int = 5, prefix: str = "TOY001") -> tuple[Matrix, pd.DataFrame]:
    """MODZ of `count` signatures in LM space and their siginfo; every fifth is a vehicle signature.

    Signatures of compounds 0 to 4 share a mechanism: the first 30 genes go up, the next 30 go down.
    """
    rng = np.random.default_rng(seed)
    genes = gene_table()
    landmarks = genes.index[genes["pr_is_lm"] == 1]
    values = rng.normal(size=(978, count)).astype(np.float32)
    cells = ["A375", "MCF7"]
    rows = []
    for number in range(count):
        vehicle = number % 5 == 4
        compound = number % 12
        cell = cells[number % 2]
        if not vehicle and compound < 5:
            values[:30, number] += 1.5
            values[30:60, number] -= 1.5
        rows.append(
            {
                "sig_id": f"{prefix}_{cell}_24H:BRD-K{compound:03d}:{number}",
                "pert_id": "DMSO" if vehicle else f"BRD-K{compound:03d}",
                "pert_iname": "DMSO" if vehicle else f"drug-{compound}",
                "pert_type": "ctl_vehicle" if vehicle else "trt_cp",
                "cell_id": cell,
                "pert_dose": float(number % 3 + 1),
                "pert_dose_unit": "uM",
                "pert_time": 24,
                "pert_time_unit": "h",
                "distil_nsample": 3,
                "tas": round(float(rng.uniform(0, 1)), 3),
            }
        )
    info = pd.DataFrame(rows)
    cols = pd.DataFrame(index=pd.Index(info["sig_id"], dtype=object, name=None))
    rows_table = pd.DataFrame({"pr_gene_symbol": genes.loc[landmarks, "pr_gene_symbol"]}, index=landmarks)
    return Matrix(values, rows_table, cols, level=Level.MODZ, space=Space.LM), info


@pytest.fixture(scope="session")
def toy_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """MODZ and siginfo of the made study."""
    folder = tmp_path_factory.mktemp("toy")
    matrix, info = make_signatures()
    write_matrix(matrix, folder / "toy_MODZ.gctx")
    write_table(info, folder / "siginfo.tsv")
    return folder / "toy_MODZ.gctx", folder / "siginfo.tsv"


@pytest.fixture(scope="session")
def toy_index(toy_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Index of the made study; read only."""
    from beadwork.api import ConnectivityIndex

    path = tmp_path_factory.mktemp("index") / "toy"
    ConnectivityIndex.build(path, *toy_files)
    return path
