"""Does a plate hold what its map says?  Correlations of wells under other placements of the map.

The wells of a plate never move in the data; what can be wrong is the label that a map gives to each.  A placement g
says which well truly holds what the map writes at position p.  With unit effects e of the wells and references f of the
labels, a placement is as good as the mean over positions of e_{g(p)} . f_{label(p)}.
"""

from __future__ import annotations

import numpy as np

from beadwork.kernels.numeric.ranks import blom_scores, ordinal_ranks

N_ROWS, N_COLUMNS = 16, 24
N_WELLS = N_ROWS * N_COLUMNS


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Replace each column by the normal scores of its ranks: no scaling between wells is left.

    Parameters
    ----------
    values
        Shape (genes, wells), any monotone scale; missing values get the score 0.

    Returns
    -------
    numpy.ndarray
        float32, shape (genes, wells), Blom's scores ndtri((rank - 3/8) / (n + 1/4)).
    """
    scores: np.ndarray = blom_scores(ordinal_ranks(values), len(values)).astype(np.float32)
    scores[~np.isfinite(values)] = 0
    return scores


def unit_effects(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median of each gene over the plate, and what each well does against it, as unit vectors.

    Parameters
    ----------
    scores
        Shape (genes, wells).

    Returns
    -------
    baseline, effects
        Shape (genes,), and (wells, genes) with mean 0 and length 1 along the genes.
    """
    baseline = np.median(scores, axis=1).astype(np.float32)
    effects = (scores - baseline[:, None]).T
    effects = effects - effects.mean(axis=1, keepdims=True)
    length = np.sqrt((effects**2).sum(axis=1, keepdims=True))
    return baseline, (effects / np.maximum(length, 1e-12)).astype(np.float32)


def placements() -> dict[str, np.ndarray]:
    """Placements of a map on a plate, by what one would say of the map.

    Returns
    -------
    dict
        ``as it is`` first; arrays of shape (384,): the well that truly holds what the map writes at each position, -1
        if that lies outside of the plate.
    """
    row, column = np.divmod(np.arange(N_WELLS), N_COLUMNS)

    def place(new_row: np.ndarray, new_column: np.ndarray) -> np.ndarray:
        inside = (new_row >= 0) & (new_row < N_ROWS) & (new_column >= 0) & (new_column < N_COLUMNS)
        return np.where(inside, new_row * N_COLUMNS + new_column, -1)

    found = {"as it is": place(row, column)}
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            words = [f"one row {'down' if down > 0 else 'up'}"] if down else []
            words += [f"one column {'to the right' if right > 0 else 'to the left'}"] if right else []
            if words:
                found[f"shifted {' and '.join(words)}"] = place(row - down, column - right)
    found["rotated by 180 degrees"] = place(N_ROWS - 1 - row, N_COLUMNS - 1 - column)
    found["mirrored top to bottom"] = place(N_ROWS - 1 - row, column)
    found["mirrored left to right"] = place(row, N_COLUMNS - 1 - column)
    return found


def placed_correlations(
    correlations: np.ndarray, labels: np.ndarray, well_rows: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Correlation of what lies at each position of a map, under a placement, with the reference of its label.

    Parameters
    ----------
    correlations
        Shape (wells, labels): of each well that was read with each reference.
    labels
        Shape (384,): number of the label at each position of the map, -1 for none.
    well_rows
        Shape (384,): row of `correlations` of each well of the plate, -1 for a well that was not read.
    place
        Shape (384,), see :func:`placements`.

    Returns
    -------
    numpy.ndarray
        Shape (384,) by position in the map, NaN where there is no label or no well.
    """
    rows = np.where(place >= 0, well_rows[place], -1)
    known = (rows >= 0) & (labels >= 0)
    found = np.full(N_WELLS, np.nan)
    found[known] = correlations[rows[known], labels[known]]
    return found


def paired_t(better: np.ndarray, worse: np.ndarray, floor: float = 0.05) -> tuple[float, float]:
    """Mean difference where both are known, and its t (0 with fewer than four pairs).

    `floor` is the smallest standard deviation that t is taken with, so that a few equal pairs prove nothing.
    """
    difference = better - worse
    difference = difference[np.isfinite(difference)]
    if len(difference) < 4:
        return 0.0, 0.0
    mean = float(difference.mean())
    return mean, mean / max(float(difference.std(ddof=1)), floor) * float(np.sqrt(len(difference)))
