"""Fit an inference model on expression profiles, and say honestly how good it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from beadwork.kernels.levels.inferred_sd import plate_factor
from beadwork.kernels.levels.ridge import (
    Agreement,
    Portions,
    StudyMoments,
    Sums,
    System,
    balance,
    leading_axes,
    make_system,
    predict_left_out,
    ridge_root,
    ridge_weights,
    solve_ridge,
    study_moments,
    study_sums,
    within,
)
from beadwork.model.errors import name_some
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.params import TrainInferenceParams
from beadwork.model.qc import join_qc, qc_rows
from beadwork.stages.levels.inference.training_profiles import ALL, NONE, Study, TrainingProfiles

log = logging.getLogger("beadwork.train_inference")
MIN_STUDY = 5
"""A study with fewer samples trains, but is not judged on its own: a correlation of so few says nothing."""
RIDGES = (500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
"""Penalties to choose among."""
FOLDS = 5
"""Groups of studies are dealt into so many folds to choose the penalty."""
FEW_GENES, CHOICE_SAMPLES = slice(None, None, 20), 100
"""The penalty is chosen by every 20th gene, and by at most so many samples of a study."""
JUDGED_SAMPLES = 256
"""A study is judged by at most so many samples, evenly spread."""
GROUPS = ("all", "bing", "other")


@dataclass(frozen=True)
class TrainInferenceResult:
    """The model, its accuracy by study and group of genes, the choice of the penalty, and QC rows."""

    model: InferenceModel
    accuracy: pd.DataFrame
    """One row per left-out study and a last row ``mean``: n, and the median gene correlation of all, BING, others."""
    choice: pd.DataFrame
    """One row per fold: its studies, the penalty that the other folds choose (nested), and the correlation with it and
    with the model's; empty if there are fewer than three groups of studies."""
    qc: pd.DataFrame


def train_inference(
    profiles: TrainingProfiles,
    genes: pd.DataFrame,
    *,
    params: TrainInferenceParams = TrainInferenceParams(),  # noqa: B008 (frozen)
    threads: int = 1,
) -> TrainInferenceResult:
    """Fit a low-rank ridge model of all genes on the landmarks.

    Parameters
    ----------
    profiles
        Ranked profiles of :func:`beadwork.stages.levels.inference.training_profiles.collect_profiles`.
    genes
        Gene table of the AIG space.

    Returns
    -------
    TrainInferenceResult
        The model; its accuracy when each study is left out in turn, with all that share patients with it, and judged
        within itself (centred): the figure to quote.  Random folds flatter, because studies differ more than samples
        within one.
    """
    training = _Training(profiles, params, threads)
    choice = _choose(training)
    ridge = params.ridge
    if len(choice) and params.choose_ridge:
        ridge = float(choice.attrs["best"])
    elif params.choose_ridge:
        log.warning("one or two groups of studies cannot choose the penalty; it is %g", ridge)
    fit = solve_ridge(training.without(training.sums, ()), ridge, params.rank)
    table, accuracy, residual_sd = _left_out(training, genes, ridge)
    metadata: dict[str, Any] = {
        "samples": sum(len(study.places) for study in profiles.studies),
        "studies": {study.name: len(study.places) for study in profiles.studies},
        "accuracy": _summary(table),
        "ridge": ridge,
        "accuracy_by_study": {row["study"]: _rounded(row) for _, row in table.iloc[:-1].iterrows()},
    }
    if len(choice):
        metadata["nested"] = {"ridges": choice["ridge"].tolist(), "accuracy": round(float(choice["nested"].mean()), 4)}
    model = InferenceModel(
        profiles.landmarks, profiles.genes, fit.intercept, fit.loadings, fit.components, accuracy, metadata,
        gene_sd=training.within_sd("y"), residual_sd=residual_sd, landmark_sd=training.within_sd("x"),
        spread=training.spread,
    )  # fmt: skip
    rows = [
        qc_rows("train-inference", f"inference_r_{group}", table.set_index("study")[group])
        for group in GROUPS
        if len(table)
    ]
    return TrainInferenceResult(model, table, choice, join_qc(rows))


