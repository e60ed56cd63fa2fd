"""Studies left out, for any choice of the fit: what ``inference.py`` compares; every fifth gene."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from scipy.linalg import solve_triangular

from beadwork.io.matrix.expression import open_expression
from beadwork.io.platform.folder import resource_path
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.studies import read_studies
from beadwork.kernels.levels.inferred_sd import CALIBRATION, plate_factor
from beadwork.kernels.levels.ridge import (
    Agreement,
    Sums,
    balance,
    leading_axes,
    make_system,
    predict_differences,
    ridge_root,
    study_moments,
    study_sums,
    within,
)
from beadwork.model.params import TrainInferenceParams
from beadwork.stages.levels.inference.training_profiles import collect_profiles

PARAMS = TrainInferenceParams()
EVERY = 5
SEVEN = ("bladder", "borovecki", "chowdary", "cmap_bsm", "cmap_gsm", "nakayama", "nci60")


class Lab:
    """Moments and sums of every study by itself."""

    def __init__(self, shared: Path) -> None:
        genes = gene_table()
        files = sorted(shared.glob("expression/*.npz")) + sorted(shared.glob("expression_more/*.npz"))
        self.facts = read_studies(resource_path("inference_studies.tsv"))
        with ExitStack() as stack:
            sources = [stack.enter_context(open_expression(path)) for path in files]
            self.profiles = collect_profiles(sources, genes, self.facts)
        self.genes = self.profiles.genes[::EVERY]
        self.bing = genes.loc[self.genes, "pr_is_bing"].to_numpy() == 1
        self.studies = {study.name: study for study in self.profiles.studies}
        self.plain = [
            study_moments(partial(self.portions, name), study.two_colour, PARAMS.target_mean)
            for name, study in self.studies.items()
        ]
        self.weigh()

    def weigh(
        self, scale_power: float = PARAMS.scale_power, gene_power: float = PARAMS.gene_power,
        saturation: float = PARAMS.saturation,
    ) -> None:  # fmt: skip
        """Sum anew, with another choice of how far studies count."""
        self.power, shape = scale_power, (len(self.profiles.landmarks), len(self.genes))
        self.moments = dict(zip(self.studies, balance(self.plain, scale_power, gene_power, saturation), strict=True))
        self.sums = {
            name: study_sums([(moments, partial(self.portions, name))], shape, scale_power)
            for name, moments in self.moments.items()
        }

    def portions(self, name: str):
        """Profiles of a study, every fifth gene."""
        return self.profiles.portions(self.studies[name], genes=slice(None, None, EVERY))

    def without(self, name: str) -> list[str]:
        """Studies that share no patients with one."""
        return [other for other, study in self.studies.items() if study.group != self.studies[name].group]

    def fit(
        self, names, ridge: float = PARAMS.ridge, rank: int = 978, weight: float = PARAMS.study_weight, factor=None
    ):
        """Fit some studies; returns a function from differences of landmarks to differences of genes."""
        factor = factor or {}
        sums = Sums(
            sum(self.sums[name].xx * factor.get(name, 1.0) for name in names),
            sum(self.sums[name].xy * factor.get(name, 1.0) for name in names),
        )
        system = make_system(sums, [self.moments[name] for name in names], weight, self.power)
        root = ridge_root(system.frame, ridge)
        return partial(predict_differences, system=system, root=root, axes=leading_axes(system, root, rank))

    def weights(self, names, ridge: float = PARAMS.ridge) -> np.ndarray:
        """Full-rank weights (landmarks, genes)."""
        return self.fit(names, ridge)(np.eye(len(self.profiles.landmarks)))

    def inferred(self, name: str, model) -> tuple[np.ndarray, np.ndarray]:
        """Inferred and measured differences of a study, NaN where it lacks the gene."""
        moments = self.moments[name]
        mean = np.where(moments.y_count > 0, moments.y_mean, np.nan)
        parts = [(model(within(x, moments.x_mean)), y - mean) for x, y in self.portions(name)]
        return tuple(np.concatenate(side) for side in zip(*parts, strict=True))

    def correlation(self, name: str, model) -> np.ndarray:
        """Correlation per gene within a study that the model has not seen."""
        agreement = Agreement(len(self.genes))
        agreement.add(*self.inferred(name, model))
        return agreement.correlation()

    def medians(self, found: np.ndarray) -> np.ndarray:
        """Median over all, BING and other genes."""
        there = np.isfinite(found)
        return np.array([np.median(found[there & mask]) for mask in (there, self.bing, ~self.bing)])

    def left_out(self, tests=SEVEN, names=None, **choice) -> np.ndarray:
        """Mean over the test studies, each left out; `names`: only these train."""
        rows = []
        for test in tests:
            train = [name for name in self.without(test) if names is None or name in names]
            rows.append(self.medians(self.correlation(test, self.fit(train, **choice))))
        return np.mean(rows, axis=0)


def coverage(lab: Lab) -> list[tuple[str, float, float]]:
    """Share of errors within 1.96 and 1 standard deviations, by study left out; the gene's sd is of the others."""
    spread = float(np.median([moments.spread for moments in lab.moments.values()]))
    errors, squares, freedom, share = {}, {}, {}, {}
    for name in lab.studies:
        if lab.moments[name].n < 5:
            continue
        inferred, measured = lab.inferred(name, lab.fit(lab.without(name)))
        errors[name] = measured - inferred
        share[name] = plate_factor(lab.moments[name].spread, spread)
        seen = np.isfinite(errors[name]).all(axis=0)
        squares[name] = np.nan_to_num((errors[name] ** 2).sum(axis=0)) / share[name] ** 2
        freedom[name] = seen * (len(errors[name]) - 1)
    total, count = sum(squares.values()), sum(freedom.values())
    found = []
    for name, error in errors.items():
        sd = np.sqrt((total - squares[name]) / np.maximum(count - freedom[name], 1)) * share[name] * CALIBRATION
        size = np.abs(error / sd) * np.sqrt(len(error) / (len(error) - 1))
        size = size[np.isfinite(size)]
        found.append((name, float(np.mean(size < 1.96)), float(np.mean(size < 1))))
    return found


