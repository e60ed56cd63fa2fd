"""Speed and memory of the connectivity index on made signatures: a section of docs/validation/benchmarks.md.

    python benchmarks/speed/connectivity.py FOLDER [--only bing] [--part build]    make, measure: a part or all
    python benchmarks/speed/connectivity.py FOLDER --page                          write what was measured to the page

FOLDER receives three indices (13 GB), which are used again if they are there, and results.json, to which every run adds
its figures.  Figures are medians of some runs; CPU seconds are those of all threads; memory is what is not backed by
files (the page cache gives that back when others need it), at its peak.  150 up and 150 down genes per query.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = {"bing": (100_000, "BING"), "lm": (1_000_000, "LM"), "small": (10_000, "BING")}
PARTS = ("build", "library", "command", "append", "cold")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, processor, write_record  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "validation" / "benchmarks.md"
HEAD = "## Connectivity"
SLICE = 50_000
"""Signatures whose annotation is made at a time."""


# ---- measuring -----------------------------------------------------------------------------------------------------


def anonymous(process: int | str = "self") -> float:
    """Resident memory of a process that is not backed by files, MB."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 1024


@contextmanager
def watched(found: dict, name: str):
    """Wall and CPU seconds and peak memory of a block."""
    peak, done = [anonymous()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], anonymous())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    found[name] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    done.set()
    thread.join()
    found[name]["mb"] = peak[0]
    print(name, {key: round(value, 3) for key, value in found[name].items()}, flush=True)


def timed(found: dict, name: str, function, repeats: int) -> None:
    """Median wall and CPU seconds of some calls."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    found[name] = {"wall": statistics.median(walls), "cpu": statistics.median(cpus), "best": min(walls)}
    print(name, {key: round(value, 4) for key, value in found[name].items()}, flush=True)


def command_cost(words: list[str], folder: Path) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of a command, as a user of an installed program has it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    started = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    peak = 0.0
    while True:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        try:
            peak = max(peak, anonymous(process.pid))
        except (OSError, IndexError):
            pass
        time.sleep(0.01)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "mb": peak}


# ---- what is measured ----------------------------------------------------------------------------------------------


def annotation(start: int, stop: int, prefix: str = "MADE") -> pd.DataFrame:
    """Siginfo of made signatures: 50 cells, one vehicle signature in 50, 20 signatures a compound."""
    number = np.arange(start, stop)
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


def build(path: Path, found: dict, n_signatures: int, space: str) -> None:
    """Write an index of normal deviates, through the library's own writer."""
    import pyarrow as pa

    from beadwork.api.index.writing.background import learn_background
    from beadwork.api.index.writing.inputs import arrow_table, fill_blocks
    from beadwork.io.connectivity.index.writer import SignatureSource, create_index
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.model.params import IndexParams
    from beadwork.stages.connectivity.annotate import signature_table

    genes = gene_table()
    ids = genes.index[genes[{"LM": "pr_is_lm", "BING": "pr_is_bing"}[space]] == 1]
    tables = []
    for start in range(0, n_signatures, SLICE):
        info = annotation(start, min(start + SLICE, n_signatures))
        tables.append(arrow_table(signature_table(info["sig_id"].tolist(), pd.DataFrame(), info)))
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    del tables, info
    read = lambda start, stop: np.random.default_rng(start).standard_normal((stop - start, len(ids)), np.float32)  # noqa: E731
    source = SignatureSource("made", n_signatures, read)
    with create_index(path, overwrite=True) as writer:
        symbols = genes.loc[ids, "pr_gene_symbol"].tolist()
        writer.set_genes(list(ids), symbols, space=space, level=None, parameters=IndexParams().model_dump())
        with watched(found, "build"):
            writer.add_segment([source], table, arrow_table(pd.DataFrame({"source": [0]})), fill_blocks(2))
        del table
        with watched(found, "background"):
            learn_background(writer, IndexParams(), 2, lambda text: None)
        writer.publish()


def warm(path: Path) -> None:
    """Read all files once, so that they are in the page cache."""
    for file in path.rglob("*.bin"):
        with open(file, "rb", buffering=0) as stream:
            while stream.read(1 << 24):
                pass


