"""Planted plate mistakes are found and named; sound plates are not accused.

benchmarks/robustness/plate_check.py counts more of them.
"""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.model.errors import AlignmentError, LevelError
from beadwork.model.matrix import Level
from beadwork.model.params import CheckPlatesParams, SimulateParams
from beadwork.simulate import mistakes
from beadwork.simulate.mistakes import called_gex
from beadwork.simulate.study import plan_study
from beadwork.stages.plates.check import TABLE_COLUMNS, check_plates, compared_genes, make_fingerprint

SETS = [read_bead_set(name) for name in ("epsilon-r1", "epsilon-r2", "deltap-r1")]


@pytest.fixture(scope="module")
def plates():
    """GEX of twelve plates: two cell lines, two sets of compounds, three replicates."""
    levels = read_liss_reference().dropna(subset="calibrator")["log2_level"].to_numpy()
    study = plan_study(SETS[1], 2.0, levels, SimulateParams(plates=12, wells=384, seed=4))
    rng = np.random.default_rng(4)
    return {plate.det_plate: called_gex(study, plate, rng) for plate in study.plates}


def verdicts(plates) -> pd.DataFrame:
    genes = compared_genes(matrix.rids for matrix in plates.values())
    result = check_plates([make_fingerprint(matrix, genes) for matrix in plates.values()], SETS)
    assert list(result.table.columns) == list(TABLE_COLUMNS)
    return result.table.set_index("det_plate")


def test_sound_plates_are_not_accused(plates):
    table = verdicts(plates)
    assert set(table["verdict"]) == {"ok"}
    assert (table["suspicion"] == "").all()
    assert (table["replicate_match"] > 0.05).all()


@pytest.mark.parametrize(
    "way",
    ["shifted one row down", "shifted one column to the left", "shifted one row up and one column to the right",
     "rotated by 180 degrees", "mirrored left to right"],
)  # fmt: skip
def test_a_map_that_lies_wrongly_is_named(plates, way):
    name = "SIM001_MCF7_24H_X2_B20"
    table = verdicts({**plates, name: mistakes.lay(plates[name], way)})
    assert table.index[table["verdict"] == "suspected"].tolist() == [name]
    assert table.loc[name, "map_fit"] == way
    assert table.loc[name, "suspicion"] == f"its map seems to be {way}"


def test_a_map_that_lies_wrongly_on_all_replicates_is_seen_by_the_controls(plates):
    members = [name for name in plates if name.startswith("SIM002_A375")]
    table = verdicts({**plates, **{name: mistakes.lay(plates[name], "rotated by 180 degrees") for name in members}})
    assert table.index[table["verdict"] == "suspected"].tolist() == members
    assert (table.loc[members, "map_fit"] == "rotated by 180 degrees").all()


@pytest.mark.parametrize(
    "second", ["SIM001_MCF7_24H_X2_B20", "SIM002_A375_24H_X1_B20", "SIM002_MCF7_24H_X3_B20"],
    ids=["other cell", "other compounds", "both"],
)  # fmt: skip
def test_swapped_plates_name_each_other(plates, second):
    first = "SIM001_A375_24H_X1_B20"
    swapped = {
        **plates,
        first: mistakes.rename(plates[second], plates[first]),
        second: mistakes.rename(plates[first], plates[second]),
    }
    table = verdicts(swapped)
    assert set(table.index[table["verdict"] == "suspected"]) == {first, second}
    assert table.loc[first, "swapped_with"] == second
    assert table.loc[second, "swapped_with"] == first
    assert table.loc[first, "suspicion"].startswith(f"seems to be swapped with {second}")


def test_a_swap_must_gain_as_much_as_the_parameter_asks(plates):
    first, second = "SIM001_A375_24H_X1_B20", "SIM002_A375_24H_X1_B20"
    swapped = {
        **plates,
        first: mistakes.rename(plates[second], plates[first]),
        second: mistakes.rename(plates[first], plates[second]),
    }
    genes = compared_genes(matrix.rids for matrix in swapped.values())
    fingerprints = [make_fingerprint(matrix, genes) for matrix in swapped.values()]
    strict = check_plates(fingerprints, SETS, params=CheckPlatesParams(min_swap_gain=2.0)).table.set_index("det_plate")
    assert not any(isinstance(name, str) and name for name in strict["swapped_with"])


def test_another_bead_set_is_named(plates):
    name = "SIM002_MCF7_24H_X1_B20"
    table = verdicts({**plates, name: mistakes.wrong_set(plates[name], SETS[0])})
    assert table.index[table["verdict"] == "suspected"].tolist() == [name]
    assert table.loc[name, "suspicion"] == "its values fit bead set epsilon-r2"


def test_a_replicate_from_another_cell_line_is_named(plates):
    name, foreign = "SIM001_A375_24H_X3_B20", "SIM001_MCF7_24H_X3_B20"
    some = {key: value for key, value in plates.items() if key != foreign}
    table = verdicts({**some, name: mistakes.rename(plates[foreign], plates[name])})
    assert table.index[table["verdict"] == "suspected"].tolist() == [name]
    assert table.loc[name, "suspicion"] == "its profile is that of MCF7, not of A375"


def test_a_well_from_another_cell_line_is_a_qc_row(plates):
    name, other = "SIM001_A375_24H_X1_B20", "SIM001_MCF7_24H_X1_B20"
    values = plates[name].values.copy()
    well = int(np.flatnonzero(plates[name].cols["det_well"] == "C10")[0])
    values[:, well] = plates[other].values[:, well]
    mixed = {**plates, name: plates[name].with_values(values)}
    genes = compared_genes(matrix.rids for matrix in mixed.values())
    qc = check_plates([make_fingerprint(matrix, genes) for matrix in mixed.values()], SETS).qc
    odd = qc[qc["metric"] == "well_unlike_plate"].set_index("entity")["value"]
    assert "more like MCF7" in odd[f"{name}:C10"]
    assert not qc.loc[qc["metric"] == "well_unlike_plate", "pass"].any()
    assert {"replicate_match", "control_match", "cell_match"} <= set(qc["metric"])


def test_one_plate_alone_is_not_checked(plates):
    name = next(iter(plates))
    table = verdicts({name: plates[name]})
    assert table.loc[name, "verdict"] == "not checked"


def test_verdicts_do_not_depend_on_the_order_of_sound_plates(plates):
    backwards = dict(reversed(list(plates.items())))
    assert verdicts(backwards)["verdict"].sort_index().equals(verdicts(plates)["verdict"].sort_index())


def test_mistakes_of_the_user_are_reported(plates):
    name, matrix = next(iter(plates.items()))
    genes = compared_genes([matrix.rids])
    made = make_fingerprint(matrix, genes)
    with pytest.raises(AlignmentError, match=f"plates are given twice: {name}; give each plate once"):
        check_plates([made, made])
    with pytest.raises(LevelError, match="holds level ZSPC, but GEX is needed here"):
        make_fingerprint(matrix.with_values(matrix.values, level=Level.ZSPC), genes)
    bare = matrix.with_values(matrix.values, cols=matrix.cols.drop(columns="pert_id"))
    with pytest.raises(AlignmentError, match=r"lacks the field\(s\) pert_id; give GEX of beadwork deconvolve"):
        make_fingerprint(bare, genes)
    with pytest.raises(AlignmentError, match="has 0 of the 2 genes of the other plates"):
        make_fingerprint(matrix, pd.Index(["x", "y"]))
    assert CheckPlatesParams().min_t == 6.0
