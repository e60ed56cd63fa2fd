"""Doses and times as people write them, and spellings of units."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.model.errors import MapError
from beadwork.model.quantities import UNITS, plain_unit, quantity_order, read_quantities, read_quantity, read_value

MICRO = ("uM", "um", "UM", "µM", "μM", "µm", "ＵＭ", " uM ", "micromolar", "umol/L")


@pytest.mark.parametrize("unit", MICRO)
def test_spellings_of_micromolar_are_one_unit(unit):
    assert plain_unit(unit) == "uM"


@pytest.mark.parametrize(
    ("one", "other"), [("mM", "MM"), ("mM", "uM"), ("nM", "mM"), ("M", "m"), ("min", "MM"), ("ug/ml", "mg/ml")]
)
def test_units_that_are_not_one(one, other):
    assert plain_unit(one) != plain_unit(other)


OTHERS = {"H": "h", "hr": "h", "Hours": "h", "NG/ML": "ng/ml", "µg/mL": "ug/ml", "percent": "%", "mm": "mM", "D": "d"}


@pytest.mark.parametrize(("text", "unit"), [*OTHERS.items(), ("Foo  bar", "Foo bar")])
def test_other_units(text, unit):
    assert plain_unit(text) == unit


def test_every_spelling_is_that_of_its_unit():
    for unit, texts in UNITS.items():
        assert plain_unit(unit) == unit
        for text in texts:
            assert plain_unit(text) == plain_unit(text.replace("u", "µ")) == plain_unit(f" {text} ") == unit


@given(st.floats(1e-6, 1e6), st.sampled_from(["{}", " {} ", "{} uM", "{}µM", "{} um", "{}\N{NO-BREAK SPACE}μM"]),
       st.booleans(), st.sampled_from(MICRO))  # fmt: skip
def test_any_number_is_read_however_it_is_written(number, form, comma, unit):
    text = form.format(f"{number:.6f}".rstrip("0").rstrip(".") or "0")
    if comma and "." in text:
        text = text.replace(".", ",")
        if read_quantity(text).number is None:  # 1,234 may be a thousand
            assert len(text.partition(",")[2].split()[0].rstrip("uµμMm")) == 3
            return
    found = read_value(text, unit)
    assert not isinstance(found, str) and math.isclose(found.number, round(number, 6), rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [("0,37", "uM", 0.37), ("10 uM", "µM", 10), ("10µM", "um", 10), ("24 h", "H", 24), ("24h", "hours", 24),
     ("1e-3", "", 0.001), (" 10.0 ", "", 10), ("0.1%", "%", 0.1), ("1,5e-3", "", 0.0015), ("１０", "", 10),
     ("\N{MINUS SIGN}1.5", "", -1.5), ("0,370", "uM", 0.37), (".5", "", 0.5), ("5 MM", "MM", 5), ("3 foo", "foo", 3)],
)  # fmt: skip
def test_what_is_plain_is_read(text, unit, number):
    assert read_value(text, unit).number == number
    assert read_value(text, unit).unit == ""


def test_a_unit_that_only_the_text_has_is_kept():
    assert read_value("0.1 %", np.nan)[:2] == (0.1, "%")
    assert read_value("10 µM", "-666")[:2] == (10, "μM")


@pytest.mark.parametrize("text", ["", "-666", "NA", "nan", "-666.0"])
def test_missing_is_missing(text):
    assert math.isnan(read_value(text, "uM").number) and not read_value(text, "uM").was_text


@pytest.mark.parametrize(
    ("text", "unit", "why"),
    [("0.1%", "uM", "does not have the unit of its unit field, uM"), ("10 nM", "uM", "does not have the unit"),
     ("10 mM", "MM", "does not have the unit"), ("10 foo", "", "is not a number with a unit that is known"),
     *((text, "uM", "is not a plain number") for text in (
         "1,000", "10 000", "1.000,5", "~10", "<1", ">10", "high", "inf", "1_000", "1/2", "10-20", "10;20", "2^3",
         "1e400", "0x10", "--5"))],
)  # fmt: skip
def test_what_is_not_plain_is_refused_with_a_reason(text, unit, why):
    assert why in read_value(text, unit)


def test_columns_are_read_value_by_value_and_what_is_wrong_is_named_by_well():
    table = pd.DataFrame({"pert_dose": ["10.0", "0,37", np.nan, 2.5, "0.1%"], "pert_time": 24.0})
    where = [f"P:A0{n}" for n in range(1, 6)]
    found, said = read_quantities(table, where)
    assert found["pert_dose"].tolist()[:2] == [10, 0.37] and found["pert_dose"].dtype == float
    assert found["pert_dose_unit"].tolist() == [None] * 4 + ["%"]
    assert said == ["P:A02: pert_dose '0,37' as 0.37", "P:A05: pert_dose '0.1%' as 0.1 %"]
    assert table["pert_dose"].tolist()[1] == "0,37"  # the table given stays
    wrong = table.assign(pert_dose=["10", "high", "1,000", 1, 2])
    with pytest.raises(MapError, match=r"^M: P:A02: pert_dose 'high' is not a plain number, P:A03: pert_dose '1,000' "):
        read_quantities(wrong, where, error=MapError, what="M")
    numbers = pd.DataFrame({"pert_dose": [1, 2]})
    assert read_quantities(numbers, ["a", "b"])[0] is numbers


@given(st.lists(st.tuples(st.sampled_from([("nM", 1e-3), ("um", 1.0), ("µM", 1.0), ("mM", 1e3)]), st.integers(1, 9999)),
                min_size=2), st.randoms())  # fmt: skip
def test_doses_sort_by_what_they_amount_to(doses, random):
    amounts = {f"{number / 1000:g} {unit}": number / 1000 * factor for (unit, factor), number in doses}
    texts = list(amounts)
    random.shuffle(texts)
    found = [amounts[text] for text in sorted(texts, key=quantity_order)]
    assert all(one <= two * (1 + 1e-12) for one, two in pairwise(found))


def test_kinds_of_units_stay_together_and_what_is_no_number_is_last():
    texts = ["high", "2 ng/ml", "10 uM", "900 nM", "24 h", "6 h", "90 min", "1 d"]
    assert sorted(texts, key=quantity_order) == ["900 nM", "10 uM", "90 min", "6 h", "1 d", "24 h", "2 ng/ml", "high"]
