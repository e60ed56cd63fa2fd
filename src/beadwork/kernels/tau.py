"""Tau: how rarely a background query reaches this far from zero on the same signature.

    tau = sign(NCS) * 100 * P(|NCS of background queries| < |NCS|)

with the probability over the background queries of that one signature, strictly smaller.  CMap stores it as a table
over a grid of NCS; here it is counted, which is what the table approximates.
Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049.
"""

from __future__ import annotations

import numpy as np


def tau_score(ncs: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Signed percentile of scores against a background.

    Parameters
    ----------
    ncs
        Shape (signatures,).
    background
        Scores of the background queries, shape (signatures, background queries); NaN counts as not there.

    Returns
    -------
    float64, shape (signatures,), -100 .. 100; NaN where `ncs` is, or without background.
    """
    ncs = np.asarray(ncs, np.float64)
    smaller = (np.abs(background) < np.abs(ncs)[:, None]).sum(axis=1)
    there = np.isfinite(background).sum(axis=1)
    share = np.divide(smaller, there, out=np.full(len(ncs), np.nan), where=there > 0)
    result: np.ndarray = np.where(np.isnan(ncs), np.nan, np.sign(ncs) * 100.0 * share)
    return result
