"""Hypotheses of a pair of genes: which of three neighbouring peaks are the hi gene's two, which is the lo gene's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beadwork.kernels.beads.mixture.densities import Array
from beadwork.kernels.beads.mixture.fit import COLUMN, SLICE, Fits
from beadwork.kernels.beads.mixture.pooled import SPLIT

WIDTH_SD = 0.12
"""Spread of the log width factors of the genes about that of the plate."""
SPLIT_SD, SPLIT_MOST = 0.1, 0.42
"""Scale of the half-normal prior of the split of a hi gene (log2), and largest that a hypothesis starts from.

Labelled beads of LJP009 (B20) and REP.A028 (B25) have a scale of 0.18, a largest split of 0.4.  The prior is tighter,
since evidence summed over thousands of beads is too sure of itself: small misfits of the kernel add up."""
POOLED_GAP = 0.05
"""Log-likelihood per pooled bead by which one order of the genes must win for the other not to be tried."""
HYPOTHESIS_GAP, LATE_GAP, MOST_HYPOTHESES = 40.0, 15.0, 4
"""A hypothesis further behind the best of its pair (log evidence) is dropped, and so many stay at most.  The second gap
holds before the last fit of the plate."""
SAME_LEVEL, SAME_SPLIT = 0.08, 0.06
"""Hypotheses nearer to each other than this (log2) are one."""
SHARE_APART = 1.0
"""Pairs further apart show the mixing ratio of the plate (log2)."""


class Hypotheses(NamedTuple):
    """Hypotheses of analytes, one row each.

    ``analyte`` (H,), whether it carries two genes ``duo`` (H,), levels of both genes (H, 2), width factors (H, 2),
    split of the hi gene (H,), and log ``evidence`` (H,).
    """

    analyte: npt.NDArray[np.int64]
    duo: npt.NDArray[np.bool_]
    level: Array
    widths: Array
    split: Array
    evidence: Array

    def take(self, rows: npt.NDArray[np.int64]) -> Hypotheses:
        """Take some of them."""
        return Hypotheses(*(column[rows] for column in self))  # type: ignore[arg-type]

    def join(self, *others: Hypotheses) -> Hypotheses:
        """Put these and others together."""
        return Hypotheses(*(np.concatenate(columns) for columns in zip(self, *others, strict=True)))

    def best(self) -> npt.NDArray[np.bool_]:
        """Whether a hypothesis has the largest evidence of its analyte, the first of equals."""
        order = np.lexsort((-self.evidence, self.analyte))
        first = np.ones(len(order), dtype=bool)
        first[1:] = np.diff(self.analyte[order]) > 0
        found = np.zeros(len(order), dtype=bool)
        found[order[first]] = True
        return found

    def behind(self) -> Array:
        """How far the evidence of a hypothesis lies below the largest of its analyte."""
        top = np.full(int(self.analyte.max(initial=-1)) + 1, -np.inf)
        np.maximum.at(top, self.analyte, self.evidence)
        return np.asarray(top[self.analyte] - self.evidence)

    def weights(self) -> Array:
        """Share of each hypothesis in its analyte, by evidence."""
        weight = np.exp(-np.minimum(self.behind(), 700.0))
        return np.asarray(weight / np.bincount(self.analyte, weights=weight)[self.analyte])


def usual_hypotheses(
    analyte: npt.NDArray[np.int64], duo: npt.NDArray[np.bool_], level: Array, split: float
) -> Hypotheses:
    """Hypotheses with the usual widths and one split for pairs."""
    n = len(analyte)
    return Hypotheses(analyte, duo, level, np.ones((n, 2)), np.where(duo, split, 0.0), np.zeros(n))


def first_hypotheses(pairs: npt.NDArray[np.int64], levels: Array, like: Array) -> Hypotheses:
    """Hypotheses from the pooled beads: both orders, hi above and below lo, unless one is much likelier.

    `levels` (2, pairs, 2) and `like` (2, pairs) are those of ``pooled_starts``.
    """
    tried = like > like[::-1] - POOLED_GAP
    parts = [
        usual_hypotheses(pairs[here], np.ones(int(here.sum()), dtype=bool), levels[order, here], SPLIT)
        for order, here in enumerate(tried)
    ]
    return parts[0].join(parts[1])


def relabelled(hypotheses: Hypotheses) -> Hypotheses:
    """Read the same three peaks otherwise: the lo gene trades places with either subpopulation of the hi gene."""
    hi, lo = hypotheses.level[:, 0], hypotheses.level[:, 1]
    parts = []
    for sign in (1.0, -1.0):
        traded, kept = hi + sign * hypotheses.split, hi - sign * hypotheses.split
        split = 0.5 * np.abs(kept - lo)
        level = np.stack([0.5 * (lo + kept), traded], axis=1)
        rows = np.flatnonzero(hypotheses.duo & (split < SPLIT_MOST))
        parts.append(hypotheses._replace(level=level, split=np.maximum(split, SAME_SPLIT)).take(rows))
    return parts[0].join(parts[1])


def pick_hypotheses(hypotheses: Hypotheses) -> Hypotheses:
    """Keep hypotheses whose evidence comes near the best of their analyte, of those that are alike the better one."""
    evidence = hypotheses.evidence
    order = np.lexsort((-evidence, hypotheses.analyte))
    kept: list[int] = []
    mine: list[int] = []
    for k in order.tolist():
        if mine and hypotheses.analyte[mine[0]] != hypotheses.analyte[k]:
            mine = []
        if len(mine) == MOST_HYPOTHESES or (mine and evidence[k] < evidence[mine[0]] - HYPOTHESIS_GAP):
            continue
        if any(
            np.abs(hypotheses.level[k] - hypotheses.level[j]).max() < SAME_LEVEL
            and abs(hypotheses.split[k] - hypotheses.split[j]) < SAME_SPLIT
            for j in mine
        ):
            continue
        mine.append(k)
        kept.append(k)
    return hypotheses.take(np.array(kept, dtype=np.int64))


def plate_width(hypotheses: Hypotheses) -> float:
    """Log of the width factor that is typical of the plate: median over genes of pairs that lie well apart."""
    sure = hypotheses.best() & (np.abs(hypotheses.level[:, 0] - hypotheses.level[:, 1]) > SHARE_APART)
    return float(np.median(np.log(hypotheses.widths[sure]))) if sure.any() else 0.0


def shape_cost(hypotheses: Hypotheses, centre: float) -> Array:
    """Cost of widths and splits by their priors (minus log density, less a constant), shape (H,)."""
    wide = ((np.log(hypotheses.widths) - centre) / WIDTH_SD) ** 2
    return np.asarray(0.5 * wide.sum(axis=1) + 0.5 * (hypotheses.split / SPLIT_SD) ** 2)


def over_wells(column: Fits) -> Array:
    """Sum over wells, in double precision."""
    return np.asarray(column.sum(axis=0, dtype=float))


def learn_shape(found: Fits, hypotheses: Hypotheses, centre: float) -> Hypotheses:
    """Widths and splits of pairs a step nearer to what the wells say; `found` has the columns of a fit, (W, H, 13)."""
    beads, square = over_wells(found[:, :, SLICE.beads]), over_wells(found[:, :, SLICE.square])
    step = 0.8 * np.log(np.maximum(square, 1e-3) / np.maximum(beads, 1e-3))
    logs = centre + (np.log(hypotheses.widths) + step - centre) * beads / (beads + WIDTH_SD**-2.0)
    slope = over_wells(found[:, :, COLUMN.split_slope]) - hypotheses.split / SPLIT_SD**2
    known = over_wells(found[:, :, COLUMN.split_known]) + SPLIT_SD**-2.0
    split = np.clip(hypotheses.split + np.clip(slope / known, -0.15, 0.15), 0.0, 0.6)
    return hypotheses._replace(
        widths=np.where(hypotheses.duo[:, None], np.exp(np.clip(logs, -0.6, 0.6)), 1.0),
        split=np.where(hypotheses.duo, split, 0.0),
    )


def fitted_share(found: Fits, level: Array, duo: npt.NDArray[np.bool_], share: float, strength: float) -> float:
    """Share of hi beads of the plate, from its separated pairs, with a Beta prior about the promised one."""
    apart = duo & (np.abs(level[:, 0] - level[:, 1]) > SHARE_APART)
    hi, lo = (float(found[:, apart, c].sum(dtype=float)) for c in (COLUMN.beads_hi, COLUMN.beads_lo))
    return (hi + strength * share) / (hi + lo + strength)
