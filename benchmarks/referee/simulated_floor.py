"""Show how well the simulated pairs of ``deconvolution.py --set sim`` could be resolved at all; two tables per seed.

    python benchmarks/referee/simulated_floor.py [--seed N ...]

``mixture`` learns the beads' noise and what the plate says of a gene from the same beads that it explains.  Here both
are given, one after the other:

mixture                  as it is.
true prior               its kernel and the shapes that it learned; prior learned from the true values as it does:
                         levels, effects of the wells, common factors, spreads.  Which gene is which is then known.
true noise               the prior that mixture learned, with the bead density of the simulator itself: kernel, widths
                         of each gene, dim and stray beads, share of each analyte; posterior means by brute force.
true prior and noise     both.  What is left is what 48 beads without a name leave open: the floor.
gene known, median       the median of the beads of each gene, if the gene of every bead were known.
gene known, posterior    the same with true prior and noise.
truth + noise            no method: the truth, with independent normal errors of 0.07 (hi) and 0.11 (lo).

Columns as in ``deconvolution.py``.  A pair counts as swapped if exchanging its values would bring them nearer to the
truth, so even small errors swap pairs at one level, of which A01 is full: reference RNA without cells.  (A method that
gives both genes one value is never caught: kspeak does so in 45 % of these pairs.)  'Wrong order': hi above lo where
the truth has it below, or the reverse; in brackets the least that any answer can expect, given what that row
knows: the mean of the smaller of the two posterior probabilities.  The second table shows who swaps and errs where, by
the true gap of the pair in the well: swapped pairs in percent of all pairs, and in brackets the share of the squared
error of hi and lo genes in percent.
"""

import argparse
import itertools
import math
import sys
import warnings
from pathlib import Path

import numpy as np
from deconvolution import FIRST, Referee, build_simulated, good_beads, score
from scipy import stats

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture import plate as mixture_plate
from beadwork.kernels.beads.mixture import prior as plate_prior
from beadwork.kernels.beads.mixture.densities import WIDTHS, BeadModel, PairPrior
from beadwork.kernels.beads.mixture.fit import COLUMN, SLICE
from beadwork.kernels.beads.mixture.fit_numba import fit_plate
from beadwork.kernels.numeric.jit import jit
from beadwork.model.beads.plate import N_ANALYTES
from beadwork.model.ids import WELLS_384
from beadwork.model.params import DeconvolveParams, SimulateParams
from beadwork.simulate import draw as simulator
from beadwork.simulate.generators import generator
from beadwork.stages.beads.callers.mixture import mixture_settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import plan_plates

WELLS, BEADS = 96, 48.0
AIM = np.array([0.07, 0.11])
U_LOW, U_STEP = -40.0, 0.005
COARSE = np.linspace(5.0, 14.5, 56)
"""Positions (log2 FI) where the posterior is first looked at."""
FINE, MOST_POINTS, WEIGHT = 0.025, 160, 22.0
"""Step and most points of the finer look, which goes where the log posterior is not further below its maximum."""
GAPS = (0.0, 0.15, 0.3, 0.6, 1.0, 20.0)
DARK_SD = 0.5
"""A well whose genes spread over less (standard deviation of log2) has no cells."""


