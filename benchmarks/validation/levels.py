"""Levels 3 and 4 on official and golden data: LISS, outlier wells, quantile normalisation, z-scores, the smoothers."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.io.beads.maps import read_map
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.io.platform.gene_table import with_entrez_ids
from beadwork.kernels.levels import liss as kernel
from beadwork.model.beads.plate import CALIBRATORS
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import DeconvolveParams, NormalizeParams
from beadwork.stages.beads.deconvolve import deconvolve
from beadwork.stages.levels.normalize import normalize, scale_bead_set, to_qnorm
from beadwork.stages.levels.zscore import zscore

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import read_packed

REFERENCE = read_liss_reference()
LEVELS = REFERENCE["log2_level"].to_numpy(np.float64)
TEST, LJP = "TEST_A375_24H_X1_B20", "LJP009AH_A375_24H_X1_B20"
SMOOTHERS = ("cmap", "stable")
UNSCALED = NormalizeParams(scaling="none")


def section(shared: Path) -> str:
    """Markdown of all checks of levels 3 and 4."""
    test = official_test(shared)
    ljp = deconvolved_ljp(shared)
    return "\n\n".join(
        [
            "## Levels 3 and 4: LISS, quantile normalisation, z-scores",
            f"Official results of the plate {TEST} (26 wells; GEX and calibrators are the official ones), and the "
            "golden set level2to4 (376 wells, one bead set).",
            liss_table(shared, test),
            exact_input_table(shared, test),
            "### The smoother of the calibration curve",
            "`cmap` is the official smoother to the last bit, `stable` one that rounding cannot sway (lowess without "
            f"robust passes). {LJP}: half a plate deconvoluted by kmeans; pairs of wells with the same and with "
            "different compounds, both at 1 uM or more, Spearman over the landmarks of ZSPC (from QNORM).",
            smoother_table(ljp, test),
            "Bounds of the noise: each calibrator moved by 1.5 % (about the standard error of its median), and each "
            "point of the curve moved by one unit in its last place, up, down or not at all.",
            noise_table(shared, ljp),
        ]
    )


def markdown(rows: list[tuple], head: tuple) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def verdict(found: float, target: float, *, at_most: bool = False) -> str:
    return "met" if (found <= target if at_most else found >= target) else "**missed**"


# ---- inputs --------------------------------------------------------------------------------------------------------


def official_test(shared: Path) -> dict:
    folder = shared / "plates" / TEST / "official"

    def read(name: str, level: Level) -> Matrix:
        return with_entrez_ids(read_matrix(folder / f"{TEST}_{name}.gct.gz", level=level))

    cal = read_matrix(folder / "dpeak" / "dp52_GEX_n26x500.gct.gz", level=Level.CAL).take_rows(CALIBRATORS)
    return {
        "folder": folder,
        "gex": read("GEX_n26x978", Level.GEX),
        "cal": cal,
        "norm": read("NORM_n23x978", Level.NORM),
        "qnorm": read("QNORM_n23x978", Level.QNORM),
        "zspc": read("ZSPCQNORM_n23x978", Level.ZSPC),
    }


def deconvolved_ljp(shared: Path) -> dict:
    folder = shared / "plates" / LJP
    plate = read_packed(folder / "beads.npz")
    plate_map = read_map(folder / f"{LJP}.map", LJP)
    params = DeconvolveParams(method="kmeans")
    result = deconvolve(plate, read_bead_set("epsilon-r2"), plate_map, params=params, threads=2)
    return {"gex": result.gex, "cal": result.calibrators}


# ---- official output -----------------------------------------------------------------------------------------------


def liss_table(shared: Path, test: dict) -> str:
    result = normalize(test["gex"], test["cal"], REFERENCE)
    rows = []
    points = REFERENCE["point"].tolist()[:11]
    for half in ("dp52", "dp53"):
        expected = read_matrix(test["folder"] / "liss" / f"calib_{half}_GEX_n26x500_n26x24.gct.gz")
        found = result.curves[result.curves["bead_set"] == half].pivot(index="well", columns="point", values="curve")
        error = np.abs(found.loc[expected.rids, points].to_numpy() - expected.values[:, :11]).max(axis=1)
        good = int((error < 1e-4).sum())
        rows.append((f"{half}: curve within 1e-4", f"{good} of 26 wells (worst {error.max():.1e})", verdict(good, 25)))

        expected = read_matrix(test["folder"] / "liss" / f"{half}_GEX_n26x500_lissp.gct.gz")
        expected = with_entrez_ids(expected.take_rows(expected.rids[expected.rows["pr_gene_id"].notna()]))
        found = result.scaled.take_rows(expected.rids).take_cols(expected.cids)
        error = np.abs(found.values - expected.values).max(axis=0)
        good = int((error < 1e-3).sum())
        text = f"{good} of 26 wells (worst {error.max():.1e})"
        rows.append((f"{half}: scaled values within 1e-3, before wells leave", text, verdict(good, 26)))

        stats = pd.read_csv(test["folder"] / "liss" / f"stats_power_{half}_GEX_n26x500.txt", sep="\t")
        features = official_features(test, half)
        own = kernel.liss(features, test["cal"].values.astype(float), LEVELS)
        relative = [np.abs(getattr(own.fit, ours) / stats[theirs] - 1) for ours, theirs in
                    (("a", "coef_a"), ("b", "coef_b"), ("k", "coef_c"))]  # fmt: skip
        rows.append((f"{half}: coefficients a, b, k, relative, median",
                     ", ".join(f"{item.median():.1e}" for item in relative), "about 5e-4 expected"))  # fmt: skip

    expected = test["norm"].cols
    found = result.norm.cols.loc[expected.index]
    for field, decimals in (("qc_slope", 0), ("qc_f_logp", 1), ("qc_iqr", 2)):
        same = int((found[field].round(decimals) - expected[field]).abs().lt(1e-9).sum())
        rows.append((f"{field} equal at the printed precision", f"{same} of 23 wells", verdict(same, 23)))
    official = sorted(pd.read_csv(test["folder"] / "liss" / "outlier_samples.txt", sep="\t")["id"])
    left = sorted(set(test["gex"].cids) - set(result.norm.cids))
    text = ", ".join(cid.rpartition(":")[2] for cid in left)
    rows.append(("wells that leave", text, "identical" if left == official else "**differ**"))

    folder = shared / "golden" / "level2to4"
    gex, expected = (read_matrix(folder / f"{name}_n376x490.gct.gz") for name in ("level2", "liss"))
    scaled = scale_bead_set(gex, read_matrix(folder / "cal_n376x10.gct"), REFERENCE)
    error = np.abs(scaled.values - expected.values).max(axis=0)
    good, others = int((error < 1e-3).sum()), ", ".join(gex.cids[error >= 1e-3])
    rows.append(("level2to4: level 2 -> LISS within 1e-3", f"{good} of 376 wells (not: {others})", verdict(good, 374)))
    return markdown(rows, ("LISS, smoother cmap", "found", "target"))


def official_features(test: dict, half: str) -> np.ndarray:
    return read_matrix(test["folder"] / "dpeak" / f"{half}_GEX_n26x500.gct.gz").values.astype(float)


def exact_input_table(shared: Path, test: dict) -> str:
    folder = shared / "golden" / "level2to4"
    liss, level3, level4 = (read_matrix(folder / f"{name}_n376x490.gct.gz") for name in ("liss", "level3", "level4"))
    rows = []

    def compare(what: str, found: Matrix, expected: Matrix, limit: float, relative: bool = False) -> None:
        error = np.abs(found.take_rows(expected.rids).take_cols(expected.cids).values - expected.values)
        worst = error.max()
        text = f"{worst:.1e} at most, median {np.median(error):.1e}"
        if relative:
            text += f"; {(error / np.maximum(np.abs(expected.values), 1)).max():.1e} relative to max(abs z, 1)"
        rows.append((what, text, f"{limit:g}: {verdict(worst, limit, at_most=True)}"))

    compare("level2to4: LISS -> QNORM", normalize(liss, params=UNSCALED).qnorm, level3, 1e-4)
    compare("level2to4: QNORM -> z", zscore(level3).matrix, level4, 0.02, relative=True)
    compare("TEST: official NORM -> QNORM", normalize(test["norm"], params=UNSCALED).qnorm, test["qnorm"], 0.035)
    compare("TEST: official QNORM -> ZSPC", zscore(test["qnorm"]).matrix, test["zspc"], 0.025, relative=True)
    result = normalize(test["gex"], test["cal"], REFERENCE)
    compare("TEST: official GEX -> NORM", result.norm, test["norm"], 1e-3)
    compare("TEST: official GEX -> QNORM", result.qnorm, test["qnorm"], 0.035)
    z = zscore(result.qnorm).matrix
    correlation = columns_correlation(z, test["zspc"])
    rows.append(("TEST: official GEX -> ZSPC, Pearson per well",
                 f"median {np.median(correlation):.6f}, least {correlation.min():.6f}", ""))  # fmt: skip
    return markdown(rows, ("step, on text files of four decimals", "difference from official", "limit"))


def columns_correlation(found: Matrix, expected: Matrix) -> np.ndarray:
    common = [cid for cid in expected.cids if cid in found.cids]
    pairs = zip(found.take_rows(expected.rids).take_cols(common).values.T, expected.take_cols(common).values.T,
                strict=True)  # fmt: skip
    return np.array([np.corrcoef(one, two)[0, 1] for one, two in pairs])


# ---- smoothers -----------------------------------------------------------------------------------------------------


def compound_pairs(z: Matrix, min_dose: float = 1.0) -> tuple[int, float, float, float]:
    """Pairs of the same compound, their median Spearman, that of different compounds, and the AUC between them."""
    kinds = z.cols["pert_type"].astype(str).str.lower()
    chosen = (kinds.isin(["trt_cp", "trt_poscon"]) & (z.cols["pert_dose"].astype(float) >= min_dose)).to_numpy()
    ranks = pd.DataFrame(z.values[:, chosen]).rank()
    names = z.cols["pert_iname"].to_numpy()[chosen]
    upper = np.triu_indices(len(names), 1)
    correlation = np.corrcoef(ranks.to_numpy().T)[upper]
    same = (names[:, None] == names)[upper]
    order = pd.Series(correlation).rank().to_numpy()
    n_same, n_other = same.sum(), (~same).sum()
    auc = (order[same].sum() - n_same * (n_same + 1) / 2) / (n_same * n_other)
    return int(n_same), float(np.median(correlation[same])), float(np.median(correlation[~same])), float(auc)


def smoother_table(ljp: dict, test: dict) -> str:
    runs = {}
    for name in SMOOTHERS:
        params = NormalizeParams(smoother=name)
        runs[name] = [normalize(plate["gex"], plate["cal"], REFERENCE, params=params) for plate in (ljp, test)]
    common = [cid for cid in ljp["gex"].cids if all(cid in run[0].norm.cids for run in runs.values())]
    rows = []
    for name, (plate, small) in runs.items():
        alike = zscore(to_qnorm(plate.scaled.take_cols(common))).matrix
        vehicle = (alike.cols["pert_type"].astype(str).str.lower() == "ctl_vehicle").to_numpy()
        noise = np.median(plate.scaled.take_cols(common).values[:, vehicle].std(axis=1, ddof=1))
        spread = np.median(plate.scaled.take_cols(common).values.std(axis=1, ddof=1))
        pairs, pairs_common = compound_pairs(zscore(plate.qnorm).matrix), compound_pairs(alike)
        pairs_norm = compound_pairs(zscore(plate.scaled.take_cols(common)).matrix)
        official = columns_correlation(zscore(small.qnorm).matrix, test["zspc"])
        rows.append(
            (
                name,
                f"{len(plate.norm.cids)} of {len(plate.scaled.cids)}",
                f"{pairs[1]:.3f} / {pairs[2]:.3f} / {pairs[3]:.3f} ({pairs[0]} pairs)",
                f"{pairs_common[1]:.3f} / {pairs_common[2]:.3f} / {pairs_common[3]:.3f} ({pairs_common[0]} pairs)",
                f"{pairs_norm[1]:.3f} / {pairs_norm[2]:.3f} / {pairs_norm[3]:.3f}",
                f"{noise:.3f} / {spread:.3f}",
                f"{np.median(official):.4f} (least {official.min():.4f})",
            )
        )
    head = (
        "smoother", "wells left", "same / different / AUC, own wells", "on the wells both keep",
        "on NORM, not quantile-normalised", "sd of NORM over vehicle / all wells", "TEST: ZSPC against official",
    )  # fmt: skip
    return markdown(rows, head)


def noise_table(shared: Path, ljp: dict) -> str:
    rng = np.random.default_rng(0)
    folder = shared / "golden" / "level2to4"
    golden = read_matrix(folder / "level2_n376x490.gct.gz").values.astype(float)
    golden_cal = read_matrix(folder / "cal_n376x10.gct").take_rows(CALIBRATORS).values.astype(float)
    rows = []
    for name in SMOOTHERS:
        params = NormalizeParams(smoother=name)
        before = normalize(ljp["gex"], ljp["cal"], REFERENCE, params=params)
        kept = before.norm.cids
        moved, moved_q = [], []
        for _ in range(5):
            factor = 1 + 0.015 * rng.standard_normal(ljp["cal"].values.shape)
            after = normalize(ljp["gex"], ljp["cal"].with_values(ljp["cal"].values * factor), REFERENCE, params=params)
            after = after.scaled.take_cols(kept)
            moved.append(np.abs(after.values - before.norm.values).mean(axis=0))
            moved_q.append(np.abs(to_qnorm(after).values - before.qnorm.values).mean(axis=0))
        points = kernel.calibration_points(golden, golden_cal)
        nudged = points.copy()
        step = rng.integers(-1, 2, nudged[:11].shape)
        nudged[:11] = np.where(step > 0, np.nextafter(points[:11], 99), np.where(step < 0, np.nextafter(points[:11], 0),
                                                                                  points[:11]))  # fmt: skip
        ulp = np.abs(scale_points(nudged, golden, name) - scale_points(points, golden, name)).max(axis=0)
        rows.append(
            (
                name,
                f"{np.mean(moved):.3f} (99th percentile of wells {np.quantile(moved, 0.99):.3f})",
                f"{np.mean(moved_q):.4f} ({np.quantile(moved_q, 0.99):.4f})",
                f"{int((ulp > 1e-3).sum())}, {int((ulp > 0.1).sum())} of 376; {ulp.max():.1e} at most",
            )
        )
    return markdown(rows, ("smoother", f"{LJP}: mean change of NORM from 1.5 %", "of QNORM",
                           "level2to4: wells whose NORM moves by > 1e-3, > 0.1 from one unit"))  # fmt: skip


def scale_points(points: np.ndarray, features: np.ndarray, smoother: str) -> np.ndarray:
    if smoother == "cmap":
        with np.errstate(all="ignore"):
            curve = kernel.smooth_cmap(points, kernel.make_windows(LEVELS))[:11]
    else:
        curve = kernel.smooth_stable(points, LEVELS)
    fit = kernel.fit_power(np.maximum(curve, 1), LEVELS[:11])
    return kernel.clip_scaled(kernel.apply_power(fit, np.maximum(kernel.log2_intensity(features), 1)), 15.0)
