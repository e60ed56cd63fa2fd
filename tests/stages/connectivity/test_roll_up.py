"""Roll-up of signatures to perturbagens and classes, against loops over the definition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.io.matrix.formats import read_matrix
from beadwork.kernels.connectivity.max_quantile import max_quantile
from beadwork.kernels.connectivity.tau import fill_tau
from beadwork.model.connectivity.background import Background
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.groups import treatment_mask
from beadwork.stages.connectivity.perturbagens import plan_roll_up
from beadwork.stages.connectivity.roll_up import ranked, roll_up, roll_up_background

TYPES = (
    "trt_cp",
    "trt_sh",
    "trt_sh.cgs",
    "trt_xpr",
    "trt_oe",
    "TRT_OE",
    "ctl_vehicle",
    "CTL_VECTOR",
    "ctl_untrt.cns",
    "lma_x",
)


@st.composite
def studies(draw):
    """Signatures with random annotation, a filter, scores with gaps, and a background."""
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    place = rng.integers(0, 6, n)
    siginfo = pd.DataFrame(
        {
            "pert_iname": [f"g{item}" for item in place],
            "pert_id": [f"id{item}-{other}" for item, other in zip(place, rng.integers(0, 3, n), strict=True)],
            "pert_type": rng.choice(TYPES, n),
            "cell_id": rng.choice(["A", "B", "C"], n),
        }
    )
    siginfo.loc[rng.random(n) < 0.1, "cell_id"] = None
    shown = rng.random(n) < draw(st.sampled_from([0.3, 0.8, 1.0]))
    ncs = np.round(rng.normal(size=(2, n)), 2).astype(np.float32)
    ncs[rng.random((2, n)) < draw(st.sampled_from([0.0, 0.1]))] = np.nan
    return siginfo, shown, ncs, rng.normal(size=(n, 12)).astype(np.float32)


def brute(siginfo, behind, values):
    """Score of each perturbagen (name, type), over cells, by loops."""
    by_cell = {}
    columns = (siginfo["pert_iname"], siginfo["pert_type"].str.lower(), siginfo["cell_id"].fillna("-"), values, behind)
    for name, kind, cell, value, counts in zip(*columns, strict=True):
        if counts:
            by_cell.setdefault((name, kind), {}).setdefault(cell, []).append(value)
    return {
        key: max_quantile(np.array([max_quantile(np.array(part)) for part in cells.values()]))
        for key, cells in by_cell.items()
    }


@settings(max_examples=30, deadline=None)
@given(studies())
def test_equal_to_brute_force_with_any_filter(study):
    siginfo, shown, ncs, background = study
    behind = shown & treatment_mask(siginfo)
    plan = plan_roll_up(siginfo, behind)
    _, perts, _ = roll_up(plan, ncs, Background(12, [background[:7], background[7:]]), 12)
    backgrounds = [brute(siginfo, behind, column) for column in background.T]
    table = siginfo.assign(kind=siginfo["pert_type"].str.lower())[behind]
    for query in range(2):
        expected, rows = brute(siginfo, behind, ncs[query]), ranked(perts, query)
        assert sorted(zip(rows["pert_iname"], rows["pert_type"], strict=True)) == sorted(expected)
        assert not rows["pert_type"].str.startswith(("ctl", "lma")).any()
        for row in rows.itertuples():
            key = (row.pert_iname, row.pert_type)
            np.testing.assert_allclose(row.ncs, expected[key], rtol=1e-5, atol=1e-7)
            own = table.index[(table["pert_iname"] == key[0]) & (table["kind"] == key[1])]
            scores = ncs[query, own]
            assert row.n_signatures == (~np.isnan(scores)).sum()
            assert (row.n_positive, row.n_negative) == ((scores > 0).sum(), (scores < 0).sum())
            assert set(row.pert_id.split("|")) == set(siginfo["pert_id"][own])
            if row.n_signatures:
                np.testing.assert_allclose(row.median_ncs, np.nanmedian(scores.astype(float)), rtol=1e-5, atol=1e-7)
                scored = siginfo["cell_id"].fillna("-")[own][~np.isnan(scores)]
                assert row.n_cells == scored.nunique()
                sizes = np.abs(np.array([rolled[key] for rolled in backgrounds]))
                sure = np.abs(sizes - abs(expected[key])) > 1e-6  # ties of float32 and float64 are left out
                share = 100 * np.mean(sizes < abs(expected[key]))
                assert abs(row.tau - np.sign(expected[key]) * share) <= 100 * np.mean(~sure) + 1e-4
            else:
                assert np.isnan(row.ncs) and np.isnan(row.tau) and np.isnan(row.median_ncs) and row.n_cells == 0
        assert rows["ncs"].dropna().is_monotonic_decreasing and rows["rank"].tolist() == list(range(1, len(rows) + 1))


@settings(max_examples=30, deadline=None)
@given(studies(), st.sampled_from([0, 7, None]), st.booleans())
def test_compiled_or_not_the_same_bits(study, cut, gaps):
    pytest.importorskip("numba")
    siginfo, shown, ncs, scores = study
    if gaps:
        scores[np.random.default_rng(1).random(scores.shape) < 0.05] = np.nan
    classes = {"first": ["g0", "g1", "g2", "g3"], "other": ["g3", "g4", "g5"]}
    plan = plan_roll_up(siginfo, shown & treatment_mask(siginfo), classes, QueryParams(min_class=1))
    background = Background(12, [scores] if cut is None else [scores[:cut], scores[cut:]])
    found = []
    for compiled in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("beadwork.stages.connectivity.roll_up.use_compiled", lambda count, answer=compiled: answer)
            found.append(roll_up(plan, ncs, background, 12))
    for plain, other in zip(*found, strict=True):
        assert plain.ncs.tobytes() == other.ncs.tobytes() and plain.tau.tobytes() == other.tau.tobytes()


@settings(max_examples=30, deadline=None)
@given(studies())
def test_a_background_rolled_up_once_gives_the_same_bits(study):
    siginfo, shown, ncs, scores = study
    plan = plan_roll_up(siginfo, shown & treatment_mask(siginfo))
    background = Background(12, [scores[:7], scores[7:]])
    tau = np.full(ncs.shape, np.nan, np.float32)
    for start, part in ((0, scores[:7]), (7, scores[7:])):
        fill_tau(ncs, part, tau, start)
    rolled = roll_up_background(plan, background)
    each, once = roll_up(plan, ncs, background, 12), roll_up(plan, ncs, rolled, 12, tau)
    for one, two in zip(each, once, strict=True):
        assert one.ncs.tobytes() == two.ncs.tobytes()
        np.testing.assert_array_equal(one.tau, two.tau)
    for table, rows, sizes, (alone, _) in zip((plan.cells, plan.perts, plan.classes), rolled.rows, rolled.sizes,
                                              rolled.single, strict=True):  # fmt: skip
        assert len(rows) == len(sizes) and sorted([*rows, *alone]) == list(range(len(table["n_signatures"])))
    for level, found in enumerate(once):
        for row in range(found.ncs.shape[1]):
            own = rolled.sizes_of(level, row)
            if own is None:
                own = np.abs(background.rows(np.array([rolled.signature_of(level, row)]))[0])
            own = own[~np.isnan(own)]
            size = found.ncs[0, row]
            below, above = (own < abs(size) - 1e-6).sum(), (own < abs(size) + 1e-6).sum()
            if not np.isnan(size) and len(own):
                assert (
                    100 * below / len(own) - 1e-3 <= abs(found.tau[0, row]) <= 100 * above / len(own) + 1e-3 or not size
                )


def genes(*rows):
    """Siginfo of (pert_iname, pert_id, pert_type) in one cell."""
    return pd.DataFrame(rows, columns=["pert_iname", "pert_id", "pert_type"]).assign(cell_id="MCF7")


def perturbagens(siginfo, **params):
    plan = plan_roll_up(siginfo, treatment_mask(siginfo), params=QueryParams(**params))
    columns = plan.perts
    return list(zip(*(columns[name].to_pylist() for name in ("pert_iname", "pert_id", "pert_type")),
                    columns["n_signatures"].tolist(), strict=True))  # fmt: skip


def test_over_expression_loss_of_function_and_compounds_stand_apart():
    siginfo = genes(("ESR1", "TRCN1", "trt_sh"), ("ESR1", "TRCN2", "trt_sh"), ("ESR1", "BRDN1", "trt_xpr"),
                    ("ESR1", "ccsb1", "trt_oe"), ("ESR1", "ccsb2", "trt_oe.mut"), ("ESR1", "CGS1", "trt_sh.cgs"),
                    ("ESR1", "BRD-K1", "trt_cp"))  # fmt: skip
    assert perturbagens(siginfo) == [
        ("ESR1", "BRD-K1", "trt_cp", 1), ("ESR1", "ccsb1", "trt_oe", 1), ("ESR1", "ccsb2", "trt_oe.mut", 1),
        ("ESR1", "TRCN1|TRCN2", "trt_sh", 2), ("ESR1", "CGS1", "trt_sh.cgs", 1), ("ESR1", "BRDN1", "trt_xpr", 1),
    ]  # fmt: skip
    apart = perturbagens(siginfo, perturbagen="pert_id")
    assert [row[1] for row in apart if row[2] == "trt_sh"] == ["TRCN1", "TRCN2"] and len(apart) == 7


def test_one_pert_id_is_one_perturbagen_whatever_its_names():
    names = ["vorinostat", "SAHA", "vorinostat", None, "BRD-K1"]
    siginfo = genes(*[(name, "BRD-K1", "trt_cp") for name in names], ("vorinostat", "BRD-K1", "trt_poscon"),
                    ("sirolimus", None, "trt_poscon"), (None, "BRD-K9", None))  # fmt: skip
    assert perturbagens(siginfo) == [
        ("BRD-K9", "BRD-K9", None, 1), ("sirolimus", None, "trt_poscon", 1), ("vorinostat", "BRD-K1", "trt_cp", 6),
    ]  # fmt: skip
    assert plan_roll_up(siginfo, treatment_mask(siginfo)).notes == (
        "1 pert_ids stand under several names and are rolled up under the most frequent one each (BRD-K1: vorinostat, "
        "also SAHA)",
    )


def test_a_signature_of_no_perturbagen_is_reported():
    siginfo = genes((None, None, "trt_cp"), ("a", "A", "trt_cp"))
    plan = plan_roll_up(siginfo, treatment_mask(siginfo))
    assert plan.notes == ("1 signature has neither pert_id nor pert_iname and is not rolled up",)
    assert plan.cell_of.tolist() == [-1, 0]


def test_nothing_to_roll_up():
    siginfo = genes(("DMSO", "DMSO", "ctl_vehicle"), ("EMPTY", "EMPTY", "ctl_vector"))
    plan = plan_roll_up(siginfo, treatment_mask(siginfo), {"c": ["DMSO", "EMPTY"]})
    for level in roll_up(plan, np.ones((1, 2), np.float32), Background(60, [np.ones((2, 60), np.float32)]), 50):
        assert level.ncs.shape == (1, 0) and len(ranked(level, 0)) == 0


def test_small_background_gives_no_tau():
    siginfo = genes(("a", "A", "trt_cp"), ("b", "B", "trt_cp"))
    for background in (None, Background(10, [np.ones((2, 10), np.float32)])):
        for level in roll_up(plan_roll_up(siginfo, np.ones(2, bool)), np.ones((1, 2), np.float32), background, 50):
            assert np.isnan(level.tau).all()


def test_classes_hold_one_kind_of_perturbation_each():
    siginfo = genes(("a", "BRD-K00000001-001-01-1", "trt_cp"), ("b", "BRD-K00000002", "trt_cp"), ("c", "Z", "trt_cp"),
                    ("ESR1", "T1", "trt_sh"), ("ESR1", "X1", "trt_xpr"), ("PGR", "T2", "trt_sh"),
                    ("ESR1", "O1", "trt_oe"))  # fmt: skip
    given = {"er": ["A", "brd-k00000002-003-07-9", "absent", "esr1", "PGR"], "lone": ["c"], "of one gene": ["ESR1"]}
    plan = plan_roll_up(siginfo, np.ones(7, bool), given)
    columns = [plan.classes[name] for name in ("class", "pert_type", "n_perturbagens", "n_signatures")]
    rows = list(
        zip(*(part.tolist() if isinstance(part, np.ndarray) else part.to_pylist() for part in columns), strict=True)
    )
    assert rows == [("er", "trt_cp", 2, 2), ("er", "trt_sh|trt_xpr", 2, 3)]
    assert str(plan.match) == (
        "classes: 7 of the 7 perturbagens here have a class (1 by id, 6 by name); 2 classes are scored; 4 more have "
        "too few here"
    )
    ncs = np.array([[1, 2, 0, -3, -4, -5, 9]], np.float32)
    _, _, classes = roll_up(plan, ncs, None, 50)
    table = ranked(classes, 0)
    assert table["ncs"].tolist() == pytest.approx([1.84, -4.51])
    assert table["median_ncs"].tolist() == [1.5, -4.0] and table["n_negative"].tolist() == [0, 3]
    nothing = plan_roll_up(siginfo, np.ones(7, bool), {"x": ["nobody"]})
    assert "none of its 1 perturbagens is among the 7 here, neither by id nor by name" in str(nothing.match)


def test_moa_of_the_index_goes_by_id():
    """A gene that is called like a compound is not in the compound's class."""
    from beadwork.model.connectivity.perturbagen_classes import PerturbagenClasses

    siginfo = genes(("a", "A", "trt_cp"), ("b", "B", "trt_cp"), ("a", "T", "trt_sh"))
    siginfo["moa"] = ["x|y", "y| x", None]
    plan = plan_roll_up(siginfo, np.ones(3, bool), PerturbagenClasses.of(siginfo, own=True))
    assert plan.classes["class"].to_pylist() == ["x", "y"] and [list(rows) for rows in plan.members] == [[0, 2], [0, 2]]


