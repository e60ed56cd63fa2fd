"""Compare two groups of samples: statistics of all genes, agreement of halves, sets, and words of warning."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from beadwork.kernels.numeric.ranks import mean_ranks
from beadwork.model.connectivity.contrast import REST, Contrast, Signature, ValueKind
from beadwork.model.errors import ParameterError, agree, counted, how_many, name_some
from beadwork.model.params import ContrastParams
from beadwork.stages.connectivity.contrast.groups import as_logs, make_design, members
from beadwork.stages.connectivity.contrast.statistics import Statistics, moderated_t, wald

FEW_GENES = 20
"""Fewer genes may well go in one direction only."""
METHODS = {"counts": "Wald statistic (pydeseq2)", "log": "moderated t (pylimma)", "linear": "moderated t (pylimma)"}


def compare(
    values: np.ndarray,
    genes: Sequence[str],
    labels: Sequence[str | None],
    contrast: Contrast,
    kind: ValueKind,
    *,
    samples: Sequence[str],
    covariates: Mapping[str, Sequence[Any]] = {},
    batches: Mapping[str, Sequence[str | None]] = {},
    landmarks: Collection[str] = (),
    params: ContrastParams = ContrastParams(),  # noqa: B008 (frozen)
) -> Signature:
    """Compare the samples of two groups.

    Parameters
    ----------
    values
        Samples by genes.
    labels
        Group of each sample, None for those of none.
    samples
        Ids of the samples; their order decides nothing.
    covariates
        What else differs between samples, one value each.
    batches
        Fields that the groups should not differ by, such as the study.
    landmarks
        Genes over which halves are compared; all where fewer than 50 of them are there.

    Raises
    ------
    ParameterError
        A group is empty, or there are too few samples for any statistic.
    """
    case, control = members(labels, contrast)
    for name, group in ((contrast.case, case), (contrast.control, control)):
        if not group.any():
            raise ParameterError(f"contrast {contrast.name}: group {name!r} has no sample")
    pair = case | control
    used = np.array([label is not None for label in labels], bool) if params.fit == "all" else pair
    if params.fit == "all" and contrast.control == REST:
        used = pair
    groups = [
        "case" if is_case else "control" if is_control else f"other {label}"
        for is_case, is_control, label in zip(case, control, labels, strict=True)
    ]
    order = sorted(np.flatnonzero(used).tolist(), key=lambda row: (groups[row], samples[row]))
    chosen = values[order]
    kept, notes = _usable(chosen, kind, params)
    own = [groups[row] for row in order]
    own_covariates = {name: [column[row] for row in order] for name, column in covariates.items()}
    found = _statistics(chosen[:, kept], own, own_covariates, kind, contrast.name, params)
    names = tuple(genes[row] for row in np.flatnonzero(kept).tolist())
    halves = _agreement(chosen[:, kept], own, kind, names, landmarks, params)
    return Signature(
        contrast.name, METHODS[kind], names, *found, contrast.case, contrast.control, int(case.sum()),
        int(control.sum()), halves, _confounded(batches, case, control), notes,
    )  # fmt: skip


def _confounded(batches: Mapping[str, Sequence[str | None]], case: np.ndarray, control: np.ndarray) -> tuple[str, ...]:
    found = []
    for name, levels in batches.items():
        both = [{levels[row] for row in np.flatnonzero(group).tolist()} - {None} for group in (case, control)]
        if all(both) and both[0].isdisjoint(both[1]):
            found.append(name)
    return tuple(found)


def _usable(values: np.ndarray, kind: ValueKind, params: ContrastParams) -> tuple[np.ndarray, tuple[str, ...]]:
    """Genes that can be compared, and what was left out."""
    complete = np.isfinite(values).all(axis=0)
    known = np.where(complete, values, 0.0)
    varied = (known != known[:1]).any(axis=0)
    enough = known.sum(axis=0) >= params.min_count if kind == "counts" else np.ones(len(complete), bool)
    notes = []
    if (n := int((~complete).sum())) > 0:
        notes.append(f"{counted(n, 'gene')} with missing values in some samples {agree(n, 'was')} left out")
    if (n := int((complete & ~enough).sum())) > 0:
        notes.append(f"{counted(n, 'gene')} with fewer than {params.min_count} counts {agree(n, 'was')} left out")
    if (n := int((complete & enough & ~varied).sum())) > 0:
        notes.append(f"{counted(n, 'gene')} of the same value in all samples {agree(n, 'was')} left out")
    kept = complete & varied & enough
    if kept.sum() < 2:
        raise ParameterError(f"only {int(kept.sum())} genes can be compared: {'; '.join(notes)}")
    return kept, tuple(notes)


def _statistics(
    values: np.ndarray, groups: Sequence[str], covariates: Mapping[str, Sequence[Any]], kind: ValueKind, what: str,
    params: ContrastParams,
) -> Statistics:  # fmt: skip
    design, _ = make_design(groups, covariates, f"contrast {what}")
    if len(values) <= design.shape[1]:
        raise ParameterError(
            f"contrast {what}: {len(values)} samples for {design.shape[1]} means and covariates leave nothing to "
            "estimate the variance from; replicates are needed"
        )
    names = sorted(set(groups))
    weights = np.zeros(design.shape[1])
    weights[names.index("case")], weights[names.index("control")] = 1.0, -1.0
    if kind == "counts":
        return wald(values, design, weights)
    return moderated_t(as_logs(values, kind), design, weights, trend=params.trend or kind == "linear")


def halve(groups: Sequence[str], draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two random halves of each group; the odd sample goes to the second."""
    first: list[int] = []
    second: list[int] = []
    for name in ("case", "control"):
        rows = draw.permutation([row for row, group in enumerate(groups) if group == name])
        first += rows[: len(rows) // 2].tolist()
        second += rows[len(rows) // 2 :].tolist()
    return np.array(first, np.int64), np.array(second, np.int64)


def _agreement(
    values: np.ndarray, groups: Sequence[str], kind: ValueKind, genes: Sequence[str], landmarks: Collection[str],
    params: ContrastParams,
) -> float:  # fmt: skip
    """Mean Spearman correlation of the statistics of halves; of counts, those of their logarithms (it is quicker)."""
    if min(groups.count(name) for name in ("case", "control")) < 4:
        return float("nan")
    logs, draw = as_logs(values, kind), np.random.default_rng(params.seed)
    listed = set(landmarks)
    among = np.array([gene in listed for gene in genes], bool)
    among = among if among.sum() >= 50 else np.ones(len(genes), bool)
    found = []
    for _ in range(params.halves):
        both = [half_statistic(logs[rows], [groups[row] for row in rows])[among] for rows in halve(groups, draw)]
        first, second = mean_ranks(np.column_stack(both)).T
        found.append(float(np.corrcoef(first, second)[0, 1]))
    return float(np.mean(found))


def half_statistic(logs: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """Moderated t of some samples, case against control; 0 for genes that do not vary in them."""
    varied = (logs != logs[:1]).any(axis=0)
    result = np.zeros(logs.shape[1])
    case = np.array([group == "case" for group in groups], float)
    design = np.column_stack([case, 1.0 - case])
    result[varied] = np.nan_to_num(moderated_t(logs[:, varied], design, np.array([1.0, -1.0])).statistic)
    return result


def sets_of(signature: Signature, usable: np.ndarray, params: ContrastParams) -> tuple[list[int], list[int], bool]:
    """Places of the genes that go up and down most, and whether FDR chose them.

    Genes above `max_fdr` are in no set; where too few are below it, the sets are the ends of the list.
    """
    statistic = np.where(usable, signature.statistic, np.nan)
    by_fdr = np.isfinite(statistic) & (signature.fdr <= params.max_fdr)
    significant = int(by_fdr.sum()) >= params.min_significant
    chosen = by_fdr if significant else np.isfinite(statistic)
    order = np.argsort(-np.where(chosen, statistic, 0.0), kind="stable")
    up = [int(row) for row in order if chosen[row] and statistic[row] > 0][: params.set_size]
    down = [int(row) for row in order[::-1] if chosen[row] and statistic[row] < 0][: params.set_size]
    return up, down, significant


def warnings_of(signature: Signature, n_landmarks: int, significant: bool, params: ContrastParams) -> list[str]:
    """Why a signature should not be trusted, in words; nothing where all is well."""
    found = []
    sizes = {signature.case: signature.n_case, signature.control: signature.n_control}
    if small := [
        f"{name} has {count}" for name, count in sizes.items() if count is not None and count < params.min_samples
    ]:
        found.append(f"few samples: {name_some(small)}; at least {params.min_samples} a group are needed")
    for name in signature.confounded:
        found.append(f"no {name} holds samples of both groups: what differs may be the {name}")
    if np.isfinite(signature.agreement) and signature.agreement < params.min_agreement:
        found.append(
            f"halves of the samples hardly agree (Spearman {signature.agreement:.2f}, below {params.min_agreement:g})"
        )
    elif signature.n_case is not None and not np.isfinite(signature.agreement):
        found.append("too few samples to see whether halves agree (4 a group are needed)")
    known = signature.statistic[np.isfinite(signature.statistic)]
    if len(known) >= FEW_GENES and (known >= 0).all():
        found.append("no gene goes down: these look like levels, not changes; --groupby compares groups of samples")
    if not np.isfinite(signature.fdr).any():
        found.append("no p-values: what is noise is not known")
    elif not significant:
        n = int((signature.fdr <= params.max_fdr).sum())
        only = "only " if n else ""
        found.append(
            f"{only}{how_many(n, 'gene', 'has')} an FDR up to {params.max_fdr:g}; the sets are the ends of the list"
        )
    if n_landmarks < params.min_landmarks:
        here = f"only {n_landmarks}" if n_landmarks else "none"
        found.append(f"{here} of the 978 measured genes {agree(n_landmarks or 1, 'is')} there")
    return found
