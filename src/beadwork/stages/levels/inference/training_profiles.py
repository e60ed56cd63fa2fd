"""Profiles to train an inference model on: of several files, checked, ranked and in one order."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import pandas as pd

from beadwork.kernels.levels.rank_codes import normal_scores, rank_codes
from beadwork.kernels.numeric.threads import run_chunks
from beadwork.model.errors import AlignmentError, counted, name_some
from beadwork.model.levels.expression_source import ExpressionSource
from beadwork.model.params import TrainInferenceParams

log = logging.getLogger("beadwork.train_inference")
PORTION = 256
"""Profiles that are read, and whose products are added up, at a time; the sums depend on it in their last bits."""
ALL, NONE = slice(None), slice(0)
YES = {"1", "1.0", "true", "yes"}
NO = {"0", "0.0", "false", "no", ""}


@dataclass(frozen=True)
class Study:
    """Profiles of one study: their places, in the order of their sample ids."""

    name: str
    group: str
    two_colour: bool
    places: np.ndarray
    among: tuple[float, float] = (0.0, 1.0)
    """Mean and standard deviation of the landmarks' normal scores among all genes."""


@dataclass(frozen=True, eq=False)
class TrainingProfiles:
    """Profiles as ranks, by study.

    ``landmark_codes`` are ranks among the landmarks, ``gene_codes`` those of the other genes among all genes
    (:func:`beadwork.kernels.levels.rank_codes.rank_codes`); ``counts`` how many genes of a profile have values.
    """

    landmarks: pd.Index
    genes: pd.Index
    landmark_codes: np.ndarray
    gene_codes: np.ndarray
    counts: np.ndarray
    studies: tuple[Study, ...]
    target: tuple[float, float]
    """Mean and standard deviation of the landmarks of each profile."""
    samples: np.ndarray
    """Sample id of each profile, as its source has it."""

    def portions(
        self, study: Study, limit: int | None = None, genes: slice = ALL
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Profiles of a study on the scale of a plate, some at a time; of evenly spread samples if there is a limit."""
        places = study.places
        if limit is not None and len(places) > limit:
            places = places[np.linspace(0, len(places) - 1, limit).astype(int)]
        (mean, sd), (centre, spread) = self.target, study.among
        for start in range(0, len(places), PORTION):
            at = places[start : start + PORTION]
            codes = self.landmark_codes[at]
            x = normal_scores(codes, (codes > 0).sum(axis=1), scale=sd, level=mean)
            codes = self.gene_codes[at, genes]
            yield x, normal_scores(codes, self.counts[at], centre=centre, scale=sd / spread, level=mean)


def collect_profiles(
    sources: Sequence[ExpressionSource],
    genes: pd.DataFrame,
    studies: pd.DataFrame | None = None,
    *,
    params: TrainInferenceParams = TrainInferenceParams(),  # noqa: B008 (frozen)
    threads: int = 1,
) -> TrainingProfiles:
    """Read profiles of any number of sources, rank the genes within each, and put the profiles in order.

    A landmark's level is its normal score among the landmarks, another gene's its normal score among all genes, on the
    landmarks' scale by one affine map a study: so a profile goes through what quantile normalisation does to a plate.

    Parameters
    ----------
    sources
        Profiles; studies may be spread over sources, which may lack genes.
    genes
        Gene table of the AIG space.
    studies
        Facts of studies by name (index): ``two_colour`` (values are ratios to a reference) and ``study_group`` (studies
        of one group share patients and are left out together).  They go before column fields of the same names.

    Raises
    ------
    AlignmentError
        A profile stands twice, a study is of one and of two colours, there are too few samples, landmarks or genes.
    """
    landmarks = genes.index[genes["pr_is_lm"] == 1]
    others = genes.index[genes["pr_is_lm"] != 1]
    starts = np.cumsum([0, *(len(source.cols) for source in sources)])
    ranks = _Ranks(
        np.zeros((starts[-1], len(landmarks)), np.uint16), np.zeros((starts[-1], len(others)), np.uint16),
        np.zeros(starts[-1], np.int64), np.zeros((starts[-1], 2)),
    )  # fmt: skip
    for source, start in zip(sources, starts, strict=False):
        _read_source(source, landmarks, others, ranks.part(start, start + len(source.cols)), threads)
    landmark_codes, gene_codes, counts, among = ranks
    table = pd.concat([_sample_table(source, params) for source in sources], ignore_index=True)
    made = _make_studies(table, studies, landmark_codes, params)
    _warn_of_equal_profiles(made, landmark_codes)
    used = np.concatenate([study.places for study in made])
    there = np.zeros(len(others), dtype=bool)
    for study in made:
        there |= (gene_codes[study.places] > 0).any(axis=0)
    if not there.any():
        raise AlignmentError(f"{_sources(table)}: holds landmarks only; there is no gene to infer")
    if len(used) < params.min_samples:
        raise AlignmentError(
            f"{_sources(table)}: {counted(len(used), 'sample')}; a model needs at least "
            f"{params.min_samples} (--min-samples)"
        )
    unseen = landmarks[~(landmark_codes[used] > 0).any(axis=0)]
    if len(unseen):
        log.warning(
            "%s: %d of the %d landmarks are in no study (%s), so the model does not use them",
            _sources(table), len(unseen), len(landmarks), name_some(unseen),
        )  # fmt: skip
    if not there.all():
        gene_codes = _take_columns(gene_codes, there)
    for source in sources:
        if params.study_field not in source.cols:
            log.warning(
                "%s: no column field %r, so all its samples count as one study", source.what, params.study_field
            )
    made = tuple(replace(study, among=_mean_and_sd(among[study.places])) for study in made)
    return TrainingProfiles(
        landmarks,
        others[there],
        landmark_codes,
        gene_codes,
        counts,
        made,
        (params.target_mean, params.target_sd),
        table["sample"].to_numpy(dtype=object),
    )


def _warn_of_equal_profiles(studies: Sequence[Study], landmark_codes: np.ndarray) -> None:
    """Name studies of several groups that hold the same profiles: leaving one out leaves its profiles in."""
    first: dict[bytes, Study] = {}
    shared: dict[tuple[str, str], int] = {}
    for study in studies:
        for place in study.places:
            other = first.setdefault(blake2b(landmark_codes[place].tobytes(), digest_size=16).digest(), study)
            if other.group != study.group:
                shared[other.name, study.name] = shared.get((other.name, study.name), 0) + 1
    if shared:
        names = [f"{one} and {other}: {number}" for (one, other), number in shared.items()]
        log.warning(
            "%d profiles stand in several studies (%s), which flatters the accuracy in studies left out; give each "
            "once, or name one group for these studies (study_group)", sum(shared.values()), name_some(names),
        )  # fmt: skip


def _take_columns(codes: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Take some columns, in the memory that they have: memory may not hold a second copy."""
    n = int(kept.sum())
    for start in range(0, len(codes), PORTION):
        codes[start : start + PORTION, :n] = codes[start : start + PORTION, kept]
    return codes[:, :n]


def _mean_and_sd(moments: np.ndarray) -> tuple[float, float]:
    mean, square = moments.mean(axis=0)
    return float(mean), float(np.sqrt(max(square - mean**2, 1e-12)))


class _Ranks(NamedTuple):
    """What is kept of profiles: codes of landmarks and of genes, values a profile, landmarks' mean and mean square."""

    landmark_codes: np.ndarray
    gene_codes: np.ndarray
    counts: np.ndarray
    among: np.ndarray

    def part(self, start: int, stop: int) -> _Ranks:
        return _Ranks(*(array[start:stop] for array in self))


def _read_source(source: ExpressionSource, landmarks: pd.Index, others: pd.Index, ranks: _Ranks, threads: int) -> None:
    """Rank the profiles of a source into `ranks`."""
    at = source.genes.get_indexer(landmarks.append(others))
    known, n_landmarks = at >= 0, len(landmarks)
    absent = landmarks[~known[:n_landmarks]]
    if len(absent) == n_landmarks:
        raise AlignmentError(
            f"{source.what}: none of the {n_landmarks} landmarks is among its {len(source.genes):,} genes; rows must "
            "be genes by Entrez id, symbol or Ensembl id, or probes together with --probe-map"
        )
    if len(absent):
        log.info("%s: lacks %d of the %d landmarks (%s)", source.what, len(absent), n_landmarks, name_some(absent))

    def rank(values: np.ndarray, first: int, start: int, stop: int) -> None:
        profiles = np.full((stop - start, len(at)), np.nan, dtype=np.float32)
        profiles[:, known] = values[start:stop, at[known]]
        rows = slice(first + start, first + stop)
        codes = rank_codes(profiles)
        ranks.landmark_codes[rows] = rank_codes(profiles[:, :n_landmarks])
        ranks.gene_codes[rows] = codes[:, n_landmarks:]
        ranks.counts[rows] = (codes > 0).sum(axis=1)
        scores = np.nan_to_num(normal_scores(codes[:, :n_landmarks], ranks.counts[rows]))
        seen = np.maximum((codes[:, :n_landmarks] > 0).sum(axis=1), 1)
        ranks.among[rows, 0], ranks.among[rows, 1] = scores.sum(axis=1) / seen, (scores**2).sum(axis=1) / seen

    for first in range(0, len(source.cols), PORTION):
        values = source.read(first, min(first + PORTION, len(source.cols)))
        if (infinite := values == np.inf).any():
            bad = source.cols.index[first + int(infinite.any(axis=1).argmax())]
            raise AlignmentError(f"{source.what}: sample {bad} has infinite values; mark them as missing, or fix them")
        run_chunks(partial(rank, values, first), len(values), threads=threads, chunk=64)


def _sample_table(source: ExpressionSource, params: TrainInferenceParams) -> pd.DataFrame:
    """Sample, study, group and kind of each profile of a source."""
    cols = source.cols
    if params.study_field in cols:
        study = _texts(cols[params.study_field], "unnamed")
        if (nameless := int((study == "unnamed").sum())) and nameless < len(study):
            log.warning(
                "%s: %s no study (%r) and count as one",
                source.what,
                counted(nameless, "sample names", "samples name"),
                params.study_field,
            )
    else:
        study = np.full(len(cols), source.name, dtype=object)
    blank = pd.Series(np.nan, index=cols.index, dtype=object)
    kinds = _texts(cols.get(params.two_colour_field, blank), "")
    return pd.DataFrame(
        {
            "sample": cols.index.astype(str), "study": study, "source": source.what,
            "group": _texts(cols.get(params.group_field, blank), ""),
            "two_colour": [_flag(text, source.what, params) for text in kinds],
        }
    )  # fmt: skip


def _texts(column: pd.Series, missing: str) -> np.ndarray:
    return column.astype(object).where(column.notna(), missing).astype(str).str.strip().to_numpy(dtype=object)


def _flag(text: str, what: str, params: TrainInferenceParams) -> bool:
    if text.lower() not in YES | NO:
        raise AlignmentError(f"{what}: {params.two_colour_field} is {text!r}; 1 (two colours) or 0 is needed")
    return text.lower() in YES


def _make_studies(
    table: pd.DataFrame, facts: pd.DataFrame | None, landmark_codes: np.ndarray, params: TrainInferenceParams
) -> tuple[Study, ...]:
    """Studies in the order of their names; those with too few landmarks are left out."""
    twice = table.duplicated(["study", "sample"], keep=False)
    if twice.any():
        one = table[twice].iloc[0]
        where = sorted(set(table.loc[twice & (table["sample"] == one["sample"]), "source"]))
        raise AlignmentError(
            f"{' and '.join(where)}: {int(twice.sum())} profiles stand twice, for example sample {one['sample']} of "
            f"study {one['study']}; give each file once, or each sample of a study its own id"
        )
    facts = pd.DataFrame() if facts is None else facts
    strangers = facts.index.difference(pd.Index(table["study"].unique()))
    if len(strangers):
        log.warning(
            "%s of the table of studies without profiles (%s)", counted(len(strangers), "study"), name_some(strangers)
        )
    made = []
    for name, members in table.groupby("study", sort=True):
        places = members.sort_values("sample", kind="stable").index.to_numpy()
        n_landmarks = int((landmark_codes[places] > 0).any(axis=0).sum())
        if n_landmarks < params.min_landmarks:
            log.warning(
                "study %s is left out: it has %d of the landmarks, fewer than %d (--min-landmarks)",
                name, n_landmarks, params.min_landmarks,
            )  # fmt: skip
            continue
        kinds, groups = set(members["two_colour"]), set(members["group"]) - {""}
        fact = facts.loc[name] if name in facts.index else pd.Series(dtype=object)
        if str(fact.get("two_colour", "")).strip() not in ("", "nan"):
            kinds = {_flag(str(fact["two_colour"]), f"study {name}", params)}
        if str(fact.get("study_group", "")).strip() not in ("", "nan"):
            groups = {str(fact["study_group"])}
        for found, what in ((kinds, params.two_colour_field), (groups, params.group_field)):
            if len(found) > 1:
                raise AlignmentError(
                    f"study {name}: its samples differ in {what} ({name_some(sorted(map(str, found)))}); one value a "
                    "study is needed"
                )
        made.append(Study(str(name), groups.pop() if groups else str(name), kinds.pop(), places))
    if not made:
        raise AlignmentError(
            f"{_sources(table)}: no study has {params.min_landmarks} of the landmarks (--min-landmarks); is it a panel "
            "of few genes?"
        )
    return tuple(made)


def _sources(table: pd.DataFrame) -> str:
    names = list(dict.fromkeys(table["source"]))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
