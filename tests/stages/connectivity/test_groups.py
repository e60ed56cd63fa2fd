"""Groups within which scores are normalised."""

import numpy as np
import pandas as pd
import pytest

from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.groups import choose_levels, make_groups


def table(*sizes: int) -> pd.DataFrame:
    """Treatments of as many cells as sizes are given, one pert_type."""
    cells = [f"CELL{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return pd.DataFrame({"cell_id": cells, "pert_type": "trt_cp", "pert_id": [f"P{n}" for n in range(len(cells))]})


@pytest.mark.parametrize("least", [4, 5, 6])
def test_a_group_is_large_enough_from_min_reference_on(least):
    params = QueryParams(group_by=("pert_type", "cell_id"), min_reference=least)
    groups = make_groups(table(4, 5, 6), params)
    cells = np.repeat([4, 5, 6], [4, 5, 6])
    assert groups.chosen.tolist() == [0 if size >= least else 1 for size in cells]
    assert [row["normalised_within"] for row in groups.describe()] == [
        "pert_type x cell_id" if size >= least else "pert_type" for size in (4, 5, 6)
    ]


def test_the_rule_of_an_appended_portion_is_that_of_the_build():
    sizes = [np.array([3, 5]), np.array([8])]
    codes = [np.array([0, 1, -1]), np.array([0, 0, -1])]
    assert choose_levels(sizes, codes, 5).tolist() == [1, 0, 1]
    assert choose_levels(sizes, codes, 3).tolist() == [0, 0, 1]
