"""p against controls: its definition, its uniformity, Benjamini-Hochberg against scipy."""

import numpy as np
import pytest
from scipy import stats

from beadwork.kernels.connectivity.control_t import benjamini_hochberg, control_p


def test_the_definition():
    rng = np.random.default_rng(0)
    scores, controls = rng.standard_normal(40), np.arange(5, 17)
    found = control_p(scores, controls)
    for place in range(40):
        null = scores[[at for at in controls if at != place]]
        t = (scores[place] - null.mean()) / (null.std(ddof=1) * np.sqrt(1 + 1 / len(null)))
        assert found[place] == pytest.approx(stats.t.sf(t, len(null) - 1))


def test_it_is_uniform_under_the_null():
    rng = np.random.default_rng(1)
    p = np.concatenate([control_p(rng.standard_normal(40), np.arange(12)) for _ in range(2000)])
    for level in (0.05, 0.01, 0.001):
        assert (p < level).mean() == pytest.approx(level, rel=0.25)


def test_equal_controls_and_missing_scores_give_no_p():
    assert np.isnan(control_p(np.array([1.0, 0.0, 0.0, 0.0]), np.arange(1, 4))[0])
    assert np.isnan(control_p(np.array([np.nan, 0.1, 0.2, 0.3, 0.0]), np.arange(1, 5))[0])


def test_benjamini_hochberg():
    p = np.random.default_rng(2).uniform(size=50) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))
    holes = np.insert(p, 7, np.nan)
    np.testing.assert_allclose(np.delete(benjamini_hochberg(holes), 7), stats.false_discovery_control(p))
    assert np.isnan(benjamini_hochberg(holes)[7])
