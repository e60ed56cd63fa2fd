"""Groups that scores are normalised within (NCS), and the means of each: one rule for build, append and query.

A group with fewer reference signatures than `min_reference` is normalised with the wider group without the last field
(:func:`choose_levels`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.kernels.connectivity.ncs import scale_scores, signed_means, signed_sums
from beadwork.kernels.numeric.groups import number_codes
from beadwork.model.connectivity.flags import FLAG_WORDS, read_flag
from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.errors import ParameterError, name_some
from beadwork.model.params import QueryParams
from beadwork.model.pert_types import is_control, is_empty, is_null, plain_pert_type

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ReferenceGroups:
    """Groups within which scores are normalised, from the narrowest level to all signatures.

    Parameters
    ----------
    keys
        By level, the key of each group (a tuple of field values); the last level has the one key ().
    codes
        By level, the group of each signature, shape (signatures,).
    chosen
        Level that each signature is normalised at, shape (signatures,).
    reference
        Which signatures the means are taken over.
    sizes
        By level, number of reference signatures of each group.
    parents
        By level, the group that each narrowest group belongs to.
    """

    fields: tuple[str, ...]
    keys: tuple[list[tuple[str, ...]], ...]
    codes: tuple[np.ndarray, ...]
    chosen: np.ndarray
    reference: np.ndarray
    sizes: tuple[np.ndarray, ...]
    parents: tuple[np.ndarray, ...]

    def describe(self) -> list[dict[str, Any]]:
        """One row a narrowest group: its fields, signatures, reference signatures and the level it is scored at."""
        members = np.bincount(self.codes[0], minlength=len(self.keys[0]))
        example = np.zeros(len(members), np.int64)
        example[self.codes[0]] = np.arange(len(self.codes[0]))
        rows = []
        for code, key in enumerate(self.keys[0]):
            level = int(self.chosen[example[code]])
            rows.append(
                {
                    **dict(zip(self.fields, key, strict=True)),
                    "n_signatures": int(members[code]),
                    "n_reference": int(self.sizes[0][code]),
                    "normalised_within": " x ".join(self.fields[: len(self.fields) - level]) or "all signatures",
                    "n_reference_used": int(self.sizes[level][self.codes[level][example[code]]]),
                }
            )
        return rows


def make_groups(siginfo: SignatureTable | pd.DataFrame, params: QueryParams = QueryParams()) -> ReferenceGroups:  # noqa: B008 (frozen)
    """Group signatures for normalisation.

    Reference signatures are those with ``is_ncs_sig`` 1 where the index says it, else all treatments.  This depends on
    the index alone, never on chance.

    Raises
    ------
    ParameterError
        A field is not in the index.
    """
    siginfo = SignatureTable.of(siginfo)
    absent = [name for name in params.group_by if name not in siginfo]
    if absent:
        raise ParameterError(
            f"group-by: the index has no field {name_some(absent)}; it has {name_some(siginfo.names, 30)}"
        )
    reference = _flagged(siginfo, "is_ncs_sig", treatment_mask(siginfo, params))
    keys, codes, sizes = [], [], []
    for depth in range(len(params.group_by), -1, -1):
        level_keys, code = _codes(siginfo, params.group_by[:depth])
        keys.append(level_keys)
        codes.append(code)
        sizes.append(np.bincount(code[reference], minlength=len(level_keys)))
    chosen = choose_levels(sizes, codes, params.min_reference)
    parents = []
    for code in codes:
        parent = np.zeros(len(keys[0]), np.int64)
        parent[codes[0]] = code
        parents.append(parent)
    return ReferenceGroups(params.group_by, tuple(keys), tuple(codes), chosen, reference, tuple(sizes), tuple(parents))


def _codes(siginfo: SignatureTable, fields: Sequence[str]) -> tuple[list[tuple[str, ...]], np.ndarray]:
    combined = np.zeros(len(siginfo), np.int64)
    categories: list[list[str]] = []
    for name in fields:
        code, texts = siginfo.texts(name)
        combined = combined * (len(texts) + 1) + (code + 1)
        categories.append(["", *texts])
    distinct, _, code = number_codes(combined)
    keys = []
    for number in distinct:
        key = []
        for texts in reversed(categories):
            number, place = divmod(int(number), len(texts))
            key.append(texts[place])
        keys.append(tuple(reversed(key)))
    return keys, code


def choose_levels(sizes: Sequence[np.ndarray], codes: Sequence[np.ndarray], min_reference: int) -> np.ndarray:
    """Level that each signature is normalised at: the narrowest whose group has enough reference signatures.

    Parameters
    ----------
    sizes
        By level, from the narrowest, number of reference signatures of each group.
    codes
        By level, the group of each signature; -1: none that is known.
    min_reference
        What is enough; the last level, all signatures, needs none.
    """
    chosen = np.full(len(codes[0]), len(sizes) - 1)
    for level in range(len(sizes) - 2, -1, -1):
        chosen[np.append(sizes[level], 0)[codes[level]] >= min_reference] = level
    return chosen


def null_mask(
    siginfo: SignatureTable | pd.DataFrame,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """Which signatures are null signatures.

    Those of the types `null_type`; where none is named, those with ``is_null_sig`` 1, and where the index does not say
    it, all of ``ctl_``.
    """
    siginfo = SignatureTable.of(siginfo)
    if params.null_type:
        wanted = {plain_pert_type(name) for name in params.null_type}
        return _of_type(siginfo, lambda kind: plain_pert_type(kind) in wanted)
    return _flagged(siginfo, "is_null_sig", _of_type(siginfo, is_null))


def treatment_mask(
    siginfo: SignatureTable | pd.DataFrame,
    params: QueryParams = QueryParams(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """Which signatures are treatments: no null signature, no control, no empty well."""
    siginfo = SignatureTable.of(siginfo)
    left_out = _of_type(siginfo, lambda kind: is_control(kind) or is_empty(kind))
    return np.asarray(~(null_mask(siginfo, params) | left_out))


def type_counts(siginfo: SignatureTable, chosen: np.ndarray) -> list[tuple[str, int]]:
    """Count the chosen signatures by pert_type, in alphabetical order; those without one under ''."""
    codes, kinds = siginfo.texts("pert_type") if "pert_type" in siginfo else (np.full(len(siginfo), -1), [])
    counts = np.bincount(codes[chosen] + 1, minlength=len(kinds) + 1)
    return sorted((kind, int(count)) for kind, count in zip(["", *kinds], counts, strict=True) if count)


def _of_type(siginfo: SignatureTable, test: Callable[[str], bool]) -> np.ndarray:
    if "pert_type" not in siginfo:
        return np.zeros(len(siginfo), bool)
    codes, kinds = siginfo.texts("pert_type")
    passed: np.ndarray = np.array([*(test(kind) for kind in kinds), False])[codes]
    return passed


def _flagged(siginfo: SignatureTable, name: str, otherwise: np.ndarray) -> np.ndarray:
    """Read a flag of the signatures; `otherwise` where it is missing."""
    if name not in siginfo:
        return otherwise
    if siginfo.is_number(name):
        numbers = siginfo.numbers(name)
        missing, yes = np.isnan(numbers), numbers == 1
        if (missing | yes | (numbers == 0)).all():
            return np.where(missing, otherwise, yes)
    codes, values = siginfo.coded(name)
    try:
        flags = np.array([*(read_flag(item) for item in values), np.nan])[codes]
    except ValueError as error:
        raise ParameterError(f"index: field {name}: {error}; build it anew from a siginfo with {FLAG_WORDS}") from None
    return np.where(np.isnan(flags), otherwise, flags > 0)


@dataclass(frozen=True, eq=False)
class NcsScale:
    """Means that the scores of one query are divided by: positive and negative, by level and group."""

    positive: tuple[np.ndarray, ...]
    negative: tuple[np.ndarray, ...]


def fit_scale(scores: np.ndarray, groups: ReferenceGroups) -> NcsScale:
    """Means of the reference scores of each sign, by level and group.

    A NaN score (all weights 0) counts nowhere.
    """
    kept = groups.reference & ~np.isnan(scores)
    narrow = signed_sums(scores[kept], groups.codes[0][kept], len(groups.keys[0]))
    positive, negative = [], []
    for keys, parent in zip(groups.keys, groups.parents, strict=True):
        sums = np.stack([np.bincount(parent, weights=row, minlength=len(keys)) for row in narrow])
        one, two = signed_means(sums)
        positive.append(one)
        negative.append(two)
    return NcsScale(tuple(positive), tuple(negative))


def scale_within(scores: np.ndarray, groups: ReferenceGroups, scale: NcsScale, floor: float) -> np.ndarray:
    """NCS of the scores of all signatures of the index (:func:`apply_scale`, group by group)."""
    width = len(groups.keys[0])
    first = np.zeros(width, np.int64)
    first[groups.codes[0]] = np.arange(len(scores))
    chosen = groups.chosen[first]
    positive, negative = (_means(by_level, groups.parents, chosen) for by_level in (scale.positive, scale.negative))
    return scale_scores(scores, positive[groups.codes[0]], negative[groups.codes[0]], floor)


def _means(by_level: Sequence[np.ndarray], codes: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """Mean that applies: that of the level chosen, or of the next wider one that has any."""
    mean = np.full(len(chosen), np.nan)
    for level in range(len(by_level) - 1, -1, -1):
        here = np.where(codes[level] >= 0, by_level[level][codes[level]], np.nan)
        mean = np.where((level >= chosen) & ~np.isnan(here), here, mean)
    return mean


def apply_scale(
    scores: np.ndarray, codes: Sequence[np.ndarray], chosen: np.ndarray, scale: NcsScale, floor: float
) -> np.ndarray:
    """NCS of scores; where a signature's group has no mean of a sign, the next wider group that has one is taken.

    `codes` holds the group of each signature by level, -1 where the scale does not know it.
    """
    means = [_means(by_level, codes, chosen) for by_level in (scale.positive, scale.negative)]
    return scale_scores(scores, means[0], means[1], floor)


@dataclass(frozen=True, eq=False)
class LearnedScales:
    """Groups and means as they were learned once, for signatures that come later.

    Parameters
    ----------
    fields
        Fields of the narrowest groups.
    places
        By level, the place of each group's key in `sizes` and in the means.
    sizes
        By level, number of reference signatures of each group.
    scales
        Means, one entry a query.
    min_reference, floor
        As they were learned.
    """

    fields: tuple[str, ...]
    places: tuple[Mapping[tuple[str, ...], int], ...]
    sizes: tuple[np.ndarray, ...]
    scales: Sequence[NcsScale]
    min_reference: int
    floor: float

    def place(self, siginfo: SignatureTable | pd.DataFrame) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Group of each signature by level, -1 where it is new, and the level that each is normalised at."""
        siginfo = SignatureTable.of(siginfo)
        codes = []
        for level, places in enumerate(self.places):
            keys, code = _codes(siginfo, self.fields[: len(self.fields) - level])
            codes.append(np.array([places.get(key, -1) for key in keys], np.int64)[code])
        return tuple(codes), choose_levels(self.sizes, codes, self.min_reference)
