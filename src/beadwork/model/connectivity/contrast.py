"""Two groups of samples that are compared, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

REST = "rest"
"""As a control: all samples of the other groups."""

ValueKind = Literal["counts", "log", "linear"]


@dataclass(frozen=True)
class Contrast:
    """One comparison: samples of `case` against those of `control`."""

    name: str
    case: str
    control: str


@dataclass(frozen=True, eq=False)
class Signature:
    """What a comparison says of each gene.

    Attributes
    ----------
    genes
        Entrez ids where they are known, else names as they stood in the file.
    change
        log2 fold change, case against control; NaN where a table did not say it.
    statistic
        Ranks the genes: moderated t, Wald statistic, or what a table had.
    p, fdr
        NaN where they are not known.
    n_case, n_control
        Samples of the groups, None for a table.
    agreement
        Split-half agreement, NaN where there are too few samples.
    confounded
        Fields by which no case is like any control, such as the study.
    notes
        What its reader should know, in words.
    """

    name: str
    method: str
    genes: tuple[str, ...]
    change: np.ndarray
    statistic: np.ndarray
    p: np.ndarray
    fdr: np.ndarray
    case: str = ""
    control: str = ""
    n_case: int | None = None
    n_control: int | None = None
    agreement: float = float("nan")
    confounded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
