"""Grow a simulated study batch by batch and measure what each plate costs, from raw files to the index.

    python benchmarks/speed/scale.py DIR [--batches 20] [--plates 3] [--wells 384] [--beads-mean 40] [--cores 2]

The raw files of a batch (about 1.1 GB per plate at 85 beads per analyte) are made when the batch is run and removed
after it.  DIR/scale.tsv gets one row per batch: wall seconds of the run, and CPU seconds of every rule per plate, as
Snakemake's benchmark files say.  Call it again to go on where it stopped.
"""

from __future__ import annotations

import argparse
import os
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
PER_PLATE = ("deconvolve", "normalize", "infer", "zscore", "zscore_vehicle")
PER_RUN = ("check_plates", "index", "collect_qc", "collect_siginfo")


def empty_raw(plates, folder: Path) -> None:
    """Remove raw files; the folders stay, with the time they had, so that nothing is made anew."""
    for plate in plates:
        target = folder / "lxb" / plate.det_plate
        before = target.stat()
        for path in target.iterdir():
            path.unlink()
        os.utime(target, (before.st_atime, before.st_mtime))


def cpu_seconds(folder: Path, names: list[str]) -> dict[str, float]:
    """CPU seconds and largest memory by rule: mean over the plates of a batch, or of the one job of a run."""
    found: dict[str, float] = {}
    for rule in PER_PLATE + PER_RUN:
        paths = [folder / "results/benchmarks" / rule / f"{name}.tsv" for name in names] if rule in PER_PLATE else [
            folder / "results/benchmarks" / f"{rule}.tsv"]  # fmt: skip
        tables = [pd.read_csv(path, sep="\t", na_values="-") for path in paths if path.is_file()]
        if tables:
            joined = pd.concat(tables)
            found[f"{rule}_cpu_s"] = round(float(joined["cpu_time"].mean()), 2)
            found[f"{rule}_mb"] = round(float(joined["max_rss"].max()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--plates", type=int, default=3, help="plates in a batch")
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--beads-mean", type=float, default=40.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    params = SimulateParams(
        plates=args.batches * args.plates, wells=args.wells, beads_mean=args.beads_mean, seed=args.seed
    )
    study = plan_study(read_bead_set("epsilon-r2"), 2.0, levels, params)
    (folder / "config.yaml").write_text(f"plates: plates.tsv\ndata: {folder}\nreport: false\n")
    rows = pd.read_csv(folder / "scale.tsv", sep="\t").to_dict("records") if (folder / "scale.tsv").is_file() else []
    for batch in range(len(rows), args.batches):
        plates = study.plates[batch * args.plates : (batch + 1) * args.plates]
        start = time.perf_counter()
        write_raw(study, plates, folder, args.cores)
        made = time.perf_counter() - start
        sheet = [
            {"det_plate": plate.det_plate, "lxb": f"lxb/{plate.det_plate}", "map": f"maps/{plate.det_plate}.map",
             "bead_batch": "B20", "batch": f"batch{number // args.plates + 1}"}
            for number, plate in enumerate(study.plates[: (batch + 1) * args.plates])
        ]  # fmt: skip
        write_table(pd.DataFrame(sheet), folder / "plates.tsv")
        start = time.perf_counter()
        done = subprocess.run(
            [str(Path(sys.executable).parent / "snakemake"), "--snakefile", str(ROOT / "Snakefile"), "--directory",
             str(folder), "--configfile", str(folder / "config.yaml"), "--workflow-profile",
             str(ROOT / "profiles/default"), "--cores", str(args.cores), "--quiet", "all"],
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
            cwd=folder, text=True, capture_output=True, check=False,
        )  # fmt: skip
        wall = time.perf_counter() - start
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        empty_raw(plates, folder)
        names = [plate.det_plate for plate in plates]
        rows.append({"batch": batch + 1, "plates": (batch + 1) * args.plates, "raw_s": round(made, 1),
                     "run_s": round(wall, 1), **cpu_seconds(folder, names)})  # fmt: skip
        write_table(pd.DataFrame(rows), folder / "scale.tsv")
        print(pd.DataFrame(rows[-1:]).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
