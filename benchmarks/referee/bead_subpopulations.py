"""Are the beads of a gene one population or two?  Fit labelled beads with peaks split by any distance.

    python benchmarks/referee/bead_subpopulations.py PLATE [PLATE ...] [--figure FILE]

PLATE is a folder or archive of LXB files, or a packed plate (beads.npz).  Analytes whose two genes lie far apart (the
source analytes of ``deconvolution.py``) show the gene of every bead.  The beads of each gene are fitted alone, in all
wells with one split (half the distance of two peaks of equal size) and one width factor, positions free: the split
and width with the most evidence are the gene's.  Columns: splits (quantiles over genes), width factors, and the log
evidence per 1,000 beads that the split adds to the best single peak.  The figure has the beads of six genes, each less
its well's fitted position.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from deconvolution import find_sources, good_beads

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture.densities import WIDTHS, BeadModel, PairPrior, peak_density
from beadwork.kernels.beads.mixture.fit import COLUMN, COLUMNS
from beadwork.kernels.beads.mixture.fit_numba import fit_plate
from beadwork.model.beads.plate import BeadPlate

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.plates import read_beads

SPLITS = np.array([0.0, 0.06, 0.1, 0.14, 0.18, 0.22, 0.26, 0.3, 0.35, 0.4, 0.5])
FACTORS = np.array([0.6, 0.7, 0.8, 0.9, 1.0, 1.12, 1.25, 1.4])
LOOSE = 2.5


def labelled(beads: BeadPlate) -> list[list[list[np.ndarray]]]:
    """Beads of known gene by half (hi, lo), source analyte and well; empty where the clusters do not hold."""
    sources, upper, cut, valid = find_sources(beads)
    found: list[list[list[np.ndarray]]] = [[], []]
    for a in sources:
        wells = [good_beads(beads, w, a) if valid[w, a] else np.zeros(0, np.uint32) for w in range(beads.n_wells)]
        for half in (0, 1):
            bright = upper[a] == (half == 0)
            found[half].append([x[(np.log2(x) >= cut[w, a]) == bright] for w, x in enumerate(wells)])
    return found


def fit_genes(genes: list[list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Log evidence (genes, splits, factors) over all wells, and positions (genes, splits, factors, wells)."""
    counts = np.array([[len(well) for well in gene] for gene in genes]).T
    reporter = np.concatenate([genes[g][w] for w in range(len(counts)) for g in range(len(genes))]).astype(np.uint32)
    ends = np.cumsum(counts, axis=None).reshape(counts.shape)
    starts = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
    grid = np.array([(d, f) for d in SPLITS for f in FACTORS])
    evidence, positions = [], []
    for g in range(len(genes)):
        n = len(grid)
        wells = np.flatnonzero(counts[:, g] >= 4)
        at = np.array([np.median(np.log2(x)) if len(x) else 8.0 for x in genes[g]])
        prior = PairPrior(np.broadcast_to(at[:, None, None], (len(at), n, 2)), np.full((len(at), n, 2), LOOSE))
        model = BeadModel(WIDTHS, np.ones(n), np.repeat(grid[:, 1:], 2, axis=1), grid[:, 0], 0.015, 16, 32768, 11.0)
        out = np.full((len(at), n, len(COLUMNS)), np.nan, dtype=np.float32)
        fit_plate(GroupedBeads(reporter, starts), wells, np.full(n, g), prior, model, out, threads=2)
        shape = (len(SPLITS), len(FACTORS))
        evidence.append(np.nansum(out[:, :, COLUMN.evidence], axis=0).reshape(shape))
        positions.append(out[:, :, COLUMN.hi].T.reshape(*shape, -1))
    return np.array(evidence), np.array(positions)


def draw(path: Path, panels: list[tuple[str, np.ndarray, float, float, float]]) -> None:
    """Histograms of the beads of a gene about their wells' positions, with one fitted peak and with two."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(9, 4.6), sharex=True, layout="constrained")
    x = np.linspace(-1.5, 1.5, 301)
    for axis, (name, rest, split, factor, level) in zip(axes.flat, panels, strict=True):
        axis.hist(rest, np.linspace(-1.5, 1.5, 76), density=True, color="0.8")
        y, shifts = 2.0 ** (0.5 * (level + x)), (split, -split)
        halves = [peak_density(y, level + shift, WIDTHS, factor)[0] for shift in shifts]
        for half in halves:
            axis.plot(x, 0.5 * half, color="#0072B2", linewidth=0.9, linestyle="--")
        axis.plot(x, 0.5 * (halves[0] + halves[1]), color="#D55E00", linewidth=1.3)
        axis.set_title(f"{name}: subpopulations {2 * split:.2f} apart", fontsize=9)
        axis.set_yticks([])
        axis.spines[["top", "right", "left"]].set_visible(False)
    figure.supxlabel("log2 FI of a bead, less the position of its well", fontsize=9)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the table, and draw the figure of the first plate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plates", nargs="+", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    print("| plate | genes | split, 5/25/50/75/95 % | scale | width, median | evidence per 1,000 beads |")
    print("|---|---|---|---|---|---|")
    for path in arguments.plates:
        beads = read_beads(path)
        sources = find_sources(beads)[0]
        for half, genes in enumerate(labelled(beads)):
            evidence, positions = fit_genes(genes)
            flat = evidence.reshape(len(genes), -1).argmax(axis=1)
            split, factor = SPLITS[flat // len(FACTORS)], FACTORS[flat % len(FACTORS)]
            n_beads = np.array([sum(map(len, gene)) for gene in genes])
            gain = 1000 * (evidence.max(axis=(1, 2)) - evidence[:, 0].max(axis=1)) / n_beads
            quantiles = "/".join(f"{q:.2f}" for q in np.quantile(split, [0.05, 0.25, 0.5, 0.75, 0.95]))
            print(
                f"| {beads.det_plate} | {len(genes)} {('hi', 'lo')[half]} | {quantiles} | "
                f"{np.sqrt(np.mean(split**2)):.2f} | {np.median(factor):.2f} | {gain.mean():.1f} |",
                flush=True,
            )
            if half == 0 and arguments.figure and path == arguments.plates[0]:
                panels = []
                for g in np.argsort(-split, kind="stable")[np.linspace(0, len(genes) - 1, 6).astype(int)]:
                    at = positions[g].reshape(-1, positions.shape[-1])[flat[g]]
                    rest = np.concatenate([np.log2(x) - m for x, m in zip(genes[g], at, strict=True)])
                    panels.append((f"analyte {sources[g] + 1}", rest, split[g], factor[g], float(np.nanmean(at))))
                draw(arguments.figure, panels)


if __name__ == "__main__":
    main()