def library(path: Path, found: dict) -> None:
    """Figures of the library, in one process."""
    from beadwork.api import ConnectivityIndex
    from beadwork.model.connectivity.query import MappedQuery, Query
    from beadwork.stages.connectivity.score import score_sets

    warm(path)
    timed(found, "open", lambda: ConnectivityIndex.open(path), 9)
    index = ConnectivityIndex.open(path, threads=2)
    n, genes = len(index), index.store.gene_ids
    rng = np.random.default_rng(0)

    def rows() -> tuple[np.ndarray, np.ndarray]:
        chosen = rng.permutation(len(genes))[:300]
        return chosen[:150], chosen[150:]

    def names() -> tuple[list[str], list[str]]:
        up, down = rows()
        return [genes[row] for row in up], [genes[row] for row in down]

    timed(found, "first", lambda: index.query(*names()), 1)
    index.warm()
    for block in index.store.blocks:
        block.rank.max(), block.z.max()

    def score() -> None:
        up, down = rows()
        score_sets(index.store.blocks, [up], [down], threads=2)

    def arrays() -> None:
        up, down = names()
        index.query_many([Query("made", tuple(up), tuple(down))])

    timed(found, "wtcs", score, 11)
    timed(found, "arrays", arrays, 11)
    timed(found, "table", lambda: index.query(*names()), 11)
    found["mb_one"] = anonymous()
    count = 1000 if n <= 200_000 else 200
    many = [MappedQuery(str(number), *rows()) for number in range(count)]
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        scores = np.memmap(Path(scratch) / "wtcs.bin", np.float32, "w+", shape=(count, n))
        with watched(found, "many"):
            index.score(many, out=scores)
        del scores
    found["many"]["queries"] = count
    with watched(found, "fifty"):
        index.answer(many[: len(next(iter(index.batches(many[:50], _params()))))])
    found["fifty"]["queries"] = len(next(iter(index.batches(many[:50], _params()))))


def _params():
    from beadwork.model.params import QueryParams

    return QueryParams()


def write_query(path: Path, folder: Path) -> list[str]:
    """Write the sets of one query; returns the words of the command."""
    from beadwork.io.connectivity.index.reader import IndexStore

    genes = IndexStore(path).gene_ids
    rows = np.random.default_rng(1).permutation(len(genes))[:300]
    for name, part in (("up", rows[:150]), ("dn", rows[150:])):
        (folder / f"{name}.gmt").write_text("\t".join(["made", "x", *(genes[row] for row in part)]) + "\n")
    return [str(Path(sys.executable).with_name("beadwork")), "query", str(path), "--up", str(folder / "up.gmt"),
            "--down", str(folder / "dn.gmt"), "-o", str(folder / "answers")]  # fmt: skip


def command(path: Path, found: dict) -> None:
    """Time the command, from start to files."""
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        words = write_query(path, folder)
        for key, extra in (("command", []), ("command_bare", ["--no-html", "--no-rollup", "--no-gct"])):
            costs = []
            for _ in range(8):
                warm(path)  # each time: some systems take pages back that were not used for seconds
                costs.append(command_cost([*words, *extra], folder))
            costs = costs[1:]
            found[key] = {what: statistics.median(cost[what] for cost in costs) for what in costs[0]}
            found[key]["best"] = min(cost["wall"] for cost in costs)
            print(key, {what: round(value, 3) for what, value in found[key].items()}, flush=True)


def cold(path: Path, found: dict) -> None:
    """Time the command when nothing of the index is in the page cache."""
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        words = write_query(path, folder)
        command_cost(words, folder)
        walls = []
        for _ in range(3):
            for file in path.rglob("*"):
                if file.is_file():
                    handle = os.open(file, os.O_RDONLY)
                    os.fsync(handle)
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                    os.close(handle)
            walls.append(command_cost(words, folder)["wall"])
        found["cold"] = {"wall": statistics.median(walls)}
        print("cold", found["cold"], flush=True)


