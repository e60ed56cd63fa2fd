"""Names and ids: one parser, and it gives back what it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.model.errors import BeadworkError
from beadwork.model.ids import (
    WELLS_384,
    distil_id,
    format_dose,
    parse_det_plate,
    parse_well,
    sig_id,
    well_position,
)


@pytest.mark.parametrize(
    ("name", "parts", "brew"),
    [
        ("LJP009_A375_24H_X1_B20", ("LJP009", "A375", "24H", "X1", "B20"), "LJP009_A375_24H"),
        ("REP.A028_MCF7_24H_X1_B25", ("REP.A028", "MCF7", "24H", "X1", "B25"), "REP.A028_MCF7_24H"),
        ("A_B_MCF7_24H_X1.A2_B25", ("A_B", "MCF7", "24H", "X1.A2", "B25"), "A_B_MCF7_24H"),
        ("CPC006_A375_6H", ("CPC006", "A375", "6H", "", ""), "CPC006_A375_6H"),
        ("plate1", ("plate1", "", "", "", ""), "plate1"),
    ],
)
def test_plate_names(name, parts, brew):
    assert tuple(parse_det_plate(name)) == parts
    assert parse_det_plate(name).brew_prefix == brew


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "_a", "a_", "a__b", "Ü_1", "a:b", "-a"])
def test_plate_names_that_cannot_be(name):
    with pytest.raises(BeadworkError, match=r"only letters, digits, '\.', '-' and '_' are allowed") as caught:
        parse_det_plate(name)
    assert repr(name) in str(caught.value)


def test_wells():
    assert len(WELLS_384) == len(set(WELLS_384)) == 384
    for well in WELLS_384:
        row, column = well_position(well)
        assert WELLS_384[24 * row + column] == well
        assert parse_well(f" {well[0].lower()}{int(well[1:])} ") == well


@given(st.text(max_size=5))
def test_only_wells_are_wells(text):
    assert parse_well(text) in (None, *WELLS_384)


@pytest.mark.parametrize("text", ["", "Q01", "A00", "A25", "A001x", "01A", "A", "AA1", "A1.0", "A-1"])
def test_what_is_no_well(text):
    assert parse_well(text) is None


@pytest.mark.parametrize(
    ("dose", "text"),
    [(10.0, "10"), (0.37, "0.37"), (3.3333, "3.3333"), (1e-7, "1e-07"), ("10 uM", "10 uM"), ("10.0", "10"), (None, ""),
     ("", ""), (float("nan"), ""), (0, "0"), (123456789.0, "1.23457e+08")],
)  # fmt: skip
def test_doses(dose, text):
    assert format_dose(dose) == text


def test_ids():
    assert distil_id("P_X1", "A03") == "P_X1:A03"
    assert sig_id("LJP009_A375_24H", "BRD-K1", 10.0) == "LJP009_A375_24H:BRD-K1:10"
    assert sig_id("LJP009_A375_24H", "DMSO") == "LJP009_A375_24H:DMSO"
