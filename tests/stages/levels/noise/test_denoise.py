"""Noise control: what it is learned from, that nothing is cleaned by itself, what it gains, what it refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from beadwork.model.errors import AlignmentError, BeadworkError, LevelError, ParameterError
from beadwork.model.levels.noise_model import FOLDS
from beadwork.model.matrix import Level, Space
from beadwork.model.params import DenoiseParams, TrainNoiseParams
from beadwork.stages.levels.noise.denoise import denoise
from beadwork.stages.levels.noise.train_noise import sum_noise, train_noise, treatment_fold

INERT = TrainNoiseParams(inert_below=11.0)
"""Every dose of the made plates counts as low: a compound's wells are its group."""
ALONE = DenoiseParams(own="no")


@pytest.fixture
def learn(landmarks):
    def call(*plates, params=INERT):
        return train_noise(plates, landmarks=landmarks, params=params).model

    return call


def pair_auc(values: np.ndarray, label: np.ndarray) -> float:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    first, second = np.triu_indices(len(label), 1)
    score, hit = (unit @ unit.T)[first, second], label[first] == label[second]
    rank = score.argsort().argsort() + 1
    return float((rank[hit].sum() - hit.sum() * (hit.sum() + 1) / 2) / (hit.sum() * (~hit).sum()))


def treated_auc(matrix) -> float:
    part = matrix.take_cols((matrix.cols["pert_type"] == "trt_cp").to_numpy())
    return pair_auc(part.values.T.astype(float), part.cols["pert_id"].to_numpy(str))


def test_a_model_says_what_it_rests_on(noisy_plate, learn):
    plates = [noisy_plate(f"SIM001_A375_24H_X{number}_B20", seed=number) for number in (1, 2)]
    model = learn(*plates, params=TrainNoiseParams())
    table = model.plates.set_index("det_plate")
    assert table["groups"].tolist() == [37, 37]  # 36 treatments and doses on both plates, one group of vehicles each
    assert table["controls"].tolist() == [12, 12]
    assert table["places"].tolist() == [6, 6]
    assert model.df == pytest.approx(36 + 2 * 11)
    inert = learn(plates[0])
    assert inert.plates["groups"].tolist() == [13]
    assert inert.df == pytest.approx(12 * 2 + 11)


def test_the_order_of_plates_does_not_matter(noisy_plate, learn):
    plates = [noisy_plate(f"SIM001_A375_24H_X{number}_B20", seed=number) for number in (1, 2)]
    for one, other in zip(learn(*plates).parts(), learn(*plates[::-1]).parts(), strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)


def test_it_gains_where_wells_share_noise(noisy_plate, learn):
    plate = noisy_plate()
    assert treated_auc(plate) < 0.8
    assert treated_auc(denoise(plate, learn(plate), params=ALONE).matrix) > 0.97
    assert treated_auc(denoise(plate, learn(noisy_plate("SIM002_A375_24H_X1_B20", seed=5))).matrix) > 0.95


def test_no_treated_well_is_cleaned_by_its_own_treatment(noisy_plate, learn):
    """Other values of all wells of one treatment, in training, change nothing of how these wells are cleaned."""
    plate = noisy_plate()
    own = (plate.cols["pert_id"] == "BRD-K00000003").to_numpy()
    values = plate.values.copy()
    values[:, own] += np.random.default_rng(8).standard_normal((978, int(own.sum()))) * 3
    values[:, own] -= (values - plate.values)[:, own].mean(axis=1, keepdims=True)  # the plate's mean stays
    other = plate.with_values(values)
    one, two = (denoise(plate, learn(source), params=ALONE).matrix.values for source in (plate, other))
    np.testing.assert_allclose(one[:, own], two[:, own], atol=2e-3)
    assert np.abs(one[:, ~own] - two[:, ~own]).max() > 0.05


def test_no_control_well_is_cleaned_by_its_own_place(noisy_plate, learn):
    plate = noisy_plate()
    own = plate.cols["det_well"].isin(["C22", "C23"]).to_numpy()
    values = plate.values.copy()
    values[:, own] += np.array([[1.5, -1.5]]) * np.random.default_rng(8).standard_normal((978, 1))
    one, two = (
        denoise(plate, learn(source), params=ALONE).matrix.values for source in (plate, plate.with_values(values))
    )
    np.testing.assert_allclose(one[:, own], two[:, own], atol=2e-3)
    assert np.abs(one[:, ~own] - two[:, ~own]).max() > 0.01


