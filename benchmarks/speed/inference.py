"""What training an inference model and applying it cost: CPU seconds, elapsed seconds, memory.

    python benchmarks/speed/inference.py DIR [--profiles 20000] [--wells 186] [--before SRC]

Made data: profiles of 20 studies, 12,328 genes, float16 in an npz; a QNORM matrix of half a plate.  SRC is the src
folder of another version (a worktree of git), which then runs on the same files, in turn with this one.  One thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.spaces import space_genes

STUDIES, FACTORS, TIMES = 20, 40, 5
CALL = "import sys; from beadwork.cli import main; sys.argv = ['beadwork', *sys.argv[1:]]; main()"


def make_profiles(path: Path, n: int) -> None:
    """Profiles that follow hidden factors, with means of their own in each study."""
    rng, genes = np.random.default_rng(0), gene_table().index.to_numpy().astype(str)
    loadings = rng.normal(0, 0.4, (len(genes), FACTORS)).astype(np.float32)
    level, values = rng.uniform(3, 13, (len(genes), 1)), np.empty((len(genes), n), np.float16)
    for at in np.array_split(np.arange(n), STUDIES):
        part = loadings @ rng.standard_normal((FACTORS, len(at)), dtype=np.float32)
        part += level + rng.normal(0, 0.5, level.shape)
        values[:, at] = part + rng.standard_normal(part.shape, dtype=np.float32) * np.float32(0.3)
    studies = np.concatenate([[f"study{k:02d}"] * len(at) for k, at in enumerate(np.array_split(range(n), STUDIES))])
    np.savez(path, expr=values, gene=genes, sample=np.array([f"s{k}" for k in range(n)]), dataset=studies)


def make_plate(path: Path, wells: int) -> None:
    """Write landmarks of half a plate."""
    landmarks = space_genes(gene_table(), Space.LM)
    values = np.random.default_rng(1).normal(8.4, 2.4, (len(landmarks), wells)).clip(0, 15).astype(np.float32)
    cols = pd.DataFrame({"det_plate": "P"}, index=[f"P:{k}" for k in range(wells)])
    write_matrix(Matrix(values, pd.DataFrame(index=landmarks), cols, level=Level.QNORM, space=Space.LM), path)


def cost(src: Path, *words: str) -> tuple[float, float, float]:
    """CPU seconds, elapsed seconds and largest memory (MB) of a command."""
    env = {**os.environ, "PYTHONPATH": str(src), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", CALL, *words], env=env, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        sys.exit(f"beadwork {' '.join(words)}: ended with {status}")
    unit = 1 if sys.platform == "darwin" else 1024
    return used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profiles", type=int, default=20_000)
    parser.add_argument("--wells", type=int, default=186)
    parser.add_argument("--before", type=Path, metavar="SRC", help="src folder of another version")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    profiles, plate = args.folder / "profiles.npz", args.folder / "qnorm.gctx"
    make_profiles(profiles, args.profiles)
    make_plate(plate, args.wells)
    here = Path(__file__).resolve().parents[2] / "src"
    versions = {"this version": here} | ({"before": args.before.resolve()} if args.before else {})
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in versions}
    for _ in range(TIMES):
        for name, src in versions.items():
            found[name].append(cost(src, "infer", str(plate), "-o", str(args.folder / "inf.gctx")))
    for name, rows in found.items():
        cpu, wall, memory = np.median(rows, axis=0)
        print(
            f"infer of {args.wells} wells, {name}: {cpu:.2f} CPU-s, {wall:.2f} s, {memory:.0f} MB (median of {TIMES})"
        )
    size = profiles.stat().st_size / 1e6
    for name, src in versions.items():
        cpu, wall, memory = cost(
            src, "train-inference", str(profiles), "-o", str(args.folder / "model.h5"), "--threads", "1"
        )
        print(f"train-inference of {args.profiles:,} profiles, {name}: {cpu:.0f} CPU-s, {wall:.0f} s, {memory:.0f} MB, "
              f"{memory - size:.0f} MB beyond the input", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
