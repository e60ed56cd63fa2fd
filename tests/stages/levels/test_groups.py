"""Which spellings make one signature, and what is said of those that do not."""

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.model.errors import BeadworkError
from beadwork.model.ids import format_dose
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import ConsensusParams
from beadwork.stages.levels.consensus import consensus
from beadwork.stages.levels.groups import field_key, group_instances
from beadwork.stages.levels.near_names import is_near, near_misses

DOSES = [10.0, 2.5, 0.37, 0.123]


def plate(number, **changes):
    """ZSPC of four compounds at a dose each and two vehicle wells; `changes` are values of a field by place."""
    name, wells = f"T1_A375_24H_X{number}_B20", [f"A{n:02d}" for n in range(1, 7)]
    fields = {
        "det_plate": [name] * 6, "det_well": wells, "pert_id": [f"BRD-K0{n}" for n in range(4)] + ["DMSO"] * 2,
        "pert_type": ["trt_cp"] * 4 + ["ctl_vehicle"] * 2, "pert_dose": [*DOSES, np.nan, np.nan],
        "pert_dose_unit": ["uM"] * 4 + [np.nan] * 2, "pert_time": [24.0] * 6, "brew_prefix": ["T1_A375_24H"] * 6,
    }  # fmt: skip
    columns = {key: np.array(values, dtype=object) for key, values in fields.items()}
    for key, values in changes.items():
        columns[key] = np.array(values(fields[key]) if callable(values) else values, dtype=object)
    cols = pd.DataFrame(columns, index=[f"{name}:{well}" for well in wells]).infer_objects()
    z = np.random.default_rng(number).normal(size=(40, 6))
    return Matrix(z, pd.DataFrame(index=[str(n) for n in range(40)]), cols, level=Level.ZSPC)


def signatures(*plates, **params):
    found = consensus(list(plates), params=ConsensusParams(**params)).siginfo
    return found.set_index("sig_id")["n_replicates"].to_dict()


RIGHT = {f"T1_A375_24H:BRD-K0{n}:{format_dose(dose)}": 3 for n, dose in enumerate(DOSES)} | {
    f"T1_A375_24H:DMSO:A0{n}": 3 for n in (5, 6)
}


def first(text):
    return lambda values: [text, *values[1:]]


def texts(form):
    return lambda values: [form.format(value) if value == value else "" for value in values]


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"pert_dose": first("10.0")}, {"pert_dose": first("10 uM")}, {"pert_dose": first("10µM")},
        {"pert_dose": first("1e1")}, {"pert_dose": first(" 10,0 ")}, {"pert_dose": texts("{:.3f}")},
        {"pert_dose": lambda values: [str(value).replace(".", ",") for value in values[:4]] + [np.nan] * 2},
        {"pert_dose": [10.00001, 2.5000001, 0.369999, 0.1230001, np.nan, np.nan]},
        {"pert_dose": np.float32([*DOSES, np.nan, np.nan])}, {"pert_time": ["24 h"] * 6}, {"pert_time": ["24"] * 6},
        {"pert_time": [24, "24.0", "24h", 24.0, "24 hr", "24"]},
        {"pert_dose_unit": lambda values: ["µM", "μM", "um", "UM", *values[4:]]},
        {"pert_id": lambda values: ["ＢＲＤ-Ｋ００", *values[1:]]},
        {"pert_id": lambda values: [f"{v} " for v in values]},
        {"pert_id": lambda values: [f"\N{NO-BREAK SPACE}{v}" for v in values]},
        {"det_well": ["A1", "A2", "A3", "A4", "A5", "A6"]}, {"det_well": ["a01", "A2", "A03", "A4", "a5", "A6"]},
        {"brew_prefix": ["T1_A375_24H "] * 6},
    ],
    ids=lambda changes: "+".join(changes),
)  # fmt: skip
@pytest.mark.parametrize("which", [1, 2, 3])
def test_one_plate_that_is_written_otherwise_takes_no_replicate_away(changes, which):
    plates = [plate(number, **(changes if number == which else {})) for number in (1, 2, 3)]
    found = signatures(*plates)
    assert sorted(found.values()) == [3] * 6
    assert found == RIGHT


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["{:g}", "{:.4f}", "{:g} uM", "{:g}µM", " {:g} ", "number", "comma", "float32"]),
                min_size=12, max_size=12))  # fmt: skip