def append(path: Path, found: dict) -> None:
    """Append 400 signatures three times, and take them away again."""
    from beadwork.api.index.writing.append import append_index
    from beadwork.io.connectivity.index.reader import IndexStore
    from beadwork.io.connectivity.index.writer import extend_index
    from beadwork.io.files.tables import write_table
    from beadwork.io.matrix.formats import write_matrix
    from beadwork.model.matrix import Level, Matrix

    store = IndexStore(path)
    before = (path / "manifest.json").read_text()
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        info = annotation(0, 400, f"ADD{os.getpid()}")
        values = np.random.default_rng(9).standard_normal((store.n_genes, 400)).astype(np.float32)
        write_matrix(Matrix(values, pd.DataFrame(index=store.gene_ids), pd.DataFrame(index=info["sig_id"].tolist()),
                            level=Level.MODZ), folder / "add.gctx")  # fmt: skip
        write_table(info, folder / "add.tsv")
        walls, cpus = [], []
        for _ in range(4):
            wall, cpu = time.perf_counter(), time.process_time()
            append_index(path, [folder / "add.gctx"], folder / "add.tsv", threads=2)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
            (path / "manifest.json").write_text(before)
            with extend_index(path):  # removes what the manifest does not name
                pass
    found["append"] = {"wall": statistics.median(walls[1:]), "cpu": statistics.median(cpus[1:]), "first": walls[0]}
    print("append", found["append"], flush=True)


# ---- the page ------------------------------------------------------------------------------------------------------


def verdict(value: float, aim: float, more: bool = False) -> str:
    """Whether an aim was met."""
    return "met" if (value >= aim if more else value <= aim) else "**missed**"


def section(results: dict) -> str:
    """Render the section."""
    bing, lm, small = results["bing"], results["lm"], results["small"]
    n = {name: size for name, (size, _) in SIZES.items()}
    build_mb = max(lm["build"]["mb"], lm["background"]["mb"])

    def rate(found: dict, name: str, count: int, kind: str = "wall") -> float:
        return count * found[name].get("queries", 1) / found[name][kind] / 1e6

    rows = [
        ("1 query, library, ranked table in hand, M signatures/s", rate(bing, "table", n["bing"]), 0.8, True, "{:.2f}"),
        ("1 query, command with all its files, s", bing["command"]["wall"], 1.0, False, "{:.2f}"),
        ("1,000 queries, M query x signature / s", rate(bing, "many", n["bing"]), 1.6, True, "{:.2f}"),
        ("1,000 queries, M query x signature / CPU s", rate(bing, "many", n["bing"], "cpu"), 1.2, True, "{:.2f}"),
        ("memory of 1,000 queries, MB", bing["many"]["mb"], 500, False, "{:.0f}"),
        ("memory of the command, MB", bing["command"]["mb"], 500, False, "{:.0f}"),
        ("memory of the command, 1,000,000 x 978, MB", lm["command"]["mb"], 500, False, "{:.0f}"),
        (
            "memory of a build, 1,000,000 x 978, MB",
            build_mb,
            500,
            False,
            "{:.0f}",
        ),
        ("append 400 signatures to 100,000, s", bing["append"]["wall"], 5.0, False, "{:.2f}"),
        ("open an index of 1,000,000, s", lm["open"]["wall"], 0.3, False, "{:.4f}"),
    ]
    aims = [Aim(what, aim, value, more) for what, value, aim, more, _ in rows]
    write_record("speed-connectivity", "python benchmarks/speed/connectivity.py FOLDER --page", aims)
    lines = [
        HEAD, "",
        "Synthetic indexes (normal deviates), 150 up and 150 down genes per query, everything in the page cache, 2 "
        "threads; written by", "",
        "```", "python benchmarks/speed/connectivity.py FOLDER",
        "python benchmarks/speed/connectivity.py FOLDER --page",
        "```", "",
        f"on {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians. Memory is what is not "
        "backed by files. The library's figures are those of a process that has asked before; a command is a process "
        "of its own, from start to the last file.", "",
        "| aim | | measured | |", "|---|---|---|---|",
        *(
            f"| {what} | {'>=' if more else '<='} {aim:g} | {form.format(value)} | {verdict(value, aim, more)} |"
            for what, value, aim, more, form in rows
        ), "",
        "| | 100,000 x 10,174 | 1,000,000 x 978 |", "|---|---|---|",
    ]  # fmt: skip

    def both(what: str, render) -> None:
        lines.append(f"| {what} | {render('bing', bing)} | {render('lm', lm)} |")

    def seconds(name: str):
        return lambda key, found: f"{found[name]['wall']:.2f} s ({found[name]['cpu']:.2f} CPU s)"

    def rates(name: str):
        return lambda key, found: (
            f"{rate(found, name, n[key]):.2f} M/s, {rate(found, name, n[key], 'cpu'):.2f} M per CPU s"
            + (f" ({found[name]['queries']:,} queries)" if "queries" in found[name] else "")
        )

    both("build, without background", seconds("build"))
    both("background of 256 queries", seconds("background"))
    both("on disk", lambda key, found: f"{found['bytes'] / 1e9:.2f} GB")
    both("open", lambda key, found: f"{found['open']['wall'] * 1000:.1f} ms")
    both("1 query, WTCS alone", rates("wtcs"))
    both("1 query, WTCS, NCS, tau, FDR", rates("arrays"))
    both("1 query, ranked table", rates("table"))
    both("first query of a process", seconds("first"))
    both("many queries, WTCS", rates("many"))
    both("many queries, WTCS, NCS, tau, FDR", rates("fifty"))
    both("command, 1 query, all files", seconds("command"))
    both("command, no page, roll-up, GCT", seconds("command_bare"))
    both("command, nothing in the page cache", lambda key, found: f"{found['cold']['wall']:.1f} s")
    both("append 400 signatures", lambda key, found: f"{found['append']['wall']:.2f} s")
    lines += ["", f"An append costs the same whatever is there: {small['append']['wall']:.2f} s to 10,000 x 10,174, "
              f"{bing['append']['wall']:.2f} s to 100,000 x 10,174.", "", *estimate(bing, lm)]  # fmt: skip
    return "\n".join(lines) + "\n"


