"""A study in which 3 % of the wells are bad in every way, and some plates wrong, through the whole workflow.

    python benchmarks/robustness/bad_data.py make DIR [--sets 3] [--wells 384] [--beads-mean 40] [--bad 0.03] [--seed N]
    python benchmarks/robustness/bad_data.py run DIR sound          the study as it should be
    python benchmarks/robustness/bad_data.py run DIR bad            the same beads with what was planted
    python benchmarks/robustness/bad_data.py compare DIR            what was found, and what it did to the rest

`compare` says, for each kind, how many were planted, named in the QC rows (or by `beadwork check-plates`), and left
out; how far values of sound wells moved; and ends with exit code 1 if the aims of
docs/validation/reliability.md are missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.beads.lxb import lxb_bytes
from beadwork.io.files.tables import read_table, write_table
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.kernels.plates.placements import placements
from beadwork.model.ids import WELLS_384
from beadwork.model.params import SimulateParams
from beadwork.simulate.draw import draw_well, make_platform
from beadwork.simulate.study import plan_study

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, write_record

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
WELL_FAULTS = ("truncated", "empty", "few beads", "dark", "absent", "not an LXB file", "another cell line",
               "another bead set")  # fmt: skip
"""Ways in which a well is bad; the last two are wells of beads that are sound in themselves."""
SCANTY = 0.01
"""Share of its beads that is left to a well with few beads."""


def plan(sets: int, wells: int, beads_mean: float, seed: int):
    """Study of two cell lines, three replicates, `sets` sets of compounds."""
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    params = SimulateParams(plates=sets * 6, replicates=3, cells=("A375", "MCF7"), wells=wells, beads_mean=beads_mean,
                            seed=seed)  # fmt: skip
    return plan_study(read_bead_set("epsilon-r2"), 2.0, levels, params)


def exchange_halves(analyte: np.ndarray, reporter: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """Let the analytes of a well carry the genes of others, as beads of another set do."""
    order = np.arange(501)
    order[11:] = 11 + rng.permutation(490)
    return order[analyte].astype(np.uint16), reporter


def write_wells(study, folder: Path, share: float, seed: int) -> pd.DataFrame:
    """Write all wells as they should be, and the bad ones beside; returns what was planted where."""
    platform = make_platform(study)
    rng = np.random.default_rng(seed)
    other_cell = {plate.det_plate: next(mate for mate in study.plates if mate.cell_id != plate.cell_id)
                  for plate in study.plates}  # fmt: skip
    planted = []
    for plate in study.plates:
        sound, bad = (folder / kind / "lxb" / plate.det_plate for kind in ("sound", "bad"))
        for path in (sound, bad):
            path.mkdir(parents=True, exist_ok=True)
        able = [well for well in plate.wells if well not in ("A01", "A02", "B01", "B02")]
        chosen = rng.choice(able, round(share * len(plate.wells)), replace=False)
        faults = {str(well): WELL_FAULTS[(len(planted) + at) % len(WELL_FAULTS)] for at, well in enumerate(chosen)}
        planted += [{"det_plate": plate.det_plate, "det_well": well, "fault": fault} for well, fault in faults.items()]

        def write(start: int, stop: int, plate=plate, sound=sound, bad=bad, faults=faults) -> None:
            well = plate.wells[start]
            name = f"{plate.det_plate}_{well}.lxb"
            own = np.random.default_rng([seed, plate.number, WELLS_384.index(well)])
            analyte, reporter = draw_well(study, plate, start, platform)
            data = lxb_bytes(analyte, reporter, well, rng=np.random.default_rng(start))
            (sound / name).write_bytes(data)
            fault = faults.get(well)
            if fault is None:
                os.link(sound / name, bad / name)
                return
            if fault == "absent":
                return
            if fault == "truncated":
                data = data[: len(data) * 2 // 3 + 1]
            elif fault == "empty":
                data = lxb_bytes(analyte[:0], reporter[:0], well, rng=own)
            elif fault == "few beads":
                keep = own.random(len(analyte)) < SCANTY
                data = lxb_bytes(analyte[keep], reporter[keep], well, rng=own)
            elif fault == "dark":
                data = lxb_bytes(analyte, np.maximum(1, np.exp2(own.normal(6, 0.3, len(analyte)))).astype(np.uint32),
                                 well, rng=own)  # fmt: skip
            elif fault == "not an LXB file":
                data = own.bytes(30_000)
            elif fault == "another cell line":
                mate = other_cell[plate.det_plate]
                data = lxb_bytes(*draw_well(study, mate, mate.wells.index(well), platform), well, rng=own)
            elif fault == "another bead set":
                data = lxb_bytes(*exchange_halves(analyte, reporter, own), well, rng=own)
            (bad / name).write_bytes(data)

        run_chunks(write, len(plate.wells), threads=2)
        for kind in ("sound", "bad"):
            write_table(plate.plate_map, folder / kind / "maps" / f"{plate.det_plate}.map")
    return pd.DataFrame(planted)


def lay(plate_map: pd.DataFrame, place: str) -> pd.DataFrame:
    """Plate map that lies wrongly: each well has the row of another."""
    own = plate_map.set_index("rna_well")
    source = placements()[place]
    moved = {well: own.loc[WELLS_384[source[at]]] for at, well in enumerate(WELLS_384)
             if well in own.index and source[at] >= 0 and WELLS_384[source[at]] in own.index}  # fmt: skip
    return pd.DataFrame(moved).T.rename_axis("rna_well").reset_index()


def plant_plates(study, folder: Path, sheet: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Plant one mistake in each brew as far as they go; returns the sheet and the plates that carry one."""
    names = list(sheet.index)
    brew = {plate.det_plate: plate.brew_prefix for plate in study.plates}
    maps = {plate.det_plate: plate.plate_map for plate in study.plates}
    first = list(dict.fromkeys(brew.values()))  # SIM001_A375, SIM001_MCF7, SIM002_A375, ...

    def of(number: int, replicate: int) -> str:
        return [name for name in names if brew[name] == first[number]][replicate]

    full = len(maps[names[0]]) == len(WELLS_384)  # a small plate, rotated, would have no well in common with its map
    carried = {}
    for name, place in [(of(0, 0), "shifted one row down")] + [(of(1, 1), "rotated by 180 degrees")] * full:
        write_table(lay(maps[name], place), folder / "bad/maps" / f"{name}.map")
        carried[name] = place
    if len(first) > 2:
        one, two = of(2, 2), of(3, 0)  # another cell line
        sheet.loc[[one, two], "lxb"] = sheet.loc[[two, one], "lxb"].to_numpy()
        carried |= {one: f"swapped with {two}", two: f"swapped with {one}"}
    if len(first) > 4:
        wrong = of(4, 1)
        sheet.loc[wrong, "bead_set"] = "epsilon-r1"
        carried[wrong] = "bead set epsilon-r1 for epsilon-r2"
    if of(len(first) - 1, 1) not in carried:  # the beads of a plate of the other cell line, under both names
        cell = of(len(first) - 1, 2)
        sheet.loc[cell, "lxb"] = sheet.loc[of(len(first) - 2, 1 if len(first) < 4 else 0), "lxb"]
        carried[cell] = "a replicate from another cell line"
    return sheet, carried


