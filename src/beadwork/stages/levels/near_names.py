"""Signatures that lack replicates because something is written in two ways: found, and said with both spellings.

Nothing is joined here: what is one thing has been joined by then (:mod:`beadwork.stages.levels.groups`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from beadwork.model.errors import name_some

NEAR_NUMBER = 0.1
"""Numbers that differ by less than this share may be one dose that was written in two ways."""
_MOST = 400
"""Names of one brew that are compared letter by letter."""


class _Group(NamedTuple):
    """A signature as the search sees it."""

    name: str
    keys: tuple[str, ...]
    plates: frozenset[str]


def spellings(cols: pd.DataFrame, keys: pd.DataFrame) -> list[str]:
    """Say which texts of the grouping fields are one thing in two spellings, and which differ in case only."""
    found = []
    for name in keys:
        if name not in cols or pd.api.types.is_numeric_dtype(cols[name]):
            continue
        texts = cols[name].map(lambda item: item.strip() if isinstance(item, str) else "").astype(object)
        joined: dict[str, set[str]] = defaultdict(set)
        folded: dict[str, set[str]] = defaultdict(set)
        for text, key in zip(texts, keys[name], strict=True):
            if text and not re.fullmatch(r"[A-Pa-p]\d+", text):
                joined[key].add(text)
                folded[_folded(key)].add(key)
        for key in sorted(joined):
            if len(written := sorted(joined[key])) > 1:
                found.append(f"{name} {_both(written[0], written[1])} are one")
        for key in sorted(folded):
            if len(written := sorted(folded[key])) > 1:
                case = written[0].casefold() == written[1].casefold()
                how = "case" if case else "blanks, dashes or other marks"
                found.append(f"{name} {_both(written[0], written[1])} differ only in {how} and are kept apart")
    return found


def near_misses(
    names: Sequence[str], keys: pd.DataFrame, plates: Sequence[Sequence[str]], brew: Sequence[str], control: np.ndarray
) -> list[str]:
    """Say which treatments have fewer replicates than their brew has plates, while a near name has the others.

    Parameters
    ----------
    names
        sig_id of each group.
    keys
        Grouping values of each group, as texts.
    plates
        Plates on which each group has a well.
    brew, control
        Brew of each group, and whether it is a control, which is not looked at.
    """
    groups: dict[str, list[_Group]] = defaultdict(list)
    all_plates: dict[str, set[str]] = defaultdict(set)
    for name, row, own, of, is_control in zip(
        names, keys.itertuples(index=False, name=None), plates, brew, control, strict=True
    ):
        all_plates[of].update(own)
        if not is_control:
            groups[of].append(_Group(name, tuple(row), frozenset(own)))
    found = []
    for of, members in sorted(groups.items()):
        lacking = [one for one in members if len(one.plates) < len(all_plates[of])]
        for one, other in _pairs(lacking):
            if one.plates & other.plates or (what := _difference(list(keys.columns), one.keys, other.keys)) is None:
                continue
            found.append(
                f"{one.name} ({len(one.plates)} of {len(all_plates[of])} plates) and {other.name} "
                f"({len(other.plates)}): {what}"
            )
    return found


def _pairs(groups: list[_Group]) -> Iterator[tuple[_Group, _Group]]:
    """Pairs that differ in one field only, or whose fields are all alike at a glance."""
    seen: set[tuple[str, str]] = set()
    buckets: dict[tuple[object, ...], list[_Group]] = defaultdict(list)
    for group in groups:
        for place in range(len(group.keys)):
            buckets[(place, *group.keys[:place], *group.keys[place + 1 :])].append(group)
        buckets[("alike", *(_glance(text) for text in group.keys))].append(group)
    for members in buckets.values():
        for one, other in combinations(members[:_MOST], 2):
            if (one.name, other.name) not in seen:
                seen.add((one.name, other.name))
                yield one, other


def _difference(fields: list[str], one: tuple[str, ...], other: tuple[str, ...]) -> str | None:
    """Say what differs between two names that are near each other; None if they are not."""
    parts = []
    for field, text, second in zip(fields, one, other, strict=True):
        if text == second:
            continue
        if not is_near(text, second):
            return None
        parts.append(f"{field} {_both(text, second)}")
    return ", ".join(parts) or None


def is_near(one: str, other: str) -> bool:
    """Whether two texts may be one that was written in two ways.

    Equal but for case, blanks and signs; one with an ending after ``-`` or missing; one letter more, less or another
    in six or more; numbers within a tenth of each other.
    """
    if not one or not other or _folded(one) == _folded(other):
        return True
    numbers = [_number(text) for text in (one, other)]
    if not np.isnan(numbers).any():
        return abs(numbers[0] - numbers[1]) <= NEAR_NUMBER * max(map(abs, numbers))
    if one.startswith(f"{other}-") or other.startswith(f"{one}-"):
        return True
    return min(len(one), len(other)) >= 6 and _one_edit(one, other)


def _one_edit(one: str, other: str) -> bool:
    """Whether one letter more, less or another makes two texts equal."""
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    return short[at + (len(short) == len(long)) :] == long[at + 1 :]


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold()) or text


def _glance(text: str) -> str:
    return text if not np.isnan(_number(text)) else _folded(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _both(one: str, other: str) -> str:
    """Both texts in quotes; where they differ in letters beyond ASCII or in blanks, with the code points."""
    differing = [letter for letter in dict.fromkeys(one + other) if one.count(letter) != other.count(letter)]
    odd = [letter for letter in differing if not letter.isascii() or letter.isspace()]
    points = f" ({name_some(f'U+{ord(letter):04X} {_name(letter)}' for letter in odd)})" if odd else ""
    return f"{one!r} and {other!r}{points}"


def _name(letter: str) -> str:
    return unicodedata.name(letter, "unnamed").lower()
