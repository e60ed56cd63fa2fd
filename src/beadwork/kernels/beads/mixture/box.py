"""Integrals of the posterior of two positions over a box about a mode: the definition."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from beadwork.kernels.beads.mixture.climb import Mode
from beadwork.kernels.beads.mixture.densities import LOG_T3, Array, BeadModel, Pair, PairPrior, three_peaks

HALF_BOX = 3.6
"""Half side of the box about a mode, in standard deviations."""
CURVATURE_MIN = 0.08
"""Least curvature that sizes a box, as a share of that of labelled beads."""
GRID, BIG_GRID = 6, 12
"""Grid points along each side of a box, and where modes merge or positions are strongly tied; even, 16 at most."""


class Box(NamedTuple):
    """A box: lowest and highest positions of both genes, shape (2,), and grid points along each side."""

    low: Array
    high: Array
    points: int


class Integrals(NamedTuple):
    """Integrals over a box: of 1, the distances from the mode, shape (2,), their squares, and of (hi above lo)."""

    mass: float
    distance: Array
    square: Array
    above: float

    def add(self, other: Integrals) -> Integrals:
        """Join with those of another box."""
        return Integrals(*(mine + its for mine, its in zip(self, other, strict=True)))  # type: ignore[operator]


def half_sides(mode: Mode) -> Array:
    """Half sides of the box about a mode: HALF_BOX standard deviations of the curvature there."""
    least = np.maximum(np.diag(mode.curvature), CURVATURE_MIN * mode.labelled)
    tied = min(mode.curvature[0, 1] ** 2 / least.prod(), 0.9)
    return np.asarray(HALF_BOX / np.sqrt(least * (1.0 - tied)))


def integrate_box(y: Array, box: Box, mode: Mode, prior: PairPrior, pair: Pair, model: BeadModel) -> Integrals:
    """Integrals over a box, relative to the likelihood at `mode`, distances from it."""
    low, high, points = box
    at = [np.linspace(low[c], high[c], points) for c in (0, 1)]
    here = [three_peaks(y, np.array([at[0][g], at[1][g]]), pair, model).density for g in range(points)]
    hi_rows, lo_rows = np.stack([peaks[0] + peaks[1] for peaks in here]), np.stack([peaks[2] for peaks in here])
    density = hi_rows[:, None, :] + lo_rows[None, :, :] + model.outliers / model.span
    log_ratio = np.log(density).sum(axis=2) - mode.log_like
    z = [(at[c] - prior.mean[c]) / prior.scale[c] for c in (0, 1)]
    t3 = [np.exp(LOG_T3) * (1.0 + z[c] ** 2 / 3.0) ** -2 / prior.scale[c] for c in (0, 1)]
    cell = float(np.prod((high - low) / (points - 1)))
    mass = np.exp(log_ratio) * t3[0][:, None] * t3[1] * cell
    d0, d1 = at[0] - mode.m[0], at[1] - mode.m[1]
    cells = (high - low).sum() / (points - 1)
    above = np.clip(0.5 + (at[0][:, None] - at[1]) / cells, 0.0, 1.0)  # a cell on the diagonal counts in part
    hi, lo = mass.sum(axis=1), mass.sum(axis=0)
    return Integrals(
        float(mass.sum()), np.array([hi @ d0, lo @ d1]), np.array([hi @ d0**2, lo @ d1**2]), float((mass * above).sum())
    )
