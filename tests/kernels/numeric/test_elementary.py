"""Logarithms and powers of the C library: right, and laid out as the values are."""

import numpy as np
import pytest

from beadwork.kernels.numeric import elementary

VALUES = np.random.default_rng(2).uniform(0.1, 9, (5, 4, 3))


@pytest.mark.parametrize("name", ["log2", "log", "log10", "exp", "expm1", "arctan", "exp2"])
@pytest.mark.parametrize("layout", ["C", "F", "transposed", "strided", "reversed", "empty", "scalar"])
def test_values_are_those_of_numpy_within_one_unit(name, layout):
    values = {
        "C": VALUES, "F": np.asfortranarray(VALUES), "transposed": VALUES.transpose(1, 0, 2),
        "strided": VALUES[::2, 1:],
        "reversed": VALUES[:, ::-1], "empty": VALUES[:0], "scalar": 2.5,
    }[layout]  # fmt: skip
    found, expected = getattr(elementary, name)(values), getattr(np, name)(values)
    assert found.shape == np.shape(values)
    np.testing.assert_array_max_ulp(found, np.asarray(expected), 2)
    if layout in ("C", "F", "transposed"):
        assert found.strides == expected.strides


def test_powers_and_missing_values():
    values = np.array([0.0, 0.3, np.nan, np.inf])
    np.testing.assert_array_max_ulp(elementary.power(values, 1.5)[:2], values[:2] ** 1.5, 2)
    assert np.isnan(elementary.power(values, 1.5)[2]) and elementary.power(values[3:], -4.0)[0] == 0
    assert np.isnan(elementary.log2(values[2:])[0]) and elementary.log(values[3:])[0] == np.inf


@pytest.mark.parametrize(
    ("name", "exponent"),
    [*((name, None) for name in ("log2", "log", "log10", "exp", "expm1", "arctan", "exp2")),
     *(("power", exponent) for exponent in (1.7, 1.5, -4.0, 2, 3, -3, 5))],
)  # fmt: skip
def test_compiled_values_have_the_bits_of_the_plain_ones(name, exponent, monkeypatch):
    import sys

    import numba  # noqa: F401 (compiled kernels run where it is loaded)

    rng = np.random.default_rng(3)
    positive = np.concatenate([2 ** rng.uniform(-40, 40, 50_000), rng.uniform(0.5, 2, 50_000)])
    values = positive if name.startswith("log") or name == "power" else rng.normal(0, 6, 100_000)
    words = () if exponent is None else (exponent,)
    compiled = getattr(elementary, name)(values, *words)
    without = {key: item for key, item in sys.modules.items() if key != "numba"}
    monkeypatch.setattr(elementary.sys, "modules", without)
    plain = getattr(elementary, name)(values, *words)
    assert compiled.tobytes() == plain.tobytes()
