"""Referee the deconvolution methods on beads whose gene is known; print one table per referee set.

    python benchmarks/referee/deconvolution.py PLATE [--set half|once|sim ...] [--low] [--seed N] [--method NAME ...]

PLATE is a folder or archive of LXB files, or a packed plate (beads.npz); ``--set sim`` needs none (give ``-``).

Referee sets
------------
half    Real beads of known gene.  Source analytes: their two genes lie far apart; by two-means clusters, median
        gap above 1.8 log2 over the wells; above 1.5 and the larger cluster on one and the same side in more than 95 %
        of the wells; median share of the larger cluster 0.60 to 0.72.  In every well the beads of a source gene are
        split at random once: one half is mixed into new pairs, the median log2 of the other half is the truth.  488 new
        analytes pair a hi with a lo source gene (each serves several times, no pair twice) so that |hi - lo| has the
        percentiles 0.10/0.53/1.3/2.1/3.3 (5/25/50/75/95) of a real plate, either sign alike.  Each takes 87 % of the
        halves, hi share binomial around 0.657.  Beads are never moved to another well nor changed in intensity, so all
        real well effects and the real noise at each level stay.  --low keeps 60 % of the beads.
once    As half, but every source gene serves once, and the analytes that are no sources stay beside them (43 % of their
        beads, which is the same number; no truth).  Genes that the wells of a plate move together are then as many as
        on a real plate and none is there twice: the set for methods that learn from all genes of a plate.
sim     `beadwork simulate`, 96 wells, 48 beads per analyte, truth known for all 978 genes.

Where a source's clusters fail in a well (gap below 1.4, share of the larger outside 0.45 to 0.85) its truth there is
missing.  Columns (hi/lo): Spearman over wells after well effects are taken out (each gene's median, then each well's
median), median over genes; the same when a straight line in the level is taken out of each well; RMSE against truth
with one offset per half removed, all and pairs closer than 1; percentage off by more than 0.5; percentage of swapped
pairs, all and those further apart than 1; area under the curve of |z| against truth |z| > 2; percentage of truths
within the 68 % and 95 % intervals, widened by the truth's own noise.  'floor' is the RMSE that the truth's noise alone
gives; 'known gene' the median of the beads that were mixed in, had their gene been known.
"""

import argparse
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from beadwork.kernels.beads.grouping import group_beads
from beadwork.model.beads.plate import N_ANALYTES, BeadPlate
from beadwork.model.params import DeconvolveParams, SimulateParams
from beadwork.simulate.draw import simulate_beads
from beadwork.simulate.study import Study
from beadwork.stages.beads.callers import METHODS

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import plan_plates, read_beads
from lib.record import Aim, write_record

GAPS = np.array([0.0, 0.10, 0.53, 1.3, 2.1, 3.3, 5.5])
GAP_PERCENTILES = np.array([0.0, 5, 25, 50, 75, 95, 100])
N_TARGETS, HI_SHARE, USED, LOW_SHARE, CONTEXT = 488, 0.657, 0.87, 0.6, 0.43
FIRST = 10
"""Index of the first analyte that is no calibrator."""


@dataclass(frozen=True, eq=False)
class Referee:
    """Beads with known truth: analyte FIRST + t is target t.

    ``truth``, ``truth_sd`` and ``known`` are log2, shape (2, T, W); ``known`` may be None.
    """

    name: str
    beads: BeadPlate
    duo: np.ndarray
    truth: np.ndarray
    truth_sd: np.ndarray
    known: np.ndarray | None
    ratio: float


def good_beads(beads: BeadPlate, well: int, analyte: int) -> np.ndarray:
    """Intensities of the good beads (log2 4 to 15), ascending."""
    values = beads.reporter[beads.starts[well, analyte] : beads.starts[well, analyte + 1]]
    return values[(values >= 16) & (values <= 32768)]


