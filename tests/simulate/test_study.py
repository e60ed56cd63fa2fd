"""The simulator: same seed, same beads; and the beads agree with the truth that is written beside them."""

import numpy as np
import pytest

from beadwork.io.beads.lxb import lxb_bytes, read_plate
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.model.errors import ParameterError
from beadwork.model.matrix import Space, check_matrix
from beadwork.model.params import SimulateParams
from beadwork.simulate.draw import draw_well, make_platform, simulate_beads
from beadwork.simulate.layout import POSCONS, REFERENCE_RNA, VEHICLE_WELLS, choose_wells
from beadwork.simulate.study import FAULTS, plan_study


def plan(ratio: float = 2.0, **params):
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].to_numpy()
    return plan_study(read_bead_set("epsilon-r2"), ratio, levels, SimulateParams(**params))


@pytest.fixture(scope="module")
def study():
    return plan(plates=4, wells=24, replicates=2, beads_mean=60, seed=11)


def test_same_seed_same_beads_whatever_the_threads(study):
    one, two = (simulate_beads(study, study.plates[1], threads=threads) for threads in (1, 2))
    assert one.reporter.tobytes() == two.reporter.tobytes()
    assert one.starts.tobytes() == two.starts.tobytes()
    again = plan(plates=4, wells=24, replicates=2, beads_mean=60, seed=11)
    assert again.signatures.values.tobytes() == study.signatures.values.tobytes()
    assert simulate_beads(again, again.plates[1]).reporter.tobytes() == one.reporter.tobytes()
    other = plan(plates=4, wells=24, replicates=2, beads_mean=60, seed=12)
    assert simulate_beads(other, other.plates[1]).reporter.tobytes() != one.reporter.tobytes()


def test_plates_differ_and_keep_their_content_when_there_are_more(study):
    fewer = plan(plates=1, wells=24, replicates=2, beads_mean=60, seed=11)
    first, second = (draw_well(study, plate, 5) for plate in study.plates[:2])
    np.testing.assert_array_equal(draw_well(fewer, fewer.plates[0], 5)[1], first[1])
    assert first[1].tobytes() != second[1].tobytes()


def test_names_and_replicates(study):
    assert [plate.det_plate for plate in study.plates] == [
        "SIM001_A375_24H_X1_B20",
        "SIM001_A375_24H_X2_B20",
        "SIM001_MCF7_24H_X1_B20",
        "SIM001_MCF7_24H_X2_B20",
    ]
    assert (
        study.plates[0].plate_map.drop(columns="rna_plate").equals(study.plates[1].plate_map.drop(columns="rna_plate"))
    )
    assert study.plates[0].brew_prefix == study.plates[1].brew_prefix == "SIM001_A375_24H"


def test_layout_of_a_full_plate_is_that_of_ljp009():
    roles = choose_wells(384)
    assert len(roles) == 384
    assert [well for well, role in roles.items() if role == "vehicle"] == sorted(VEHICLE_WELLS)
    assert {well for well, role in roles.items() if role == "poscon"} == set(POSCONS)
    assert {well for well, role in roles.items() if role == "lma"} == set(REFERENCE_RNA)


@pytest.mark.parametrize("n_wells", [10, 15, 16, 20, 24, 95, 96, 100, 192, 383])
def test_small_plates_keep_every_kind_of_well(n_wells):
    roles = choose_wells(n_wells)
    assert len(roles) == n_wells
    assert set(roles.values()) >= {"poscon", "vehicle", "treatment"}
    assert sum(role == "vehicle" for role in roles.values()) >= 4


def test_median_bead_of_a_gene_is_its_true_level(study):
    """With the gene of every bead known (one gene per analyte), the median of the beads is the truth."""
    alone = plan(ratio=1e6, plates=1, wells=10, beads_mean=2000, share_spread=0, seed=3)
    beads = simulate_beads(alone, alone.plates[0])
    genes = alone.bead_set.genes
    hi = (genes["pr_bset_id"] == alone.bead_set.hi).to_numpy()
    for well in range(beads.n_wells):
        analyte, reporter = beads.well_beads(well)
        medians = np.array([np.median(reporter[analyte == number]) for number in genes["pr_analyte_num"][hi]])
        error = np.log2(medians) - alone.plates[0].log2_fi[hi, well]
        assert abs(np.median(error)) < 0.01
        assert np.quantile(np.abs(error), 0.99) < 0.06


def test_counts_ratio_outliers_and_calibrators():
    study = plan(ratio=3.0, plates=1, wells=24, beads_mean=100, seed=5)
    beads = simulate_beads(study, study.plates[0])
    counts = beads.counts
    assert counts[:, 11:498].mean() == pytest.approx(100, rel=0.1)
    assert counts[:, :10].mean() == pytest.approx(375, rel=0.1)
    # analytes with one gene lack the beads of the other: 3/4 and 1/4 are left
    assert counts[:, 10].mean() == pytest.approx(75, rel=0.2)
    assert counts[:, 498].mean() == pytest.approx(25, rel=0.3)
    assert np.mean(beads.reporter == 0) == pytest.approx(0.008, rel=0.2)
    analyte, _ = draw_well(study, study.plates[0], 3)
    assert np.mean(analyte == 0) == pytest.approx(0.165, abs=0.06)
    levels = np.diff(np.median(study.plates[0].calibrators, axis=1))
    assert (levels > -0.5).all()


