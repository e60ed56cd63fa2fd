"""Filters such as ``cell_id=A375`` or ``tas>=0.2``: which signatures of an index are asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from beadwork.model.connectivity.annotation import CELL_FIELDS, COMPOUND_FIELDS
from beadwork.model.connectivity.flags import FLAGS, read_flag
from beadwork.model.connectivity.signature_table import SignatureTable, as_written
from beadwork.model.errors import ParameterError, agree, counted, name_some

if TYPE_CHECKING:
    import pandas as pd


def filter_signatures(
    siginfo: SignatureTable | pd.DataFrame, filters: Sequence[str], *, may_be_none: bool = False
) -> np.ndarray:
    """Which signatures pass all filters.

    A filter is ``field=value,value``, ``field!=value`` or ``field>=number`` (>, <, <= too); texts are compared whatever
    their case.  Filters choose what is shown, and what is rolled up; scores of signatures are always those against the
    whole index.

    Raises
    ------
    ParameterError
        A filter cannot be read, or its field is not in the index, or nothing passes (unless `may_be_none`).
    """
    siginfo = SignatureTable.of(siginfo)
    keep = np.ones(len(siginfo), bool)
    for text in filters:
        name, operator, value = split_filter(text)
        if name not in siginfo:
            hint = "; `beadwork index annotate` joins it" if name in (*COMPOUND_FIELDS, *CELL_FIELDS) else ""
            raise ParameterError(
                f"filter {text!r}: the index has no field {name!r}; it has {name_some(siginfo.names, 30)}{hint}"
            )
        if operator in ("=", "!="):
            wanted = {part.strip().lower() for part in value.split(",")}
            codes, values = siginfo.coded(name)
            same = _same_flag if name in FLAGS else _same
            hit = np.array([same(item, wanted) for item in values] + [False])
            passed = hit[codes]
            keep &= passed if operator == "=" else ~passed
        else:
            numbers = siginfo.numbers(name)
            try:
                bound = float(value)
            except ValueError:
                raise ParameterError(f"filter {text!r}: {value!r} is no number") from None
            kept = float(np.float32(bound)) if abs(bound) < 1e38 else bound
            with np.errstate(invalid="ignore"):  # a bound such as 0.2 is also what single precision made of it
                keep &= _COMPARE[operator](np.where(numbers == kept, bound, numbers), bound)
    if filters and not keep.any() and not may_be_none:
        raise ParameterError(f"no signature of the index passes {' and '.join(repr(text) for text in filters)}")
    return keep


def filter_note(filters: Sequence[str], shown: np.ndarray) -> str:
    """Say in one sentence what a filter changes and what not."""
    count = int(shown.sum())
    passing = f"{count:,} of {counted(len(shown), 'signature')} {agree(count, 'is')} shown"
    return (
        f"filter {' and '.join(filters)}: {passing}, with {agree(count, 'its')} scores against the whole index; "
        "perturbagens, cells and classes are rolled up from these alone, and so is the background of their tau"
    )


_COMPARE: dict[str, Callable[..., np.ndarray]] = {
    ">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less,
}  # fmt: skip


_FILTER = re.compile(r"\s*([^=<>!]*[^=<>!\s])\s*(>=|<=|!=|==|=|>|<)\s*([^=<>!\s](?:.*\S)?)\s*", re.DOTALL)


def split_filter(text: str) -> tuple[str, str, str]:
    """Split a filter into field, operator and value.

    Raises
    ------
    ParameterError
        It is none.
    """
    if parts := _FILTER.fullmatch(text):
        return parts[1], "=" if parts[2] == "==" else parts[2], parts[3]
    raise ParameterError(f"filter {text!r}: field=value, field!=value or field>=number is needed")


def _same_flag(item: object, wanted: set[str]) -> bool:
    """Compare flags in whatever spelling."""
    try:
        return read_flag(item) in {read_flag(text) for text in wanted}
    except ValueError:
        return _same(item, wanted)


def _same(item: object, wanted: set[str]) -> bool:
    if str(item).lower() in wanted:
        return True
    return isinstance(item, float | int) and as_written(float(item)) in {_number(text) for text in wanted}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
