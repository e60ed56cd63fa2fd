"""Inference kernels against scipy and direct linear algebra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from beadwork.kernels.levels.ridge import (
    column_correlation,
    damp_studies,
    decompose,
    infer_genes,
    left_out_correlation,
    normal_scores,
    scale_profiles,
    solve_ridge,
)

STUDY = np.repeat([0, 1, 2], [14, 10, 16])


def planted(seed: int = 3, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (40, 12), y (40, 30) with a linear relation of rank 5, and study shifts that do not follow it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 12)) + rng.normal(0, 2, (3, 12))[STUDY]
    weights = rng.normal(size=(12, 5)) @ rng.normal(size=(5, 30))
    return x, x @ weights + rng.normal(0, noise, (40, 30)) + rng.normal(0, 3, (3, 30))[STUDY], weights


def test_normal_scores_are_those_of_scipy_with_ties_averaged():
    values = np.random.default_rng(0).integers(0, 6, (25, 3)).astype(float)
    expected = np.column_stack([norm.ppf((rankdata(column) - 0.5) / 25) for column in values.T])
    np.testing.assert_allclose(normal_scores(values), expected, rtol=1e-12, atol=1e-12)


@given(st.integers(0, 10_000), st.floats(0.1, 3))
@settings(max_examples=20, deadline=None)
def test_only_the_order_within_a_profile_matters(seed: int, power: float):
    rng = np.random.default_rng(seed)
    landmarks, genes = rng.uniform(1, 15, (20, 4)), rng.uniform(1, 15, (50, 4))
    plain = scale_profiles(landmarks, genes, 8.4, 2.4)
    bent = scale_profiles(3 + landmarks**power, 3 + genes**power, 8.4, 2.4)
    for before, after in zip(plain, bent, strict=True):
        np.testing.assert_allclose(before, after, atol=1e-9)


def test_profiles_are_scaled_to_the_landmarks():
    rng = np.random.default_rng(1)
    landmarks, genes = rng.normal(9, 1, (300, 5)), rng.normal(6, 2, (900, 5))
    x, y = scale_profiles(landmarks, genes, 8.4, 2.4)
    assert x.shape == (5, 300) and y.shape == (5, 900)
    np.testing.assert_allclose(x.mean(axis=1), 8.4, atol=1e-9)
    np.testing.assert_allclose(x.std(axis=1), 2.4, rtol=0.02)
    among = np.sort(landmarks[:, 0])[150]
    near = np.abs(genes[:, 0] - among).argmin()
    assert y[0, near] == pytest.approx(8.4, abs=0.4)  # a gene as high as the median landmark gets its level


def test_damping_studies():
    x, _, _ = planted()
    np.testing.assert_allclose(damp_studies(x, STUDY, 1.0), x - x.mean(axis=0), atol=1e-12)
    within = damp_studies(x, STUDY, 0.0)
    third = damp_studies(x, STUDY, 0.3)
    for code in range(3):
        np.testing.assert_allclose(within[code == STUDY].mean(axis=0), 0, atol=1e-12)
        expected = 0.3 * (x[code == STUDY].mean(axis=0) - x.mean(axis=0))
        np.testing.assert_allclose(third[code == STUDY].mean(axis=0), expected, atol=1e-12)


@pytest.mark.parametrize("ridge", [0.01, 5.0, 500.0])
def test_ridge_solves_the_normal_equations(ridge: float):
    x, y, _ = planted()
    z = damp_studies(x, STUDY, 0.3)
    sd = damp_studies(x, STUDY, 0.0).std(axis=0)
    direct = np.linalg.solve((z / sd).T @ (z / sd) + ridge * np.eye(12), (z / sd).T @ damp_studies(y, STUDY, 0.3))
    model = solve_ridge(decompose(x, y, STUDY, 0.3), ridge)
    np.testing.assert_allclose(model.loadings @ model.components, direct / sd[:, None], rtol=1e-8, atol=1e-10)
    inferred = infer_genes(x.T, model).T
    np.testing.assert_allclose(inferred.mean(axis=0), y.mean(axis=0), atol=1e-9)


def test_low_rank_is_the_best_approximation_of_the_fitted_values():
    x, y, _ = planted(noise=2.0)
    parts = decompose(x, y, STUDY, 0.3)
    full, low = solve_ridge(parts, 3.0), solve_ridge(parts, 3.0, rank=4)
    assert low.loadings.shape == (12, 4) and low.components.shape == (4, 30)
    z = damp_studies(x, STUDY, 0.3)
    fitted = z @ full.loadings @ full.components
    u, d, vt = np.linalg.svd(fitted, full_matrices=False)
    np.testing.assert_allclose(z @ low.loadings @ low.components, (u[:, :4] * d[:4]) @ vt[:4], atol=1e-8)


def test_signs_and_scales_of_a_product_are_fixed():
    x, y, _ = planted()
    model = solve_ridge(decompose(x, y, STUDY, 0.3), 3.0, rank=4)
    largest = np.take_along_axis(model.loadings, np.abs(model.loadings).argmax(axis=0)[None], axis=0)[0]
    assert (largest > 0).all()
    np.testing.assert_allclose(np.abs(model.loadings).max(axis=0), np.abs(model.components).max(axis=1))


def test_a_landmark_that_never_varies_does_no_harm():
    x, y, _ = planted()
    x[:, 3] = 7.0
    model = solve_ridge(decompose(x, y, STUDY, 0.3), 3.0)
    assert np.isfinite(model.loadings).all()
    np.testing.assert_allclose(model.loadings[3], 0, atol=1e-12)


def test_column_correlation_is_that_of_numpy():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    b[:, 2] = 1.0
    expected = [np.corrcoef(a[:, k], b[:, k])[0, 1] if k != 2 else 0.0 for k in range(4)]
    np.testing.assert_allclose(column_correlation(a, b), expected, atol=1e-12)


def test_left_out_studies_see_a_real_relation_and_no_other():
    x, y, _ = planted()
    real = left_out_correlation(x, y, STUDY, STUDY, ridges=(0.1, 10.0), study_weight=0.0)
    assert real.shape == (2, 3, 30)
    assert np.median(real[0]) > 0.95
    nothing = np.random.default_rng(9).normal(size=y.shape) + 5 * np.arange(3)[STUDY][:, None]
    x_shifted = x + 5 * np.arange(3)[STUDY][:, None]
    blind = left_out_correlation(x_shifted, nothing, STUDY, STUDY, ridges=(1.0,), study_weight=1.0)
    assert abs(np.median(blind)) < 0.15  # studies differ together, but within a study nothing follows