class Simulated:
    """A simulated plate with all that its simulator knows; targets are the pairs, arrays (2, T, W)."""

    def __init__(self, seed: int) -> None:
        params = SimulateParams(wells=WELLS, seed=seed, beads_mean=BEADS)
        self.study = plan_plates(params)
        self.referee, self.plate = build_simulated(self.study), self.study.plates[0]
        self.platform = platform = simulator.make_platform(self.study)
        both = (platform.hi_rows >= 0) & (platform.lo_rows >= 0)
        self.targets = np.flatnonzero(both)
        self.rows = np.stack([platform.hi_rows[both], platform.lo_rows[both]])
        self.widths, self.share = platform.gene_width[self.rows], platform.share[both]
        self.truth = self.plate.log2_fi[self.rows]
        assert np.array_equal(self.truth, self.referee.truth[:, self.targets])
        stray = params.outliers / (1 - params.dark_beads)  # of the beads that are seen
        self.noise = np.array([1 - stray, params.dim_beads, simulator.DIM_LOG2])
        self.kernel = bead_kernel(params.bead_df)
        self.strays = [stray * density for density in self._densities()]
        self.lit = self.truth.std(axis=(0, 1)) > DARK_SD

    def _densities(self) -> list[np.ndarray]:
        """Density of all beads of each well, where strays come from, at log2 FI 4, 4.1, ... 15."""
        beads, found = self.referee.beads, []
        for w in range(beads.n_wells):
            x = beads.reporter[beads.starts[w, 0] : beads.starts[w, -1]].astype(float)
            counts, _ = np.histogram(np.log2(x[x >= 16]), bins=np.arange(3.95, 15.1, 0.1))
            found.append(np.convolve(counts / counts.sum() / 0.1, [0.25, 0.5, 0.25], "same") + 1e-5)
        return found

    def stray(self, well: int, x: np.ndarray) -> np.ndarray:
        """Density of a stray at x times the share of strays."""
        return np.interp(x, 4.0 + 0.1 * np.arange(len(self.strays[well])), self.strays[well])

    def named_beads(self, well: int) -> tuple[np.ndarray, np.ndarray]:
        """Row of the gene of each bead and its log2 FI, sorted by gene; the numbers are drawn once more."""
        analyte, reporter = simulator.draw_well(self.study, self.plate, well, self.platform)
        params, platform = self.study.params, self.platform
        rng = generator(params.seed, "beads", self.plate.number, WELLS_384.index(self.plate.wells[well]))
        beads = rng.poisson(self.plate.beads_mean[well] * platform.abundance)
        hi = rng.binomial(beads, platform.share)
        counts = np.zeros(len(self.plate.log2_fi), dtype=np.int64)
        for rows, number in ((platform.hi_rows, hi), (platform.lo_rows, beads - hi)):
            counts[rows[rows >= 0]] = number[rows >= 0]
        order = np.argsort(platform.gene_analyte, kind="stable")
        gene = np.repeat(order, counts[order])
        mine = analyte > len(platform.calibrator_spread)
        assert np.array_equal(platform.gene_analyte[gene], analyte[mine])
        good = (reporter[mine] >= 16) & (reporter[mine] <= 32768)
        gene, x = gene[good], np.log2(reporter[mine][good].astype(float))
        order = np.argsort(gene, kind="stable")
        return gene[order], x[order]


def bead_kernel(df: float) -> np.ndarray:
    """Density of a bead by its distance from its gene, in widths: a t below, what `_as_normal` makes of it above."""
    u = np.arange(U_LOW, 12.0, U_STEP)
    scale = simulator.T_TO_ROBUST
    t = np.linspace(1e-9, 50.0, 1_000_001)
    above = simulator.as_normal(t, df) * scale
    upper = np.interp(u, above, stats.t.pdf(t, df) / np.gradient(above, t))
    return np.where(u > 0, upper, stats.t.pdf(u / scale, df) / scale)


@jit
def bead_density(distance, width, kernel, noise):
    """Density of a bead of a gene, dim ones (a normal less an exponential) and the loss to strays included."""
    at = (distance / width - U_LOW) / U_STEP
    step = int(at)
    density = 0.0
    if 0.0 <= at < len(kernel) - 1:
        density = (kernel[step] + (at - step) * (kernel[step + 1] - kernel[step])) / width
    far = noise[2]
    fall = math.exp(min((distance + 0.5 * width * width / far) / far, 50.0))
    dim = 0.5 * fall / far * math.erfc((distance / width + width / far) / math.sqrt(2.0))
    return noise[0] * ((1.0 - noise[1]) * density + noise[1] * dim)


