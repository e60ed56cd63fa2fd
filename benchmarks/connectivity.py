"""Speed and memory of the connectivity index on made signatures.

    nice python benchmarks/connectivity.py FOLDER [--only bing|lm] [--signatures N]

FOLDER receives two indices (about 6 GB each), which are used again if they are there.  Every figure is the median of
some runs; "CPU s" are processor seconds of all threads.  150 up and 150 down genes a query.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = {"bing": (100_000, "BING"), "lm": (1_000_000, "LM")}


def make_index(path: Path, n_signatures: int, space: str) -> None:
    """Write an index of normal deviates, through the library's own writer."""
    from beadwork.api.build_index import _arrow, _fill, learn_background
    from beadwork.io import index_store
    from beadwork.io.resources import gene_table
    from beadwork.model.params import IndexParams
    from beadwork.stages.signature_table import signature_table

    genes = gene_table()
    ids = genes.index[genes[{"LM": "pr_is_lm", "BING": "pr_is_bing"}[space]] == 1]
    info = annotation(n_signatures)
    table = signature_table(info["sig_id"].tolist(), pd.DataFrame(), info)
    read = lambda start, stop: np.random.default_rng(start).standard_normal((stop - start, len(ids)), np.float32)  # noqa: E731
    source = index_store.SignatureSource("made", n_signatures, read)
    started, cpu = time.perf_counter(), time.process_time()
    with index_store.new_index(path, overwrite=True) as folder:
        record = index_store.write_segment(
            folder, "000001-made", len(ids), [source], _arrow(table), _arrow(pd.DataFrame({"source": [0]})), _fill(2)
        )
        manifest = index_store.new_manifest(
            n_genes=len(ids), space=space, segments=[record], background=None,
            genes=index_store.write_genes(folder, list(ids), genes.loc[ids, "pr_gene_symbol"].tolist()),
            parameters=IndexParams().model_dump(),
        )  # fmt: skip
        index_store.write_manifest(folder, manifest)
        report("build", f"{n_signatures:,} signatures, without background", started, cpu)
        started, cpu = time.perf_counter(), time.process_time()
        manifest["background"] = learn_background(index_store.IndexStore(folder), IndexParams(), 2, lambda text: None)
        index_store.write_manifest(folder, manifest)
        report("background", "256 queries", started, cpu)
    print(f"| peak memory of the build | {anonymous_peak()} |")


