"""Roll-up of signatures to perturbagens and classes, against loops over the definition."""

import numpy as np
import pandas as pd

from beadwork.kernels.connectivity.max_quantile import max_quantile
from beadwork.model.connectivity.background import Background
from beadwork.stages.connectivity.roll_up import classes_of_table, plan_roll_up, ranked, roll_up


def study():
    rng = np.random.default_rng(1)
    n = 60
    siginfo = pd.DataFrame(
        {
            "pert_iname": pd.Categorical([f"d{i % 7}" for i in range(n)]),
            "pert_id": [f"BRD-{i % 7}" for i in range(n)],
            "cell_id": [None if i == 59 else "AB"[i % 2] for i in range(n)],
        }
    )
    siginfo.loc[0, "pert_iname"] = np.nan
    null = np.arange(n) % 7 == 6
    return siginfo, null, rng.normal(size=(3, n)).astype(np.float32), rng.normal(size=(n, 55)).astype(np.float32)


def naive(siginfo, null, values, members):
    """Roll up one query by loops."""
    name = siginfo["pert_iname"].astype(object).where(siginfo["pert_iname"].notna(), siginfo["pert_id"])
    cell = siginfo["cell_id"].fillna("none")
    cells = {}
    for pair in {(a, b) for a, b, out in zip(name, cell, null, strict=True) if not out}:
        cells[pair] = max_quantile(values[(name == pair[0]) & (cell == pair[1]) & ~null])
    perts = {p: max_quantile(np.array([v for (q, _), v in sorted(cells.items()) if q == p])) for p, _ in cells}
    return perts, max_quantile(np.array([perts[p] for p in members]))


def test_roll_up_follows_the_definition():
    siginfo, null, ncs, background = study()
    plan = plan_roll_up(siginfo, null, {"c": ["D1", "brd-2", "absent"], "lone": ["d3"]})
    assert plan.classes["class"].tolist() == ["c"] and plan.classes["n_perturbagens"].tolist() == [2]
    assert plan.perts["n_signatures"].sum() == (~null).sum() == plan.cells["n_signatures"].sum()
    _, perts, classes = roll_up(plan, ncs, Background(55, [background[:20], background[20:]]), 50)
    backgrounds = [naive(siginfo, null, background[:, b], ["d1", "d2"]) for b in range(55)]
    for query in range(3):
        expected, of_class = naive(siginfo, null, ncs[query], ["d1", "d2"])
        found = dict(zip(perts.table["pert_iname"], perts.ncs[query], strict=True))
        assert found.keys() == expected.keys()
        for place, name in enumerate(perts.table["pert_iname"]):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)
            below = np.mean([abs(rolled[name]) < abs(expected[name]) for rolled, _ in backgrounds])
            np.testing.assert_allclose(perts.tau[query, place], np.sign(expected[name]) * 100 * below, rtol=1e-6)
        np.testing.assert_allclose(classes.ncs[query, 0], of_class, rtol=1e-6)
    table = ranked(perts, 0)
    assert table["ncs"].is_monotonic_decreasing and table["rank"].tolist() == list(range(1, len(table) + 1))


def test_small_background_gives_no_tau():
    siginfo, null, ncs, background = study()
    for given in (None, Background(10, [background[:, :10]])):
        for level in roll_up(plan_roll_up(siginfo, null), ncs, given, 50):
            assert np.isnan(level.tau).all()


def test_classes_of_a_table():
    table = pd.DataFrame({"pert_iname": ["a", "b", "b", "c"], "moa": ["x|y", "y", "y", np.nan]})
    assert classes_of_table(table) == {"x": ["a"], "y": ["a", "b"]}
