"""Plates per hour, and what the workflow costs on top of its commands: on one machine, on Slurm, and in a dry run.

    python benchmarks/speed/overhead.py make DIR [--plates 6] [--wells 384] [--beads-mean 85]     raw files, once (5 GB)
    python benchmarks/speed/overhead.py local DIR [--cores 2] [--report]                           snakemake --cores
    python benchmarks/speed/overhead.py slurm DIR [--report] [--profile cluster-generic]      on a Slurm of two nodes
    python benchmarks/speed/overhead.py dry-run DIR [--plates 3500]                            plan of a study that size

Run it on a machine that does nothing else: CPU seconds of a run are those of the whole machine (/proc/stat) while it
lasts, CPU seconds of the commands are those of every call of ``beadwork``, and the overhead is the difference.  Wall
times depend on the disk as well; --warm leaves it out.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from beadwork.io.files.tables import write_table
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.model.params import SimulateParams
from beadwork.simulate.study import plan_study

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import write_raw

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PER_PLATE = ("deconvolve", "normalize", "infer", "zscore", "figures plate")
SLURM = ROOT / "tests" / "slurm" / "slurm.sh"
BATCH = ROOT / "profiles" / "cluster-generic" / "batch.sh"
SUBMIT = {
    "slurm": [],
    "cluster-generic": [
        "--cluster-generic-submit-cmd", f"{BATCH} submit {{threads}} {{resources.mem_mb}} {{resources.runtime}}",
        "--cluster-generic-status-cmd", f"{BATCH} status", "--cluster-generic-cancel-cmd", f"{BATCH} cancel",
    ],
}  # fmt: skip
"""Options beside those of a profile, by profile."""
CALL = """#!/usr/bin/env bash
# `beadwork`, with its CPU seconds written down
word=$1; [ "$1" != figures ] || word="$1 $2"
TIMEFORMAT="$word"$'\\t%U\\t%S\\t%R'
{{ time {beadwork} "$@" 2>&3 3>&-; }} 3>&2 2>> {table}
"""


def make(folder: Path, n_plates: int, wells: int, beads_mean: float, seed: int = 17) -> None:
    """Write raw files, maps and plate sheet of a study of three replicates."""
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    params = SimulateParams(plates=n_plates, wells=wells, replicates=3, beads_mean=beads_mean, seed=seed)
    study = plan_study(read_bead_set("epsilon-r2"), 2.0, levels, params)
    write_raw(study, study.plates, folder, 2)
    sheet = [{"det_plate": plate.det_plate, "lxb": f"lxb/{plate.det_plate}", "map": f"maps/{plate.det_plate}.map"}
             for plate in study.plates]  # fmt: skip
    write_table(pd.DataFrame(sheet), folder / "plates.tsv")


def busy_seconds() -> float:
    """CPU seconds that this machine has spent so far, on anything."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def run(folder: Path, name: str, report: bool, *words: str) -> None:
    """Run the workflow on all plates and print what it took."""
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    (place / "bin").mkdir(parents=True)
    table = place / "calls.tsv"
    (place / "bin/beadwork").write_text(CALL.format(beadwork=BIN / "beadwork", table=table))
    (place / "bin/beadwork").chmod(0o755)
    (place / "config.yaml").write_text(f"plates: {folder}/plates.tsv\ndata: {folder}\nreport: {str(report).lower()}\n")
    env = {**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"}
    busy, start = busy_seconds(), time.perf_counter()
    with open(place / "run.log", "w") as log:
        done = subprocess.run(
            [str(BIN / "snakemake"), "--snakefile", str(ROOT / "Snakefile"), "--directory", str(place), "--configfile",
             str(place / "config.yaml"), *words], env=env, cwd=place, stdout=log, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    wall, busy = time.perf_counter() - start, busy_seconds() - busy
    if done.returncode:
        sys.exit((place / "run.log").read_text())
    calls = pd.read_csv(table, sep="\t", names=["command", "user", "system", "wall"])
    cpu = (calls["user"] + calls["system"]).groupby(calls["command"]).agg(["size", "sum"])
    n = len(pd.read_csv(folder / "plates.tsv", sep="\t"))
    plates = float(cpu["sum"].reindex(PER_PLATE).sum())
    print(f"{name}: {n} plates in {wall:.1f} s: {3600 * n / wall:.0f} plates per hour")
    print(f"wall seconds of the commands a plate, one after the other: {calls['wall'].sum() / n:.1f}")
    print(f"CPU seconds per plate: {busy / n:.2f} in all; commands of the plate {plates / n:.2f}, commands of "
          "brews and "
          f"study {(cpu['sum'].sum() - plates) / n:.2f}, overhead {(busy - cpu['sum'].sum()) / n:.2f}")  # fmt: skip
    print(cpu.rename(columns={"size": "calls", "sum": "cpu_s"}).round(1).to_string(), flush=True)


def dry_run(folder: Path, n_plates: int) -> None:
    """Plan a study of one well a plate and print what the plan took."""
    (folder / "lxb").mkdir(parents=True, exist_ok=True)
    wells = "".join(f"{row}{column:02d}\tDMSO\tctl_vehicle\n" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25))
    (folder / "map.tsv").write_text(f"rna_well\tpert_id\tpert_type\n{wells}")
    names = [f"DRY{number // 3 + 1:04d}_A375_24H_X{number % 3 + 1}_B20" for number in range(n_plates)]
    write_table(pd.DataFrame({"det_plate": names, "lxb": "lxb", "map": "map.tsv"}), folder / "plates.tsv")
    for report in ("false", "true"):
        (folder / "config.yaml").write_text(f"plates: plates.tsv\ndata: {folder}\nreport: {report}\n")
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [str(BIN / "snakemake"), "-n", "--quiet", "all", "--snakefile", str(ROOT / "Snakefile"), "--directory",
             str(folder), "--configfile", str(folder / "config.yaml")], cwd=folder, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(done.stdout)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"dry run of {n_plates} plates, report: {report}: {wall:.1f} s, {cpu:.1f} s of CPU, "
              f"{after.ru_maxrss / 1024:.0f} MB at most", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "local", "slurm", "dry-run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plates", type=int)
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--beads-mean", type=float, default=85.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="with the figures of the report")
    parser.add_argument("--profile", choices=list(SUBMIT), default="slurm", help="what submits to Slurm")
    parser.add_argument(
        "--warm", action="store_true", help="read all raw files once before, so that no disk is waited for"
    )
    args = parser.parse_args()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    profiles = ROOT / "profiles"
    if args.warm:
        for path in (folder / "lxb").rglob("*.lxb"):
            path.read_bytes()
    if args.what == "make":
        make(folder, args.plates or 6, args.wells, args.beads_mean)
    elif args.what == "local":
        run(folder, "local", args.report, "--workflow-profile", str(profiles / "default"), "--cores", str(args.cores))
    elif args.what == "slurm":
        subprocess.run([SLURM, "up", folder / "state"], check=True)
        try:
            run(
                folder,
                args.profile,
                args.report,
                "--workflow-profile",
                str(profiles / args.profile),
                *SUBMIT[args.profile],
            )
        finally:
            subprocess.run([SLURM, "down", folder / "state"], check=True)
    else:
        dry_run(folder, args.plates or 3500)


if __name__ == "__main__":
    main()
