"""What a pert_type means, for every type of CMap, in whatever case, and for types that nobody has listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.model.pert_types import (
    PERT_TYPES,
    is_control,
    is_empty,
    is_null,
    is_plate_control,
    is_treatment,
    is_unknown_type,
    is_vehicle,
    perturbation_kind,
    plain_pert_type,
    rolled_up_as,
    type_mask,
)

CASES = st.sampled_from([str.lower, str.upper, str.title, lambda text: f" {text}\t"])


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ("compound", ["trt_cp", "trt_poscon", "trt_poscon.es"]),
        ("over-expression", ["trt_oe"]),
        ("mutant", ["trt_oe.mut"]),
        ("loss of function", ["trt_sh", "trt_sh.cgs", "trt_xpr", "trt_si"]),
        ("ligand", ["trt_lig"]),
        ("antibody", ["trt_aby"]),
        ("control", ["ctl_vehicle", "ctl_vector", "ctl_untrt", "ctl_vehicle.cns", "ctl_vector.cns", "ctl_untrt.cns",
                     "ctl_new", "trt_sh.css"]),
        ("empty", ["lma_x", "lma_1"]),
        ("other", ["trt_new", "dose", "", None, float("nan")]),
    ],
)  # fmt: skip
def test_kinds(kind, types):
    assert [perturbation_kind(item) for item in types] == [kind] * len(types)


@given(st.sampled_from([*PERT_TYPES, "trt_new", "ctl_new", "other"]), CASES)
def test_case_and_blanks_do_not_count(kind, spell):
    for test in (perturbation_kind, is_control, is_null, is_treatment, is_vehicle, is_empty, is_plate_control,
                 rolled_up_as, plain_pert_type):  # fmt: skip
        assert test(spell(kind)) == test(kind)
    assert is_control(kind) + is_treatment(kind) + is_empty(kind) <= 1, "a type is one of these at most"


def test_only_the_vehicle_is_vehicle_and_every_ctl_is_null():
    assert [kind for kind in PERT_TYPES if is_vehicle(kind)] == ["ctl_vehicle"]
    assert {kind for kind in PERT_TYPES if is_null(kind)} == {kind for kind in PERT_TYPES if kind.startswith("ctl_")}


def test_a_positive_control_is_a_compound_but_the_same_on_all_plates():
    assert is_treatment("trt_poscon") and is_plate_control("TRT_POSCON") and not is_plate_control("trt_cp")
    assert rolled_up_as("trt_poscon") == rolled_up_as("trt_cp") == "trt_cp" and rolled_up_as("trt_oe") == "trt_oe"


def test_masks_of_columns():
    assert type_mask(["CTL_Vehicle", None, "trt_cp", float("nan")], is_vehicle).tolist() == [True, False, False, False]
    assert type_mask([], is_vehicle).tolist() == []


@pytest.mark.parametrize("name", ["DMSO", "control", "ctl-vehicle", "ctrl_vehicle", "vehicle", "untreated", "x"])
def test_types_of_nobody_are_known_as_such(name):
    assert is_unknown_type(name) and not is_control(name)


@pytest.mark.parametrize("name", [*PERT_TYPES, "ctl_pooled", "trt_new", "lma_y", "", None, float("nan")])
def test_types_of_cmap_and_missing_ones_are_not_strange(name):
    assert not is_unknown_type(name)
