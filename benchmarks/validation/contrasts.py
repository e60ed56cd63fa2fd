"""Halves of real contrasts: whether each recalls its other half before all other contrasts.

python benchmarks/validation/contrasts.py [SHARED]     SHARED: folder of the real data, by default ../shared/data
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from beadwork.api import ConnectivityIndex
from beadwork.api.signature.values import read_values
from beadwork.io.matrix.formats import write_matrix
from beadwork.model.connectivity.contrast import Contrast
from beadwork.model.connectivity.query import Query
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.stages.connectivity.contrast.compare import half_statistic, halve
from beadwork.stages.connectivity.contrast.groups import levels_of, members

STUDIES = {"Huntington": ("symptomatic", "control"), "breast": ("breast", "colon")}
MOST_RANDOM = 20


def contrasts_of(labels: list[str | None]) -> list[Contrast]:
    """Huntington against control, breast against colon, types of sarcoma (four samples) against the others."""
    found = [Contrast(name, case, control) for name, (case, control) in STUDIES.items()]
    apart = {label for pair in STUDIES.values() for label in pair}
    levels = levels_of([label for label in labels if label is not None])
    return found + [Contrast(name, name, "rest") for name, n in levels.items() if n >= 4 and name not in apart]


def recall_of_halves(path: Path, seed: int = 0) -> pd.DataFrame:
    """Rank of the other half among the halves of all contrasts, by WTCS, and the scores of it and of the next."""
    values = read_values(path, "label")
    contrasts = contrasts_of(values.labels)
    apart = {label for pair in STUDIES.values() for label in pair}
    halves: list[dict[str, np.ndarray]] = [{}, {}]
    sizes: dict[str, int] = {}
    for number, contrast in enumerate(contrasts):
        of_study = [None if contrast.control == "rest" and label in apart else label for label in values.labels]
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
    with tempfile.TemporaryDirectory() as folder:
        write_matrix(matrix, Path(folder) / "halves.gctx")
        index = ConnectivityIndex.build(Path(folder) / "index", Path(folder) / "halves.gctx", background=0)
        queries = [Query(str(name), profile=second[name].to_dict()) for name in second]
        result = index.query_many(queries)
        rows = []
        for place, name in enumerate(result.names):
            scores = result.values("wtcs")[place]
            own = float(scores[list(first.columns).index(name)])
            others = np.delete(scores, list(first.columns).index(name))
            rows.append({"contrast": name, "n_case": sizes[name], "rank": 1 + int((others >= own).sum()), "own": own,
                         "next": float(others.max())})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data")
    path = shared / "expression" / "u133a_log2_float16.npz"
    runs = pd.concat([recall_of_halves(path, seed) for seed in range(MOST_RANDOM)])
    table = runs.groupby("contrast", sort=False).agg(
        n_case=("n_case", "first"), first=("rank", lambda rank: (rank == 1).mean()), worst=("rank", "max"),
        own=("own", "median"), next=("next", "median"),
    )  # fmt: skip
    print(table.round(2).to_string())
    for what, part in (("all", runs), ("of at least 8 cases", runs[runs["n_case"] >= 8])):
        print(f"{what}: {(part['rank'] == 1).mean():.1%} of {len(part)} halves recall the other half first")


if __name__ == "__main__":
    main()