def contrasts(name: str, samples: list[str]) -> dict[str, tuple[list[int], list[int]]]:
    """Treated and control samples of the perturbation studies, by what their names say."""

    def pick(*parts: str) -> list[int]:
        return [k for k, sample in enumerate(samples) if all(part in sample for part in parts)]

    if name == "estrogen":
        return {f"{h} h": (pick(f"high{h}-"), pick(f"low{h}-")) for h in (10, 48)}
    if name == "GSE197067":
        return {f"{h} h": (pick(f"act_{h}h"), pick(f"ctr_{h}h")) for h in (6, 12, 24, 48, 72)}
    if name == "siESR1":
        return {"siESR1": (pick("siESR1_"), pick("siLuc1_"))}
    times = ("12h", "24h", "5d", "10d", "15d")
    made = {f"{t} {o} %": (pick(f"{t}_{o}_"), pick(f"{t}_21_")) for t in times for o in (1, 5)}
    return {key: pair for key, pair in made.items() if pair[0] and pair[1]}


def radial(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Gaussian kernel of rows, as wide as their number of columns."""
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.exp(-square / (2 * a.shape[1]))


def kernel_residuals(lab: Lab, tests=SEVEN, share: float = 0.3) -> np.ndarray:
    """Ridge plus a radial kernel fitted to what it leaves: non-linear, on differences within studies."""
    rows = []
    for test in tests:
        names = lab.without(test)
        model = lab.fit(names)
        sd = np.sqrt(sum(lab.moments[n].x_square for n in names) / sum(lab.moments[n].x_count for n in names))
        x, rest = [], []
        for name in names:
            for part, y in lab.portions(name):
                differences = within(part, lab.moments[name].x_mean)
                x.append(differences / sd)
                rest.append(within(y, lab.moments[name].y_mean) - model(differences))
        x, rest = np.concatenate(x), np.concatenate(rest)
        moments = lab.moments[test]
        own = np.concatenate([within(part, moments.x_mean) for part, _ in lab.portions(test)]) / sd

        root = np.linalg.cholesky(radial(x, x) + np.eye(len(x)))
        half = solve_triangular(root, rest, lower=True)
        added = radial(own, x) @ solve_triangular(root, half, lower=True, trans="T")
        inferred, measured = lab.inferred(test, model)
        agreement = Agreement(len(lab.genes))
        agreement.add(inferred + share * added, measured)
        rows.append(lab.medians(agreement.correlation()))
    return np.mean(rows, axis=0)


def neighbour_prior(lab: Lab, tests=SEVEN, share: float = 0.3, neighbours: int = 10) -> np.ndarray:
    """Draw the weights of a gene towards those of the genes that it varies with in the training studies."""
    rows = []
    for test in tests:
        names = lab.without(test)
        weights = lab.weights(names)
        gram = sum(lab.sums[name].xx for name in names)
        # what the landmarks say of each gene, compared between genes: correlation of fitted values
        alike = weights.T @ gram @ weights
        size = np.sqrt(np.maximum(np.diag(alike), 1e-12))
        alike = alike / size[:, None] / size
        np.fill_diagonal(alike, -1)
        at = np.argpartition(-alike, neighbours, axis=1)[:, :neighbours]
        mean = np.mean([weights[:, at[:, k]] * (size / size[at[:, k]]) for k in range(neighbours)], axis=0)
        rows.append(lab.medians(lab.correlation(test, lambda x, w=weights, m=mean: x @ ((1 - share) * w + share * m))))
    return np.mean(rows, axis=0)


def gene_penalties(lab: Lab, tests=SEVEN, ridges=(2000.0, 4000.0, 8000.0, 16000.0), sets=None) -> np.ndarray:
    """Give each gene, or each set of genes, a penalty chosen by folds of the training studies (nested)."""
    rows = []
    for test in tests:
        names = lab.without(test)
        folds = [names[k::4] for k in range(4)]
        inner = []
        for ridge in ridges:
            found = []
            for fold in folds:
                model = lab.fit([name for name in names if name not in fold], ridge)
                found += [lab.correlation(name, model) for name in fold if lab.moments[name].n >= 8]
            inner.append(np.nanmean(found, axis=0))
        inner = np.array(inner)
        if sets is not None:
            for members in sets:
                inner[:, members] = inner[:, members].mean(axis=1, keepdims=True)
        best = inner.argmax(axis=0)
        weights = np.array([lab.weights(names, ridge) for ridge in ridges])
        chosen = np.take_along_axis(weights, best[None, None, :], axis=0)[0]
        rows.append(lab.medians(lab.correlation(test, lambda x, w=chosen: x @ w)))
    return np.mean(rows, axis=0)
