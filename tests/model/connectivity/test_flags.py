"""Flags of siginfo in every spelling that tables have them in; anything else is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.model.connectivity.flags import read_flag

SPELL = st.sampled_from([str, str.upper, str.title, lambda text: f" {text} ", lambda text: f'"{text}"'])


@given(st.sampled_from(["true", "t", "yes", "y", "1", "1.0", "1.000", "1e0"]), SPELL)
def test_yes(text, spell):
    assert read_flag(spell(text)) == 1.0


@given(st.sampled_from(["false", "f", "no", "n", "0", "0.0", "-0.0", "0e3"]), SPELL)
def test_no(text, spell):
    assert read_flag(spell(text)) == 0.0


@given(st.sampled_from(["", "-666", "-666.0", "na", "nan", "n/a", "null", "<na>", "#n/a"]), SPELL)
def test_missing_stays_missing(text, spell):
    assert math.isnan(read_flag(spell(text)))


def test_other_types():
    items = [True, np.True_, 1, np.int64(1), 1.0, np.float32(1)]
    assert [read_flag(item) for item in items] == [1.0] * 6
    assert [read_flag(item) for item in (False, np.False_, 0, 0.0)] == [0.0] * 4
    assert all(math.isnan(read_flag(item)) for item in (None, float("nan"), -666, np.nan))


@pytest.mark.parametrize("item", ["maybe", "2", 2, 0.5, "-1", "yes!", "inf", "1_0", "١", "TRUE FALSE"])
def test_anything_else_is_refused(item):
    with pytest.raises(ValueError, match="is no flag"):
        read_flag(item)
