"""Inference kernels against scipy and direct linear algebra."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.kernels.levels.ridge import (
    Agreement,
    LinearModel,
    StudyMoments,
    System,
    balance,
    infer_genes,
    leading_axes,
    make_frame,
    make_system,
    predict_differences,
    predict_left_out,
    ridge_root,
    ridge_weights,
    solve_ridge,
    study_moments,
    study_sums,
    within,
)

SIZES = (14, 10, 16)


def planted(seed: int = 3, noise: float = 0.1, gaps: float = 0.0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Three studies, x (n, 12) and y (n, 30), with a linear relation of rank 5 and shifts that do not follow it."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(12, 5)) @ rng.normal(size=(5, 30))
    studies = []
    for n in SIZES:
        x = rng.normal(size=(n, 12))
        y = x @ weights + rng.normal(0, noise, (n, 30)) + rng.normal(0, 3, 30)
        x = x + rng.normal(0, 2, 12)
        for values in (x, y):
            values[:, rng.random(values.shape[1]) < gaps] = np.nan  # genes that the study lacks
        studies.append((x, y))
    return studies


def portions(study, size: int = 6):
    return lambda: ((study[0][k : k + size], study[1][k : k + size]) for k in range(0, len(study[0]), size))


def fit_parts(studies, power: float = 0.5, two_colour=(False, False, False), size: int = 6, threads: int = 1):
    moments = [study_moments(portions(study, size), two, 1.0) for study, two in zip(studies, two_colour, strict=True)]
    pairs = [(moment, portions(study, size)) for moment, study in zip(moments, studies, strict=True)]
    shape = (studies[0][0].shape[1], studies[0][1].shape[1])
    return moments, study_sums(pairs, shape, power, threads)


def direct(studies, ridge: float, weight: float, power: float, two_colour=(False, False, False)) -> np.ndarray:
    """The recipe, written out with whole arrays."""
    spread = [np.nanmedian(np.nanstd(x, axis=0)) for x, _ in studies]
    scale = (np.median(spread) / np.array(spread)) ** power
    sides = []
    for side in (0, 1):
        values = [study[side] for study in studies]
        plain = np.concatenate([v for v, two in zip(values, two_colour, strict=True) if not two])
        overall = np.nan_to_num(np.nanmean(plain, axis=0))
        sides.append([
            np.nan_to_num(c * (v - np.nanmean(v, axis=0) + (0 if two else weight) * (np.nanmean(v, axis=0) - overall)))
            for v, c, two in zip(values, scale, two_colour, strict=True)
        ])  # fmt: skip
    squares = sum(
        c**2 * np.nansum((x - np.nanmean(x, axis=0)) ** 2, axis=0) for (x, _), c in zip(studies, scale, strict=True)
    )
    sd = np.sqrt(squares / sum(np.isfinite(x).sum(axis=0) for x, _ in studies))
    x, y = (np.concatenate(side) for side in sides)
    return np.linalg.solve((x / sd).T @ (x / sd) + ridge * np.eye(x.shape[1]), (x / sd).T @ y) / sd[:, None]


@pytest.mark.parametrize("ridge", [0.01, 5.0, 500.0])
@pytest.mark.parametrize("gaps", [0.0, 0.15])
@pytest.mark.parametrize("two_colour", [(False, False, False), (False, True, False)])
def test_sums_give_what_whole_arrays_give(ridge: float, gaps: float, two_colour):
    studies = planted(noise=1.0, gaps=gaps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing
        expected = direct(studies, ridge, 0.3, 0.5, two_colour)
    moments, sums = fit_parts(studies, two_colour=two_colour)
    model = solve_ridge(make_system(sums, moments, 0.3, 0.5), ridge)
    known = np.isfinite(expected)
    np.testing.assert_allclose((model.loadings @ model.components)[known], expected[known], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("gene_power", "saturation"), [(0.0, 0.05), (0.6, 0.0), (1.0, 0.2)])
def test_balanced_studies_give_what_whole_arrays_give(gene_power: float, saturation: float):
    studies = planted(noise=1.0)
    studies[2][1][:, :5] *= 30  # genes that vary far in one study
    plain, _ = fit_parts(studies, size=99)
    moments = balance(plain, 0.5, gene_power, saturation)
    sums = study_sums([(m, portions(s, 99)) for m, s in zip(moments, studies, strict=True)], (12, 30), 0.5)
    model = solve_ridge(make_system(sums, moments, 0.0, 0.5), 3.0)
    spread = np.array([np.median(x.std(axis=0)) for x, _ in studies])
    scale = (np.median(spread) / spread) ** 0.5
    parts = [(c * (x - x.mean(axis=0)), c * (y - y.mean(axis=0))) for (x, y), c in zip(studies, scale, strict=True)]
    usual = np.sqrt(sum(y.var(axis=0) * len(y) for _, y in studies) / sum(SIZES))
    sd = np.sqrt(sum((x**2).sum(axis=0) for x, _ in parts) / sum(SIZES))
    gram, cross = np.zeros((12, 12)), np.zeros((12, 30))
    for (x, y), (_, raw) in zip(parts, studies, strict=True):
        inner = np.linalg.inv(np.eye(len(x)) + saturation * (x / sd) @ (x / sd).T)
        gram += x.T @ inner @ x
        cross += x.T @ inner @ (y * (usual / np.maximum(raw.std(axis=0), 0.1 * usual)) ** gene_power)
    d = np.sqrt(np.diag(gram) / sum(SIZES))
    expected = np.linalg.solve(gram / d / d[:, None] + 3.0 * np.eye(12), cross / d[:, None]) / d[:, None]
    np.testing.assert_allclose(model.loadings @ model.components, expected, rtol=1e-7, atol=1e-10)


def test_a_gene_that_does_not_vary_in_a_study_stays_within_bounds():
    studies = planted()
    studies[1][1][:, 4] = 7.0
    studies[0][1][:, 5] = np.nan
    moments = balance([study_moments(portions(study), False, 1.0) for study in studies], 0.5, 1.0, 0.0)
    scales = np.array([study.y_scale for study in moments])
    assert np.isfinite(scales).all() and scales[1, 4] == pytest.approx(10) and scales.max() <= 10


@given(st.integers(1, 20), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_portions_and_threads_change_nothing_but_the_last_bits(size: int, seed: int):
    studies = planted(seed, noise=1.0, gaps=0.1)
    _, one = fit_parts(studies, size=size)
    _, many = fit_parts(studies, size=size, threads=3)
    _, whole = fit_parts(studies, size=99)
    np.testing.assert_array_equal(one.xy, many.xy)
    np.testing.assert_allclose(one.xy, whole.xy, atol=1e-9)
    np.testing.assert_allclose(one.xx, whole.xx, atol=1e-9)


def test_leaving_a_study_out_is_a_subtraction():
    studies = planted(noise=1.0)
    moments, sums = fit_parts(studies)
    _, last = fit_parts(studies[2:], two_colour=(False,))
    left = make_system(sums.less(last), moments[:2], 0.3, 0.5)
    alone_moments, alone = fit_parts(studies[:2], two_colour=(False, False))
    fresh = make_system(alone, alone_moments, 0.3, 0.5)
    for one, other in zip((*left.frame, left.cross()), (*fresh.frame, fresh.cross()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)


def test_low_rank_is_the_best_of_its_rank_for_fit_and_penalty():
    studies = planted(noise=2.0)
    moments, sums = fit_parts(studies)
    system = make_system(sums, moments, 0.3, 0.5)
    full, low = solve_ridge(system, 3.0), solve_ridge(system, 3.0, rank=4)
    assert low.loadings.shape == (12, 4) and low.components.shape == (4, 30)
    root = ridge_root(system.frame, 3.0)
    augmented = root @ (system.frame.x_sd[:, None] * (full.loadings @ full.components))
    u, d, vt = np.linalg.svd(augmented, full_matrices=False)
    made = root @ (system.frame.x_sd[:, None] * (low.loadings @ low.components))
    np.testing.assert_allclose(made, (u[:, :4] * d[:4]) @ vt[:4], atol=1e-8)
    largest = np.take_along_axis(low.loadings, np.abs(low.loadings).argmax(axis=0)[None], axis=0)[0]
    assert (largest > 0).all()  # signs are fixed


@pytest.mark.parametrize("rank", [4, 12])
def test_predicted_differences_are_those_of_the_model(rank: int):
    studies = planted(noise=2.0)
    moments, sums = fit_parts(studies)
    system = make_system(sums, moments, 0.3, 0.5)
    root = ridge_root(system.frame, 3.0)
    axes = leading_axes(system, root, rank)
    assert (axes is None) == (rank == 12)
    x = within(studies[0][0], moments[0].x_mean)
    model = solve_ridge(system, 3.0, rank)
    np.testing.assert_allclose(
        predict_differences(x, system, root, axes), x @ model.loadings @ model.components, atol=1e-9
    )


@pytest.mark.parametrize("rank", [4, 12])
@pytest.mark.parametrize("rows", [5, 30])
@pytest.mark.parametrize("saturation", [0.0, 0.1])
def test_what_is_left_out_needs_no_sums_of_its_own(rank: int, rows: int, saturation: float):
    studies = planted(noise=2.0, gaps=0.1)
    plain, _ = fit_parts(studies)
    moments = balance(plain, 0.5, 0.5, saturation)
    pairs = [(moment, portions(study)) for moment, study in zip(moments, studies, strict=True)]
    whole, others = study_sums(pairs, (12, 30), 0.5), study_sums(pairs[1:], (12, 30), 0.5)
    fresh = make_system(others, moments[1:], 0.3, 0.5)
    root = ridge_root(fresh.frame, 3.0)
    axes = leading_axes(fresh, root, rank)
    x = np.random.default_rng(1).normal(size=(rows, 12))  # fewer and more than landmarks
    expected = predict_differences(x, fresh, root, axes)
    frame = make_frame(others.xx, moments[1:], 0.3, 0.5)
    for threads in (1, 3):
        found = predict_left_out(x, System(frame, whole.xy), root, axes, pairs[:1], 0.5, threads)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_full_weights_are_those_of_the_solution():
    moments, sums = fit_parts(planted(noise=2.0))
    system = make_system(sums, moments, 0.3, 0.5)
    model = solve_ridge(system, 3.0)
    np.testing.assert_allclose(ridge_weights(system, 3.0), model.loadings @ model.components, atol=1e-12)


@pytest.mark.parametrize("loadings", [True, False])
def test_small_integers_are_applied_as_the_numbers_they_are(loadings: bool):
    rng = np.random.default_rng(3)
    components = rng.integers(-127, 128, (4 if loadings else 9, 2100)).astype(np.int8)
    left = rng.normal(size=(9, 4)) if loadings else None
    model = LinearModel(rng.normal(size=2100), left, components)
    x = rng.normal(size=(9, 7)).astype(np.float32)
    weights = (left if loadings else np.eye(9)) @ components.astype(float)
    np.testing.assert_allclose(infer_genes(x, model), model.intercept[:, None] + weights.T @ x, rtol=1e-12, atol=1e-9)


def test_the_mean_profile_gets_the_mean_of_the_genes():
    studies = planted()
    moments, sums = fit_parts(studies)
    model = solve_ridge(make_system(sums, moments, 0.3, 0.5), 5.0)
    x, y = (np.concatenate([study[side] for study in studies]) for side in (0, 1))
    np.testing.assert_allclose(infer_genes(x.mean(axis=0)[:, None], model)[:, 0], y.mean(axis=0), atol=1e-9)


def test_a_landmark_that_never_varies_does_no_harm():
    studies = planted()
    for x, _ in studies:
        x[:, 3] = 7.0
    moments, sums = fit_parts(studies)
    model = solve_ridge(make_system(sums, moments, 0.0, 0.5), 3.0)
    assert np.isfinite(model.loadings).all()
    np.testing.assert_allclose((model.loadings @ model.components)[3], 0, atol=1e-9)


def test_a_study_of_equal_profiles_adds_only_its_mean():
    studies = planted()
    studies[1] = tuple(np.repeat(values[:1], 5, axis=0) for values in studies[1])
    moments, sums = fit_parts(studies)
    assert np.isnan(moments[1].spread)
    _, others = fit_parts([studies[0], studies[2]], two_colour=(False, False))
    np.testing.assert_allclose(sums.xy, others.xy)
    assert np.isfinite(make_system(sums, moments, 0.3, 0.5).cross()).all()


def test_moments_are_those_of_numpy():
    studies = planted(gaps=0.2)
    moments: StudyMoments = study_moments(portions(studies[0]), False, 5.0)
    x = studies[0][0]
    seen = np.isfinite(x).all(axis=0)
    np.testing.assert_allclose(moments.x_mean[seen], x[:, seen].mean(axis=0))
    np.testing.assert_allclose(moments.x_square[seen], x[:, seen].var(axis=0) * len(x))
    assert (moments.x_mean[~seen] == 0).all() and (moments.x_count[~seen] == 0).all()


def test_agreement_is_that_of_numpy_however_it_is_added_up():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    b[:, 2] = 1.0
    b[:, 3] = np.nan
    agreement = Agreement(4)
    agreement.add(a[:4], b[:4])
    agreement.add(a[4:], b[4:])
    found = agreement.correlation()
    np.testing.assert_allclose(found[:2], [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(2)])
    assert found[2] == 0 and np.isnan(found[3])
    np.testing.assert_allclose(agreement.residual_square()[0], np.var(b[:, 0] - a[:, 0]) * 9)
    assert agreement.count.tolist() == [9, 9, 9, 0]