def test_wells_grouped_at_random_do_not_come_to_agree(noisy_plate, learn):
    found = []
    for seed in range(6):
        plate = noisy_plate(compounds=40, doses=3, strength=0.0, seed=seed)
        found.append(treated_auc(denoise(plate, learn(plate), params=ALONE).matrix))
    assert 0.47 < np.mean(found) < 0.53


def test_salts_of_a_compound_are_left_out_together(noisy_plate, learn):
    plate = noisy_plate()
    model = learn(plate)
    longer = plate.cols["pert_id"].where(plate.cols["pert_type"] != "trt_cp", plate.cols["pert_id"] + "-001-02-3")
    again = replace(plate, cols=plate.cols.assign(pert_id=longer))
    np.testing.assert_array_equal(
        denoise(plate, model, params=ALONE).matrix.values, denoise(again, model, params=ALONE).matrix.values
    )


def test_a_known_name_under_another_id_is_left_out(noisy_plate, learn):
    plate = noisy_plate()
    model = learn(plate)
    again = replace(plate, cols=plate.cols.assign(pert_id=plate.cols["pert_id"].str.replace("BRD-K", "BRD-A")))
    np.testing.assert_array_equal(
        denoise(plate, model, params=ALONE).matrix.values, denoise(again, model, params=ALONE).matrix.values
    )


def test_plates_in_one_matrix_are_cleaned_as_they_are_alone(noisy_plate, learn):
    plates = [noisy_plate(f"SIM00{number}_A375_24H_X1_B20", seed=number) for number in (2, 3)]
    model = learn(noisy_plate())
    joined = replace(
        plates[0], values=np.hstack([plate.values for plate in plates]), cols=pd.concat([p.cols for p in plates])
    )
    alone = np.hstack([denoise(plate, model).matrix.values for plate in plates])
    np.testing.assert_array_equal(denoise(joined, model).matrix.values, alone)


def test_sums_are_the_model_of_all_plates(noisy_plate, learn):
    plates = [noisy_plate(f"SIM00{number}_A375_24H_X1_B20", seed=number) for number in (1, 2, 3)]
    single = [learn(plate) for plate in plates]
    target = noisy_plate("SIM009_A375_24H_X1_B20", seed=9)
    whole = denoise(target, learn(*plates), params=ALONE).matrix.values
    for order in ([0, 1, 2], [2, 0, 1]):
        added = sum_noise([single[at] for at in order], INERT, ["a", "b", "c"])
        assert added.df == pytest.approx(sum(model.df for model in single))
        np.testing.assert_allclose(denoise(target, added, params=ALONE).matrix.values, whole, atol=0.02)
    with pytest.raises(BeadworkError, match=r"plates are in more than one model: SIM001_A375_24H_X1_B20; add each"):
        sum_noise([single[0], single[0]], INERT, ["a", "b"])


def test_levels_and_annotation(noisy_plate, learn):
    plate = noisy_plate()
    model = learn(plate)
    result = denoise(plate, model)
    assert result.matrix.level is Level.ZSNC
    assert result.matrix.space is Space.LM
    assert result.matrix.cids.equals(plate.cids)
    assert result.matrix.cols["noise_share"].between(0, 1).all()
    assert result.qc.set_index("metric").loc["noise_share", "entity"] == plate.plate
    for cleaned in (result.matrix, replace(result.matrix, level=Level.MNZ)):
        with pytest.raises(LevelError, match="noise controlled already"):
            denoise(cleaned, model)
    with pytest.raises(LevelError, match="holds level QNORM"):
        denoise(replace(plate, level=Level.QNORM), model)


def test_signatures_become_mnz_without_a_mean_taken_off(noisy_plate, learn):
    plate = noisy_plate()
    model = learn(noisy_plate("SIM002_A375_24H_X1_B20", seed=5))
    ids = [f"SIM001_A375_24H:{pert}:{number}" for number, pert in enumerate(plate.cols["pert_id"])]
    shifted = plate.with_values(plate.values + 0.5, level=Level.MODZ, cols=plate.cols.set_axis(ids))
    found = denoise(shifted, model)
    assert found.matrix.level is Level.MNZ
    assert found.matrix.values.mean() > 0.3
    silent = denoise(replace(shifted, level=None, cols=pd.DataFrame(index=shifted.cids)), model).matrix
    np.testing.assert_array_equal(silent.values, found.matrix.values)
    with pytest.raises(ParameterError, match="holds signatures, which have no plate of their own"):
        denoise(shifted, model, params=DenoiseParams(own="yes"))


