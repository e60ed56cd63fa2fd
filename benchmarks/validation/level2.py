"""Levels 1 and 2: the LXB reader and the peak callers against official results; time and memory of a whole plate."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.beads.lxb import lxb_bytes, read_events, read_plate
from beadwork.io.beads.maps import read_map
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.bead_sets import read_bead_set
from beadwork.kernels.beads import peaks, peaks_numba
from beadwork.kernels.beads.grouping import group_beads
from beadwork.model.beads.plate import N_ANALYTES, BeadPlate
from beadwork.model.ids import WELLS_384
from beadwork.model.params import DeconvolveParams
from beadwork.stages.beads.deconvolve import deconvolve

TEST = "TEST_A375_24H_X1_B20"


def section(shared: Path) -> str:
    """Markdown of all checks."""
    return "\n\n".join(
        ["## Levels 1 and 2: beads and deconvolution", reader(shared), kspeak(shared), kmeans(shared), speed(shared)]
    )


def reader(shared: Path) -> str:
    folder = shared / "platform" / "instrument"
    events = read_events(gzip.decompress((folder / "A10.lxb.gz").read_bytes()))
    dump = pd.read_csv(folder / "A10.txt.gz", sep="\t")
    equal = sum(bool((events[name] == dump[name].to_numpy()).all()) for name in dump.columns)
    return (
        f"**Reader.** Official text dump of well A10: {len(events):,} events; {equal} of {len(dump.columns)} fields "
        f"equal in all events."
    )


def kspeak(shared: Path) -> str:
    folder = shared / "golden" / "kspeak"
    official = pd.read_csv(folder / "RAW_n2x976.gct", sep="\t", skiprows=2, index_col=0)
    bead_set = read_bead_set("epsilon-r2")
    hi, lo = bead_set.analyte_genes("hi"), bead_set.analyte_genes("lo")
    duo = np.isin(np.arange(1, 501), hi.index.intersection(lo.index))
    numbers = np.flatnonzero(duo) + 1
    table = peaks.log2_table(1 << 14)
    rules = peaks.PeakRules(*peaks.good_range(4, 14, table), 20, 10, 10.0)
    equal = {}
    for well in official.columns:
        beads = pd.read_csv(folder / f"DPK.CP001_A549_24H_X1_B42_{well}.txt.gz", sep="\t")
        grouped = group_beads(beads["barcode_id"].to_numpy(), beads["FI"].to_numpy(), N_ANALYTES)
        plate = BeadPlate.from_wells("P", [well], [grouped])
        value = peaks_numba.call_plate(plate.reporter, plate.starts, duo, table, rules, kspeak=True).value[:, 0, duo]
        found = pd.Series(value.ravel(), index=np.concatenate([hi[numbers], lo[numbers]]).astype(int))
        equal[well] = int((found[official.index] == official[well]).sum())
    total = official.size
    return (
        f"**kspeak.** `golden/kspeak`, two real wells: {sum(equal.values()):,} of {total:,} values equal "
        f"({', '.join(f'{well}: {count} of {len(official)}' for well, count in equal.items())})."
    )


def kmeans(shared: Path) -> str:
    folder = shared / "plates" / TEST
    beads, plate_map = read_plate(folder / "lxb"), read_map(folder / f"{TEST}.map")
    bead_set = read_bead_set("epsilon-r2")
    genes = bead_set.genes
    number = genes["pr_analyte_num"].to_numpy(int)
    halves = {name: (genes["pr_bset_id"] == name).to_numpy() for name in (bead_set.hi, bead_set.lo)}
    duo = np.intersect1d(*(number[rows] for rows in halves.values()))
    lines = [
        "**kmeans.** The official program starts k-means at random (five starts), so its values are no target for "
        "equality; ours is the exact optimum. TEST plate, 26 wells, log2; *swapped*: the pair fits the official one "
        "better the other way round.",
        "",
        "| against | bead set | Pearson | equal | within 0.1 | within 0.5 | support equal | swapped pairs |",
        "|---|---|---|---|---|---|---|---|",
    ]

    def official(level: str) -> np.ndarray:
        names = [folder / "official" / "dpeak" / f"{half}_{level}_n26x500.gct.gz" for half in halves]
        return np.stack([read_matrix(name).values for name in names]).astype(float)

    counts = official("COUNT")
    for level, flip in (("RAW (before flip)", False), ("GEX (after flip)", True)):
        result = deconvolve(beads, bead_set, plate_map, params=DeconvolveParams(method="kmeans", flip=flip), threads=2)
        theirs, ours, support = np.log2(official(level[:3])), np.full((2, 500, 26), np.nan), np.zeros((2, 500, 26))
        for half, rows in enumerate(halves.values()):
            ours[half, number[rows] - 1] = np.log2(result.gex.values[rows])
            support[half, number[rows] - 1] = result.support.values[rows]
        pair, other = ours[:, duo - 1], theirs[:, duo - 1]
        swapped = (np.abs(pair - other[::-1]).sum(axis=0) < np.abs(pair - other).sum(axis=0)).mean()
        for half, (name, rows) in enumerate(halves.items()):
            a, b = ours[half, number[rows] - 1], theirs[half, number[rows] - 1]
            gap = np.abs(a - b)
            same = (support == counts)[half, number[rows] - 1].mean() if not flip else np.nan
            lines.append(
                f"| {level} | {name} | {np.corrcoef(a.ravel(), b.ravel())[0, 1]:.5f} | {share(gap < 1e-5)} | "
                f"{share(gap <= 0.1)} | {share(gap <= 0.5)} | {'-' if flip else f'{100 * same:.2f} %'} | "
                f"{100 * swapped:.2f} % |"
            )
    cols = read_matrix(folder / "official" / f"{TEST}_GEX_n26x978.gct.gz").cols
    ours_cal = result.calibrators.values
    equal_cal = (ours_cal == np.round(official("GEX")[0, :10])).mean()
    gap_mean = result.gex.cols["count_mean"] - cols["count_mean"]
    gap_cv = result.gex.cols["count_cv"] - cols["count_cv"]
    flipped = result.qc[result.qc["metric"] == "flipped"]["value"].astype(float).mean()
    lines += [
        "",
        f"Calibrators equal: {100 * equal_cal:.1f} % of 260 values. The flip adjustment swaps {100 * flipped:.2f} % of "
        f"the duo analytes. Ours less official: count_mean {gap_mean.min():+.2f} to {gap_mean.max():+.2f}, count_cv "
        f"{gap_cv.min():+.2f} to {gap_cv.max():+.2f} (the official ones are printed as integers).",
    ]
    return "\n".join(lines)


def share(mask: np.ndarray) -> str:
    return f"{100 * mask.mean():.2f} %"


def speed(shared: Path) -> str:
    """Whole plate of real beads: rows A-H of a plate as 384 files, each well twice."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lxb"
        n_beads = write_real_plate(shared, folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        threads = len(os.sched_getaffinity(0))
        reading = []
        for _ in range(3):
            begin = time.perf_counter()
            read_plate(folder, threads=threads)
            reading.append(time.perf_counter() - begin)
        lines = [
            f"**Time and memory.** 384 LXB files of real beads (LJP009 rows A-H, each well twice), {size / 1e9:.2f} "
            f"GB, {n_beads / 1e6:.1f} million classified beads, {threads} cores, files in the page cache, kernels"
            f" compiled before. Reading alone: {min(reading):.2f} s (best of three).",
            "",
            "| command | wall, s | CPU, s | peak memory, MB |",
            "|---|---|---|---|",
        ]
        for method in ("kmeans", "mixture", "kspeak"):
            runs = [run_command(folder, Path(name), method) for _ in range(3)]
            wall, cpu, memory = min(runs)
            lines.append(f"| `beadwork deconvolve --method {method}` | {wall:.2f} | {cpu:.2f} | {memory:.0f} |")
    return "\n".join(lines)


def write_real_plate(shared: Path, folder: Path) -> int:
    """Write 384 LXB files and the map; return the number of classified beads."""
    packed = np.load(shared / "plates" / "LJP009AH_A375_24H_X1_B20" / "beads.npz")
    counts, reporter = packed["count"].astype(np.int64), packed["rp1"]
    ends = np.cumsum(counts.sum(axis=1))
    folder.mkdir()
    rng = np.random.default_rng(0)
    total = 0
    for index, well in enumerate(WELLS_384):
        source = index % len(counts)
        analyte = np.repeat(np.arange(1, counts.shape[1] + 1), counts[source])
        values = reporter[ends[source] - len(analyte) : ends[source]]
        total += len(analyte)
        unclassified = len(analyte) // 10
        analyte = np.concatenate([analyte, np.zeros(unclassified, analyte.dtype)])
        values = np.concatenate([values, rng.integers(0, 3000, unclassified)])
        (folder / f"LJP009_A375_24H_X1_B20_{well}.lxb").write_bytes(lxb_bytes(analyte, values, well, rng=rng))
    rows = "".join(f"{well}\tBRD-{well}\ttrt_cp\n" for well in WELLS_384)
    (folder.parent / "plate.map").write_text("rna_well\tpert_id\tpert_type\n" + rows)
    return total


def run_command(folder: Path, out: Path, method: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory (MB) of the command in a process of its own."""
    code = (
        "import json, resource, sys, time; begin = time.perf_counter(); from beadwork.cli import main; "
        "main(sys.argv[1:]); u = resource.getrusage(resource.RUSAGE_SELF); "
        "print(json.dumps([time.perf_counter() - begin, u.ru_utime + u.ru_stime, u.ru_maxrss / 1024]))"
    )
    command = ["deconvolve", folder, "--map", out / "plate.map", "-o", out / "GEX.gctx"]
    command += ["--calibrators", out / "CAL.gctx", "--qc", out / "qc.tsv", "--method", method]
    done = subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    print(section(Path(sys.argv[1])))
