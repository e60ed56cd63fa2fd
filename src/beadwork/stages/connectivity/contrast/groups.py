"""Which samples are compared with which, what kind of values they are, and the design of the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from beadwork.model.connectivity.contrast import REST, Contrast, ValueKind
from beadwork.model.errors import ParameterError, counted, name_some
from beadwork.model.missing import WORDS

LOG_LIMIT = 30.0
"""No expression value is above 2 to the power of this."""


def levels_of(labels: Sequence[object]) -> dict[str, int]:
    """Count the samples of each group, by name; missing labels are in no group."""
    found: dict[str, int] = {}
    for label in label_texts(labels):
        if label is not None:
            found[label] = found.get(label, 0) + 1
    return dict(sorted(found.items()))


def label_texts(labels: Sequence[object]) -> list[str | None]:
    """Labels as text, None where they are missing."""
    return [None if label is None or (text := _text(label).strip()).lower() in WORDS else text for label in labels]


def _text(label: object) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def make_contrasts(
    levels: Mapping[str, int], cases: Sequence[str], controls: Sequence[str], field: str
) -> list[Contrast]:
    """Make contrasts of names of groups.

    Several cases share one control, or pair with as many; without a case every other group is one; the control ``rest``
    is all samples of the other groups.

    Raises
    ------
    ParameterError
        Names do not fit together, or there is no such group.
    """
    listed = name_some([f"{name} ({count})" for name, count in levels.items()], 20)
    if not controls:
        raise ParameterError(f"--control: name the group to compare with; {field} has {listed}, or give {REST!r}")
    if not cases:
        if len(controls) > 1:
            raise ParameterError("--case: name one for each --control")
        cases = [level for level in levels if level != controls[0]]
    if len(controls) not in (1, len(cases)):
        raise ParameterError(f"{len(cases)} times --case, but {len(controls)} times --control; give one, or as many")
    pairs = list(zip(cases, list(controls) * len(cases) if len(controls) == 1 else controls, strict=True))
    for name in [name for pair in pairs for name in pair]:
        if name not in levels and name != REST:
            raise ParameterError(f"{field} has no group {name!r}; it has {listed}")
    for case, control in pairs:
        if case == control:
            raise ParameterError(f"{case!r} cannot be compared with itself; it has {listed}")
    return unique_names([Contrast(f"{_plain(case)}_vs_{_plain(control)}", case, control) for case, control in pairs])


def unique_names(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """Contrasts as they are, if no two have one name.

    Raises
    ------
    ParameterError
        Two have.
    """
    names = [contrast.name for contrast in contrasts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ParameterError(f"contrasts of the same name: {name_some(twice)}; name each once")
    return list(contrasts)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", text).strip("_") or "group"


def members(labels: Sequence[str | None], contrast: Contrast) -> tuple[np.ndarray, np.ndarray]:
    """Which samples are cases and which are controls."""
    case = np.array([label == contrast.case for label in labels], bool)
    if contrast.control == REST:
        control = np.array([label is not None for label in labels], bool) & ~case
    else:
        control = np.array([label == contrast.control for label in labels], bool)
    return case, control


def value_kind(low: float, high: float, whole: bool, what: str) -> ValueKind:
    """Distinguish counts from logarithms by their range.

    Raises
    ------
    ParameterError
        They are neither.
    """
    if low < 0:
        return "log"
    if whole:
        return "counts"
    if high <= LOG_LIMIT:
        return "log"
    raise ParameterError(
        f"{what}: values up to {high:.6g} that are no whole numbers are neither counts nor logarithms; say --values "
        "linear (TPM, FPKM, intensities: log2(x + 1) is taken), counts (expected counts are rounded) or log"
    )


def as_logs(values: np.ndarray, kind: ValueKind) -> np.ndarray:
    """Logarithms of values, samples by genes: log2(x + 1) of linear ones, log2 counts per million of counts."""
    if kind == "log":
        return values
    if kind == "linear":
        return np.asarray(np.log2(np.maximum(values, 0.0) + 1.0))
    size = values.sum(axis=1, keepdims=True)
    return np.asarray(np.log2((values + 0.5) / (size + 1.0) * 1e6))


def make_design(
    groups: Sequence[str], covariates: Mapping[str, Sequence[Any]], what: str
) -> tuple[np.ndarray, list[str]]:
    """Design of a model with one mean for each group and, beside it, covariates: matrix, and names of its columns.

    Covariates of numbers are taken as numbers, others as groups of their own.

    Raises
    ------
    ParameterError
        The covariates say the same as the groups, or as each other.
    """
    names = sorted(set(groups))
    columns = [np.array([group == name for group in groups], float) for name in names]
    labels = [f"group_{number}" for number in range(len(names))]
    for field, values in covariates.items():
        numbers = _numbers(values)
        if numbers is not None:
            columns.append(numbers - numbers.mean())
            labels.append(field)
            continue
        texts = label_texts(values)
        if None in texts:
            raise ParameterError(
                f"{what}: covariate {field} is missing for {counted(texts.count(None), 'sample')}; fill it in"
            )
        for level in sorted({str(text) for text in texts})[1:]:
            columns.append(np.array([text == level for text in texts], float))
            labels.append(f"{field}_{level}")
    design = np.column_stack(columns)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ParameterError(
            f"{what}: covariates {name_some(covariates)} cannot be distinguished from the groups, or from each other; "
            "leave one out"
        )
    return design, labels


def _numbers(values: Sequence[Any]) -> np.ndarray | None:
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values):
        numbers = np.array(values, float)
        return numbers if np.isfinite(numbers).all() else None
    return None
