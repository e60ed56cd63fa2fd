"""Compatibility numbers: what a step makes under one number has the same bytes, whatever the version of the program.

A number is raised when the bytes of a step change for the same inputs and parameters, and only then.  Each file carries
the number of its step in its record; results of different numbers do not mix without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COMPATIBILITY: dict[str, int] = {
    "deconvolve": 1,
    "normalize": 1,
    "infer": 1,
    "zscore": 1,
    "denoise": 1,
    "consensus": 1,
}
"""Number of each step, by the command that does it."""


def compatibility_of(record: Mapping[str, Any]) -> int:
    """Compatibility number of a record; files from before there were any count as 1."""
    return int(record.get("compatibility", 1))


def comparable(record: Mapping[str, Any], keep: bool = False) -> dict[str, Any]:
    """Return what of a record decides whether a file would be made the same way again.

    Parameters
    ----------
    keep
        Whether files of other compatibility numbers count as the same.
    """
    plain = {key: value for key, value in record.items() if key not in ("version", "compatibility", "history")}
    if not keep:
        plain["compatibility"] = compatibility_of(record)
    plain["history"] = [comparable(step, keep) for step in record.get("history", ())]
    return plain