@jit
def fill_rows(x, positions, share, factor, width_at, widths, kernel, noise, rows):
    """Density of each bead (rows) with its gene at each position (columns), times its share."""
    for g in range(len(positions)):
        width = np.interp(positions[g], width_at, widths) * factor
        for b in range(len(x)):
            rows[b, g] = share * bead_density(x[b] - positions[g], width, kernel, noise)


@jit
def pair_posterior(rows_hi, rows_lo, stray, hi, lo, mean, scale, out):
    """Log posterior of both positions (less a constant), prior t with 3 degrees of freedom, into out; its maximum."""
    best = -np.inf
    for i in range(len(hi)):
        line = out[i]
        line[: len(lo)] = 1.0
        for b in range(len(stray)):
            first = rows_hi[b, i] + stray[b]
            for j in range(len(lo)):
                line[j] *= first + rows_lo[b, j]
        for j in range(len(lo)):
            z0, z1 = (hi[i] - mean[0]) / scale[0], (lo[j] - mean[1]) / scale[1]
            line[j] = math.log(max(line[j], 1e-300)) - 2.0 * math.log((1.0 + z0 * z0 / 3.0) * (1.0 + z1 * z1 / 3.0))
            best = max(best, line[j])
    return best


@jit
def refine(positions, likely):
    """Finer positions over the span of the likely ones."""
    kept, step = positions[likely], positions[1] - positions[0]
    low, high = kept[0] - step, kept[-1] + step
    return np.linspace(low, high, min(MOST_POINTS, int((high - low) / FINE) + 2))


@jit
def fit_pair(x, stray, share, factors, width_at, widths, kernel, noise, mean, scale, coarse, rows, out):
    """Posterior means of hi and lo and the probability that hi lies above lo: on a coarse grid, then on a fine one."""
    hi, lo, best = coarse, coarse, 0.0
    for turn in range(2):
        fill_rows(x, hi, share, factors[0], width_at, widths[0], kernel, noise, rows[0])
        fill_rows(x, lo, 1.0 - share, factors[1], width_at, widths[1], kernel, noise, rows[1])
        best = pair_posterior(rows[0], rows[1], stray, hi, lo, mean, scale, out)
        if turn == 0:
            top_hi = np.array([out[i, : len(lo)].max() for i in range(len(hi))])
            top_lo = np.array([out[: len(hi), j].max() for j in range(len(lo))])
            hi, lo = refine(hi, top_hi > best - WEIGHT), refine(lo, top_lo > best - WEIGHT)
    mass, first, second, above = 0.0, 0.0, 0.0, 0.0
    for i in range(len(hi)):
        for j in range(len(lo)):
            p = math.exp(out[i, j] - best)
            mass += p
            first += p * hi[i]
            second += p * lo[j]
            above += p * (hi[i] > lo[j])
    return first / mass, second / mass, above / mass


