"""What the plan of a run reads of a plate."""

import json
from pathlib import Path

import pytest

from beadwork.io.files.digest import digest_file
from beadwork.io.runs.plate_state import PlateState, current_numbers, made_with, numbers_text
from beadwork.model.params import DeconvolveParams, NormalizeParams, ZscoreParams

SECTIONS = {"normalize": NormalizeParams(), "zscore": ZscoreParams()}
LABELS = {"batch": "one", "cell_id": None, "brew_prefix": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of a plate with level 2 and z-scores."""
    (tmp_path / "qc").mkdir()
    (tmp_path / "P_GEX.gctx").write_text("values")
    (tmp_path / "map.tsv").write_text("rna_well\n")

    def step(params, inputs, files=()):
        parameters = params.model_dump(mode="json") | {"det_plate": "P", "bead_set": "epsilon-r2", "batch": "one"}
        return {"record": {"parameters": parameters, "inputs": inputs}, "files": dict.fromkeys(files, "")}

    digest = digest_file(tmp_path / "map.tsv")
    steps = {"deconvolve": step(DeconvolveParams(), {"map": [{"name": "m", "digest": digest}]}, ["P_GEX.gctx"]),
             "zscore": step(ZscoreParams(), {}), "zscore_vehicle": step(ZscoreParams(), {})}  # fmt: skip
    content = {"made_with": "deconvolve 3, zscore 1", "schema": 1, "steps": steps}
    (tmp_path / "qc/plate.json").write_text(json.dumps(content))
    return tmp_path


def test_level_2_is_there_with_its_files_only(folder: Path):
    assert PlateState.read(folder).has_level_2
    (folder / "P_GEX.gctx").unlink()
    assert not PlateState.read(folder).has_level_2
    assert not PlateState.read(folder / "absent").has_level_2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"steps": 3}'])
def test_a_record_that_cannot_be_read_says_nothing(folder: Path, text):
    (folder / "qc/plate.json").write_text(text)
    assert not PlateState.read(folder).has_level_2


def test_parameters_of_deconvolution_need_the_beads(folder: Path):
    state = PlateState.read(folder)
    assert state.other_beads(DeconvolveParams(), None) == []
    assert state.other_beads(DeconvolveParams(min_bead=7), None) == [f"min_bead was {DeconvolveParams().min_bead}"]
    assert state.other_beads(DeconvolveParams(), "epsilon-r1") == ["bead_set was epsilon-r2"]


@pytest.mark.parametrize(
    ("sections", "labels", "other"),
    [
        ({}, {}, False),
        ({"zscore": ZscoreParams(min_mad=0.3)}, {}, True),
        ({"normalize": NormalizeParams(min_iqr=1)}, {}, False),  # which was not done in this folder
        ({}, {"batch": "two"}, True),
        ({}, {"cell_id": "A375"}, True),
    ],
)
def test_labels_and_later_steps_do_not(folder: Path, sections, labels, other):
    state = PlateState.read(folder)
    assert state.other_rest(SECTIONS | sections, LABELS | labels, {"map": folder / "map.tsv"}) == other


def test_a_map_counts_by_its_content(folder: Path):
    state = PlateState.read(folder)
    (folder / "map.tsv").touch()
    assert not state.other_rest(SECTIONS, LABELS, {"map": folder / "map.tsv"})
    (folder / "map.tsv").write_text("other")
    assert state.other_rest(SECTIONS, LABELS, {"map": folder / "map.tsv"})


def test_numbers(folder: Path):
    assert made_with(folder) == {"deconvolve": 3, "zscore": 1}
    assert numbers_text(made_with(folder)) == "deconvolve 3, normalize 1, infer 1, zscore 1"
    assert made_with(folder / "absent") == {}
    (folder / "qc/plate.json").write_text('{"schema": 1, "steps": {}}')  # as earlier versions wrote it
    assert set(made_with(folder).values()) == {1}
    assert set(current_numbers()) == {"deconvolve", "normalize", "infer", "zscore"}