def estimate(bing: dict, lm: dict) -> list[str]:
    """Estimate what 1.2 million signatures of 12,328 genes would take."""
    count, genes, size = 1_200_000, 12_328, SIZES["bing"][0]
    disk = count * (genes * 6 + 256 * 4 + 60) / 1e9
    touched = count * (300 * 6 + 256 * 4) / 1e9
    warm_library = count / size * bing["table"]["wall"]
    fixed = max(0.0, bing["command_bare"]["wall"] - size / SIZES["lm"][0] * lm["command_bare"]["wall"])
    warm_command = fixed + count / size * (bing["command"]["wall"] - fixed)
    read = size * (300 * 6 + 256 * 4) / 1e9 / max(1e-9, bing["cold"]["wall"] - bing["command"]["wall"])
    many = count * 1000 / (size * bing["many"]["queries"] / bing["many"]["wall"])
    return [
        f"**Estimate for 1,200,000 x {genes:,}** (not measured): {disk:.0f} GB on disk (6 bytes per value, 4 bytes a "
        f"background score). One query reads {touched:.1f} GB of it, whatever the number of genes. Warm: about "
        f"{warm_library:.1f} s in the library, {warm_command:.0f} s as a command with all files, in proportion to "
        f"signatures, which is how every step grows. Cold: {touched / read + warm_command:.0f} s at the "
        f"{read * 1000:.0f} MB/s that the disk of this machine gave for such rows. 1,000 queries: {many / 60:.0f} min "
        f"where the index is in memory, else in addition the time to read {disk:.0f} GB once. Memory beside the page "
        "cache: as for a million signatures, since it grows with signatures and not with genes.",
    ]


def replace_section(text: str, head: str, body: str) -> str:
    """Put a section in the place of the one with the same head, or at the end."""
    before, found, after = text.partition(f"\n{head}\n")
    rest = ""
    if found:
        _, follows, tail = after.partition("\n## ")
        rest = f"\n## {tail}" if follows else ""
    return before.rstrip("\n") + "\n\n" + body.rstrip("\n") + "\n" + rest


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=list(SIZES))
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--page", action="store_true", help="write the section of docs/validation/benchmarks.md")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    file = arguments.folder / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    if arguments.page:
        PAGE.write_text(replace_section(PAGE.read_text(), HEAD, section(results)))
        print(section(results))
        return
    for name in [arguments.only] if arguments.only else SIZES:
        count, space = SIZES[name]
        path = arguments.folder / f"{name}_{count}"
        found = results.setdefault(name, {})
        print(f"---- {name}: {count:,} signatures, {space}", flush=True)
        for part in [arguments.part] if arguments.part else PARTS:
            if part == "build":
                if not (path / "manifest.json").exists():
                    build(path, found, count, space)
            elif name != "small" or part == "append":
                {"library": library, "command": command, "append": append, "cold": cold}[part](path, found)
            file.write_text(json.dumps(results, indent=1))
        found["bytes"] = sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
        file.write_text(json.dumps(results, indent=1))
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