def annotation(count: int, prefix: str = "MADE") -> pd.DataFrame:
    """Siginfo of made signatures: 50 cells, one vehicle signature in 50."""
    number = np.arange(count)
    vehicle = number % 50 == 0
    return pd.DataFrame(
        {
            "sig_id": [f"{prefix}001_CELL{i % 50}_24H:BRD-K{i:08d}:10" for i in number],
            "pert_id": np.where(vehicle, "DMSO", np.char.add("BRD-K", (number // 20).astype(str))),
            "pert_iname": np.where(vehicle, "DMSO", np.char.add("drug-", (number // 20).astype(str))),
            "pert_type": np.where(vehicle, "ctl_vehicle", "trt_cp"),
            "cell_id": np.char.add("CELL", (number % 50).astype(str)),
            "pert_idose": "10 uM",
            "pert_itime": "24 h",
            "tas": (number % 97) / 97,
        }
    )


def anonymous_peak() -> str:
    """Peak of resident memory, which includes mapped files, and the memory that is not backed by files now."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{anonymous():.0f} MB not backed by files now, peak resident {peak:.0f} MB"


def anonymous() -> float:
    """Resident memory that is not backed by files, MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 1024


def report(what: str, size: str, started: float, cpu: float) -> None:
    """Print one line of a single measurement."""
    print(
        f"| {what} ({size}) | {time.perf_counter() - started:.1f} s, {time.process_time() - cpu:.1f} CPU s |",
        flush=True,
    )


def timed(function, repeats: int) -> tuple[float, float]:
    """Median wall and CPU seconds of some calls."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return statistics.median(walls), statistics.median(cpus)


def measure(path: Path) -> None:
    """All figures of one index."""
    from beadwork.api import ConnectivityIndex
    from beadwork.model.connectivity import MappedQuery
    from beadwork.stages.connect import score_sets

    opened, _ = timed(lambda: ConnectivityIndex.open(path), 5)
    print(f"| open | {opened * 1000:.1f} ms |")
    index = ConnectivityIndex.open(path, threads=2)
    n, genes = len(index), index.store.gene_ids
    rng = np.random.default_rng(0)

    def sets() -> tuple[list[str], list[str]]:
        rows = rng.permutation(len(genes))[:300]
        return [genes[row] for row in rows[:150]], [genes[row] for row in rows[150:]]

    def rows() -> tuple[np.ndarray, np.ndarray]:
        chosen = rng.permutation(len(genes))[:300]
        return chosen[:150], chosen[150:]

    first, _ = timed(lambda: index.query(*sets()), 1)
    print(f"| first query of a process (compiled code loaded, annotation read) | {first:.2f} s |")
    for block in index.store.blocks:  # warm
        block.rank.max(), block.z.max()

    def score(count: int) -> None:
        chosen = [rows() for _ in range(count)]
        score_sets(index.store.blocks, [one for one, _ in chosen], [two for _, two in chosen], threads=2)

    wall, cpu = timed(lambda: score(1), 9)
    print(rates("1 query, WTCS only", n, wall, cpu))
    wall, cpu = timed(lambda: index.query_many([to_query(*sets())]), 9)
    print(rates("1 query, WTCS, NCS, tau, FDR as arrays", n, wall, cpu))
    wall, cpu = timed(lambda: index.query(*sets()), 9)
    print(rates("1 query, ranked DataFrame", n, wall, cpu))
    count = 1000 if n <= 200_000 else 200
    before = anonymous()
    peak = before
    started, cpu = time.perf_counter(), time.process_time()
    many = [MappedQuery(str(i), *rows()) for i in range(count)]
    with tempfile.TemporaryDirectory() as scratch:
        scores = np.memmap(Path(scratch) / "wtcs.bin", np.float32, "w+", shape=(count, n))
        index.score(many, out=scores)
        peak = max(peak, anonymous())
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(rates(f"{count:,} queries, WTCS", count * n, wall, cpu) + f" {peak:.0f} MB |", flush=True)
    wall, cpu = timed(lambda: index.answer(many[:50]), 1)
    print(rates("50 queries, WTCS, NCS, tau, FDR", 50 * n, wall, cpu), flush=True)


def rates(what: str, pairs: int, wall: float, cpu: float) -> str:
    """Write one line of scores per second."""
    return f"| {what} | {pairs / cpu / 1e6:.2f} M per CPU-s, {pairs / wall / 1e6:.2f} M/s, {wall:.3f} s |"


def to_query(up: list[str], down: list[str]):
    from beadwork.model.connectivity import Query

    return Query("made", tuple(up), tuple(down))


def measure_command(path: Path, folder: Path) -> None:
    """Time the command, from start to files."""
    from beadwork.api import ConnectivityIndex

    genes = ConnectivityIndex.open(path).store.gene_ids
    rows = np.random.default_rng(1).permutation(len(genes))[:300]
    for name, part in (("up", rows[:150]), ("dn", rows[150:])):
        (folder / f"{name}.gmt").write_text("\t".join(["made", "x", *(genes[row] for row in part)]) + "\n")
    command = [str(Path(sys.executable).with_name("beadwork")), "query", str(path), "--up", str(folder / "up.gmt"),
               "--down", str(folder / "dn.gmt"), "-o", str(folder / "answers")]  # fmt: skip
    for extra in ([], ["--no-html", "--no-rollup", "--no-gct"]):
        walls = []
        for _ in range(5):
            started = time.perf_counter()
            done = subprocess.run([*command, *extra], capture_output=True, text=True)
            walls.append(time.perf_counter() - started)
        if done.returncode:
            print(f"| command {' '.join(extra)} | {done.stderr.strip()} |")
        else:
            print(f"| command, 1 query {' '.join(extra)} | {statistics.median(walls):.2f} s |", flush=True)


def measure_append(path: Path, folder: Path) -> None:
    """Append 400 signatures, then take them away again."""
    from beadwork.api.build_index import append_index
    from beadwork.io import index_store
    from beadwork.io.gctx import write_matrix
    from beadwork.io.tables import write_table
    from beadwork.model.matrix import Level, Matrix

    store = index_store.IndexStore(path)
    info = annotation(400, f"ADD{os.getpid()}")
    values = np.random.default_rng(9).standard_normal((store.n_genes, 400)).astype(np.float32)
    write_matrix(Matrix(values, pd.DataFrame(index=store.gene_ids), pd.DataFrame(index=info["sig_id"].tolist()),
                        level=Level.MODZ), folder / "add.gctx")  # fmt: skip
    write_table(info, folder / "add.tsv")
    before = (path / "manifest.json").read_text()
    started, cpu = time.perf_counter(), time.process_time()
    append_index(path, [folder / "add.gctx"], folder / "add.tsv", threads=2)
    report("append 400 signatures", f"to {store.n_signatures:,}", started, cpu)
    (path / "manifest.json").write_text(before)
    with index_store.appending(path):
        pass


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=list(SIZES))
    parser.add_argument("--signatures", type=int)
    parser.add_argument("--part", choices=["build", "library", "command", "append"])
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in [arguments.only] if arguments.only else SIZES:
        count, space = SIZES[name]
        count = arguments.signatures or count
        path = arguments.folder / f"{name}_{count}"
        print(f"\n| {count:,} signatures, {space} | |\n|---|---|")
        if not (path / "manifest.json").exists():
            make_index(path, count, space)
        if arguments.part in (None, "library"):
            measure(path)
        if arguments.part in (None, "command"):
            measure_command(path, arguments.folder)
        if arguments.part in (None, "append"):
            measure_append(path, arguments.folder)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        print(f"| on disk | {size / 1e9:.2f} GB, {size / count / 1e3:.1f} kB a signature |")
        print(json.dumps({"load": os.getloadavg()}))


if __name__ == "__main__":
    main()