def make(folder: Path, sets: int, wells: int, beads_mean: float, share: float, seed: int) -> None:
    """Write both studies."""
    study = plan(sets, wells, beads_mean, seed)
    write_table(write_wells(study, folder, share, seed), folder / "wells.tsv")
    sheet = pd.DataFrame({"det_plate": [plate.det_plate for plate in study.plates]}).set_index("det_plate", drop=False)
    sheet["lxb"], sheet["map"] = "lxb/" + sheet.index, "maps/" + sheet.index + ".map"
    sheet["bead_set"] = "epsilon-r2"
    write_table(sheet, folder / "sound/plates.tsv")
    sheet, carried = plant_plates(study, folder, sheet.copy())
    write_table(sheet, folder / "bad/plates.tsv")
    write_table(pd.DataFrame({"det_plate": list(carried), "mistake": list(carried.values())}), folder / "plates.tsv")


def run(folder: Path) -> None:
    """Run the workflow up to signatures, QC and the check of plates."""
    (folder / "config.yaml").write_text(f"plates: plates.tsv\ndata: {folder}\nreport: false\nzsvc: false\n")
    done = subprocess.run(
        [str(BIN / "snakemake"), "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--configfile",
         str(folder / "config.yaml"), "--cores", "2", "--quiet", "rules", "progress", "--keep-going", "results/qc.tsv",
         "results/siginfo.tsv"],
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}, cwd=folder, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.returncode)


def named(qc: pd.DataFrame, wells: pd.DataFrame) -> pd.Series:
    """Say which metrics each planted well failed, as the QC rows have it."""
    failed = qc[~qc["pass"].astype(str).str.lower().eq("true")].copy()
    failed["entity"] = failed["entity"].astype(str)
    by_well = failed.groupby("entity")["metric"].agg(lambda names: ", ".join(dict.fromkeys(names)))
    return (wells["det_plate"] + ":" + wells["det_well"]).map(by_well).fillna("")