class _Training:
    """Moments and sums of all studies, and folds of them, whose studies are never split."""

    def __init__(self, profiles: TrainingProfiles, params: TrainInferenceParams, threads: int) -> None:
        self.profiles, self.params, self.threads = profiles, params, threads
        self.studies = profiles.studies
        self.shape = (len(profiles.landmarks), len(profiles.genes))
        moments = [
            study_moments(partial(profiles.portions, study), study.two_colour, params.target_mean)
            for study in self.studies
        ]
        _warn_of_ratios(self.studies, moments)
        self.moments = balance(moments, params.scale_power, params.gene_power, params.saturation)
        spreads = np.array([study.spread for study in self.moments])
        self.spread = float(np.nanmedian(spreads)) if np.isfinite(spreads).any() else float("nan")
        self.scales = np.nan_to_num(self.spread / spreads, nan=1.0) ** (2 * params.scale_power)
        self.groups: dict[str, list[int]] = {}
        for number, study in enumerate(self.studies):
            self.groups.setdefault(study.group, []).append(number)
        self.folds = _deal_folds(self)
        self.parts: list[Sums] = []
        self.sums = Sums(np.zeros((self.shape[0],) * 2), np.zeros(self.shape))
        rest = sorted(set(range(len(self.studies))) - {k for fold in self.folds for k in fold})
        for members in [*self.folds, rest]:
            part = study_sums(
                ((self.moments[k], self.portions_of(k)) for k in members), self.shape, params.scale_power, threads
            )
            self.sums.add(part)
            if members is not rest:  # only to be subtracted, and large: half of the digits will do
                self.parts.append(Sums(part.xx, part.xy.astype(np.float32)))
            del part

    def portions_of(self, number: int, limit: int | None = None, genes: slice = ALL) -> Portions:
        """Give the profiles of a study, by its number."""
        return partial(self.profiles.portions, self.studies[number], limit, genes)

    def without(self, sums: Sums, members: Sequence[int], less: Sums | None = None) -> System:
        """Set up the normal equations of all studies but some, from the sums of all genes or of every 20th."""
        others = [study for number, study in enumerate(self.moments) if number not in set(members)]
        if sums.xy.shape[1] < self.shape[1]:
            others = [_some_genes(study) for study in others]
        return make_system(sums, others, self.params.study_weight, self.params.scale_power, less)

    def landmark_sums(self, members: Sequence[int]) -> Sums:
        """Sum the products of landmarks of some studies; no genes."""
        studies = ((_some_genes(self.moments[k], NONE), self.portions_of(k, genes=NONE)) for k in members)
        return study_sums(studies, (self.shape[0], 0), self.params.scale_power, self.threads)

    def within_sd(self, side: str) -> np.ndarray:
        """Find the standard deviation within studies of the landmarks (x) or genes (y)."""
        count = np.sum([getattr(study, f"{side}_count") for study in self.moments], axis=0)
        squares = [
            getattr(study, f"{side}_square") * scale for study, scale in zip(self.moments, self.scales, strict=True)
        ]
        return np.asarray(np.sqrt(np.sum(squares, axis=0) / np.maximum(count, 1)))

    def judged(self, members: Sequence[int]) -> list[int]:
        """Studies that are large enough to be judged."""
        return [k for k in members if self.moments[k].n >= MIN_STUDY]


def _warn_of_ratios(studies: Sequence[Study], moments: Sequence[StudyMoments]) -> None:
    """Name studies whose values look like ratios, or centred gene by gene, and are not marked so."""
    found = []
    for study, own in zip(studies, moments, strict=True):
        levels = own.x_mean[own.x_count > 0]
        if not study.two_colour and own.n >= MIN_STUDY and levels.std() < own.spread:
            found.append(study.name)
    if found:
        log.warning(
            "%d studies (%s): genes differ less in level than samples do, as where values are ratios or were centred "
            "by gene; if so, mark them (two_colour 1), so that their means are left out",
            len(found), name_some(found),
        )  # fmt: skip


