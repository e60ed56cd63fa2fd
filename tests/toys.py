"""Made matrices and studies that tests of several folders start from, and a command run as a user does."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.cli import main
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.spaces import space_genes

GENES = pd.Index([str(number) for number in range(40)], dtype=object)
"""Rows of :func:`compound_plate`."""
_WELLS = [f"{row}{number:02d}" for row in "ABCD" for number in range(1, 7)]


def call(*words: object) -> int:
    """Run ``beadwork`` inside this process; returns the exit code."""
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def write_modz(path: Path, brew: str, seed: int, n_genes: int = 40, n_signatures: int = 12) -> Path:
    """Write the MODZ of a made brew; returns the path."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(index=[str(number) for number in range(100, 100 + n_genes)])
    cols = pd.DataFrame(
        {"pert_id": [f"C{number}" for number in range(n_signatures)], "pert_type": "trt_cp", "cell_id": "A375"},
        index=[f"{brew}:C{number}" for number in range(n_signatures)],
    )
    write_matrix(Matrix(rng.normal(size=(n_genes, n_signatures)), rows, cols, level=Level.MODZ), path)
    return path


@cache
def landmarks() -> pd.Index:
    """Entrez ids of the landmarks."""
    return space_genes(gene_table(), Space.LM)


def plain_matrix(n_rows: int = 3, n_cols: int = 4, **options) -> Matrix:
    """Values 0, 1, 2 ... with one field of rows and one of columns."""
    values = np.arange(n_rows * n_cols, dtype=np.float64).reshape(n_rows, n_cols)
    rows = pd.DataFrame({"symbol": [f"S{k}" for k in range(n_rows)]}, index=[f"g{k}" for k in range(n_rows)])
    cols = pd.DataFrame({"kind": ["x"] * n_cols}, index=[f"P:A{k + 1:02d}" for k in range(n_cols)])
    return Matrix(values, rows, cols, **options)


def annotated_matrix(n_rows: int = 4, n_cols: int = 3) -> Matrix:
    """QNORM with every kind of annotation that has ever been lost on the way."""
    rng = np.random.default_rng(1)
    rids = pd.Index([str(number) for number in (780, 7849, 2978, 10, *range(100, 96 + n_rows))][:n_rows], dtype=object)
    cids = pd.Index([f"P_A375_24H_X1_B20:A{k:02d}" for k in range(1, n_cols + 1)], dtype=object)
    rows = pd.DataFrame(
        {
            "pr_gene_symbol": [f"GENE{k}" for k in range(n_rows)],
            "pr_analyte_num": np.arange(11, 11 + n_rows),
            "title/alias": ["β-catenin, Übergang"] + ["plain"] * (n_rows - 1),
        },
        index=rids,
    )
    cols = pd.DataFrame(
        {
            "pert_id": ["001", "002", "BRD-K81418486", *["x"] * n_cols][:n_cols],
            "pert_dose": [10.0, 0.1234567890123456, np.nan, *[1.0] * n_cols][:n_cols],
            "dose µM / l": ["10 µM", np.nan, "3,3 µM", *["-"] * n_cols][:n_cols],
            "count": np.arange(n_cols),
            "code": ["12", "7", "3", *["9"] * n_cols][:n_cols],
            "flag": [True, False, True, *[True] * n_cols][:n_cols],
            "empty": [np.nan] * n_cols,
        },
        index=cids,
    )
    values = rng.normal(8, 2, (n_rows, n_cols)).astype(np.float32)
    values[0, 0] = np.nan
    return Matrix(values, rows, cols, level=Level.QNORM, provenance={"command": "test", "note": "µ / ü"})


def landmark_plate(n: int = 4, seed: int = 0, **changes) -> Matrix:
    """Made QNORM of n wells, rows in an order of its own."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(landmarks().to_numpy())
    cols = pd.DataFrame({"pert_id": "DMSO"}, index=pd.Index([f"P:A{k:02d}" for k in range(1, n + 1)], dtype=object))
    fields = {"level": Level.QNORM, "space": Space.LM, **changes}
    return Matrix(rng.uniform(4, 14, (978, n)), pd.DataFrame(index=pd.Index(order, dtype=object)), cols, **fields)


def replicate_plate(replicate: int, seed: int = 0, drop: tuple[str, ...] = (), **fields) -> Matrix:
    """Made ZSPC of 24 wells: six vehicle wells without dose, nine compounds at two doses each."""
    shared, own = np.random.default_rng(seed), np.random.default_rng(100 + replicate)
    name = f"TOY001_A375_24H_X{replicate}_B20"
    perts = ["DMSO"] * 6 + [f"BRD-{k}" for k in range(9) for _ in range(2)]
    cols = pd.DataFrame(
        {
            "det_plate": name,
            "det_well": _WELLS,
            "rna_well": _WELLS,
            "brew_prefix": "TOY001_A375_24H",
            "pert_id": perts,
            "pert_type": ["CTL_VEHICLE"] * 6 + ["trt_cp"] * 18,
            "pert_dose": [np.nan] * 6 + [0.1, 10.0] * 9,
            "pert_dose_unit": [np.nan] * 6 + ["um"] * 18,
            "pert_time": 24.0,
            "cell_id": "A375",
            "count_mean": own.uniform(50, 90, 24),
            "bead_batch": f"b{20 + replicate}",
            **fields,
        },
        index=pd.Index([f"{name}:{well}" for well in _WELLS], dtype=object),
    )
    effect = shared.normal(0, 2, (300, 24))
    effect[:, :6] = 0
    values = effect + own.normal(0, 1, (300, 24))
    rows = pd.DataFrame({"pr_gene_symbol": "x"}, index=landmarks()[:300])
    matrix = Matrix(values, rows, cols, level=Level.ZSPC)
    return matrix.take_cols(~cols["det_well"].isin(drop).to_numpy())


def compound_plate(name: str, compounds: list[str], seed: int, types: list[str] | None = None) -> Matrix:
    """ZSPC of noise, one well for each of some compounds."""
    values = np.random.default_rng(seed).normal(size=(len(GENES), len(compounds)))
    cols = pd.DataFrame(
        {"pert_id": compounds, "pert_type": types or ["trt_cp"] * len(compounds)},
        index=pd.Index([f"{name}:A{number:02d}" for number in range(1, len(compounds) + 1)], dtype=object),
    )
    return Matrix(values, pd.DataFrame(index=GENES), cols, level=Level.ZSPC)


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


@contextlib.contextmanager
def answering(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Address of a small server of this handler, in a thread."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
