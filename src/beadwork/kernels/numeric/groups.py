"""Values of many groups at once: sorted within groups, without the cost of sorting by two keys."""

from __future__ import annotations

import numpy as np

FEW_GROUPS = 1 << 16
"""Codes below this are sorted by radix."""


def sort_within(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sort float32 values within groups; groups in the order of their codes, one after the other.

    Code and value are packed into one integer, whose order is that of the pair: the bits of a float, with the sign
    turned, sort as the number does; NaN comes last.

    Parameters
    ----------
    codes
        Group of each value, not negative.

    Examples
    --------
    >>> sort_within(np.array([1, 0, 1, 0]), np.array([2.0, -1.0, -3.0, 0.5], np.float32)).tolist()
    [-1.0, 0.5, -3.0, 2.0]
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    turned = np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(1 << 31))
    packed = (codes.astype(np.uint64) << np.uint64(32)) | turned
    packed.sort()
    low = packed.astype(np.uint32)  # the lower half
    return np.where(low >> np.uint32(31), low & np.uint32(0x7FFFFFFF), ~low).view(np.float32)


def group_rows(codes: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows by group, each group in its order, and where each group begins (one more at the end).

    Examples
    --------
    >>> rows, starts = group_rows(np.array([1, 0, 1]), 3)
    >>> rows.tolist(), starts.tolist()
    ([1, 0, 2], [0, 1, 3, 3])
    """
    plain = codes.astype(np.uint16) if n_groups <= FEW_GROUPS else codes
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n_groups))])
    return np.argsort(plain, kind="stable"), starts


def median(values: np.ndarray) -> float:
    """Median without sorting; NaN of nothing.

    Examples
    --------
    >>> median(np.array([4.0, 1.0, 3.0, 2.0]))
    2.5
    """
    if not len(values):
        return float("nan")
    places = ((len(values) - 1) // 2, len(values) // 2)
    part = np.partition(values, places)
    return (float(part[places[0]]) + float(part[places[1]])) / 2.0


def first_and_last(values: np.ndarray, count: int) -> np.ndarray:
    """Rows of the largest values, largest first, then of the smallest, smallest last; ties keep their order.

    They are the ends of ``np.argsort(-values, kind="stable")``, which is all of it where there are few values.

    Examples
    --------
    >>> first_and_last(np.array([1.0, 5.0, 3.0, -2.0, 5.0]), 2).tolist()
    [1, 4, 0, 3]
    """
    if len(values) <= 2 * count:
        return np.argsort(-values, kind="stable")
    limits = np.partition(values, (count - 1, len(values) - count))
    top = np.flatnonzero(values >= limits[len(values) - count])
    bottom = np.flatnonzero(values <= limits[count - 1])
    top = top[np.argsort(-values[top], kind="stable")][:count]
    return np.concatenate([top, bottom[np.argsort(-values[bottom], kind="stable")][-count:]])
