"""Level 1 to level 2 as a stage: annotation, wells that leave, QC rows, and the official values of a real plate."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.beads.lxb import read_plate
from beadwork.io.beads.maps import read_map
from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.bead_sets import read_bead_set
from beadwork.kernels.beads.grouping import group_beads
from beadwork.model.beads.plate import CALIBRATORS, N_ANALYTES, BeadPlate
from beadwork.model.errors import FileError, MapError, ParameterError
from beadwork.model.matrix import Level, Space
from beadwork.model.params import DeconvolveParams
from beadwork.model.qc import COLUMNS, METRICS
from beadwork.stages.beads.callers import METHODS
from beadwork.stages.beads.deconvolve import deconvolve

PLATE = "P1_MCF7_6H_X2_B20"
FEW = DeconvolveParams(method="kmeans", min_wells=2, min_well_beads=100)


def made_beads(wells=("A01", "A02", "B01"), bad=(), size=60):
    rng = np.random.default_rng(5)
    level = rng.uniform(6, 12, (500, 2))
    grouped = []
    for _ in wells:
        analyte = np.repeat(np.arange(1, 501), size)
        is_lo = rng.random(len(analyte)) > 0.65
        reporter = np.round(2 ** (level[analyte - 1, is_lo.astype(int)] + rng.normal(0, 0.2, len(analyte))))
        grouped.append(group_beads(analyte, reporter.astype(np.uint32), N_ANALYTES))
    table = pd.DataFrame(bad, columns=["well", "reason"], dtype=object)
    return BeadPlate.from_wells(PLATE, wells, grouped, table, {well: f"xxh3_128:{well}" for well in wells})


def made_map(wells=("A01", "A02", "B01"), **fields):
    index = pd.Index(wells, dtype=object)
    return pd.DataFrame({"pert_id": "BRD-1", "pert_type": "trt_cp", "x_note": "carried", **fields}, index=index)


def metric(result, name):
    rows = result.qc[result.qc["metric"] == name]
    return rows.set_index("entity")["value"]


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize(("name", "space"), [("epsilon-r2", Space.LM), ("epsilon-r1", Space.LM), ("deltap-r1", None)])
def test_rows_are_the_genes_of_the_bead_set(method, name, space):
    bead_set = read_bead_set(name)
    params = FEW.model_copy(update={"method": method})
    result = deconvolve(made_beads(), bead_set, made_map(), params=params)
    assert (result.gex.level, result.gex.space) == (Level.GEX, space)
    pd.testing.assert_frame_equal(result.gex.rows, bead_set.genes)
    assert list(result.gex.cids) == [f"{PLATE}:{well}" for well in ("A01", "A02", "B01")]
    assert np.isfinite(result.gex.values).all()
    assert (result.gex.values >= 1).all()
    assert result.calibrators.level is Level.CAL
    assert tuple(result.calibrators.rids) == CALIBRATORS
    assert (result.sd is None) == (not METHODS[method].has_sd)
    assert list(result.qc.columns) == COLUMNS
    assert set(result.qc["metric"]) <= set(METRICS)


def test_annotation_of_wells():
    fields = {"bead_batch": "b20", "cell_id": "OTHER"}
    result = deconvolve(made_beads(), read_bead_set("epsilon-r2"), made_map(cell_id="A549"), fields=fields, params=FEW)
    cols = result.gex.cols
    row = cols.loc[f"{PLATE}:A02"]
    expected = {
        "det_plate": PLATE, "det_well": "A02", "bead_batch": "b20", "bead_set": "dp52,dp53", "bead_revision": "r2",
        "pert_id": "BRD-1", "x_note": "carried", "brew_prefix": "P1_MCF7_6H", "cell_id": "OTHER",
        "lxb_digest": "xxh3_128:A02",
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected
    assert cols["count_mean"].tolist() == pytest.approx([60, 60, 60], abs=0.5)
    assert cols["count_cv"].between(0, 5).all()


def test_annotation_falls_back_on_the_plate_name():
    cols = deconvolve(made_beads(), read_bead_set("epsilon-r2"), params=FEW).gex.cols
    assert set(cols["cell_id"]) == {"MCF7"}
    mapped = deconvolve(made_beads(), read_bead_set("epsilon-r2"), made_map(brew_prefix="mine"), params=FEW).gex.cols
    assert set(mapped["brew_prefix"]) == {"mine"}


def test_bead_counts_are_those_of_analytes_11_to_500():
    beads = made_beads()
    result = deconvolve(beads, read_bead_set("epsilon-r2"), params=FEW)
    counts = beads.counts[:, 10:].astype(float)
    np.testing.assert_allclose(result.gex.cols["count_mean"], counts.mean(axis=1))
    np.testing.assert_allclose(
        result.gex.cols["count_cv"], 100 * counts.std(axis=1, ddof=1) / counts.mean(axis=1), atol=1e-12
    )


def test_genes_take_the_values_of_their_half():
    """The hi gene is that of most beads: values of known mixtures land in the right rows."""
    bead_set = read_bead_set("epsilon-r2")
    analyte = np.repeat(np.arange(1, 501), 90)
    reporter = np.where(np.tile(np.arange(90), 500) < 60, 1000 + analyte, 10_000 + analyte)
    reporter = reporter + np.tile(np.arange(90), 500) % 3 - 1
    beads = BeadPlate.from_wells(PLATE, ["A01", "A02"], [group_beads(analyte, reporter, N_ANALYTES)] * 2)
    params = FEW.model_copy(update={"flip": False})
    result = deconvolve(beads, bead_set, params=params)
    number = bead_set.genes["pr_analyte_num"].to_numpy()
    is_hi = (bead_set.genes["pr_bset_id"] == "dp52").to_numpy()
    single = np.isin(number, [11, 499])
    expected = np.where(single, 1001 + number, np.where(is_hi, 1000 + number, 10_000 + number))
    np.testing.assert_array_equal(result.gex.values[:, 0], expected)
    np.testing.assert_array_equal(result.support.values[:, 0], np.where(single, 90, np.where(is_hi, 60, 30)))
    np.testing.assert_array_equal(result.calibrators.values[:, 1], np.arange(1002, 1012))


def test_missing_calibrator_is_nan():
    beads = made_beads()
    keep = np.ones(len(beads.reporter), bool)
    keep[beads.starts[1, 3] : beads.starts[1, 4]] = False
    wells = []
    for index in range(3):
        analyte, reporter = beads.well_beads(index)
        chosen = keep[beads.starts[index, 0] : beads.starts[index, -1]]
        wells.append(group_beads(analyte[chosen], reporter[chosen], N_ANALYTES))
    result = deconvolve(BeadPlate.from_wells(PLATE, beads.wells, wells), read_bead_set("epsilon-r2"), params=FEW)
    assert np.argwhere(np.isnan(result.calibrators.values)).tolist() == [[3, 1]]
    assert metric(result, "calibrators_missing").tolist() == [0, 1, 0]


# ---- wells that leave -----------------------------------------------------------------------------------------------


def test_every_well_that_leaves_has_a_row():
    beads = made_beads(bad=[("C05", "P1_C05.lxb is empty"), ("odd.lxb", "its name does not end in a well")])
    plate_map = made_map(("A01", "A02", "C05", "D01"))
    result = deconvolve(beads, read_bead_set("epsilon-r2"), plate_map, params=FEW)
    assert list(result.gex.cols["det_well"]) == ["A01", "A02"]
    assert metric(result, "well_unusable").to_dict() == {
        f"{PLATE}:C05": "P1_C05.lxb is empty",
        f"{PLATE}:odd.lxb": "its name does not end in a well",
    }
    assert metric(result, "well_without_map").to_dict() == {f"{PLATE}:B01": "has no row in the plate map"}
    assert metric(result, "map_without_well").to_dict() == {f"{PLATE}:D01": "has no LXB file"}
    assert metric(result, "wells_read").to_dict() == {PLATE: 2}


def test_well_with_few_beads_leaves():
    beads = made_beads()
    starved = [
        group_beads(np.arange(1, 51), np.full(50, 900), N_ANALYTES),
        *(group_beads(*beads.well_beads(i), N_ANALYTES) for i in (1, 2)),
    ]
    plate = BeadPlate.from_wells(PLATE, beads.wells, starved)
    result = deconvolve(plate, read_bead_set("epsilon-r2"), params=FEW)
    assert list(result.gex.cols["det_well"]) == ["A02", "B01"]
    assert metric(result, "well_unusable").to_dict() == {
        f"{PLATE}:A01": "has 50 classified beads; at least 100 are needed"
    }


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("level", [0, 3, 40_000, 2**32 - 1])
def test_well_whose_beads_are_all_out_of_range_leaves(method, level):
    beads = made_beads()
    analyte = np.repeat(np.arange(1, 501), 60)
    lost = group_beads(analyte, np.full(len(analyte), level, np.uint32), N_ANALYTES)
    plate = BeadPlate.from_wells(
        PLATE, beads.wells, [lost, *(group_beads(*beads.well_beads(i), N_ANALYTES) for i in (1, 2))]
    )
    result = deconvolve(plate, read_bead_set("epsilon-r2"), params=FEW.model_copy(update={"method": method}))
    assert list(result.gex.cols["det_well"]) == ["A02", "B01"]
    top = "16384" if method == "kspeak" else "32768"
    assert metric(result, "well_unusable").to_dict() == {
        f"{PLATE}:A01": f"has 0 good beads (FI 16 to {top}) of 30,000 classified ones; at least 100 are needed"
    }


def test_well_without_beads_for_most_analytes_fails_its_qc():
    """Region ids read one byte off: nearly all beads are those of two analytes."""
    beads = made_beads()
    two = group_beads(np.repeat([1, 2], 3000), np.full(6000, 900, np.uint32), N_ANALYTES)
    plate = BeadPlate.from_wells(
        PLATE, beads.wells, [two, *(group_beads(*beads.well_beads(i), N_ANALYTES) for i in (1, 2))]
    )
    qc = deconvolve(plate, read_bead_set("epsilon-r2"), params=FEW).qc
    rows = qc[qc["metric"] == "no_beads"].set_index("entity")
    assert rows["pass"].tolist() == [False, True, True]
    assert rows["value"].iloc[0] == 1.0 and set(rows["upper"]) == {0.5}


def test_other_wells_do_not_change_without_flip():
    params = FEW.model_copy(update={"flip": False, "min_wells": 1})
    beads, bead_set = made_beads(), read_bead_set("epsilon-r2")
    whole = deconvolve(beads, bead_set, params=params).gex
    alone = deconvolve(beads.take_wells(np.array([False, True, False])), bead_set, params=params).gex
    np.testing.assert_array_equal(alone.values[:, 0], whole.values[:, 1])


def test_plate_with_too_few_wells_is_refused():
    beads = made_beads(bad=[("C05", "x_C05.lxb is empty")])
    with pytest.raises(
        FileError,
        match=rf"{PLATE}: 3 usable wells, but at least 10 \(min_wells\) are needed; left out: C05: x_C05.lxb is empty",
    ):
        deconvolve(beads, read_bead_set("epsilon-r2"))


def test_map_of_another_plate_is_refused():
    with pytest.raises(MapError, match=r"none of its wells \(A01, A02, B01\) has a row in the plate map; give the rig"):
        deconvolve(made_beads(), read_bead_set("epsilon-r2"), made_map(("P23", "P24")), params=FEW)


def test_contradicting_limits_are_refused():
    with pytest.raises(ParameterError, match="low_exp 15 must be below the upper limit 15"):
        deconvolve(made_beads(), read_bead_set("epsilon-r2"), params=DeconvolveParams(low_exp=15))


def test_every_method_is_a_legal_parameter_and_described():
    from typing import get_args

    assert set(METHODS) == set(get_args(DeconvolveParams.model_fields["method"].annotation))
    for name, method in METHODS.items():
        assert (method.name, bool(method.description), bool(method.reference)) == (name, True, True)
        assert DeconvolveParams(method=name).gives_sd == method.has_sd


def test_threads_do_not_matter():
    results = [
        deconvolve(made_beads(), read_bead_set("epsilon-r2"), params=FEW, threads=threads).gex.values
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*results)


# ---- a real plate against official results --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def test_plate(shared_data):
    folder = shared_data / "plates" / "TEST_A375_24H_X1_B20"
    return folder, read_plate(folder / "lxb", threads=2), read_map(folder / "TEST_A375_24H_X1_B20.map")


def official(folder, level):
    return np.stack(
        [read_matrix(folder / "official" / "dpeak" / f"dp5{half}_{level}_n26x500.gct.gz").values for half in (2, 3)]
    )


@pytest.mark.parametrize(("flip", "level"), [(False, "RAW"), (True, "GEX")])
def test_kmeans_is_near_the_official_values(test_plate, flip, level):
    """The official program starts k-means at random, so a few per cent of its analytes sit in a local optimum."""
    folder, beads, plate_map = test_plate
    result = deconvolve(
        beads, read_bead_set("epsilon-r2"), plate_map, params=DeconvolveParams(method="kmeans", flip=flip), threads=2
    )
    expected = official(folder, level)
    np.testing.assert_array_equal(result.calibrators.values, np.round(expected[0, :10]))
    genes = result.gex.rows
    for half, name in enumerate(("dp52", "dp53")):
        rows = (genes["pr_bset_id"] == name).to_numpy()
        ours = np.log2(result.gex.values[rows])
        theirs = np.log2(expected[half][genes.loc[rows, "pr_analyte_num"].to_numpy(int) - 1])
        gap = np.abs(ours - theirs)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.997
        assert (gap <= 0.1).mean() > 0.985
        assert (gap <= 0.5).mean() > 0.99
        assert (gap < 1e-5).mean() > 0.95


def test_counts_are_near_the_official_ones(test_plate):
    folder, beads, plate_map = test_plate
    theirs = read_matrix(folder / "official" / "TEST_A375_24H_X1_B20_GEX_n26x978.gct.gz").cols
    ours = deconvolve(beads, read_bead_set("epsilon-r2"), plate_map, threads=2).gex.cols
    assert list(ours.index) == list(theirs.index)
    assert np.abs(ours["count_mean"] - theirs["count_mean"]).max() < 2
    assert np.abs(ours["count_cv"] - theirs["count_cv"]).max() < 1.05