def compare(folder: Path) -> int:
    """Print what was found of what was planted, and what it did to the rest."""
    wells, mistakes = read_table(folder / "wells.tsv"), read_table(folder / "plates.tsv")
    qc = pd.read_csv(folder / "bad/results/qc.tsv", sep="\t", dtype=str)
    wells["named"] = named(qc, wells)
    carried = dict(zip(mistakes["det_plate"], mistakes["mistake"], strict=True))
    plates = read_table(folder / "sound/plates.tsv")["det_plate"]
    bad = set(wells["det_plate"] + ":" + wells["det_well"])
    left = {plate: set(read_matrix(folder / f"bad/results/{plate}/{plate}_ZSPC.gctx").cids) for plate in plates}
    wells["left_out"] = [f"{row.det_plate}:{row.det_well}" not in left[row.det_plate] for row in wells.itertuples()]
    kinds = wells[~wells["det_plate"].isin(carried)].groupby("fault", sort=False)
    table = kinds.agg(planted=("fault", "size"), named=("named", lambda texts: (texts != "").sum()),
                      left_out=("left_out", "sum"), as_what=("named", lambda texts: texts.mode()[0]))  # fmt: skip
    print("bad wells, on plates that are sound otherwise")
    print(table.to_string())
    check = read_table(folder / "bad/results/plate_check.tsv", text_only=True).set_index("det_plate")
    print("\nwrong plates")
    for plate, mistake in carried.items():
        print(f"{plate}  {mistake}: {check.loc[plate, 'verdict']}, {check.loc[plate, 'suspicion']}")
    accused = [plate for plate in plates if plate not in carried and check.loc[plate, "verdict"] == "suspected"]
    found = sum(check.loc[plate, "verdict"] == "suspected" for plate in carried)
    print(f"found {found} of {len(carried)}; accused {len(accused)} of {len(plates) - len(carried)} sound plates")
    if (folder / "sound/results/siginfo.tsv").is_file():
        bad = set(wells["det_plate"] + ":" + wells["det_well"])
        compare_values(folder, [plate for plate in plates if plate not in carried], bad)
    missed = int((table["planted"] - table["named"]).sum())
    share = 100 * missed / max(int(table["planted"].sum()), 1)
    write_record("robustness-bad-data", "python benchmarks/robustness/bad_data.py compare DIR", [
        Aim("bad wells that no QC row names, %", 5, share),
        Aim("wrong plates found, %", 95, 100 * found / max(len(carried), 1), True),
        Aim("sound plates accused", 0, len(accused)),
    ])  # fmt: skip
    return int(missed > 0.05 * table["planted"].sum() or found < 0.95 * len(carried) or bool(accused))


def compare_values(folder: Path, plates: list[str], bad: set[str]) -> None:
    """Print how far the sound wells of sound plates moved from the sound run, at the levels 2, 4 and 5."""
    dropped, close, shifts = 0, [], []
    for plate in plates:
        pairs = {}
        for level in ("GEX", "ZSPC"):
            pairs[level] = [read_matrix(folder / kind / f"results/{plate}/{plate}_{level}.gctx")
                            for kind in ("sound", "bad")]  # fmt: skip
        before = [cid for cid in pairs["ZSPC"][0].cids if cid not in bad]
        kept = [cid for cid in before if cid in pairs["ZSPC"][1].cids]
        dropped += len(before) - len(kept)
        one, two = (matrix.take_cols(pd.Index(kept)).values.astype(float) for matrix in pairs["ZSPC"])
        close += [np.corrcoef(one[:, at], two[:, at])[0, 1] for at in range(len(kept))]
        one, two = (np.log2(matrix.take_cols(pd.Index(kept)).values.astype(float)) for matrix in pairs["GEX"])
        shifts.append(np.abs(one - two).ravel())
    shift = np.concatenate(shifts)
    print(f"\nsound wells of sound plates: {len(close)} compared, {dropped} left out that were not before")
    print(
        f"level 2: |difference| in log2: median {np.median(shift):.4f}, 99th percentile {np.percentile(shift, 99):.3f}"
    )
    print(f"level 4: correlation with the sound run: median {np.median(close):.4f}, 1st percentile "
          f"{np.percentile(close, 1):.3f}, least {np.min(close):.3f}")  # fmt: skip
    for path in sorted((folder / "sound/results/signatures").glob("*_MODZ.gctx")):
        one, two = read_matrix(path), read_matrix(folder / "bad/results/signatures" / path.name)
        common = one.cids.intersection(two.cids)
        pair = [matrix.take_cols(common).values.astype(float) for matrix in (one, two)]
        near = [np.corrcoef(pair[0][:, at], pair[1][:, at])[0, 1] for at in range(len(common))]
        print(f"level 5: {path.name}: {len(common)} of {len(one.cids)} signatures: median correlation "
              f"{np.median(near):.3f}, 5th percentile {np.percentile(near, 5):.3f}")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "run", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("kind", choices=["sound", "bad"], nargs="?", default="bad")
    parser.add_argument("--sets", type=int, default=3, help="sets of compounds; six plates each")
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--beads-mean", type=float, default=40.0)
    parser.add_argument("--bad", type=float, default=0.03, help="share of bad wells")
    parser.add_argument("--seed", type=int, default=23)
    args = parser.parse_args()
    folder = args.folder.resolve()
    if args.what == "make":
        make(folder, args.sets, args.wells, args.beads_mean, args.bad, args.seed)
        return 0
    if args.what == "run":
        run(folder / args.kind)
        return 0
    return compare(folder)


if __name__ == "__main__":
    sys.exit(main())
