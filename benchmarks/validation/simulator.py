"""Compare simulated beads with real ones by the same crude measures: the tables of docs/validation/simulator.md.

python benchmarks/validation/simulator.py SHARED_DATA_FOLDER
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu, rankdata

from beadwork.io.beads.maps import read_map
from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.bead_sets import find_bead_batch, read_bead_set, read_liss_reference
from beadwork.model.beads.plate import BeadPlate, BeadSet
from beadwork.model.matrix import Matrix
from beadwork.model.params import DeconvolveParams, SimulateParams
from beadwork.simulate.draw import simulate_beads
from beadwork.simulate.layout import POSCONS
from beadwork.simulate.study import plan_study
from beadwork.stages.beads.deconvolve import deconvolve
from beadwork.stages.levels.normalize import normalize
from beadwork.stages.levels.zscore import zscore

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import read_packed

REAL = "LJP009AH_A375_24H_X1_B20"
EVERY = 4
"""Of so many wells one is looked at closely."""


def split_two(beads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split sorted values in two groups of least variance."""
    total, size = np.cumsum(beads), np.arange(1, len(beads))
    low, high = total[:-1] / size, (total[-1] - total[:-1]) / (len(beads) - size)
    cut = int(np.argmax(size * (len(beads) - size) * (high - low) ** 2)) + 1
    return beads[:cut], beads[cut:]


