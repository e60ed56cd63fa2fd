"""Plant plate mistakes in simulated studies and count how many `beadwork check-plates` finds, and whom it accuses.

    python benchmarks/plate_check.py [--studies 20] [--wells 384] [--replicates 3] [--seed 1] [--beads]

Each study has two cell lines and three sets of compounds; a quarter of its plates carries a mistake.  By default level
2 is the simulator's truth with the error of the peak caller added (sd of log2 and share of swapped genes as measured
on simulated beads); --beads draws every bead and deconvolves it.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.kernels.plates.placements import placements
from beadwork.model.ids import WELLS_384, distil_id
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import SimulateParams
from beadwork.simulate.study import plan_study, simulate_beads
from beadwork.stages.plates.check import check_plates, compared_genes, make_fingerprint

MISTAKES = (
    "map one row down", "map one row up", "map one column right", "map one column left", "rotated 180",
    "swapped, other compounds", "swapped, other cell", "swapped, other cell and compounds", "another cell line",
    "a cell line from elsewhere", "wrong bead set", "all replicates one row down", "all replicates rotated",
)  # fmt: skip
CALLER_SD, CALLER_SWAPS = 0.10, 0.03


def level_two(study, plate, rng, beads: bool, bead_set=None) -> Matrix:
    """GEX of a plate with the annotation of its own map."""
    index = pd.Index([distil_id(plate.det_plate, well) for well in plate.wells], dtype=object)
    fields = {"det_plate": plate.det_plate, "det_well": plate.wells, "brew_prefix": plate.brew_prefix,
              "bead_set": "dp52,dp53"}  # fmt: skip
    cols = plate.plate_map.set_axis(index, axis=0).assign(**fields).replace("-666", np.nan)
    if beads:
        from beadwork.stages.beads.deconvolve import deconvolve

        found = deconvolve(simulate_beads(study, plate, threads=2), study.bead_set, ratio=study.ratio, threads=2).gex
        return Matrix(found.values, found.rows, cols.loc[found.cids], Level.GEX, Space.LM)
    values = plate.log2_fi + rng.normal(0, CALLER_SD, plate.log2_fi.shape)
    genes = study.bead_set.genes.reset_index(names="gene")
    halves = {half: group for half, group in genes.groupby("pr_bset_id")}
    pairs = halves[study.bead_set.hi].merge(halves[study.bead_set.lo], on="pr_analyte_num")
    position = pd.Series(range(len(genes)), index=genes["gene"])
    hi, lo = position[pairs["gene_x"]].to_numpy(), position[pairs["gene_y"]].to_numpy()
    swap = rng.random((len(hi), values.shape[1])) < CALLER_SWAPS
    values[hi], values[lo] = np.where(swap, values[lo], values[hi]), np.where(swap, values[hi], values[lo])
    return Matrix(np.exp2(values), study.bead_set.genes, cols, Level.GEX, Space.LM)


def relabel(gex: Matrix, labels: pd.DataFrame) -> Matrix:
    """Give the wells of a matrix other labels (index det_well); wells without one leave."""
    fields = ["pert_id", "pert_iname", "pert_type", "pert_dose", "pert_dose_unit"]
    wells = gex.cols["det_well"].to_numpy()
    keep = np.isin(wells, labels.index)
    kept = gex.take_cols(keep)
    cols = kept.cols.copy()
    cols[fields] = labels.loc[wells[keep], fields].to_numpy()
    return replace(kept, cols=cols)


def lay(gex: Matrix, name: str) -> Matrix:
    """Let the map of a plate lie wrongly."""
    place = placements()[name]
    labels = gex.cols.set_index("det_well")
    rows = {
        well: labels.loc[WELLS_384[place[at]]]
        for at, well in enumerate(WELLS_384)
        if place[at] >= 0 and WELLS_384[place[at]] in labels.index
    }
    return relabel(gex, pd.DataFrame(rows).T)


def rename(gex: Matrix, like: Matrix) -> Matrix:
    """Let the beads of one plate stand under the name and map of another."""
    labels = like.cols.set_index("det_well")
    moved = relabel(gex, labels)
    wells = moved.cols["det_well"]
    whole = {name: like.cols[name].iloc[0] for name in ("det_plate", "brew_prefix", "cell_id")}
    cols = moved.cols.assign(**whole)
    cols.index = pd.Index([distil_id(whole["det_plate"], well) for well in wells], dtype=object)
    return replace(moved, cols=cols)


def wrong_set(gex: Matrix, other) -> Matrix:
    """Name the genes of each analyte by another bead set."""
    keys = list(zip(other.genes["pr_analyte_num"], other.genes["pr_bset_id"] == other.hi, strict=True))
    own = {
        key: at for at, key in enumerate(zip(gex.rows["pr_analyte_num"], gex.rows["pr_bset_id"] == "dp52", strict=True))
    }
    order = [own[key] for key in keys if key in own]
    rows = other.genes[[key in own for key in keys]]
    return Matrix(gex.values[order], rows, gex.cols, Level.GEX, Space.LM if len(rows) == 978 else None)


def plant(mistake: str, plates: dict[str, Matrix], free: list[str], extra: dict[str, Matrix], rng) -> list[str]:
    """Plant one mistake on plates that are still sound; returns the plates that carry it."""
    cell = {name: matrix.cols["cell_id"].iloc[0] for name, matrix in plates.items()}
    brew = {name: matrix.cols["brew_prefix"].iloc[0] for name, matrix in plates.items()}
    compounds = {name: brew[name].split("_")[0] for name in plates}
    order = [str(name) for name in rng.permutation(free)]

    def partner(first: str, same_cell: bool, same_compounds: bool) -> str | None:
        return next((name for name in order if name != first and (cell[name] == cell[first]) == same_cell
                     and (compounds[name] == compounds[first]) == same_compounds), None)  # fmt: skip

    if not order:
        return []
    first = order[0]
    if mistake.startswith("map"):
        way = {"row down": "one row down", "row up": "one row up", "column right": "one column to the right",
               "column left": "one column to the left"}[mistake.removeprefix("map one ")]  # fmt: skip
        plates[first] = lay(plates[first], f"shifted {way}")
        return [first]
    if mistake == "rotated 180":
        plates[first] = lay(plates[first], "rotated by 180 degrees")
        return [first]
    if mistake.startswith("swapped"):
        second = partner(first, "cell" not in mistake, "compounds" not in mistake)
        if second is None:
            return []
        plates[first], plates[second] = rename(plates[second], plates[first]), rename(plates[first], plates[second])
        return [first, second]
    if mistake == "another cell line":
        second = next(
            (name for name in plates if cell[name] != cell[first] and compounds[name] == compounds[first]), None
        )
        if second is None:
            return []
        plates[first] = rename(extra[second], plates[first])
        return [first]
    if mistake == "a cell line from elsewhere":
        plates[first] = rename(extra["elsewhere"], plates[first])
        return [first]
    if mistake == "wrong bead set":
        plates[first] = wrong_set(plates[first], read_bead_set("epsilon-r1"))
        return [first]
    members = [name for name in plates if brew[name] == brew[first]]
    if any(name not in free for name in members):
        return []
    for name in members:
        plates[name] = lay(plates[name], "shifted one row down" if "down" in mistake else "rotated by 180 degrees")
    return members


def right(mistake: str, row: pd.Series) -> bool:
    """Whether the suspicion names what was planted."""
    if "cell" in mistake and not mistake.startswith("swapped"):
        return bool(row["fits_cell"])
    if mistake.startswith("swapped"):
        return bool(row["swapped_with"])
    if mistake == "wrong bead set":
        return row["fits_bead_set"] == "epsilon-r2"  # what its beads are
    want = {"rotated 180": "rotated by 180 degrees", "all replicates rotated": "rotated by 180 degrees",
            "map one row up": "shifted one row up", "map one column right": "shifted one column to the right",
            "map one column left": "shifted one column to the left"}.get(mistake, "shifted one row down")  # fmt: skip
    return row["map_fit"] == want


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
            for name in plant(str(mistake), plates, free, extra, rng):
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
    print(f"plates with a mistake: {total['planted']}, found {total['found'] / total['planted']:.1%}, "
          f"named rightly {total['named rightly'] / total['planted']:.1%}; "
          f"sound plates: {sound}, wrongly accused {accused} ({accused / sound:.2%})")  # fmt: skip


if __name__ == "__main__":
    main()
