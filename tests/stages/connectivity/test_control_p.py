"""Control signatures of an index and where they lie; ``tests/cli/test_noise.py`` asks whole indexes."""

import numpy as np
import pandas as pd

from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.params import QueryParams
from beadwork.stages.connectivity.control_p import control_p_values, find_controls


def signatures(pert_type):
    return SignatureTable.of(
        pd.DataFrame({"sig_id": ["P1:A03", "P2:B03", "plain"], "pert_type": pert_type, "cell_id": ["A", "A", "B"]})
    )


def test_places_come_from_the_ids():
    found = find_controls(signatures(["ctl_vehicle", "trt_cp", "ctl_vehicle"]), QueryParams())
    assert found.positions.tolist() == [0, 2] and found.place[0].startswith("P1:") and found.place[1] == ""


def test_an_index_without_controls_has_no_p():
    controls = find_controls(signatures(["trt_cp"] * 3), QueryParams())
    assert not len(controls.positions)
    p, q, notes = control_p_values(np.ones((1, 3)), ["mine"], controls, QueryParams())
    assert np.isnan(p).all() and np.isnan(q).all()
    assert notes == [("no p_control: 0 control signatures elsewhere, 10 are needed",)]