def test_centring(noisy_plate, learn):
    plate, model = noisy_plate(), learn(noisy_plate("SIM002_A375_24H_X1_B20", seed=5))
    shifted = plate.with_values(plate.values + 0.5)
    auto, none = (
        denoise(shifted, model, params=DenoiseParams(own="no", center=how)).matrix for how in ("auto", "none")
    )
    assert abs(auto.values.mean()) < 0.01
    assert none.values.mean() > 0.3
    few = shifted.take_cols(shifted.cids[:15])
    assert denoise(few, model, params=ALONE).matrix.values.mean() > 0.2
    against_vehicles = denoise(replace(shifted, level=Level.ZSVC), model, params=ALONE).matrix
    np.testing.assert_array_equal(against_vehicles.values, none.values)


def test_a_model_that_explains_the_plate_less_counts_little(noisy_plate, learn, caplog):
    """A model of other noise does not drown what the plate's own vehicles tell."""
    caplog.set_level("INFO")
    rng = np.random.default_rng(4)
    foreign = noisy_plate("SIM002_A375_24H_X1_B20", seed=5, noise=0.0)
    foreign = foreign.with_values(foreign.values + rng.standard_normal((978, 4)) @ rng.standard_normal((4, 48)) * 2)
    plate = noisy_plate()
    assert treated_auc(denoise(plate, learn(foreign)).matrix) > 0.88
    assert "adds 11 degrees of freedom of its own to 5 of the model (of 35)" in caplog.text
    assert treated_auc(denoise(plate, learn(foreign), params=ALONE).matrix) < 0.85


def test_treatments_distinguished_by_another_field(noisy_plate, learn, caplog):
    """--group-by a field of one's own: its values are the treatments, and pert_id is left out as far as it can be."""
    plate = noisy_plate(compounds=30)
    guide = [f"guide{number // 3}" for number in range(len(plate.cids))]
    plate = replace(plate, cols=plate.cols.assign(guide=guide, pert_id="GENE1", pert_iname="GENE1"))
    params = TrainNoiseParams(group_by=("brew_prefix", "guide"))
    found = denoise(plate, learn(plate, params=params), params=ALONE).matrix
    assert found.values.std() < plate.values.std()
    assert "which distinguishes treatments by guide; only the folds of the latter are left out" in caplog.text


def test_what_is_refused(noisy_plate, learn, landmarks):
    plate = noisy_plate()
    model = learn(plate)
    one = plate.take_cols((plate.cols["pert_id"] == "BRD-K00000003").to_numpy())
    with pytest.raises(BeadworkError, match=r"only 2 degrees of freedom .* at least 5 are needed"):
        learn(one)
    only = learn(one, params=TrainNoiseParams(inert_below=11.0, min_df=2))
    with pytest.raises(BeadworkError, match="have a treatment that all of the noise model rests on"):
        denoise(one, only, params=ALONE)
    with pytest.raises(BeadworkError, match="plate: pert_id is missing for 1 column"):
        gone = plate.cols["pert_id"].where(plate.cids != plate.cids[0])
        denoise(replace(plate, cols=plate.cols.assign(pert_id=gone)), model, what="plate")
    with pytest.raises(AlignmentError, match="3 of the 978 landmarks are not among its 975 rows"):
        denoise(replace(plate.take_rows(plate.rids[3:]), space=None), model)
    holes = plate.values.copy()
    holes[7, 0] = np.nan
    with pytest.raises(AlignmentError, match="missing or infinite values in 1 landmark"):
        denoise(plate.with_values(holes), model)
    with pytest.raises(BeadworkError, match=r"has only 0 degrees of freedom of its own .* --own yes needs 3"):
        denoise(one, model, params=DenoiseParams(own="yes"))
    with pytest.raises(LevelError, match="holds level ZSVC, but ZSPC is needed"):
        learn(replace(plate, level=Level.ZSVC))
    with pytest.raises(BeadworkError, match="has no column field clone to group by"):
        learn(plate, params=TrainNoiseParams(group_by=("clone",)))
    with pytest.raises(AlignmentError, match="wells stand in more than one matrix"):
        learn(plate, plate)
    with pytest.raises(LevelError, match="neither ids nor fields show"):
        denoise(replace(plate, level=None, cols=pd.DataFrame(index=[f"c{i}" for i in range(len(plate.cids))])), model)


def test_treatments_spread_over_the_folds():
    counts = np.bincount([treatment_fold(f"BRD-K{number:08d}") for number in range(1000)], minlength=FOLDS)
    assert counts.min() > 150
