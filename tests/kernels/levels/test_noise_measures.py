"""Measures of shared noise: known values of each."""

import numpy as np
import pytest

from beadwork.kernels.levels.noise_measures import block_auc, effective_dimension, explained, morans_i

PLACE = np.array([(row, column) for row in range(8) for column in range(12)])


def test_effective_dimension_counts_equal_directions():
    assert effective_dimension(np.eye(4, 50) * 3) == pytest.approx(4)
    assert effective_dimension(np.outer(np.arange(1.0, 5), np.ones(50))) == pytest.approx(1)
    assert np.isnan(effective_dimension(np.zeros((3, 50))))


def test_morans_i_of_a_gradient_a_chessboard_and_noise():
    assert morans_i(PLACE[:, 1].astype(float), PLACE) > 0.8
    stripes = (PLACE[:, 1] % 2).astype(float)
    assert morans_i(stripes, PLACE) < -0.3
    noise = np.random.default_rng(0).standard_normal(len(PLACE))
    assert abs(morans_i(noise, PLACE)) < 0.12
    assert np.isnan(morans_i(np.ones(len(PLACE)), PLACE))
    assert np.isnan(morans_i(noise[:2], np.array([[0, 0], [5, 5]])))


def test_what_fields_explain():
    rng = np.random.default_rng(1)
    fields = rng.standard_normal((200, 3))
    assert explained(fields @ [1.0, 2.0, 0.0] + 5, fields) == pytest.approx(1)
    assert explained(rng.standard_normal(200), fields) < 0.06
    assert np.isnan(explained(rng.standard_normal(200), np.ones((200, 2))))


def test_control_wells_of_one_block_that_are_alike():
    rng = np.random.default_rng(2)
    block = np.repeat(np.arange(4), 5)
    centre = rng.standard_normal((4, 40))
    assert block_auc(centre[block] * 3 + rng.standard_normal((20, 40)), block) > 0.99
    assert block_auc(rng.standard_normal((20, 40)), block) == pytest.approx(0.5, abs=0.12)
    assert np.isnan(block_auc(rng.standard_normal((5, 40)), np.zeros(5, int)))