def test_any_mixture_of_spellings_groups_as_the_numbers_do(forms):
    def written(dose, form):
        if form in ("number", "float32"):
            return float(np.float32(dose)) if form == "float32" else dose
        return f"{dose:.2f}".replace(".", ",") if form == "comma" and dose != 0.123 else form.replace(
            "comma", "{:g}").format(dose)  # fmt: skip

    plates = []
    for number in range(3):
        doses = [written(dose, form) for dose, form in zip(DOSES, forms[4 * number :], strict=False)]
        plates.append(plate(number + 1, pert_dose=[*doses, np.nan, np.nan]))
    assert signatures(*plates) == RIGHT


@pytest.mark.parametrize("value", ["high", "1,000", "~10", "10 nM", "0.1%", "10 mM", "inf"])
def test_what_is_no_plain_dose_is_refused_by_plate_well_and_value(value):
    with pytest.raises(
        BeadworkError, match=rf"^T1_A375_24H_X2_B20:A01: pert_dose '{value}' .*; give a plain number, in"
    ):
        consensus([plate(1), plate(2, pert_dose=first(value)), plate(3)])


def test_sound_groups_keep_their_ids_and_large_codes_stay_apart():
    cols = pd.DataFrame({"x_code": [1000001, 1000002, 1000001], "pert_dose": [39.599998, 39.6, 1234567.0]})
    assert field_key(cols, "x_code").tolist() == ["1000001", "1000002", "1000001"]
    assert field_key(cols, "pert_dose").tolist() == ["39.6", "39.6", "1.23457e+06"]
    mixed = pd.DataFrame({"x": np.array([1, "1", 1.0, "01", 0.5, "0.5", None], dtype=object)})
    assert field_key(mixed, "x").tolist() == ["1", "1", "1", "01", "0.5", "0.5", ""]
    group, _ = group_instances(
        pd.DataFrame({"pert_id": ["a", "a", "a"], "pert_dose": [0.37, 0.369999, 0.3699]}, index=list("xyz")),
        ConsensusParams(group_by=("pert_id", "pert_dose")),
    )
    assert group.tolist() == [0, 0, 1]


def warned(caplog, *plates):
    with caplog.at_level(logging.WARNING, logger="beadwork"):
        found = signatures(*plates)
    return found, [record.getMessage() for record in caplog.records if "over all" not in record.getMessage()]


@pytest.mark.parametrize(
    ("other", "how"),
    [("brd-k00", "case"), ("BRD_K00", "blanks, dashes or other marks"), ("BRD K00", "blanks, dashes or other marks")],
)
def test_how_ids_differ_is_said_truly(caplog, other, how):
    _, said = warned(caplog, plate(1), plate(2, pert_id=first(other)), plate(3))
    assert f"differ only in {how} and are kept apart" in said[0]


@pytest.mark.parametrize("dose", [np.inf, -np.inf])
def test_an_infinite_dose_is_refused_and_never_equals_another(dose):
    with pytest.raises(BeadworkError, match=r"pert_dose is infinite; give a plain number"):
        signatures(plate(1), plate(2, pert_dose=first(dose)))


def test_joined_spellings_are_said_with_their_code_points(caplog):
    _, said = warned(caplog, plate(1, pert_dose_unit=["µM"] * 4 + [np.nan] * 2),
                     plate(2, pert_dose_unit=["μM"] * 4 + [np.nan] * 2))  # fmt: skip
    assert said == [
        "two spellings: pert_dose_unit 'µM' and 'μM' (U+00B5 micro sign, U+03BC greek small letter mu) are one"
    ]


