"""Halves of contrasts: whether each recalls its other half before all other contrasts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beadwork.api.index.opened import ConnectivityIndex
from beadwork.api.signature.values import Values
from beadwork.io.matrix.formats import write_matrix
from beadwork.model.connectivity.contrast import Contrast
from beadwork.model.connectivity.query import Query
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.stages.connectivity.contrast.compare import half_statistic, halve
from beadwork.stages.connectivity.contrast.groups import members

if TYPE_CHECKING:
    import pandas as pd


def recall_of_halves(
    values: Values, contrasts: Sequence[Contrast], *, apart: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Rank of the other half among the halves of all contrasts, by WTCS, and the scores of it and of the next.

    Parameters
    ----------
    contrasts
        Groups of samples to compare; each is halved at random, cases and controls alike.
    apart
        Labels that are no controls of contrasts against the rest: those of other studies.
    seed
        Which halves are drawn.

    Returns
    -------
    One row per contrast: contrast, n_case, rank (1: its own half first), own, next.
    """
    import pandas as pd

    halves: list[dict[str, np.ndarray]] = [{}, {}]
    sizes: dict[str, int] = {}
    for number, contrast in enumerate(contrasts):
        is_rest = contrast.control == "rest"
        of_study = [None if is_rest and label in apart else label for label in values.labels]
        case, control = members(of_study, contrast)
        groups = ["case" if a else "control" if b else "" for a, b in zip(case, control, strict=True)]
        sizes[contrast.name] = int(case.sum())
        draw = np.random.default_rng([seed, number])
        for side, rows in zip(halves, halve(groups, draw), strict=True):
            side[contrast.name] = half_statistic(values.values[rows], [groups[row] for row in rows])
    first, second = (pd.DataFrame(side, index=pd.Index(values.genes)) for side in halves)
    cols = pd.DataFrame({"pert_id": first.columns, "pert_iname": first.columns, "pert_type": "trt_cp",
                         "cell_id": "tissue"}, index=first.columns)  # fmt: skip
    matrix = Matrix(first.to_numpy(np.float32), pd.DataFrame(index=first.index), cols, Level.MODZ, Space.AIG)
    with tempfile.TemporaryDirectory(prefix="beadwork-") as folder:
        write_matrix(matrix, Path(folder) / "halves.gctx")
        index = ConnectivityIndex.build(Path(folder) / "index", Path(folder) / "halves.gctx", background=0)
        result = index.query_many(
            [Query(str(name), profile={str(gene): float(z) for gene, z in second[name].items()}) for name in second]
        )
        found: list[dict[str, Any]] = []
        for place, name in enumerate(result.names):
            scores = result.values("wtcs")[place]
            at = list(first.columns).index(name)
            own, others = float(scores[at]), np.delete(scores, at)
            found.append({"contrast": name, "n_case": sizes[name], "rank": 1 + int((others >= own).sum()), "own": own,
                         "next": float(others.max())})  # fmt: skip
    return pd.DataFrame(found)
