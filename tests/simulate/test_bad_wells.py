"""Bad wells and wrong maps that are planted into simulated studies."""

import numpy as np
import pytest

from beadwork.api.bad_study import write_bad_study
from beadwork.io.files.tables import read_table
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.model.params import SimulateParams
from beadwork.simulate.bad_wells import WELL_FAULTS, bad_beads, choose_bad_wells, misplaced_map
from beadwork.simulate.draw import draw_well, make_platform
from beadwork.simulate.study import plan_study


@pytest.fixture(scope="module")
def study():
    reference = read_liss_reference()
    levels = reference.loc[reference["calibrator"].notna(), "log2_level"].tolist()
    params = SimulateParams(plates=2, replicates=1, cells=("A375", "MCF7"), wells=48, beads_mean=20, seed=3)
    return plan_study(read_bead_set("epsilon-r2"), 2.0, levels, params)


def test_each_plate_gets_its_share_and_every_kind_comes(study):
    chosen = choose_bad_wells(study, 0.25, 1)
    assert [len(faults) for faults in chosen.values()] == [12, 12]
    assert {fault for faults in chosen.values() for fault in faults.values()} == set(WELL_FAULTS)
    assert not {"A01", "A02", "B01", "B02"} & {well for faults in chosen.values() for well in faults}
    assert chosen == choose_bad_wells(study, 0.25, 1) != choose_bad_wells(study, 0.25, 2)


def test_bad_wells_have_the_beads_that_their_fault_says(study):
    plate, platform = study.plates[0], make_platform(study)
    at = next(at for at, well in enumerate(plate.wells) if well not in ("A01", "A02", "B01", "B02"))
    analyte, reporter = draw_well(study, plate, at, platform)

    def bad(fault):
        return bad_beads(study, plate, at, fault, platform, np.random.default_rng(0))

    assert len(bad("empty")[0]) == 0
    assert 0 < len(bad("few beads")[0]) < 0.03 * len(analyte)
    assert np.median(bad("dark")[1]) == pytest.approx(2**6, rel=0.1) and np.median(reporter) > 200
    mate = study.plates[1]
    np.testing.assert_array_equal(bad("another cell line")[1], draw_well(study, mate, at, platform)[1])
    other, same = bad("another bead set")
    np.testing.assert_array_equal(same, reporter)
    assert (other[analyte < 11] == analyte[analyte < 11]).all() and (
        other[analyte > 10] != analyte[analyte > 10]
    ).mean() > 0.9
    for fault in ("truncated", "not an LXB file"):  # faults of the file
        np.testing.assert_array_equal(bad(fault)[0], analyte)


def test_a_misplaced_map_has_the_rows_of_other_wells(study):
    own = study.plates[0].plate_map
    found = misplaced_map(own, "shifted one row down").set_index("rna_well")
    by_well = own.set_index("rna_well")
    assert len(found) and all(found.loc[well, "pert_id"] == by_well.loc[f"{chr(ord(well[0]) - 1)}{well[1:]}", "pert_id"]
                              for well in found.index)  # fmt: skip


def test_the_written_study_says_what_was_planted_where(tmp_path):
    write_bad_study(tmp_path, sets=1, wells=16, beads_mean=2, share=0.25, threads=1)
    wells = read_table(tmp_path / "wells.tsv")
    for row in wells.itertuples():
        name = f"lxb/{row.det_plate}/{row.det_plate}_{row.det_well}.lxb"
        sound, bad = tmp_path / "sound" / name, tmp_path / "bad" / name
        assert sound.is_file() and bad.is_file() == (row.fault != "absent")
        assert row.fault == "absent" or sound.read_bytes() != bad.read_bytes()
    mistakes = read_table(tmp_path / "plates.tsv").set_index("det_plate")["mistake"]
    assert mistakes.tolist() == ["shifted one row down", "a replicate from another cell line"]
    sheets = [read_table(tmp_path / kind / "plates.tsv").set_index("det_plate")["lxb"] for kind in ("sound", "bad")]
    assert sheets[0].index[sheets[0] != sheets[1]].tolist() == [mistakes.index[1]]
