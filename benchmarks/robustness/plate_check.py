"""Plant plate mistakes in simulated studies and count how many `beadwork check-plates` finds, and whom it accuses.

    python benchmarks/robustness/plate_check.py [--studies 20] [--wells 384] [--replicates 3] [--seed 1] [--beads]

Each study has two cell lines and three sets of compounds; a quarter of its plates carries a mistake.  By default level
2 is the simulator's truth with the error of the peak caller added (sd of log2 and share of swapped genes as measured
on simulated beads); --beads draws every bead and deconvolves it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import SimulateParams
from beadwork.simulate.draw import simulate_beads
from beadwork.simulate.mistakes import MISTAKES, called_gex, plant, plate_columns, right
from beadwork.simulate.study import plan_study
from beadwork.stages.beads.deconvolve import deconvolve
from beadwork.stages.plates.check import check_plates, compared_genes, make_fingerprint

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, write_record


def level_two(study, plate, rng, beads: bool) -> Matrix:
    """GEX of a plate with the annotation of its own map."""
    if not beads:
        return called_gex(study, plate, rng)
    found = deconvolve(simulate_beads(study, plate, threads=2), study.bead_set, ratio=study.ratio, threads=2).gex
    return Matrix(found.values, found.rows, plate_columns(plate).loc[found.cids], Level.GEX, Space.LM)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--sets", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.15, help="share of plates with a mistake")
    parser.add_argument("--beads", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    sets = [read_bead_set(name) for name in ("epsilon-r1", "epsilon-r2", "deltap-r1")]
    planted, found, named, sound, accused = Counter(), Counter(), Counter(), 0, 0
    elapsed = 0.0
    for study_number in range(args.studies):
        seed = args.seed * 1000 + study_number
        rng = np.random.default_rng(seed)
        n_plates = args.sets * 2 * args.replicates
        params = SimulateParams(plates=n_plates, wells=args.wells, replicates=args.replicates, seed=seed)
        study = plan_study(sets[1], 2.0, levels, params)
        plates = {plate.det_plate: level_two(study, plate, rng, args.beads) for plate in study.plates}
        again = plan_study(sets[1], 2.0, levels, params.model_copy(update={"replicates": args.replicates + 1,
                           "plates": args.sets * 2 * (args.replicates + 1)}))  # fmt: skip
        spare = [plate for plate in again.plates if f"_X{args.replicates + 1}_" in plate.det_plate]
        made = {plate.brew_prefix: level_two(again, plate, rng, args.beads) for plate in spare}
        extra = {name: made[matrix.cols["brew_prefix"].iloc[0]] for name, matrix in plates.items()}
        away = plan_study(sets[1], 2.0, levels, params.model_copy(update={"cells": ("HEPG2",), "plates": 1}))
        extra["elsewhere"] = level_two(away, away.plates[0], rng, args.beads)
        carried: dict[str, str] = {}
        free = list(plates)
        for mistake in rng.permutation(MISTAKES):
            if len(carried) >= args.share * len(plates):
                break
            for name in plant(str(mistake), plates, free, extra, sets[0], rng):
                carried[name] = str(mistake)
                free.remove(name)
        start = time.perf_counter()
        genes = compared_genes(matrix.rids for matrix in plates.values())
        result = check_plates([make_fingerprint(matrix, genes) for matrix in plates.values()], sets)
        elapsed += time.perf_counter() - start
        for _, row in result.table.iterrows():
            suspected = row["verdict"] == "suspected"
            mistake = carried.get(row["det_plate"])
            if mistake is None:
                sound += 1
                accused += suspected
                if suspected and args.verbose:
                    print(f"  accused (study {study_number}): {row.to_dict()} ({set(carried.values())})")
            else:
                planted[mistake] += 1
                found[mistake] += suspected
                named[mistake] += suspected and right(mistake, row)
                if args.verbose and not (suspected and right(mistake, row)):
                    print(f"  missed (study {study_number}): {mistake}: {row.to_dict()}")
    kind = "beads" if args.beads else "level 2"
    print(f"{args.studies} studies of {n_plates} plates, {args.wells} wells, {args.replicates} replicates, "
          f"{kind}; {elapsed / args.studies / n_plates * 1e3:.0f} ms a plate")  # fmt: skip
    table = pd.DataFrame({"planted": planted, "found": found, "named rightly": named}).reindex(
        [mistake for mistake in MISTAKES if mistake in planted]).fillna(0).astype(int)  # fmt: skip
    print(table.to_string())
    total = table.sum()
    command = f"python benchmarks/robustness/plate_check.py --studies {args.studies} --seed {args.seed}"
    if args.studies >= 20 and args.wells == 384:  # fewer say little
        write_record("robustness-plate-check", command, [
            Aim("plates with a mistake that are found, %", 95, 100 * total["found"] / total["planted"], True),
            Aim("mistakes named rightly, %", 95, 100 * total["named rightly"] / total["planted"], True),
            Aim("sound plates accused, %", 1, 100 * accused / sound),
        ])  # fmt: skip
    print(f"plates with a mistake: {total['planted']}, found {total['found'] / total['planted']:.1%}, "
          f"named rightly {total['named rightly'] / total['planted']:.1%}; "
          f"sound plates: {sound}, wrongly accused {accused} ({accused / sound:.2%})")  # fmt: skip


if __name__ == "__main__":
    main()
