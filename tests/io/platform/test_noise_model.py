"""Noise models on disk: back as they were, the same bytes, damage found."""

import h5py
import numpy as np
import pandas as pd
import pytest

from beadwork.io.platform.noise_model import (
    default_noise_path,
    is_noise_model,
    read_noise_model,
    write_noise_model,
)
from beadwork.kernels.levels.noise import Scatter, empty_scatter, to_grid
from beadwork.model.errors import FileError
from beadwork.model.levels.noise_model import CONTROL_FIELDS, FOLDS, PLATE_FIELDS, TREATED_FIELDS, NoiseModel


@pytest.fixture
def model() -> NoiseModel:
    rng = np.random.default_rng(0)

    def scatter(rows: int) -> Scatter:
        return Scatter(
            to_grid(rng.standard_normal((rows, 6)) * 10.0 ** rng.integers(-2, 3, (rows, 1))), 0.25, rows - 0.5
        )

    return NoiseModel(
        genes=pd.Index([str(number) for number in range(6)], dtype=object),
        treated=(*(scatter(3) for _ in range(FOLDS - 1)), empty_scatter(6)),
        controls=scatter(4),
        controls_without=tuple(scatter(2) for _ in range(FOLDS)),
        treatments=pd.DataFrame([("Größe", "Größe", "β", 3)], columns=[*TREATED_FIELDS]),
        control_wells=pd.DataFrame([("P1:A03", "A03", 0)], columns=[*CONTROL_FIELDS]),
        plates=pd.DataFrame([("P1", 5, 2, 3.5, 4, 1)], columns=[*PLATE_FIELDS]),
        factors=7,
        clip=3.5,
        metadata={"name": "made"},
    )


def test_back_as_it_was(model, tmp_path):
    path = tmp_path / "noise.h5"
    write_noise_model(model, path)
    found = read_noise_model(path)
    assert is_noise_model(path)
    for one, other in zip(found.parts() + list(found.controls_without), model.parts() + list(model.controls_without),
                          strict=True):  # fmt: skip
        np.testing.assert_array_equal(one.rows, other.rows)
        assert (one.rest, one.df) == (other.rest, other.df)
    for name in ("treatments", "control_wells", "plates"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(model, name))
    assert found.genes.equals(model.genes)
    assert (found.factors, found.clip, found.key_fields, dict(found.metadata)) == (
        7,
        3.5,
        ("pert_id",),
        {"name": "made"},
    )
    again = tmp_path / "again.h5"
    write_noise_model(found, again)
    assert again.read_bytes() == path.read_bytes()


def test_damage_is_found(model, tmp_path):
    path = tmp_path / "noise.h5"
    write_noise_model(model, path)
    with h5py.File(path, "r+") as file:
        rows = file["rows"][:]
        rows[0, 0] += 1
        file["rows"][:] = rows
    with pytest.raises(FileError, match=r"noise.h5: damaged noise model \(its checksum does not fit\)"):
        read_noise_model(path)
    write_noise_model(model, path)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(FileError, match=r"noise model format 2 is not known here \(up to 1\); update beadwork"):
        read_noise_model(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(FileError, match=r"noise\.h5: damaged noise model|noise\.h5: no noise model"):
        read_noise_model(path)


def test_other_files_are_refused(tmp_path):
    absent, text, other = tmp_path / "absent.h5", tmp_path / "text.h5", tmp_path / "other.h5"
    text.write_text("#1.3\n")
    with h5py.File(other, "w") as file:
        file.attrs["beadwork_format"] = "inference-model"
    for path, message in ((absent, "no such file"), (text, "no noise model; give what"), (other, "HDF5, but no noise")):
        assert not is_noise_model(path)
        with pytest.raises(FileError, match=message):
            read_noise_model(path)


def test_the_model_that_ships_says_what_it_is():
    path = default_noise_path()
    assert path.stat().st_size < 500_000
    model = read_noise_model(path)
    assert len(model.genes) == 978
    assert model.df > 80
    assert set(model.plates["det_plate"]) == {
        "LJP009_A375_24H_X1_B20", "REP.A028_MCF7_24H_X1_B25", "CPC006_A375_6H_X1_DUO52HI53LO",
    }  # fmt: skip
    assert "BSD-3-Clause" in model.metadata["licence"]
    assert "l1ktools" in model.metadata["source"]
    assert model.metadata["recipe"] == "make_noise_model.py"