def test_ids_that_differ_in_case_stay_apart_and_are_said_with_both_names(caplog):
    found, said = warned(caplog, plate(1), plate(2, pert_id=first("brd-k00")), plate(3))
    assert found["T1_A375_24H:BRD-K00:10"] == 2 and found["T1_A375_24H:brd-k00:10"] == 1
    assert said == [
        "two spellings: pert_id 'BRD-K00' and 'brd-k00' differ only in case and are kept apart",
        "fewer replicates than plates, and a near name: T1_A375_24H:BRD-K00:10 (2 of 3 plates) and "
        "T1_A375_24H:brd-k00:10 (1): pert_id 'BRD-K00' and 'brd-k00'",
    ]


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("pert_dose", 9.99, "pert_dose '10' and '9.99'"), ("pert_dose", np.nan, "pert_dose '10' and ''"),
        ("pert_dose_unit", "nM", "pert_dose_unit 'uM' and 'nM'"),
        ("pert_id", "BRD-K00-001", "'BRD-K00' and 'BRD-K00-001'"),
        ("pert_id", "BRD-KO0", "pert_id 'BRD-K00' and 'BRD-KO0'"), ("pert_id", "BRD K00", "pert_id 'BRD-K00' and"),
        ("pert_id", "BRD-К00", "U+041A cyrillic capital letter ka"), ("pert_time", 23.9, "pert_time '24' and '23.9'"),
    ],
)  # fmt: skip
def test_a_treatment_that_lacks_replicates_beside_a_near_name_is_said(caplog, field, value, what):
    _, said = warned(caplog, plate(1), plate(2, **{field: first(value)}), plate(3))
    lines = [line for line in said if line.startswith("fewer replicates than plates, and a near name: ")]
    if value == "nM":  # another unit is another thing, far from near
        assert not lines and any("get longer ids" in line for line in said)
        return
    assert len(lines) == 1 and what in lines[0] and "(2 of 3 plates)" in lines[0]


def test_nothing_is_said_of_sound_plates_and_of_lost_wells(caplog):
    lost = plate(2).take_cols(np.array([False, True, True, True, True, True]))
    for plates in ((plate(1), plate(2), plate(3)), (plate(1), lost, plate(3))):
        assert warned(caplog, *plates)[1] == []


def test_neighbours_on_one_plate_are_not_near_names():
    keys = pd.DataFrame({"pert_id": ["BRD-K0001", "BRD-K0002"], "pert_dose": ["1", "1"]})
    assert near_misses(["a", "b"], keys, [("P1",), ("P1",)], ["x", "x"], np.zeros(2, bool)) == []
    assert len(near_misses(["a", "b"], keys, [("P1",), ("P2",)], ["x", "x"], np.zeros(2, bool))) == 1
    assert near_misses(["a", "b"], keys, [("P1",), ("P2",)], ["x", "y"], np.zeros(2, bool)) == []
    assert near_misses(["a", "b"], keys, [("P1",), ("P2",)], ["x", "x"], np.ones(2, bool)) == []


@pytest.mark.parametrize(("one", "other", "near"), [
    ("BRD-K123", "brd k123", True), ("vorinostat", "vorinostat ", True), ("vorinostat", "vorinosta", True),
    ("vorinostat", "sirolimus", False), ("0.37", "0.4", True), ("10", "3.3", False), ("10", "", True),
    ("A2M", "A1M", False), ("BRD-K1", "BRD-K1-001-02", True), ("uM", "mM", False), ("abcdef", "bcdefg", False),
])  # fmt: skip
def test_near(one, other, near):
    assert is_near(one, other) == is_near(other, one) == near


def test_many_signatures_that_lack_replicates_take_no_time():
    names = [f"BRD-K{n * 7919:08d}" for n in range(3000)]
    keys = pd.DataFrame({"pert_id": names, "pert_dose": "10"})
    plates = [(f"P{n % 3}",) for n in range(3000)]
    assert len(near_misses(names, keys, plates, ["x"] * 3000, np.zeros(3000, bool))) < 3000
