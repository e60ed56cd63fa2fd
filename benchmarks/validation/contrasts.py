"""Halves of real contrasts: whether each recalls its other half before all other contrasts.

python benchmarks/validation/contrasts.py [SHARED]     SHARED: folder of the real data, by default ../shared/data
"""

import sys
from pathlib import Path

import pandas as pd

from beadwork.api.signature.recall import recall_of_halves
from beadwork.api.signature.values import read_values
from beadwork.model.connectivity.contrast import Contrast
from beadwork.stages.connectivity.contrast.groups import levels_of

STUDIES = {"Huntington": ("symptomatic", "control"), "breast": ("breast", "colon")}
APART = [label for pair in STUDIES.values() for label in pair]
MOST_RANDOM = 20


def contrasts_of(labels: list[str | None]) -> list[Contrast]:
    """Huntington against control, breast against colon, types of sarcoma (four samples) against the others."""
    found = [Contrast(name, case, control) for name, (case, control) in STUDIES.items()]
    levels = levels_of([label for label in labels if label is not None])
    return found + [Contrast(name, name, "rest") for name, n in levels.items() if n >= 4 and name not in APART]


def main() -> None:
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data")
    values = read_values(shared / "expression" / "u133a_log2_float16.npz", "label")
    contrasts = contrasts_of(values.labels)
    runs = pd.concat([recall_of_halves(values, contrasts, apart=APART, seed=seed) for seed in range(MOST_RANDOM)])
    table = runs.groupby("contrast", sort=False).agg(
        n_case=("n_case", "first"), first=("rank", lambda rank: (rank == 1).mean()), worst=("rank", "max"),
        own=("own", "median"), next=("next", "median"),
    )  # fmt: skip
    print(table.round(2).to_string())
    for what, part in (("all", runs), ("of at least 8 cases", runs[runs["n_case"] >= 8])):
        print(f"{what}: {(part['rank'] == 1).mean():.1%} of {len(part)} halves recall the other half first")


if __name__ == "__main__":
    main()
