"""Beads as the scanner saw them, grouped by analyte."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

REPORTER_BITS, MOST_ANALYTES = 23, 510
"""Analyte and reporter share 32 bits where none needs more than these, nearly always."""


class GroupedBeads(NamedTuple):
    """Beads of a plate: those of analyte a in well w are ``reporter[starts[w, a] : starts[w, a + 1]]``, ascending."""

    reporter: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]


def group_beads(
    analyte: npt.NDArray[Any], reporter: npt.NDArray[Any], n_analytes: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """Group the beads of one well by analyte, ascending within each; beads of no analyte (1, 2, ...) are left out.

    Parameters
    ----------
    analyte, reporter
        RID and RP1, shape (beads,).

    Returns
    -------
    counts, reporter
        int64 of shape (n_analytes,), and uint32 of shape (classified beads,).
    """
    known = (analyte >= 1) & (analyte <= n_analytes)
    analyte, reporter = analyte[known], reporter[known]
    # one sort of a packed key; nearly always it fits into 32 bits, which sort twice as fast as 64
    kind: Any
    short = reporter.max(initial=0) < 1 << REPORTER_BITS and n_analytes <= MOST_ANALYTES
    kind, shift = (np.uint32, REPORTER_BITS) if short else (np.uint64, 32)
    key: np.ndarray = analyte.astype(kind)
    key <<= kind(shift)
    key |= reporter.astype(kind, copy=False)
    key.sort()
    bounds = np.arange(1, n_analytes + 2).astype(kind) << kind(shift)
    counts = np.diff(np.searchsorted(key, bounds))
    key &= kind((1 << shift) - 1)
    return counts, key.astype(np.uint32, copy=False)
