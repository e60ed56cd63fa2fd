#!/usr/bin/env python3
"""Cost of a reference library at full size: the table of 1.2 million signatures, and one gene of a million signatures.

    library_size.py table [--rows 1201944] [--folder DIR]     siginfo_beta made up, then read by `read_siginfo`
    library_size.py gene [--signatures 1000000] [--genes 978] [--folder DIR]
    library_size.py build [--columns 100000] [--folder DIR]   12,328 genes, then `library build`

Each figure is one process: CPU seconds, seconds and peak memory. Values are made up; ranks are not computed.
"""

import argparse
import resource
import shutil
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.lincs import SIGINFO_FIELDS


def write_siginfo(path: Path, rows: int) -> None:
    """Write a table like siginfo_beta.txt: its columns, 230 cells, 30,000 compounds, three replicates each."""
    rng = np.random.default_rng(0)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("\t".join(SIGINFO_FIELDS) + "\n")
        for first in range(0, rows, 50_000):
            count = min(50_000, rows - first)
            cells, drugs = rng.integers(0, 230, count).tolist(), rng.integers(0, 30_000, count).tolist()
            draws = rng.random((count, 10)).tolist()
            stream.writelines(map(_line, range(first, first + count), cells, drugs, draws))


def _line(number: int, cell: int, drug: int, x: list[float]) -> str:
    plate, well = f"REP.A{number % 400:03d}_CELL{cell}_24H", f"{chr(65 + number % 16)}{number % 24 + 1:02d}"
    plates = [f"{plate}_X{place}_B22" for place in (1, 2, 3)]
    fields = [
        f"b{number % 20}", "10", f"{x[0] * 10:.5g}", "uM", "10 uM", "24 h", "24", "h", f"CELL{cell}",
        f"BRD-K{drug:08d}-001-01-1", "3", f"{x[1]:.4g}", f"{int(x[2] * 900)}", f"{x[3]:.6g}", f"{x[4] * 100:.5g}",
        f"{x[5]:.3g},{x[6]:.3g},0.3", f"{x[5]:.6g}", f"{x[6]:.6g}", f"{x[7]:.6g}", f"{x[8]:.6g}",
        f"{x[9] * 5 - 2:.5g}", f"{x[0] * 100:.5g}", f"{int(x[1] > 0.5)}", f"{int(x[2] > 0.2)}", f"BRD-K{drug:08d}",
        f"{plate}:{well}:{number}", "trt_cp", f"CELL{cell}", well, "|".join(plates),
        "|".join(f"{one}:{well}" for one in plates), "", "REP", f"name{drug}", f"{int(x[3] > 0.7)}", "1", "0",
    ]  # fmt: skip
    return "\t".join(fields) + "\n"


def table(rows: int, folder: Path) -> None:
    """Read a large siginfo, and say what that costs."""
    path = folder / "siginfo_beta.txt"
    if not path.exists():
        write_siginfo(path, rows)
    from multiprocessing import Process

    child = Process(target=_read, args=(path,))
    child.start()
    child.join()


def _read(path: Path) -> None:
    begin, cpu = time.monotonic(), time.process_time()
    from beadwork.io.connectivity.siginfo import read_siginfo

    found = read_siginfo(path)
    assert found is not None
    _say(f"siginfo of {len(found.table):,} rows, {path.stat().st_size / 1e6:.0f} MB", begin, cpu)


