"""Measures of the noise that wells of a plate share: its dimension, its place on the plate, what explains it.

effective dimension  tr(S)^2 / tr(S^2)             of a scatter S; 1 where one direction holds all of it
Moran's I            n / W * sum_ij w_ij d_i d_j / sum_i d_i^2, d centred values, w_ij 1 for wells that touch
R2                   of the least-squares fit of a factor on fields of the wells
block AUC            probability that two control wells of one block are more alike than two of different blocks
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def effective_dimension(rows: Floats) -> float:
    """Effective dimension of the scatter of some rows; NaN where there is none."""
    products = rows @ rows.T
    square = float((products * products).sum())
    return float(np.trace(products) ** 2 / square) if square > 0 else float("nan")


def morans_i(values: Floats, place: npt.NDArray[np.integer]) -> float:
    """Moran's I of values of wells at `place` (rows and columns); NaN where no wells touch or all are equal."""
    apart = np.abs(place[:, None] - place[None]).max(axis=2)
    touch = apart == 1
    d = values - values.mean()
    if not touch.any() or not (d * d).sum() > 0:
        return float("nan")
    return float(len(values) / touch.sum() * (d @ (touch @ d)) / (d * d).sum())


def explained(factor: Floats, fields: Floats) -> float:
    """R2 of a factor (wells,) on fields (wells, fields); NaN where there are too few wells or nothing varies."""
    varied = fields[:, fields.std(axis=0) > 0]
    d = factor - factor.mean()
    if varied.shape[1] == 0 or len(factor) < varied.shape[1] + 3 or not (d * d).sum() > 0:
        return float("nan")
    x = (varied - varied.mean(axis=0)) / varied.std(axis=0)
    rest = d - x @ np.linalg.lstsq(x, d, rcond=None)[0]
    return float(1 - (rest * rest).sum() / (d * d).sum())


def block_auc(profiles: Floats, block: npt.NDArray[np.integer]) -> float:
    """AUC of cosines of pairs of one block against pairs of two; NaN where one kind of pair lacks."""
    length = np.linalg.norm(profiles, axis=1, keepdims=True)
    unit = np.divide(profiles, length, out=np.zeros_like(profiles), where=length > 0)
    one, other = np.triu_indices(len(block), 1)
    score, same = (unit @ unit.T)[one, other], block[one] == block[other]
    if not same.any() or same.all():
        return float("nan")
    above = (score[same][:, None] > score[~same]).mean()
    return float(above + 0.5 * (score[same][:, None] == score[~same]).mean())