def true_noise(sim: Simulated, mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means (2, T, W) and probability that hi lies above lo (T, W), with the simulator's own density."""
    value, above = np.empty_like(sim.truth), np.empty(sim.truth.shape[1:])
    widths = np.stack([simulator.WIDTH_HI, simulator.WIDTH_LO])
    most = int(sim.referee.beads.counts.max())
    rows, out = np.empty((2, most, MOST_POINTS)), np.empty((MOST_POINTS, MOST_POINTS))
    for w in range(sim.truth.shape[2]):
        for k, target in enumerate(sim.targets):
            x = np.log2(good_beads(sim.referee.beads, w, FIRST + target).astype(float))
            value[0, k, w], value[1, k, w], above[k, w] = fit_pair(
                x, sim.stray(w, x), sim.share[k], sim.widths[:, k].copy(), simulator.WIDTH_AT, widths, sim.kernel,
                sim.noise, mean[:, k, w].copy(), scale[:, k, w].copy(), COARSE.copy(), rows, out,
            )  # fmt: skip
    return value, above


def gene_known(sim: Simulated, mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians and posterior means (2, T, W) if the gene of every bead were known."""
    median, posterior = np.empty_like(sim.truth), np.empty_like(sim.truth)
    grid = np.arange(COARSE[0], COARSE[-1], FINE)
    rows = np.empty((int(sim.referee.beads.counts.max()), len(grid)))
    for w in range(sim.truth.shape[2]):
        gene, x = sim.named_beads(w)
        begin, end = (np.searchsorted(gene, sim.rows, side=side) for side in ("left", "right"))
        for half, widths in enumerate((simulator.WIDTH_HI, simulator.WIDTH_LO)):
            for k in range(len(sim.targets)):
                mine = x[begin[half, k] : end[half, k]]
                at, width = mean[half, k, w], scale[half, k, w]
                median[half, k, w] = np.median(mine) if len(mine) else at
                fill_rows(mine, grid, 1.0, sim.widths[half, k], simulator.WIDTH_AT, widths, sim.kernel, sim.noise, rows)
                density = rows[: len(mine)] + sim.stray(w, mine)[:, None]
                logs = np.log(density).sum(axis=0) - 2 * np.log1p(((grid - at) / width) ** 2 / 3)
                mass = np.exp(logs - logs.max())
                posterior[half, k, w] = mass @ grid / mass.sum()
    return median, posterior


def prior_of_truth(sim: Simulated, n_factors: int, spread: float, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (2, T, W) of the prior that mixture would learn if every fit were the truth."""
    value = np.ascontiguousarray(sim.truth.transpose(2, 1, 0))
    sd, scale = np.full(value.shape, 1e-3), np.full(value.shape, mixture_plate.FIRST_SPREAD)
    used = np.ones(value.shape[1], dtype=bool)
    tau, kappa = scale[0], np.ones(len(value))
    for _ in range(4):
        level, effect = plate_prior.well_effects(value, sd, tau, used)
        rest = value - level - effect
        common = plate_prior.common_factors(rest, sd, scale, n_factors, used)
        tau, kappa = plate_prior.spreads(rest - common, sd, tau, kappa, spread, strength, used)
        scale = np.maximum(mixture_plate.TAU_MIN, tau * kappa[:, None, None])
    return (level + effect + common).transpose(2, 1, 0).copy(), scale.transpose(2, 1, 0).copy()


def answers(sim: Simulated, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Values (2, T, W) of all rows, and the probability that hi lies above lo (T, W) where there is one."""
    referee, at = sim.referee, FIRST + sim.targets
    settings = mixture_settings(DeconvolveParams(method="mixture"), WELLS)
    share = referee.ratio / (1 + referee.ratio)
    beads = GroupedBeads(referee.beads.reporter, referee.beads.starts)
    plate = mixture_plate.fit_mixtures(
        beads, np.arange(FIRST, N_ANALYTES), referee.duo, share, settings, fit_plate, threads=2
    )
    learned = [x[:, at].transpose(2, 1, 0).copy() for x in plate.prior]
    true = prior_of_truth(sim, min(settings.n_factors, WELLS // 8), settings.spread, settings.spread_strength)
    model = BeadModel(
        WIDTHS, np.full(len(at), plate.share), plate.widths[at], plate.split[at], settings.outliers,
        settings.first_good, settings.last_good, settings.span,
    )  # fmt: skip
    fit = np.empty((WELLS, len(at), plate.fit.shape[2]), dtype=np.float32)
    prior = PairPrior(*(np.ascontiguousarray(x.transpose(2, 1, 0)) for x in true))
    fit_plate(beads, np.arange(WELLS), at, prior, model, fit, threads=2)
    median, posterior = gene_known(sim, *true)
    error = np.random.default_rng(seed).normal(size=sim.truth.shape) * AIM[:, None, None]
    mine = plate.fit[:, at]
    return {
        "mixture": (mine[:, :, SLICE.level].transpose(2, 1, 0), mine[:, :, COLUMN.hi_above].T),
        "true prior": (fit[:, :, SLICE.level].transpose(2, 1, 0), fit[:, :, COLUMN.hi_above].T),
        "true noise": true_noise(sim, *learned),
        "true prior and noise": true_noise(sim, *true),
        "gene known, median": (median, None),
        "gene known, posterior": (posterior, None),
        "truth + noise": (sim.truth + error, None),
    }


def swapped_pairs(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether exchanging the two values would bring them nearer to the truth, (T, W)."""
    return np.abs(values - truth[::-1]).sum(axis=0) < np.abs(values - truth).sum(axis=0)


def tables(sim: Simulated, found: dict[str, tuple[np.ndarray, np.ndarray | None]]) -> str:
    """Both tables as Markdown."""
    truth = sim.truth
    referee = Referee("", sim.referee.beads, sim.referee.duo, truth, np.zeros_like(truth), None, sim.referee.ratio)
    columns = ("Spearman", "RMSE", "close", "> 0.5 %", "AUC", "swap % (far)")
    lines = [
        "| | " + " | ".join(columns) + " | without A01 | wrong order % (least) |",
        "|---" * (len(columns) + 3) + "|",
    ]
    for name, (values, above) in found.items():
        scores = score(referee, values, None)
        cells = ["/".join(f"{x:.{1 if '%' in key else 3}f}" for x in scores[key]) for key in columns]
        least = "" if above is None else f" ({100 * np.minimum(above, 1 - above).mean():.1f})"
        wrong = 100 * (np.sign(values[0] - values[1]) != np.sign(truth[0] - truth[1])).mean()
        lit = 100 * swapped_pairs(values, truth)[:, sim.lit].mean()
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {lit:.1f} | {wrong:.1f}{least} |")
    gap = np.abs(truth[0] - truth[1])
    gaps = np.median(truth[0] - truth[1], axis=1)
    shown = [name for name in found if name != "true prior"]
    lines += ["", "| gap in the well | pairs % | " + " | ".join(shown) + " |", "|---" * (len(shown) + 2) + "|"]
    parts = [
        (f"{low:g} to {high:g}" if high < GAPS[-1] else f"over {low:g}", sim.lit & (gap >= low) & (gap < high))
        for low, high in itertools.pairwise(GAPS)
    ]
    parts = [("A01", np.broadcast_to(~sim.lit, gap.shape)), *parts]
    for label, part in parts:
        cells = []
        for name in shown:
            values = found[name][0]
            error = (values - truth - np.median(values - truth, axis=(1, 2), keepdims=True)) ** 2
            both = (100 * (error * part).sum(axis=(1, 2)) / error.sum(axis=(1, 2))).round().astype(int)
            cells.append(f"{100 * (swapped_pairs(values, truth) & part).mean():.2f} ({both[0]}/{both[1]})")
        lines.append(f"| {label} | {100 * part.mean():.1f} | " + " | ".join(cells) + " |")
    cells = []
    for name in shown:
        values = found[name][0]
        wrong = np.sign(np.median(values[0] - values[1], axis=1)) != np.sign(gaps)
        part = wrong[:, None] & sim.lit
        cells.append(f"{100 * (swapped_pairs(values, truth) & part).mean():.2f} ({wrong.sum()})")
    lines.append("| swapped on the plate (pairs) | | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    warnings.simplefilter("ignore", RuntimeWarning)  # medians of what has no truth
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append")
    for seed in parser.parse_args().seed or [5]:
        sim = Simulated(seed)
        gaps = np.abs(np.median(sim.truth[0] - sim.truth[1], axis=1))
        percentiles = "/".join(f"{gap:.2f}" for gap in np.percentile(gaps, [5, 25, 50, 75, 95]))
        print(
            f"**seed {seed}**: {WELLS} wells, {BEADS:g} beads, {len(gaps)} pairs, |hi - lo| percentiles {percentiles}\n"
        )
        print(tables(sim, answers(sim, seed)) + "\n", flush=True)


if __name__ == "__main__":
    main()