def robust_sd(values: np.ndarray) -> float:
    """1.4826 * MAD."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def measure(plate: BeadPlate) -> dict[str, str]:
    """All measures of one plate, by name."""
    counts = plate.counts.astype(float)
    duo, per_well = counts[:, 11:-2], counts[:, 10:].mean(1, keepdims=True)
    factor = (duo / per_well).mean(0)
    expected = per_well * factor
    peaks, residuals, calibrators, medians = [], [], [], []
    for w in range(0, plate.n_wells, EVERY):
        _, reporter = plate.well_beads(w)
        values = np.log2(np.maximum(reporter, 0.5))
        groups = np.split(values, np.cumsum(plate.counts[w])[:-1])
        calibrators.append([(np.median(group), robust_sd(group)) for group in groups[:10]])
        medians.append(np.median(np.concatenate(groups[10:])))
        for number, group in enumerate(groups[11:498]):
            good = np.sort(group[(group > 4) & (group < 15)])
            if len(good) < 40:
                continue
            parts = split_two(good)
            if min(map(len, parts)) < 12 or np.median(parts[1]) - np.median(parts[0]) < 2.2:
                continue
            for mine in parts:
                middle, width = np.median(mine), robust_sd(mine)
                peaks.append((middle, width, len(mine) / len(good), number))
                residuals.append(np.abs((group - middle) / width)[np.abs(group - middle) < 6 * width])
    table = pd.DataFrame(peaks, columns=["level", "sd", "share", "analyte"])
    table["hi"] = table["share"] > 0.5
    hi = table[table["hi"]]
    rows = {
        "beads per analyte, 5/50/95 % of wells": _list(np.percentile(per_well, [5, 50, 95]), 0),
        "count_cv, 5/50/95 % of wells": _list(
            np.percentile(100 * counts[:, 10:].std(1, ddof=1) / per_well[:, 0], [5, 50, 95]), 1
        ),
        "count of an analyte about its expectation, sd / Poisson": _list(
            [np.sqrt(np.mean((duo / expected - 1) ** 2) / np.mean(1 / expected))], 2
        ),
        "beads of a calibrator / of an analyte": _list([(counts[:, :10] / per_well).mean()], 2),
        "beads with intensity 0, %": _list([100 * np.mean(plate.reporter == 0)], 2),
        "share of the hi gene, mean": _list([hi["share"].mean()], 3),
        "share of the hi gene, sd": _list([hi["share"].std()], 3),
    }
    for low in range(7, 13):
        part = table[table["level"].between(low - 0.5, low + 0.5)]
        rows[f"robust sd at log2 FI {low}, hi / lo"] = _list(
            [part.loc[part["hi"] == half, "sd"].median() for half in (True, False)], 3
        )
    beads = np.concatenate(residuals)
    rows["residuals / robust sd, 50/68/90/95 %"] = _list(np.percentile(beads, [50, 68, 90, 95]), 2)
    widths = table["sd"] / table.groupby([table["level"].round(), "hi"])["sd"].transform("median")
    rows["width of a gene / of its level, 5/95 %"] = _list(
        np.percentile(widths.groupby([table["analyte"], table["hi"]]).median(), [5, 95]), 2
    )
    cal = np.array(calibrators)
    rows["calibrators, log2 FI"] = _list(np.median(cal[:, :, 0], 0), 1)
    rows["calibrators, sd within a well"] = _list(np.median(cal[:, :, 1], 0), 1)
    rows["median log2 FI of a well, mean and sd"] = _list([np.mean(medians[1:]), np.std(medians[1:])], 2)
    return rows


def measure_levels(beads: BeadPlate, bead_set: BeadSet, plate_map: pd.DataFrame) -> dict[str, str]:
    """Measures of level 2 to 4, by the reference methods."""
    level2 = deconvolve(beads, bead_set, plate_map, params=DeconvolveParams(method="kmeans"), threads=2)
    level3 = normalize(level2.gex, level2.calibrators, read_liss_reference(), bead_set=bead_set)
    qc = level3.qc[level3.qc["metric"].isin(["qc_slope", "qc_f_logp", "qc_iqr"])]
    medians = qc.assign(value=qc["value"].astype(float)).groupby("metric")["value"].median()
    half = bead_set.genes.assign(level=pd.Series(np.median(np.log2(level2.gex.values), axis=1), level2.gex.rids))
    pairs = half.pivot_table(index="pr_analyte_num", columns="pr_bset_id", values="level").dropna()
    gap = (pairs[bead_set.hi] - pairs[bead_set.lo]).abs()
    return {
        "genes of an analyte apart, log2 FI, 5/25/50/75/95 %": _list(np.percentile(gap, [5, 25, 50, 75, 95]), 2),
        "qc_slope, qc_f_logp, qc_iqr, median": _list(medians[["qc_slope", "qc_f_logp", "qc_iqr"]], 1),
        "wells that leave": f"{len(level2.gex.cids) - len(level3.qnorm.cids)} of {len(level2.gex.cids)}",
        **measure_level3(level3.qnorm),
    }


def measure_level3(qnorm: Matrix) -> dict[str, str]:
    """Measures of a plate of level 3: noise of vehicle wells, activity, correlation of z-scores."""
    kind, name = qnorm.cols["pert_type"].str.lower(), qnorm.cols[qnorm.cols.columns.intersection(["pert_iname"])]
    vehicle, treated = (kind == "ctl_vehicle").to_numpy(), (kind == "trt_cp").to_numpy()
    z = zscore(qnorm).matrix.values.astype(float)
    active = (np.abs(z) > 2).sum(0)
    ranks = np.corrcoef(rankdata(z, axis=0).T)
    upper = np.triu(np.ones_like(ranks, dtype=bool), 1)
    rows = {
        "level of a gene, 5/25/50/75/95 %": _list(
            np.percentile(np.median(qnorm.values, axis=1), [5, 25, 50, 75, 95]), 1
        ),
        "sd of a gene over vehicle wells, 25/50/75 %": _list(
            np.percentile(qnorm.values[:, vehicle].std(1, ddof=1), [25, 50, 75]), 2
        ),
        "sd of a gene over compounds, 25/50/75 %": _list(
            np.percentile(qnorm.values[:, treated].std(1, ddof=1), [25, 50, 75]), 2
        ),
        "correlation of vehicle wells, 5/50/95 %": _list(
            np.percentile(ranks[upper & np.outer(vehicle, vehicle)], [5, 50, 95]), 2
        ),
        "correlation of compound wells, 5/50/95 %": _list(
            np.percentile(ranks[upper & np.outer(treated, treated)], [5, 50, 95]), 2
        ),
        "genes with |z| > 2, vehicle, 50/95 %": _list(np.percentile(active[vehicle], [50, 95]), 0),
        "genes with |z| > 2, compounds, 50/95 %": _list(np.percentile(active[treated], [50, 95]), 0),
    }
    if name.shape[1]:
        names = name["pert_iname"].to_numpy()
        rows["genes with |z| > 2: vorinostat, tanespimycin, sirolimus, mitoxantrone"] = _list(
            [active[names == drug].max(initial=0) for _, drug, _, _ in POSCONS.values()], 0
        )
        strong = treated & (qnorm.cols["pert_dose"].astype(float) >= 1).to_numpy()
        wanted = upper & np.outer(strong, strong)
        same = names[:, None] == names[None, :]
        rows["same compound, both >= 1 um; others"] = _list(
            [np.median(ranks[wanted & same]), np.median(ranks[wanted & ~same])], 2
        )
        rows["AUC of the two"] = _list(
            [mannwhitneyu(ranks[wanted & same], ranks[wanted & ~same]).statistic
             / ((wanted & same).sum() * (wanted & ~same).sum())], 3
        )  # fmt: skip
    return rows


def _list(numbers, digits: int) -> str:
    return " / ".join(f"{number:.{digits}f}" for number in numbers)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the shared data")
    data = parser.parse_args().data
    folder = data / "plates" / REAL
    real = read_packed(folder / "beads.npz")
    batch = find_bead_batch("B20")
    bead_set, reference = read_bead_set(batch.key), read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    params = SimulateParams(wells=192, beads_mean=97, cells=("A375",))
    study = plan_study(bead_set, batch.ratio, levels, params)
    simulated = simulate_beads(study, study.plates[0], threads=2)
    columns = [measure(real), measure(simulated)]
    print(f"| measure | {REAL} | simulated |\n|---|---|---|")
    for name, value in columns[0].items():
        print(f"| {name} | {value} | {columns[1][name]} |")
    with tempfile.TemporaryDirectory() as scratch:
        write_table(study.plates[0].plate_map, Path(scratch) / "simulated.map")
        maps = [read_map(folder / f"{REAL}.map"), read_map(Path(scratch) / "simulated.map")]
    columns = [
        measure_levels(real, bead_set, maps[0]),
        measure_level3(read_matrix(data / "signatures" / "CPC006_level3_n371x978.gctx.gz")),
        measure_levels(simulated, bead_set, maps[1]),
    ]
    print(f"\n| measure, levels 2 to 4 | {REAL} | CPC006_A375_6H_X1 | simulated |\n|---|---|---|---|")
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(column.get(name, "") for column in columns) + " |")


if __name__ == "__main__":
    main()