def two_means(x: np.ndarray) -> int:
    """Size of the lower of the two groups of least variance of sorted values."""
    total, size = np.cumsum(x), np.arange(1, len(x))
    low, high = total[:-1] / size, (total[-1] - total[:-1]) / (len(x) - size)
    return int(np.argmax(size * (len(x) - size) * (high - low) ** 2)) + 1


def find_sources(beads: BeadPlate) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find source analytes, whether their hi gene is the brighter, the dividing level and where it holds (W, A)."""
    shape = (beads.n_wells, N_ANALYTES)
    gap, share, cut = (np.full(shape, np.nan) for _ in range(3))
    for w in range(beads.n_wells):
        for a in range(FIRST, N_ANALYTES):
            x = np.log2(good_beads(beads, w, a).astype(float))
            if len(x) >= 15:
                k = two_means(x)
                low, high = np.median(x[:k]), np.median(x[k:])
                gap[w, a], share[w, a], cut[w, a] = high - low, (len(x) - k) / len(x), (low + high) / 2
    seen = ~np.isnan(gap).all(axis=0)
    gap[:, ~seen], share[:, ~seen] = 0.0, 0.5
    upper = np.nanmean(np.sign(share - 0.5), axis=0) > 0
    hi_share = np.where(upper, share, 1 - share)
    fits = np.mean((gap > 1.5) & (hi_share > 0.5), axis=0)
    typical = np.nanmedian(hi_share, axis=0)
    chosen = (np.nanmedian(gap, axis=0) > 1.8) & (fits > 0.95) & (typical > 0.60) & (typical < 0.72)
    valid = (gap > 1.4) & (hi_share > 0.45) & (hi_share < 0.85)
    return np.flatnonzero(chosen), upper, cut, valid


def build_half(beads: BeadPlate, seed: int, *, low: bool = False, once: bool = False) -> Referee:
    """Build the sets half and once; see above."""
    rng = np.random.default_rng([seed, int(low), int(once)])
    sources, upper, cut, valid = find_sources(beads)
    n, n_wells = len(sources), beads.n_wells
    mixed: dict[tuple[int, int, int], np.ndarray] = {}
    truth = np.full((2, n, n_wells), np.nan)
    mad, size = truth.copy(), truth.copy()
    for w in range(n_wells):
        for k, a in enumerate(sources):
            values = good_beads(beads, w, a)
            bright = np.log2(values) >= cut[w, a]
            for half in (0, 1):
                group = rng.permutation(values[bright == (upper[a] == (half == 0))])
                m = len(group) // 2 + int(rng.integers(0, 2)) * (len(group) % 2)
                mixed[half, k, w] = group[:m]
                kept = np.log2(group[m:])
                if len(kept) >= 3 and valid[w, a]:
                    truth[half, k, w] = np.median(kept)
                    mad[half, k, w], size[half, k, w] = np.median(np.abs(kept - truth[half, k, w])), len(kept)
    # standard error of a median of t7 beads, from the gene's typical width
    error = 1.86 * np.nanmedian(mad, axis=2, keepdims=True) / np.sqrt(size)
    pairs = choose_pairs(np.nanmedian(truth, axis=2), n if once else N_TARGETS, once, rng)
    known = np.full((2, len(pairs), n_wells), np.nan)
    others = [a for a in range(FIRST, N_ANALYTES) if a not in set(sources)] if once else []
    others = others[: N_ANALYTES - FIRST - len(pairs)]
    wells = []
    for w in range(n_wells):
        analyte, reporter = [], []
        for t, (i, j) in enumerate(pairs):
            hi, lo = mixed[0, i, w], mixed[1, j, w]
            total = round(USED * (len(hi) + len(lo)))
            n_hi = min(rng.binomial(total, HI_SHARE), len(hi))
            for half, group in enumerate((hi[:n_hi], lo[: total - n_hi])):
                kept = group[rng.random(len(group)) < LOW_SHARE] if low else group
                if len(kept) and not np.isnan(truth[half, (i, j)[half], w]):
                    known[half, t, w] = np.median(np.log2(kept))
                analyte.append(np.full(len(kept), FIRST + t + 1))
                reporter.append(kept)
        for k, a in enumerate(others):
            values = beads.reporter[beads.starts[w, a] : beads.starts[w, a + 1]]
            kept = values[rng.random(len(values)) < CONTEXT * (LOW_SHARE if low else 1.0)]
            analyte.append(np.full(len(kept), FIRST + len(pairs) + k + 1))
            reporter.append(kept)
        wells.append(group_beads(np.concatenate(analyte), np.concatenate(reporter), N_ANALYTES))
    duo = np.zeros(N_ANALYTES, dtype=bool)
    duo[FIRST : FIRST + len(pairs) + len(others)] = True
    for k, a in enumerate(others):
        if a in (10, 498):  # the analytes with one gene
            duo[FIRST + len(pairs) + k] = False
    name = f"{'ONCE' if once else 'HALF'}{' LOW' if low else ''} of {beads.det_plate}, seed {seed}"
    plate = BeadPlate.from_wells(beads.det_plate, beads.wells, wells)
    hi, lo = pairs[:, 0], pairs[:, 1]
    return Referee(
        name, plate, duo, np.stack([truth[0, hi], truth[1, lo]]), np.stack([error[0, hi], error[1, lo]]), known, 2.0
    )


def choose_pairs(levels: np.ndarray, n_pairs: int, once: bool, rng: np.random.Generator) -> np.ndarray:
    """Pairs of a hi and a lo source, none from one analyte, whose signed gaps have the wanted distribution."""
    n = levels.shape[1]
    want = np.interp((np.arange(n_pairs) + 0.5) / n_pairs * 100, GAP_PERCENTILES, GAPS) * rng.choice([-1, 1], n_pairs)
    uses = np.zeros((2, n))
    taken = np.eye(n, dtype=bool)
    gaps = levels[0][:, None] - levels[1]
    pairs = []
    for gap in want[np.argsort(-np.abs(want), kind="stable")]:
        cost = np.abs(gaps - gap) + 0.15 * (uses[0][:, None] + uses[1]) + 100.0 * taken
        if once:
            cost += 1000.0 * ((uses[0][:, None] > 0) | (uses[1] > 0))
        i, j = np.unravel_index(np.argmin(cost), cost.shape)
        if cost[i, j] < 100:
            taken[i, j] = True
            uses[0, i] += 1
            uses[1, j] += 1
            pairs.append((i, j))
    return rng.permutation(np.array(pairs))


def build_simulated(study: Study) -> Referee:
    """Build the set sim from its plan."""
    params, bead_set, plate = study.params, study.bead_set, study.plates[0]
    beads = simulate_beads(study, plate)
    genes = bead_set.genes
    truth = np.full((2, N_ANALYTES - FIRST, len(plate.wells)), np.nan)
    half = (genes["pr_bset_id"] == bead_set.lo).to_numpy(int)
    truth[half, genes["pr_analyte_num"].to_numpy(int) - 1 - FIRST] = plate.log2_fi
    both = ~np.isnan(truth).any(axis=(0, 2))
    truth[:, ~both] = np.nan
    duo = np.zeros(N_ANALYTES, dtype=bool)
    duo[FIRST:] = both
    used = [plate.wells.index(well) for well in beads.wells]
    truth = truth[:, :, used]
    name = f"SIM seed {params.seed}, {params.beads_mean:g} beads"
    return Referee(name, beads, duo, truth, np.zeros_like(truth), None, study.ratio)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of what both have."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 5:
        return np.nan
    if np.ptp(a[both]) < 1e-9:
        return 0.0
    return float(np.corrcoef(rankdata(a[both]), rankdata(b[both]))[0, 1])


def without_wells(values: np.ndarray, levels: np.ndarray, line: bool = False) -> np.ndarray:
    """Take out each gene's median and each well's median, or its robust line in the level of the gene."""
    rest = values - np.nanmedian(values, axis=2, keepdims=True)
    for w in range(values.shape[2]):
        column = rest[:, :, w]
        if np.isfinite(column).sum() < 20:  # a well without truth
            continue
        if not line:
            column -= np.nanmedian(column)
            continue
        seen = np.isfinite(column) & np.isfinite(levels)
        weight, fit = np.ones(seen.sum()), np.zeros(2)
        for _ in range(8):
            fit = np.polyfit(levels[seen], column[seen], 1, w=np.sqrt(weight))
            error = column[seen] - np.polyval(fit, levels[seen])
            weight = 1 / (1 + (error / (2 * 1.4826 * np.median(np.abs(error)) + 1e-9)) ** 2)
        column -= np.polyval(fit, levels)
    return rest - np.nanmedian(rest, axis=2, keepdims=True)


def score(referee: Referee, values: np.ndarray, sd: np.ndarray | None) -> dict[str, tuple[float, float]]:
    """All columns of one method; values and sd log2, shape (2, T, W)."""
    truth = referee.truth
    values = np.where(np.isnan(truth), np.nan, values)
    levels = np.nanmedian(truth, axis=2)
    close = np.abs(np.nanmedian(truth[0] - truth[1], axis=1)) < 1
    targets = np.flatnonzero(np.isfinite(levels).all(axis=0))
    scores: dict[str, list[float]] = {}
    for line in (False, True):
        ours, theirs = without_wells(values, levels, line), without_wells(truth, levels, line)
        for half in (0, 1):
            rows = [spearman(ours[half, t], theirs[half, t]) for t in targets]
            scores.setdefault("Spearman (line)" if line else "Spearman", []).append(float(np.nanmedian(rows)))
        if not line:
            flat = ours, theirs
    for half in (0, 1):
        error = values[half] - truth[half]
        error = error - np.nanmedian(error)
        scores.setdefault("RMSE", []).append(float(np.sqrt(np.nanmean(error**2))))
        scores.setdefault("close", []).append(float(np.sqrt(np.nanmean(error[close] ** 2))))
        seen = np.isfinite(error)
        scores.setdefault("> 0.5 %", []).append(100 * float((np.abs(error[seen]) > 0.5).mean()))
        z = [x[half] / (1.4826 * np.maximum(np.nanmedian(np.abs(x[half]), axis=1, keepdims=True), 0.05)) for x in flat]
        positive, ranks = np.abs(z[1][seen]) > 2, rankdata(np.abs(z[0][seen]))
        p = positive.sum()
        auc = (ranks[positive].sum() - p * (p + 1) / 2) / (p * (len(positive) - p))
        scores.setdefault("AUC", []).append(float(auc))
        if sd is not None:
            pull = np.abs(error) / np.sqrt(sd[half] ** 2 + referee.truth_sd[half] ** 2)
            scores.setdefault("in 68 %", []).append(100 * float((pull[seen] < 0.9945).mean()))
            scores.setdefault("in 95 %", []).append(100 * float((pull[seen] < 1.96).mean()))
    straight = np.abs(values[0] - truth[0]) + np.abs(values[1] - truth[1])
    crossed = np.abs(values[0] - truth[1]) + np.abs(values[1] - truth[0])
    swapped = np.where(np.isnan(straight + crossed), np.nan, crossed < straight)
    scores["swap % (far)"] = [100 * float(np.nanmean(swapped)), 100 * float(np.nanmean(swapped[~close]))]
    return {key: (pair[0], pair[1]) for key, pair in scores.items()}


COLUMNS = ("Spearman", "Spearman (line)", "RMSE", "close", "> 0.5 %", "swap % (far)", "AUC", "in 68 %", "in 95 %")


def table(referee: Referee, methods: dict[str, DeconvolveParams], threads: int = 2) -> str:
    """Score the methods on a referee set, as Markdown."""
    n_targets = referee.truth.shape[1]
    gaps = np.abs(np.nanmedian(referee.truth[0] - referee.truth[1], axis=1))
    percentiles = "/".join(f"{gap:.2f}" for gap in np.nanpercentile(gaps, [5, 25, 50, 75, 95]))
    beads = referee.beads.counts[:, FIRST : FIRST + n_targets].mean()
    floor = [float(np.sqrt(np.nanmean(referee.truth_sd[half] ** 2))) for half in (0, 1)]
    lines = [
        f"**{referee.name}**: {referee.beads.n_wells} wells, {int(np.isfinite(gaps).sum())} pairs, {beads:.0f} beads "
        f"an analyte, |hi - lo| percentiles {percentiles}, RMSE floor {floor[0]:.3f}/{floor[1]:.3f}",
        "",
        "| method | " + " | ".join(COLUMNS) + " | s |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]

    def row(name: str, values: np.ndarray, sd: np.ndarray | None, seconds: float | None) -> str:
        found = score(referee, values, sd)
        cells = []
        for key in COLUMNS:
            digits = 1 if "%" in key else 3
            cells.append("/".join(f"{x:.{digits}f}" for x in found[key]) if key in found else "")
        return f"| {name} | " + " | ".join(cells) + f" | {'' if seconds is None else f'{seconds:.1f}'} |"

    if referee.known is not None:
        lines.append(row("known gene, median", referee.known, None, None))
    for name, params in methods.items():
        begin = time.process_time()
        calls = METHODS[params.method].call(
            referee.beads, referee.duo, ratio=referee.ratio, params=params, threads=threads
        )
        seconds = time.process_time() - begin
        chosen = slice(FIRST, FIRST + n_targets)
        values = np.log2(np.maximum(calls.value[:, :, chosen], 1.0)).transpose(0, 2, 1)
        sd = None if calls.sd is None else calls.sd[:, :, chosen].transpose(0, 2, 1)
        lines.append(row(name, values, sd, seconds))
        if name == "mixture" and referee.name.startswith("SIM"):
            found = score(referee, values, sd)
            rmse = [Aim(f"RMSE of {half} genes, log2", aim, error) for half, aim, error in
                    zip(("hi", "lo"), (0.07, 0.11), found["RMSE"], strict=True)]  # fmt: skip
            swaps = Aim("swapped pairs, %", 1.5, found["swap % (far)"][0])
            write_record("referee-simulated", "python benchmarks/referee/deconvolution.py - --set sim --seed 5",
                         [*rmse, swaps])  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Build the sets and print the tables."""
    warnings.simplefilter("ignore", RuntimeWarning)  # medians of what has no truth
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plate")
    parser.add_argument("--set", action="append", choices=("half", "once", "sim"), dest="sets")
    parser.add_argument("--low", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--method", action="append", help="method[,parameter=value...]; by default all")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    specs = arguments.method or [*METHODS, "mixture,prior=false"]
    methods = {}
    for spec in specs:
        name, *rest = spec.split(",")
        methods[spec] = DeconvolveParams(method=name, **dict(item.split("=") for item in rest))
    plate = None
    if arguments.plate != "-":
        plate = read_beads(Path(arguments.plate))
    for kind in arguments.sets or (["half", "once"] if plate is not None else ["sim"]):
        if kind == "sim":
            params = SimulateParams(wells=96, seed=arguments.seed, beads_mean=48.0)
            referee = build_simulated(plan_plates(params))
        else:
            assert plate is not None, f"--set {kind} needs a plate"
            referee = build_half(plate, arguments.seed, low=arguments.low, once=kind == "once")
        print(table(referee, methods, arguments.threads) + "\n", flush=True)


if __name__ == "__main__":
    main()