def _left_out(training: _Training, genes: pd.DataFrame, ridge: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Leave out each group of studies: table by study, and per gene the mean correlation and the residual sd.

    The axes of the low-rank form are found once for each fold, without its studies: so a study that is judged has no
    part in them either.
    """
    n_genes = training.shape[1]
    empty = pd.DataFrame(columns=["study", "n", *GROUPS]), np.full(n_genes, np.nan), np.full(n_genes, np.nan)
    if len(training.groups) < 2:
        log.warning("one group of studies only; the accuracy in other studies is not known")
        return empty
    if not training.folds:
        log.warning("no study has %d samples; the accuracy in other studies is not known", MIN_STUDY)
        return empty
    bing = genes.loc[training.profiles.genes, "pr_is_bing"].to_numpy() == 1
    rows: list[dict[str, object]] = []
    per_gene = np.zeros((4, n_genes))  # sum and number of correlations, residual sum of squares and its freedom
    for number, fold in enumerate(training.folds):
        system = training.without(training.sums, fold, training.parts[number])
        axes = leading_axes(system, ridge_root(system.frame, ridge), training.params.rank)
        for group in dict.fromkeys(training.studies[k].group for k in fold):
            for k, found, agreement in _judge_group(training, training.groups[group], ridge, axes):
                moments = training.moments[k]
                there = np.isfinite(found)
                share = plate_factor(moments.spread, training.spread) ** 2
                square = agreement.residual_square() / share
                parts = (found, np.ones(n_genes), square, agreement.count - 1)
                for line, part in zip(per_gene, parts, strict=True):
                    line += np.where(there, part, 0.0)
                rows.append({"study": training.studies[k].name, "n": moments.n, **_medians(found, bing)})
    table = pd.DataFrame(rows).sort_values("study", ignore_index=True)
    mean = {"study": "mean", "n": int(table["n"].sum()), **table[list(GROUPS)].mean().to_dict()}
    total, seen, square, freedom = per_gene
    accuracy = np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
    residual_sd = np.where(freedom > 0, np.sqrt(square / np.maximum(freedom, 1)), np.nan)
    return pd.concat([table, pd.DataFrame([mean])], ignore_index=True), accuracy, residual_sd


def _judge_group(
    training: _Training, members: Sequence[int], ridge: float, axes: np.ndarray | None
) -> Iterator[tuple[int, np.ndarray, Agreement]]:
    """Leave out a group: number, correlation per gene and agreement of each of its studies that is judged."""
    own, xy = training.landmark_sums(members), training.sums.xy
    frame = training.without(Sums(training.sums.xx - own.xx, xy), members).frame
    root, system = ridge_root(frame, ridge), System(frame, xy)
    for k in training.judged(members):
        moments = training.moments[k]
        parts = training.portions_of(k, JUDGED_SAMPLES, NONE)()
        x = np.concatenate([within(values, moments.x_mean) for values, _ in parts])
        inferred = predict_left_out(
            x, system, root, axes, [(training.moments[j], training.portions_of(j)) for j in members],
            training.params.scale_power, training.threads,
        )  # fmt: skip
        agreement, start = Agreement(len(moments.y_mean)), 0
        mean = np.where(moments.y_count > 0, moments.y_mean, np.nan)
        for _, y in training.portions_of(k, JUDGED_SAMPLES)():
            agreement.add(inferred[start : start + len(y)], y - mean)
            start += len(y)
        yield k, agreement.correlation(), agreement


def _medians(found: np.ndarray, bing: np.ndarray) -> dict[str, float]:
    """Median over all genes, BING genes and others, of those that were measured."""
    parts = {"all": np.ones(len(bing), bool), "bing": bing, "other": ~bing}
    chosen = {name: found[mask & np.isfinite(found)] for name, mask in parts.items()}
    return {name: float(np.median(values)) if len(values) else float("nan") for name, values in chosen.items()}


# ---- the penalty ---------------------------------------------------------------------------------------------------


def _choose(training: _Training) -> pd.DataFrame:
    """Let studies left out choose the penalty; nested: what the other folds choose for a fold, judged on that fold."""
    folds, n = training.folds, len(training.folds)
    if n < 3:
        return pd.DataFrame(columns=["fold", "ridge", "nested", "fixed"])
    parts = [part.some(FEW_GENES) for part in training.parts]
    whole = training.sums.some(FEW_GENES)
    inner = np.full((n, n, len(RIDGES)), np.nan)  # fold left out first, fold it is chosen by, penalty
    outer = np.empty((n, len(RIDGES)))
    for a in range(n):
        outer[a] = _judge(training, whole.less(parts[a]), folds[a], [folds[a]])[0]
        for b in range(a + 1, n):
            left = whole.less(parts[a]).less(parts[b])
            inner[a, b], inner[b, a] = _judge(training, left, folds[a] + folds[b], [folds[b], folds[a]])
    best = np.nanmean(inner, axis=1).argmax(axis=1)
    table = pd.DataFrame(
        {
            "fold": ["; ".join(training.studies[k].name for k in members) for members in folds],
            "ridge": [RIDGES[k] for k in best],
            "nested": outer[np.arange(n), best],
            "fixed": [float(np.interp(np.log(training.params.ridge), np.log(RIDGES), row)) for row in outer],
        }
    )
    table.attrs["best"] = RIDGES[int(outer.mean(axis=0).argmax())]
    return table


def _deal_folds(training: _Training) -> list[list[int]]:
    """Deal the groups of studies into folds: the largest first, each to the fold with the fewest profiles."""
    judged = {name: members for name, members in training.groups.items() if training.judged(members)}
    if len(training.groups) < 2:
        return []
    sizes = {name: sum(training.moments[k].n for k in members) for name, members in judged.items()}
    folds: list[list[int]] = [[] for _ in range(min(FOLDS, len(judged)))]
    filled = [0] * len(folds)
    for name in sorted(judged, key=lambda name: (-sizes[name], name)):
        place = int(np.argmin(filled))
        folds[place] += judged[name]
        filled[place] += sizes[name]
    return [sorted(members) for members in folds]


def _judge(
    training: _Training, sums: Sums, left_out: Sequence[int], tests: Sequence[Sequence[int]]
) -> list[np.ndarray]:
    """Mean over the studies of each test fold of the median gene correlation, per penalty."""
    system = training.without(sums, left_out)
    weights = [ridge_weights(system, ridge) for ridge in RIDGES]
    found = []
    for members in tests:
        rows = []
        for k in training.judged(members):
            moments = _some_genes(training.moments[k])
            mean = np.where(moments.y_count > 0, moments.y_mean, np.nan)
            agreements = [Agreement(len(mean)) for _ in RIDGES]
            for x_values, y_values in training.portions_of(k, CHOICE_SAMPLES, FEW_GENES)():
                x, y = within(x_values, moments.x_mean), y_values - mean
                for weight, agreement in zip(weights, agreements, strict=True):
                    agreement.add(x @ weight, y)
            rows.append([float(np.nanmedian(agreement.correlation())) for agreement in agreements])
        found.append(np.mean(rows, axis=0))
    return found


def _some_genes(study: StudyMoments, genes: slice = FEW_GENES) -> StudyMoments:
    scale = None if study.y_scale is None else study.y_scale[genes]
    return study._replace(
        y_count=study.y_count[genes], y_mean=study.y_mean[genes], y_square=study.y_square[genes], y_scale=scale
    )


def _summary(table: pd.DataFrame) -> Mapping[str, float]:
    """Mean over the left-out studies of the median gene correlation, for the model's metadata."""
    if not len(table):
        return {}
    return _rounded(table.iloc[-1])


def _rounded(row: Mapping[str, Any] | pd.Series) -> dict[str, float]:
    return {name: round(float(row[name]), 4) for name in GROUPS if np.isfinite(row[name])}