def test_truth_of_level_5(study):
    check_matrix(study.signatures, space=Space.LM, finite=True)
    info = study.siginfo.set_index("sig_id")
    values = study.signatures.to_frame()
    assert (values["SIM001_A375_24H:DMSO"] == 0).all()
    assert (values.loc[:, (info["is_active"] == 0).to_numpy()] == 0).all().all()
    size = np.sqrt((values**2).mean())
    doses = info[(info["is_active"] == 1) & (info["pert_type"] == "trt_cp")].groupby(["brew_prefix", "pert_id"])
    for _, rows in doses:
        ordered = size[rows.sort_values("pert_dose").index]
        assert ordered.is_monotonic_increasing
    vorinostat = [f"SIM001_{cell}_24H:BRD-K81418486:10" for cell in ("A375", "MCF7")]
    assert np.corrcoef(values[vorinostat].T)[0, 1] > 0.4, "mechanisms are shared across cell lines"


def test_mean_of_replicates_approaches_the_planted_effect():
    study = plan(plates=12, wells=16, replicates=12, cells=("A375",), well_shift=0, well_slope=0, well_bend=0, seed=2)
    well = study.plates[0].wells.index("A03")
    vehicles = [study.plates[0].wells.index(name) for name in VEHICLE_WELLS[:4]]
    shift = np.mean([p.log2_fi[:, well] - p.log2_fi[:, vehicles].mean(1) for p in study.plates], axis=0)
    truth = study.signatures.to_frame()["SIM001_A375_24H:BRD-K81418486:10"].to_numpy()
    assert np.corrcoef(shift, truth)[0, 1] > 0.95


def test_markers_are_what_a_mechanism_moves(study):
    up, down = study.markers(1), study.markers(-1)
    assert list(up) == list(down) == list(study.mechanisms)
    for name in up:
        assert len(up[name]) == len(down[name]) == 50
        assert not set(up[name]) & set(down[name])
    effect = study.signatures.to_frame()["SIM001_A375_24H:BRD-K81418486:10"]
    assert effect[up["HDAC inhibitor"]].mean() > 0.5
    assert effect[down["HDAC inhibitor"]].mean() < -0.5


def test_true_gex_is_linear_and_complete(study):
    gex = study.true_gex(study.plates[0])
    check_matrix(gex, level="GEX", space=Space.LM, finite=True)
    np.testing.assert_allclose(np.log2(gex.values), study.plates[0].log2_fi, rtol=1e-5)
    assert gex.cids[0] == "SIM001_A375_24H_X1_B20:A01"
    blank = gex.values[:, 0]
    assert np.median(blank) == pytest.approx(2**6.05, rel=0.05), "A01 holds no RNA"


def test_files_give_the_same_beads_as_memory(study, tmp_path):
    plate = study.plates[0]
    platform = make_platform(study)
    for well, name in enumerate(plate.wells):
        analyte, reporter = draw_well(study, plate, well, platform)
        data = lxb_bytes(analyte, reporter, name, rng=np.random.default_rng(well))
        (tmp_path / f"{plate.det_plate}_{name}.lxb").write_bytes(data)
    read, drawn = read_plate(tmp_path), simulate_beads(study, plate, threads=2)
    assert read.det_plate == plate.det_plate
    assert read.wells == drawn.wells
    for well in range(read.n_wells):
        for mine, theirs in zip(drawn.well_beads(well), read.well_beads(well), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_faults():
    study = plan(plates=1, wells=384, bad_wells=0.5, beads_mean=5, seed=4)
    plate = study.plates[0]
    assert set(plate.faults) == {"", *FAULTS}
    beads = simulate_beads(study, plate, threads=2)
    lost = [fault in ("absent", "empty", "truncated") for fault in plate.faults]
    assert len(beads.bad_wells) == sum(lost) == 384 - beads.n_wells
    faults = dict(zip(plate.wells, plate.faults, strict=True))
    for well, name in enumerate(beads.wells):
        _, reporter = beads.well_beads(well)
        if faults[name] == "few beads":
            assert len(reporter) < 100
        elif faults[name] == "dark":
            assert np.median(reporter) < 100


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cells": ("A_375",)}, "'A_375' cannot stand in a plate name"),
        ({"cells": ("A375", "A375")}, "named twice"),
        ({"plates": 10000, "cells": ("A375",)}, "more than 999"),
    ],
)
def test_studies_that_cannot_be(params, message):
    with pytest.raises(ParameterError, match=message):
        plan(**params)