def gene(signatures: int, genes: int, folder: Path) -> None:
    """Look one gene up in an index of many signatures."""
    import pyarrow as pa

    from beadwork.api import ConnectivityIndex
    from beadwork.api.index.cards.gene import gene_row, show_gene
    from beadwork.io.connectivity.index.writer import SignatureSource, create_index
    from beadwork.io.platform.gene_table import gene_table

    path = folder / "index"
    if not path.exists():
        rng = np.random.default_rng(0)
        values = rng.normal(size=(512, genes)).astype(np.float32)
        ids = gene_table().sort_values("pr_is_lm", ascending=False, kind="stable").index[:genes]
        numbers = np.arange(signatures)
        kinds = pa.array(["trt_cp"]).dictionary_encode().take(pa.array(np.zeros(signatures, np.int32)))
        columns = {
            "sig_id": pa.array([f"S:{number}" for number in range(signatures)]),
            "pert_iname": pa.array([f"drug{number}" for number in (numbers % 30_000).tolist()]).dictionary_encode(),
            "cell_id": pa.array([f"CELL{number}" for number in (numbers % 230).tolist()]).dictionary_encode(),
            "pert_idose": pa.array([f"{number} uM" for number in (numbers % 6).tolist()]).dictionary_encode(),
            "pert_type": kinds, "tas": pa.array(rng.random(signatures)),
        }  # fmt: skip

        def fill(z: np.ndarray, ranks: np.ndarray, scores: np.ndarray, column: int) -> None:
            ranks[:, column : column + len(z)] = 1
            scores[:, column : column + len(z)] = z.T

        with create_index(path) as writer:
            writer.set_genes(list(ids), list(ids), space="LM", level=None, parameters={})
            source = SignatureSource("made up", signatures, lambda start, stop: values[: stop - start])
            record = pa.table({"source": [0], "name": ["made up"], "digest": ["none"]})
            writer.add_segment([source], pa.table(columns), record, fill)
            writer.publish()
    opened = ConnectivityIndex.open(path, threads=1)
    for label in ("first", "second"):
        begin, cpu = time.monotonic(), time.process_time()
        gene_row(opened, genes // 2)
        _say(f"one gene of {signatures:,} signatures, {label} time", begin, cpu)
    for label in ("with annotation read", "again"):
        begin, cpu = time.monotonic(), time.process_time()
        show_gene(opened, opened.store.gene_ids[genes // 3])
        _say(f"its card, {label}", begin, cpu)


def build(columns: int, folder: Path) -> None:
    """Build an index of a made-up LINCS 2020: all genes, from a GCTX with ids only and its siginfo."""
    import h5py

    from beadwork.io.matrix.gctx import layout
    from beadwork.io.platform.gene_table import gene_table

    source = folder / "lincs"
    matrix = source / f"level5_beta_trt_cp_n{columns}x12328.gctx"
    if not matrix.exists():
        source.mkdir(parents=True, exist_ok=True)
        write_siginfo(source / "siginfo_beta.txt", columns)
        with open(source / "siginfo_beta.txt", encoding="utf-8") as stream:
            place = stream.readline().rstrip("\n").split("\t").index("sig_id")
            ids = [line.split("\t")[place] for line in stream]
        genes = gene_table().index.tolist()
        values = np.random.default_rng(0).normal(size=(1024, len(genes))).astype(np.float32)
        with h5py.File(matrix, "w") as file:
            file.attrs[layout.VERSION_ATTRIBUTE] = layout.VERSION
            data = file.create_dataset(layout.DATA, shape=(columns, len(genes)), dtype="<f4")
            for start in range(0, columns, len(values)):
                data[start : start + len(values)] = values[: min(len(values), columns - start)]
            for group, names in ((layout.ROW, genes), (layout.COL, ids)):
                file.create_dataset(f"{group}/{layout.ID}", data=np.array(names, object), dtype=h5py.string_dtype())
    size = matrix.stat().st_size / 1e9
    from multiprocessing import Process

    child = Process(
        target=_build, args=(source, folder / "built", f"{columns:,} x 12,328 from a GCTX of {size:.1f} GB")
    )
    child.start()
    child.join()


def _build(source: Path, target: Path, what: str) -> None:
    begin, cpu = time.monotonic(), time.process_time()
    from beadwork.api.library.build import build_library
    from beadwork.model.params import IndexParams

    build_library(source, target, params=IndexParams(background=0), overwrite=target.exists(), said=print)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file()) / 1e9
    _say(f"library of {what}, index of {size:.1f} GB", begin, cpu)


def _say(what: str, begin: float, cpu: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{what}: {time.process_time() - cpu:.3f} CPU s, {time.monotonic() - begin:.3f} s, peak {peak:.2f} GB",
        flush=True,
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["table", "gene", "build"])
    parser.add_argument("--rows", type=int, default=1_201_944)
    parser.add_argument("--signatures", type=int, default=1_000_000)
    parser.add_argument("--genes", type=int, default=978)
    parser.add_argument("--columns", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path("results/library_size"))
    parser.add_argument("--keep", action="store_true", help="Keep what was made.")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.what == "table":
        table(options.rows, options.folder)
    elif options.what == "build":
        build(options.columns, options.folder)
    else:
        gene(options.signatures, options.genes, options.folder)
    if not options.keep:
        shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
