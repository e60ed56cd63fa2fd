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

from beadwork.api.bad_study import write_bad_study
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix
from beadwork.model.qc import with_texts

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, write_record

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


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
    qc = with_texts(pd.read_csv(folder / "bad/results/qc.tsv", sep="\t", dtype=str))
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
        write_bad_study(
            folder, sets=args.sets, wells=args.wells, beads_mean=args.beads_mean, share=args.bad, seed=args.seed
        )
        return 0
    if args.what == "run":
        run(folder / args.kind)
        return 0
    return compare(folder)


if __name__ == "__main__":
    sys.exit(main())