def test_real_scores_of_an_oestradiol_query(shared_data):
    """38,773 official scores: knock-down of ESR1 comes first among the shRNAs, apart from its over-expression."""
    path = shared_data / "signatures" / "ncs_mcf7_frasor_er_n1x38773.gctx.gz"
    if not path.exists():
        pytest.skip(f"no {path.name} among the real data")
    matrix = read_matrix(path)
    siginfo = matrix.rows.rename(columns={"cell_iname": "cell_id"}).reset_index(drop=True)
    plan = plan_roll_up(siginfo, treatment_mask(siginfo))
    ncs = np.ascontiguousarray(matrix.values.T, np.float32)
    table = ranked(roll_up(plan, ncs, None, 50)[1], 0)
    assert table["n_signatures"].sum() == len(siginfo) == 38773
    by_type = table.groupby("pert_type").size().to_dict()
    assert by_type == {
        "trt_cp": 10963,
        "trt_lig": 310,
        "trt_oe": 2602,
        "trt_sh": 3696,
        "trt_sh.cgs": 3262,
        "trt_xpr": 4228,
    }
    esr1 = table[table["pert_iname"] == "ESR1"].set_index("pert_type")
    assert esr1["ncs"].astype(float).round(4).to_dict() == {
        "trt_oe": 0,
        "trt_sh": -1.8397,
        "trt_sh.cgs": -1.3284,
        "trt_xpr": -1.7451,
    }
    knocked_down = table[table["pert_type"] == "trt_sh"].sort_values("ncs")["pert_iname"]
    assert knocked_down.iloc[0] == "ESR1"
    # as one perturbagen for all types, 329 over-expressed genes had the sign of their loss
    merged = siginfo.assign(ncs=ncs[0]).groupby("pert_iname")["ncs"].agg(lambda part: max_quantile(part.to_numpy()))
    gained = table[table["pert_type"] == "trt_oe"].set_index("pert_iname")["ncs"]
    assert (np.sign(gained) * np.sign(merged[gained.index]) < 0).sum() == 329
    agonists = siginfo.loc[siginfo["moa"] == "Estrogen receptor agonist", "pert_iname"]
    assert table[table["pert_iname"].isin(agonists) & (table["pert_type"] == "trt_cp")]["ncs"].median() > 0.5
