"""What noise control must know of wells: treatment, place, level, dose."""

import numpy as np
import pandas as pd
import pytest

from beadwork.model.matrix import Level, Matrix
from beadwork.stages.levels.noise.noise_wells import (
    control_places,
    doses_um,
    holds_signatures,
    key_fields,
    treatment_id,
    well_facts,
)


def columns(ids, level=None, **fields) -> Matrix:
    cols = pd.DataFrame(fields, index=pd.Index(ids, dtype=object))
    return Matrix(np.zeros((1, len(ids))), pd.DataFrame(index=["5720"]), cols, level=level)


@pytest.mark.parametrize(
    ("ids", "fields", "expected"),
    [
        (["P1_A375_24H_X1_B20:A03"], {}, False),
        (["CPC006_A549_6H:BRD-U88459701-000-01-8:10"], {}, True),
        (["LJP005_A375_24H:A03"], {}, True),
        (["anything"], {"distil_nsample": [3]}, True),
        (["anything"], {"det_well": ["A03"]}, False),
        (["LJP005_A375_24H:A03"], {"distil_id": ["x"], "det_plate": ["y"]}, True),
        (["anything"], {}, None),
    ],
)
def test_wells_and_signatures_are_distinguished(ids, fields, expected):
    assert holds_signatures(columns(ids, **fields)) is expected


def test_the_level_goes_before_ids():
    assert holds_signatures(columns(["P1_A375_24H_X1_B20:A03"], Level.MODZ)) is True
    assert holds_signatures(columns(["anything"], Level.ZSVC)) is False


@pytest.mark.parametrize(
    ("pert_id", "expected"),
    [
        ("BRD-A82307304-001-01-8", "BRD-A82307304"),
        (" BRD-A82307304 ", "BRD-A82307304"),
        ("DMSO", "DMSO"),
        (np.nan, ""),
        (None, ""),
    ],
)
def test_salts_and_batches_of_a_compound_are_one_treatment(pert_id, expected):
    assert treatment_id(pert_id) == expected


def test_what_names_a_treatment_among_the_fields_to_group_by():
    assert key_fields(("brew_prefix", "pert_id", "pert_dose", "pert_time")) == ("pert_id",)
    assert key_fields(("det_plate", "construct", "pert_dose")) == ("construct",)
    assert key_fields(("brew_prefix", "cell_id")) == ("pert_id",)


def test_facts_of_wells_and_of_signatures():
    matrix = columns(
        ["P1_A375_24H_X1_B20:A03", "P1_A375_24H_X1_B20:a4", "P1_A375_24H_X1_B20:A05", "P1_A375_24H_X1_B20:A06"],
        pert_id=["BRD-K00000001-001-01-1", "DMSO", "CMAP-001", np.nan],
        pert_type=["TRT_CP", "CTL_VEHICLE", "lma_x", "trt_cp"],
        pert_desc=["Geldanamycin", "DMSO", "x", np.nan],
    )
    facts = well_facts(matrix, ("pert_id",))
    assert facts["kind"].tolist() == ["treated", "control", "none", "none"]
    assert facts["pert_id"].tolist()[:2] == ["BRD-K00000001", "DMSO"]
    assert facts["pert_iname"].tolist()[0] == "geldanamycin"
    assert facts["well"].tolist() == ["A03", "A04", "A05", "A06"]
    assert set(facts["plate"]) == {"P1_A375_24H_X1_B20"}
    named = well_facts(columns(["B_A549_6H:BRD-U88459701-000-01-8:10", "B_A549_6H:A03"], Level.MODZ), ("pert_id",))
    assert named["pert_id"].tolist() == ["BRD-U88459701", ""]


def test_control_wells_that_touch_are_one_place():
    wells = pd.Series(["A05", "A06", "B06", "C07", "F01", "H01", ""])
    assert control_places(wells).tolist() == ["A05", "A05", "A05", "A05", "F01", "H01", ""]


def test_doses_in_other_units(caplog):
    cols = pd.DataFrame(
        {"pert_dose": [100.0, 0.2, 1.0, 5.0, np.nan], "pert_dose_unit": ["nM", "uM", "mM", "ug/ml", np.nan]}
    )
    np.testing.assert_allclose(doses_um(cols), [0.1, 0.2, 1000.0, np.nan, np.nan])
    assert "doses in ug/ml do not count as low" in caplog.text
    assert doses_um(pd.DataFrame({"pert_dose": [0.1]})).tolist() == [0.1]
    assert "1 well has no pert_dose_unit; doses there count as um" in caplog.text
